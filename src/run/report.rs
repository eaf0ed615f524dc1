//! What a run came to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::quorum::Turnout;
use super::study::Stance;
use crate::persona::{ModelName, RecordId};
use crate::store::Money;

/// How a run ended. Whatever it is, the answers that came are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RunOutcome {
    /// Everything was asked and enough was answered.
    Complete,
    /// Everything was asked and too little was answered.
    TooFewModels,
    /// Somebody asked to stop; no new call was made after that.
    Interrupted {
        /// Calls that are still owed.
        outstanding: u64,
    },
    /// The next call could have cost more than the limit allows.
    LimitReached {
        /// Calls that are still owed.
        outstanding: u64,
    },
}

/// How one panel member did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberReport {
    /// The panel member.
    pub model: ModelName,
    /// The side that it was asked to take.
    pub stance: Stance,
    /// Usable answers, stored ones included.
    pub answered: u64,
    /// Of those, answers that were stored by an earlier sitting.
    pub reused: u64,
    /// Answers that could not be used.
    pub unusable: u64,
    /// Calls that will never be answered.
    pub rejected: u64,
    /// Calls given up in this run.
    pub failed: u64,
    /// Attempts that were made again.
    pub retries: u64,
    /// Attempts at a repair.
    pub repairs: u64,
    /// Each reason for having no usable answer, with how often it was given; at most ten reasons.
    pub errors: BTreeMap<String, u64>,
}

/// Reasons kept per member, so that a million different messages need no memory.
const REASONS: usize = 10;

impl MemberReport {
    pub(super) fn new(model: ModelName, stance: Stance) -> Self {
        Self {
            model,
            stance,
            answered: 0,
            reused: 0,
            unusable: 0,
            rejected: 0,
            failed: 0,
            retries: 0,
            repairs: 0,
            errors: BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, reason: &str) {
        if let Some(count) = self.errors.get_mut(reason) {
            *count += 1;
        } else if self.errors.len() < REASONS {
            self.errors.insert(reason.to_owned(), 1);
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// How it ended.
    #[serde(flatten)]
    pub outcome: RunOutcome,
    /// The panel, in order.
    pub members: Vec<MemberReport>,
    /// Calls and units counted, without those that are still owed.
    #[serde(skip)]
    pub turnout: Turnout,
    /// Units for which too few members answered.
    pub units_below_quorum: u64,
    /// The first hundred records of those, in the order of the input.
    pub records_below_quorum: Vec<RecordId>,
    /// What the run has cost so far, earlier sittings included.
    pub cost: Money,
    /// The time from the first call to the last.
    #[serde(skip)]
    pub wall: Duration,
    /// All calls of this sitting one after the other would have taken this long.
    #[serde(skip)]
    pub busy: Duration,
}

impl RunReport {
    /// Latencies added up over the time that passed: how much asking at the same time saved.
    /// `None` when no call was made.
    #[must_use]
    pub fn parallel_efficiency(&self) -> Option<f64> {
        (!self.wall.is_zero()).then(|| self.busy.as_secs_f64() / self.wall.as_secs_f64())
    }
}
