//! Walking a pipeline: order, groups, state, calls, a person's decision.
//!
//! A [`Walk`] goes through a [`Pipeline`](crate::stages::pipeline::Pipeline) step by step; what a stage does is told
//! to it ([`Work`]), so that the rules of walking are tested without a model. The rules:
//!
//! - `stage_order` is authoritative. The stages of a group go at the same time, as many as `concurrency` allows;
//!   the step ends when all of them have ended. A sibling's failure is recorded and cancels nobody.
//! - Every change of a stage is stored in the run database before anything else happens, and written as
//!   `orchestration_state.json` ([`state`]). What was running when the process died is done again, nothing else: its
//!   calls are stored, so nothing is paid for twice.
//! - A finished stage is reused as long as what it was made from is the same (a fingerprint over its settings and
//!   the bytes of its inputs). In a run that was finished a stage that is older than its lifetime is done again: with
//!   the stored answers where the lifetime is that of its kind, with new ones where the study sets a `lifetime`.
//!   Inside an unfinished run nothing expires.
//! - A stage that asks a model goes the way of every call ([`questions`]): intent, reservation, retries, answer
//!   stored before it is read. Missing answers are asked of the fallback model; below `min_success_ratio` they are
//!   asked once more, one by one; below it still, the stage fails and keeps what it has.
//! - A gate ([`approval`]) is a stored state: the run ends, and goes on when somebody has approved, from any
//!   terminal, at any time. Nothing goes past it otherwise.
//!
//! Artefacts stand in `artefacts/` of the run folder as JSON ([`artefacts`]); the calls of a stage in
//! `stages/NAME/run.sqlite`, under the same money limit as the panel's.

mod again;
pub mod approval;
pub mod artefacts;
pub mod checks;
pub mod command;
mod edit;
mod estimate;
mod event;
mod gate;
mod material;
mod metrics;
pub mod questions;
mod report;
pub mod review;
pub mod state;
pub mod synthesis;
mod walk;

pub use again::AGAIN;
pub use estimate::{StageEstimate, estimates};
pub use event::StageEvent;
pub use gate::gate;
pub use material::Material;
pub use metrics::{PipelineMetrics, StageTime};
pub use report::report;
pub use review::{Reviewed, review};
pub use synthesis::{Told, synthesis};
pub use walk::{Ended, Given, PipelineOutcome, Walk, WalkError, Work};
