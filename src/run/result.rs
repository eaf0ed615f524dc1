//! What each call came to, in the form that callers of a consultation read.

use serde::Serialize;

use super::interpreter::{Reading, in_one_line};
use super::study::{PanelMember, Stance};
use crate::persona::{ModelName, RecordId};
use crate::provider::Usage;
use crate::store::{Money, SlotStatus, StoredSlot};

/// Whether a call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallStatus {
    /// With a usable answer.
    Success,
    /// Not, or not usably.
    Error,
}

/// One planned call and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallResult {
    /// The panel member.
    pub model: ModelName,
    /// The side that it was asked to take.
    pub stance: Stance,
    /// Whether it answered.
    pub status: CallStatus,
    /// The answer as it came, usable or not.
    pub content: Option<String>,
    /// Why there is no usable answer.
    pub error_message: Option<String>,
    /// Which other model answered in this one's name, and why, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How long the last attempt took.
    pub latency_ms: u64,
    /// What was asked about.
    pub record: RecordId,
    /// Which part of the corpus, from 0.
    pub part: u32,
    /// Which repetition, from 0.
    pub sample: u32,
    /// Attempts, repairs included.
    pub attempts: u32,
    /// Attempts at a repair.
    pub repairs: u32,
    /// Bytes of the answer that counts.
    pub bytes: Option<u64>,
    /// Tokens of the answer that counts.
    pub usage: Option<Usage>,
    /// What all attempts cost.
    pub cost: Money,
    /// The id of the stored reply, which drafts name as their origin.
    pub reply: Option<String>,
    /// Whether it has not ended: a run that goes on asks it.
    #[serde(skip)]
    pub outstanding: bool,
}

impl CallResult {
    /// What a stored call came to; `reading` is what its reply says.
    pub(super) fn new(stored: &StoredSlot, panel: &[PanelMember], reading: Option<&Reading>) -> Self {
        let slot = &stored.slot;
        let error_message = match reading {
            Some(Reading::Usable(_)) => None,
            Some(Reading::Unusable(problems)) => Some(in_one_line(problems)),
            None => Some(stored.reason.clone().unwrap_or_else(|| unanswered(stored.status))),
        };
        let reply = stored.reply.as_ref();
        Self {
            model: slot.member.clone(),
            stance: panel.get(slot.place as usize).map(|member| member.stance).unwrap_or_default(),
            status: if error_message.is_none() { CallStatus::Success } else { CallStatus::Error },
            content: reply.map(|reply| reply.completion.content.clone()),
            error_message,
            note: stored.reason.clone().filter(|_| stored.status == SlotStatus::Answered),
            latency_ms: super::status::milliseconds(stored.latency),
            record: slot.record.clone(),
            part: slot.part,
            sample: slot.sample,
            attempts: stored.attempts,
            repairs: stored.repairs,
            bytes: reply.map(|reply| reply.completion.content.len() as u64),
            usage: reply.and_then(|reply| reply.completion.usage),
            cost: stored.cost,
            reply: reply.map(crate::store::StoredReply::id),
            outstanding: stored.status == SlotStatus::Outstanding,
        }
    }
}

fn unanswered(status: SlotStatus) -> String {
    format!("no answer is stored; the call is {}", status.name())
}
