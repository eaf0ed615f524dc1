//! How a stream stands, for people, for the run database and for whoever continues the run.

use serde::{Deserialize, Serialize};

use crate::stages::workstreams::{Alarm, Setback, Workstream};
use crate::store::{Note, Store, StoreError};

/// The streams of a run as they are kept; none for one that has none, or of which an earlier program wrote.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn streams(store: &Store) -> Result<Vec<StreamReport>, StoreError> {
    // A form that cannot be read is as good as none: the answers themselves are stored.
    let read = |text: String| serde_json::from_str(&text).unwrap_or_default();
    Ok(store.noted(Note::Streams)?.map(read).unwrap_or_default())
}

/// How a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamStatus {
    /// It has not begun.
    #[default]
    Waiting,
    /// It has begun.
    Running,
    /// It has answers enough.
    Done,
    /// It has answers enough, some of them about less than was asked for.
    Reduced,
    /// It has too few answers, and nothing is left to try.
    Failed,
    /// It never began, because one that it waits for failed.
    Blocked,
}

impl StreamStatus {
    /// Whether those who wait for it may begin.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Reduced)
    }

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Reduced => "reduced",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }
}

/// What a stream was to do, and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamReport {
    /// What the study says about it.
    #[serde(flatten)]
    pub stream: Workstream,
    /// How it stands.
    pub status: StreamStatus,
    /// Changes with its models and its records.
    pub fingerprint: String,
    /// Records that it takes.
    pub records_taken: usize,
    /// Calls that its models need for them.
    pub calls: u64,
    /// Calls with a usable answer, those of fallbacks included, as far as it has ended.
    pub answered: u64,
    /// What went wrong and what was tried, in order, over all sittings.
    pub setbacks: Vec<Setback>,
    /// What a person should have looked at, in order.
    pub alarms: Vec<Alarm>,
    /// The stream whose failure kept it from beginning.
    pub blocked_by: Option<String>,
    /// When it began for the first time, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
}

impl StreamReport {
    /// Whether it took no longer than was estimated, where there is an estimate and it has ended.
    #[must_use]
    pub fn kept_its_estimate(&self) -> Option<bool> {
        let lasted = self.ended_ms?.saturating_sub(self.started_ms?);
        Some(lasted as f64 <= self.stream.estimate_minutes? * 60_000.0)
    }
}
