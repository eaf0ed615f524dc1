//! How far asking again has come. It is kept in the run database, round by round: what was cut short is finished by the
//! next sitting, and its figures are those of the whole round.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::worker::Worker;
use crate::cli::error::CliError;
use crate::consensus::ConsensusPersona;
use crate::persona::RecordId;
use crate::run::stages::questions::CallFigures;
use crate::stages::adaptation::{AdaptiveRules, Round, Rounds};
use crate::stages::uncertainty::PersonaUncertainty;
use crate::store::{Money, Note};

/// The rounds that have ended, and the one that has begun.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// What the rounds belong to; other rules, records or questions begin anew.
    of: String,
    pub(super) rounds: Rounds,
    /// The records that were asked about, by round.
    pub(super) asked: Vec<BTreeSet<RecordId>>,
    pub(super) open: Option<OpenRound>,
}

/// A round that has begun, as things stood before its first call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OpenRound {
    /// The personas that are asked about, and how uncertain they were.
    pub(super) about: Vec<PersonaUncertainty>,
    /// The personas of their records.
    pub(super) before: Vec<ConsensusPersona>,
    pub(super) records: BTreeSet<RecordId>,
    spent: Money,
    calls: u64,
}

impl Worker<'_> {
    /// The rounds of earlier sittings, where they belong to the same question.
    pub(super) fn so_far(&self, rules: &AdaptiveRules) -> Result<Progress, CliError> {
        let of = json!([rules, self.digest, self.material.study.identity()]).to_string();
        let of = blake3::hash(of.as_bytes()).to_hex().to_string();
        // A form that cannot be read is as good as none: the answers themselves are stored.
        let known = self.store.noted(Note::Rounds)?.and_then(|text| serde_json::from_str(&text).ok());
        let known = known.filter(|known: &Progress| known.of == of);
        Ok(known.unwrap_or_else(|| Progress { of, ..Progress::default() }))
    }

    /// Keeps how far it has come.
    pub(super) async fn keep(&self, progress: &Progress) -> Result<(), CliError> {
        let text = serde_json::to_string(progress).map_err(CliError::Json)?;
        Ok(self.store.note(Note::Rounds, text).await?)
    }

    /// A round about these personas of those, as things stand.
    pub(super) fn opened(
        &self,
        about: Vec<PersonaUncertainty>,
        mut before: Vec<ConsensusPersona>,
        records: BTreeSet<RecordId>,
    ) -> Result<OpenRound, CliError> {
        before.retain(|persona| records.contains(&persona.record));
        let (spent, calls) = (self.budget.spent(), CallFigures::of_store(&self.store)?.calls);
        Ok(OpenRound { about, before, records, spent, calls })
    }

    /// What a round has cost and gained, whatever sittings it took.
    pub(super) fn closed(&self, open: &OpenRound, after: &[PersonaUncertainty]) -> Result<Round, CliError> {
        let calls = CallFigures::of_store(&self.store)?.calls;
        Ok(Round {
            personas: open.about.len(),
            calls: calls.saturating_sub(open.calls),
            cost: self.budget.spent().less(open.spent).amount(),
            before: mean(&open.about),
            after: mean(after),
        })
    }
}

fn mean(all: &[PersonaUncertainty]) -> f64 {
    all.iter().map(|one| one.score.value).sum::<f64>() / all.len().max(1) as f64
}
