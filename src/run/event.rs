//! What happens during a run, in one order, for whoever watches.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use super::report::RunOutcome;
use super::streams::StreamStatus;
use crate::persona::{Draft, ModelName, RecordId};
use crate::provider::Usage;
use crate::stages::workstreams::{Alarm, Setback};
use crate::store::{Money, Slot, SlotStatus};

/// Which call an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallName {
    /// What is asked about.
    pub record: RecordId,
    /// Who is asked.
    pub model: ModelName,
    /// Which repetition, from 0.
    pub sample: u32,
    /// Which part of the corpus, from 0.
    pub part: u32,
}

impl From<&Slot> for CallName {
    fn from(slot: &Slot) -> Self {
        Self { record: slot.record.clone(), model: slot.member.clone(), sample: slot.sample, part: slot.part }
    }
}

/// Which batch an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchName {
    /// The vendor's number of it.
    pub id: String,
    /// The provider.
    pub provider: String,
    /// Who is asked.
    pub model: ModelName,
    /// How many calls are in it.
    pub calls: u64,
}

/// Personas before all answers are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SoFar {
    /// Records with drafts.
    pub records: usize,
    /// Personas that several models describe.
    pub consensus: usize,
    /// Personas that one model alone describes.
    pub minority: usize,
    /// Their traits.
    pub traits: usize,
    /// Of those, the divergent ones.
    pub divergent_traits: usize,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The run begins.
    Planned {
        /// Calls over all members, where the length of the input is known.
        calls: Option<u64>,
        /// The panel.
        models: Vec<ModelName>,
    },
    /// An attempt begins.
    Started {
        /// Which call.
        call: CallName,
        /// Which attempt, from 0.
        attempt: u32,
        /// Whether it asks for a repair.
        repair: bool,
    },
    /// A raw answer is stored.
    Stored {
        /// Which call.
        call: CallName,
        /// How long it took.
        #[serde(rename = "latency_ms", serialize_with = "milliseconds")]
        latency: Duration,
        /// Its tokens.
        usage: Option<Usage>,
        /// What it cost.
        charged: Money,
        /// What the run has cost so far, earlier sittings included.
        cost: Money,
    },
    /// A failed attempt is made again.
    Retrying {
        /// Which call.
        call: CallName,
        /// After which wait.
        #[serde(rename = "after_ms", serialize_with = "milliseconds")]
        after: Duration,
        /// Why the attempt failed.
        reason: String,
    },
    /// Every call to a provider waits.
    Waiting {
        /// The provider.
        provider: String,
        /// The panel members that are asked there.
        models: Vec<ModelName>,
        /// How long.
        #[serde(rename = "after_ms", serialize_with = "milliseconds")]
        after: Duration,
        /// Why.
        reason: String,
    },
    /// A batch was handed to a vendor, who has a day to answer it.
    BatchSent {
        /// Which batch.
        batch: BatchName,
    },
    /// A batch of an earlier sitting is waited for.
    BatchAwaited {
        /// Which batch.
        batch: BatchName,
        /// What is set aside for its calls, and was counted as their cost so far.
        reserved: Money,
    },
    /// A batch has ended, and its answers are stored.
    BatchEnded {
        /// Which batch.
        batch: BatchName,
    },
    /// A provider is asked no more in this run.
    Stopped {
        /// The provider.
        provider: String,
        /// The panel members that are asked there.
        models: Vec<ModelName>,
        /// Why.
        reason: String,
    },
    /// A call is done with, for this run at least.
    Finished {
        /// Which call.
        call: CallName,
        /// How it ended.
        status: SlotStatus,
        /// Why it has no usable answer.
        reason: Option<String>,
        /// Whether the answer was stored by an earlier sitting.
        reused: bool,
    },
    /// What the answers so far give; more of them may change it.
    Provisional {
        /// The record whose personas are new, or other than before.
        record: RecordId,
        /// Of all records so far.
        #[serde(flatten)]
        so_far: SoFar,
    },
    /// A workstream begins, or is taken up again.
    StreamStarted {
        /// Its name.
        stream: String,
        /// Who works on it.
        models: Vec<ModelName>,
        /// Calls that it needs.
        calls: u64,
    },
    /// A workstream has too few answers and takes the next step.
    StreamSetback {
        /// Its name.
        stream: String,
        /// What went wrong, and what follows.
        setback: Setback,
        /// Calls that follow.
        again: BTreeMap<ModelName, u64>,
    },
    /// A workstream should be looked at.
    StreamAlarm {
        /// Its name.
        stream: String,
        /// Why.
        #[serde(flatten)]
        alarm: Alarm,
    },
    /// A workstream is done with.
    StreamEnded {
        /// Its name.
        stream: String,
        /// How it ended.
        status: StreamStatus,
        /// Why it did not begin.
        blocked_by: Option<String>,
    },
    /// Every call about a unit has ended.
    UnitFinished {
        /// Its place in the input.
        unit: u64,
        /// What it is about.
        record: RecordId,
        /// Distinct members that answered.
        models: u32,
    },
    /// The run ends.
    Ended {
        /// How.
        outcome: RunOutcome,
    },
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(super::status::milliseconds(*duration))
}

/// Drafts that have just been read out of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Drafted {
    /// The unit's place in the input.
    pub unit: u64,
    /// What it is about.
    pub record: RecordId,
    /// The drafts, of one call.
    pub drafts: Vec<Draft>,
}

/// The way out for events; nothing is sent when nobody watches.
#[derive(Clone, Debug, Default)]
pub(super) struct Events(pub(super) Option<UnboundedSender<Event>>);

impl Events {
    /// Sends an event. A watcher that has gone changes nothing for the run.
    pub(super) fn send(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(event());
        }
    }
}
