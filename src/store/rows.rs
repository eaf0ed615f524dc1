//! What is written and what comes back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CallKey, Money, StoreError};
use crate::persona::{ModelName, RecordId};
use crate::provider::{Completion, FailureKind};

/// A fact about the run that is kept beside its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The calls that are planned, by panel member: JSON.
    Plan,
    /// The study file, as it was when the run last began: JSON with `path` and `text`.
    Study,
    /// When the last sitting began, in milliseconds since 1970.
    Began,
    /// How the study's workstreams stand: JSON, a list in the order of the study.
    Streams,
    /// The share of the study that the run asks about, such as `2/8`; empty for all of it.
    Shard,
    /// The models whose price the study does not give: JSON, a list of names.
    Unpriced,
    /// How far asking again about uncertain personas has come: JSON.
    Rounds,
}

impl Note {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Study => "study",
            Self::Began => "began",
            Self::Streams => "streams",
            Self::Shard => "shard",
            Self::Unpriced => "unpriced",
            Self::Rounds => "rounds",
        }
    }
}

/// The place of a planned call in a run: record order, then panel order, then sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Which record or part, by its place in the input, from 0.
    pub unit: u64,
    /// Which panel member, from 0.
    pub place: u32,
    /// Which repetition, from 0.
    pub sample: u32,
    /// Which part of a corpus, from 0.
    pub part: u32,
    /// What is asked about.
    pub record: RecordId,
    /// The panel member's name.
    pub member: ModelName,
}

/// How a planned call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotStatus {
    /// Nothing final has happened.
    Outstanding,
    /// A usable answer is stored.
    Answered,
    /// Answered, and unusable even after the repair: not asked again.
    Unusable,
    /// The provider will never answer this one, or nobody waits for it any more: not asked again.
    Rejected,
    /// Given up in this run; asked again when the run is continued.
    Failed,
}

impl SlotStatus {
    /// The word in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outstanding => "outstanding",
            Self::Answered => "answered",
            Self::Unusable => "unusable",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    pub(super) fn read(name: &str) -> Result<Self, StoreError> {
        [Self::Outstanding, Self::Answered, Self::Unusable, Self::Rejected, Self::Failed]
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or_else(|| StoreError::Unreadable { what: "status", value: name.to_owned() })
    }

    /// Whether the call is done with: continuing the run does not ask again.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Answered | Self::Unusable | Self::Rejected)
    }
}

/// An attempt about to be made.
#[derive(Clone, Debug)]
pub struct AttemptStart {
    /// For which planned call.
    pub slot: Slot,
    /// Which question.
    pub key: CallKey,
    /// Which attempt at the question, from 0, over all sittings.
    pub number: u32,
    /// Whether it asks for a repair of an unusable answer.
    pub repair: bool,
    /// The most that it can cost.
    pub reserved: Money,
    /// Milliseconds since 1970, for people to read.
    pub started_ms: u64,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum AttemptEnd {
    /// With an answer.
    Replied(Completion),
    /// Without one.
    Failed {
        /// What it means.
        kind: FailureKind,
        /// HTTP status, where there was one.
        status: Option<u16>,
        /// What happened; never keys, prompts or bodies.
        message: String,
    },
}

/// A stored raw answer.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredReply {
    /// To which question.
    pub key: CallKey,
    /// Whether it answers the repair prompt.
    pub repair: bool,
    /// The answer as it came.
    pub completion: Completion,
    /// How long the attempt took.
    pub latency: Duration,
}

impl StoredReply {
    /// A name that depends on the question alone, not on when it was answered.
    #[must_use]
    pub fn id(&self) -> String {
        let repair = if self.repair { ".repair" } else { "" };
        format!("{}{repair}", self.key.short())
    }
}

/// What is stored about one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredCall {
    /// Attempts so far, over all sittings.
    pub attempts: u32,
    /// The last answer to the question itself.
    pub reply: Option<StoredReply>,
    /// The last answer to the repair prompt.
    pub repaired: Option<StoredReply>,
    /// The tombstone, when the call is not to be made again: how it ended and why.
    pub discarded: Option<(SlotStatus, String)>,
}

#[cfg(test)]
impl StoredCall {
    /// The answer that counts: the repaired one where there is one.
    #[must_use]
    pub fn last(&self) -> Option<&StoredReply> {
        self.repaired.as_ref().or(self.reply.as_ref())
    }
}

/// A planned call as it stands, with the last reply to it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSlot {
    /// Its place in the run.
    pub slot: Slot,
    /// Which question.
    pub key: CallKey,
    /// How it stands.
    pub status: SlotStatus,
    /// Why it has no usable answer.
    pub reason: Option<String>,
    /// Attempts so far, repairs included.
    pub attempts: u32,
    /// Attempts at a repair.
    pub repairs: u32,
    /// What all attempts cost.
    pub cost: Money,
    /// How long the last attempt took.
    pub latency: Duration,
    /// The answer that counts.
    pub reply: Option<StoredReply>,
}

/// What one panel member cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberSpend {
    /// The panel member.
    pub member: String,
    /// Attempts, failed ones included.
    pub attempts: u64,
    /// Tokens of the prompts.
    pub input_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// What was charged.
    pub cost: Money,
    /// The part of the cost that is an upper bound, because no usage was told.
    pub uncertain: Money,
    /// How many attempts that part is of.
    pub uncertain_calls: u64,
}
