//! A workstream as the study names it, and what can be wrong with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::embed::EmbedError;

/// Which records a stream takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Selection {
    /// Places in the input, from 1, both ends included: `1-100`, `7`, `1-10, 50-60`, `200-`.
    Range(String),
    /// The records that have a value in a column.
    Column {
        /// Columns and values; a record must have all of them.
        column: BTreeMap<String, Value>,
    },
    /// The records that are nearer to this theme than to that of any other stream.
    Theme {
        /// The theme, in a few words.
        theme: String,
    },
}

/// One part of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workstream {
    /// Unique in the study.
    pub name: String,
    /// Which records it takes.
    pub records: Selection,
    /// The members of the panel that work on it; all of them where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The members of the panel that are asked where those give too few answers, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// The streams that must be done before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Why these models and these records; reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// What is to be done, in steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// What is expected of it; reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How many minutes it may take before it counts as late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_minutes: Option<f64>,
    /// Whether it may take records that other streams take as well.
    #[serde(default)]
    pub overlap: bool,
}

impl WorkstreamError {
    /// The stream that it is about, where it is about one.
    #[must_use]
    pub fn stream(&self) -> Option<&str> {
        match self {
            Self::Name { name: stream, .. }
            | Self::Fallback { stream, .. }
            | Self::Unknown { stream, .. }
            | Self::Range { stream, .. }
            | Self::Empty { stream, .. }
            | Self::Overlap { second: stream, .. }
            | Self::Twice { second: stream, .. }
            | Self::TooFew { stream, .. }
            | Self::Unfiled { stream, .. }
            | Self::Estimate { stream, .. } => Some(stream),
            Self::Circle { .. } | Self::Embed(_) => None,
        }
    }
}

/// Streams that cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkstreamError {
    /// Two streams of one name, or one without.
    #[error("workstream {place} is called `{name}`, {reason}")]
    Name {
        /// Place in the list, from 1.
        place: usize,
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A fallback that works on the stream anyway.
    #[error("workstream `{stream}`: `{model}` works on it already and cannot be its fallback")]
    Fallback {
        /// The stream.
        stream: String,
        /// The fallback.
        model: String,
    },
    /// A model or stream that is not there.
    #[error("workstream `{stream}`: there is no {what} `{name}`; there are: {known}")]
    Unknown {
        /// The stream.
        stream: String,
        /// `stream` or `panel member`.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Streams that wait for each other.
    #[error("workstreams wait for each other: {circle}; take one of these dependencies out")]
    Circle {
        /// The streams, in order, the first once more at the end.
        circle: String,
    },
    /// A range that cannot be read.
    #[error(
        "workstream `{stream}`: records `{range}` are no range of places; write `1-100`, `7` or `1-10, 50-60`"
    )]
    Range {
        /// The stream.
        stream: String,
        /// The range as given.
        range: String,
    },
    /// A stream without records.
    #[error("workstream `{stream}` takes none of the {records} records")]
    Empty {
        /// The stream.
        stream: String,
        /// Records of the study.
        records: usize,
    },
    /// Two streams that take the same record without saying that they may.
    #[error(
        "record `{record}` is taken by `{first}` and by `{second}`; write `overlap: true` in both if that is meant"
    )]
    Overlap {
        /// The record.
        record: String,
        /// The stream that comes first.
        first: String,
        /// The other.
        second: String,
    },
    /// Two streams that put the same record to the same model.
    #[error(
        "record `{record}`: `{first}` and `{second}` both ask `{model}` about it; take it out of one of them"
    )]
    Twice {
        /// The record.
        record: String,
        /// The model.
        model: String,
        /// The stream that comes first.
        first: String,
        /// The other.
        second: String,
    },
    /// Too few models for the quorum of the study.
    #[error(
        "workstream `{stream}` has {models} of the panel, and `quorum.min_models` is {needed}; name more of its members"
    )]
    TooFew {
        /// The stream.
        stream: String,
        /// Its models.
        models: usize,
        /// What the study asks for.
        needed: u32,
    },
    /// A stream whose name cannot name the personas of a corpus.
    #[error("workstream `{stream}`: its personas cannot be filed under that name: {reason}")]
    Unfiled {
        /// The stream.
        stream: String,
        /// Why.
        reason: String,
    },
    /// An estimate that is no time.
    #[error("workstream `{stream}`: `estimate_minutes` is `{minutes}`; it must be a number above 0")]
    Estimate {
        /// The stream.
        stream: String,
        /// The value as given.
        minutes: f64,
    },
    /// Themes could not be embedded.
    #[error("records could not be sorted by theme")]
    Embed(#[from] EmbedError),
}
