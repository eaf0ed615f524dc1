//! The study file: what is asked, of whom, about what.
//!
//! A study is YAML (JSON is YAML too). Everything in it is checked when it is loaded, before
//! anything is paid for: unknown keys, numbers out of range, members asked twice, traits that
//! do not exist, limits that cannot be kept. Paths in it are relative to the file. Keys for
//! endpoints never stand in it; it names the environment variables that hold them.

mod batch;
mod check;
mod error;
mod fallback;
mod file;
mod identity;
mod places;
mod schema;
mod sections;
mod stages;
mod types;
mod unreadable;
mod workstreams;

pub(crate) use check::same_model;
pub use error::StudyError;
pub(crate) use error::nearest;
pub use types::{
    Batching, Input, Laggards, Limits, Mode, PanelMember, PersonaRange, Quorum, StagePlan, Study, Workstreams,
};

pub use crate::consult::Stance;

/// A commented study file that loads as it is.
pub const EXAMPLE: &str = include_str!("../../../data/study.example.yaml");

/// The JSON schema of a study file, for editors. A test holds it against what the reader accepts.
pub const STUDY_SCHEMA: &str = include_str!("../../../data/study.schema.json");
