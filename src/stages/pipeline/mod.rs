//! A pipeline as data: its stages, their order, the groups that go at the same time.
//!
//! A [`Definition`] is what somebody wrote, with the lines it stands on; [`Definition::check`] is the only way to a
//! [`Pipeline`], and refuses everything that would only be noticed after the first call was paid: unknown stages,
//! groups that contradict the order, a stage that needs what nobody makes.
//!
//! `stage_order` is authoritative. A group adds nothing to it and moves nothing in it: it only says that neighbours
//! need not wait for each other. Without groups the stages go one by one.

mod check;
mod definition;
mod draw;
mod errors;
mod kind;
mod needs;
mod stage;

pub use definition::{Definition, GroupDefinition, Located, StageDefinition, Written};
pub use draw::{as_mermaid, as_text};
pub use errors::{Misplaced, PipelineError};
pub use kind::Kind;
pub use stage::{Group, PanelLimits, Pipeline, Stage, StageSettings, Step};

/// The order of the stages of a study that says `stages: default`.
pub const DEFAULT_ORDER: [Kind; 9] = [
    Kind::Panel,
    Kind::Consensus,
    Kind::Review,
    Kind::Coverage,
    Kind::Evidence,
    Kind::Synthesis,
    Kind::Quality,
    Kind::Approval,
    Kind::Report,
];
