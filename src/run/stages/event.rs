//! What happens to stages, for whoever watches.

use serde::Serialize;

use crate::store::StageStatus;

/// Something that happened to a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StageEvent {
    /// It begins.
    StageStarted {
        /// Its name.
        stage: String,
        /// The group that it goes with.
        group: Option<String>,
        /// How often it was begun with fresh answers before.
        round: u32,
    },
    /// It says how far it is.
    StageProgress {
        /// Its name.
        stage: String,
        /// In a few words.
        message: String,
    },
    /// It ended.
    StageEnded {
        /// Its name.
        stage: String,
        /// How.
        status: StageStatus,
        /// How long it took.
        duration_ms: u64,
        /// Whether an earlier sitting did it.
        reused: bool,
        /// Why it is not done.
        error: Option<String>,
    },
}
