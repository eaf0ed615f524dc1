//! Workstreams: a study split into parts that are worked on by themselves.
//!
//! A stream takes records by range, by the value of a column or by theme, names the models that work on it and
//! says why, and waits for the streams that it depends on. All of it is checked before anything is asked:
//! names, models, dependencies, circles, and records that two streams take without saying that they may.
//! Who works when is a matter of levels ([`Plan::levels`]): the streams of one level are independent
//! of each other and start together.
//!
//! What follows a failure is a ladder ([`Recovery`]), and whether a stream is stuck or late is told from times that
//! the caller measures ([`Watch`]). Nothing here has a clock or asks anybody; [`crate::run`] does.

mod plan;
mod recovery;
mod split;
mod stream;
mod watch;

pub use plan::{Plan, check, plan};
pub use recovery::{Recovery, Setback, Step};
pub use stream::{Selection, Workstream, WorkstreamError};
pub use watch::{Alarm, Watch};
