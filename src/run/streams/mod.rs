//! Workstreams being worked on: who begins when, what follows a failure, who is told.
//!
//! A [`Workload`] gives every stream its units. [`Run::execute_streams`](super::Run::execute_streams) asks about them with
//! the run's one set of gates and limits: streams that wait for nobody begin together, their units in turn; a
//! stream that waits begins when all that it waits for are done. A stream with too few answers (the study's
//! quorum, held against the stream alone) goes down its ladder
//! ([`Recovery`](crate::stages::workstreams::Recovery)): only what has no answer is asked again. One that gives up
//! blocks those that wait for it, and nobody else.
//!
//! How streams stand is kept in the run database at every step ([`StreamReport`]), so that a stream that was done, in
//! full or in part, is not begun anew.

mod course;
mod execute;
mod report;
mod workload;

pub(crate) use report::streams;
pub use report::{StreamReport, StreamStatus};
pub use workload::Workload;
