//! A study with stages: `consona run` of it, the decisions at its gates, and the drawing of its plan.

mod adaptive;
mod decide;
mod fingerprint;
mod plan;
mod rounds;
mod run;
mod watch;
mod worker;

pub(super) use adaptive::complexity_of;
pub(super) use decide::{Decided, decide};
pub(super) use plan::{PlanOptions, plan};
pub(super) use run::{measured_again, models, run};
