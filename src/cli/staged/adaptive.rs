//! Rules that change how a study is asked: more slowly where it is complex, again where it is uncertain.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::worker::Worker;
use crate::cli::error::CliError;
use crate::cli::study::share;
use crate::persona::RecordId;
use crate::run::stages::Ended;
use crate::run::{PlanSummary, Run, RunOutcome, Settings, Study};
use crate::stages::pipeline::{Adaptive, PATIENCE, SLOW};
use crate::stages::uncertainty::{Load, PersonaUncertainty, Score, ask_again, complexity, uncertainty};

/// How complex a study is before anybody has answered.
pub(super) fn complexity_of(study: &Study, plan: &PlanSummary, records: usize) -> Score {
    let largest = plan.members.iter().map(|member| member.input_tokens / member.calls.max(1)).max();
    let load = Load {
        records,
        tokens: largest.unwrap_or(0),
        traits: study.schema.definitions().len(),
        members: study.panel.len(),
    };
    complexity(&load, &[])
}

/// The settings of a panel that is asked more slowly and with more patience.
pub(super) fn slowed(mut study: Study) -> Study {
    study.concurrency = Some(study.concurrency.unwrap_or(SLOW).min(SLOW));
    for member in &mut study.panel {
        let times = member.timeouts;
        let longer = |time: std::time::Duration| time.as_secs_f64() * PATIENCE;
        let limits = [times.connect(), times.first_byte(), times.idle(), times.total()].map(longer);
        let [connect, first_byte, idle, total] = limits;
        // A limit near a day stays as it is.
        if let Ok(longer) = crate::provider::Timeouts::new(connect, first_byte, idle, total) {
            member.timeouts = longer;
        }
    }
    study
}

/// What a round of asking again was for and came to.
struct Measured {
    above: usize,
    mean: f64,
}

impl Worker<'_> {
    /// Asks the panel once more, for a further sample, about the records whose personas are uncertain, and forms
    /// the personas again, until none is uncertain, the rounds are used up or the money is.
    pub(super) async fn settle(&self, rules: Adaptive, first: Ended) -> Result<Ended, CliError> {
        let (mut ended, mut rounds, mut stopped) = (first, Vec::new(), "nothing is uncertain");
        for round in 1..=rules.rounds {
            let found = self.uncertain()?;
            let records: BTreeSet<RecordId> =
                chosen(&found, rules).into_iter().map(|(record, _)| record.clone()).collect();
            if records.is_empty() {
                break;
            }
            let before = measured(&found, rules);
            let spent = self.budget.spent();
            let outcome = self.ask_about(&records, round).await?;
            ended = tokio::task::block_in_place(|| self.consensus())?;
            let after = measured(&self.uncertain()?, rules);
            rounds.push(json!({
                "records": records, "cost": self.budget.spent().less(spent),
                "uncertain_before": before.above, "uncertain_after": after.above,
                "mean_before": before.mean, "mean_after": after.mean,
            }));
            match outcome {
                RunOutcome::Interrupted { .. } => return Ok(Ended::Interrupted { limit: false }),
                RunOutcome::LimitReached { .. } => stopped = "`max_cost` is reached",
                _ if after.above == 0 => stopped = "nothing is uncertain",
                _ => stopped = "the rounds are used up",
            }
            if stopped != "the rounds are used up" {
                break;
            }
        }
        if let Ended::Completed(output) = &mut ended {
            output["adaptive"] = told(&rounds, stopped);
        }
        Ok(ended)
    }

    /// Every persona's record and uncertainty.
    fn uncertain(&self) -> Result<Vec<(RecordId, PersonaUncertainty)>, CliError> {
        let schema = &self.material.study.schema;
        let personas = self.material.personas()?;
        Ok(personas.iter().map(|persona| (persona.record.clone(), uncertainty(persona, schema))).collect())
    }

    async fn ask_about(&self, records: &BTreeSet<RecordId>, round: u32) -> Result<RunOutcome, CliError> {
        let study = &self.material.study;
        let mut seats = self.seats.clone();
        for (member, _) in &mut seats {
            member.samples += round;
        }
        let units = share(self.records, study, None).filter(|unit| records.contains(&unit.record));
        let run = Run::new(Settings::from(study), seats, self.drafting.clone(), Arc::clone(&self.store))?
            .with_budget(&self.budget)
            .with_cancellation(&self.halt);
        Ok(run.execute(units.collect::<Vec<_>>()).await?.outcome)
    }
}

fn chosen(found: &[(RecordId, PersonaUncertainty)], rules: Adaptive) -> Vec<&(RecordId, PersonaUncertainty)> {
    let all: Vec<PersonaUncertainty> = found.iter().map(|(_, one)| one.clone()).collect();
    let again = ask_again(&all, rules.uncertainty_above, usize::MAX);
    let ids: BTreeSet<&str> = again.iter().map(|one| one.persona_id.as_str()).collect();
    found.iter().filter(|(_, one)| ids.contains(one.persona_id.as_str())).collect()
}

fn measured(found: &[(RecordId, PersonaUncertainty)], rules: Adaptive) -> Measured {
    let sum: f64 = found.iter().map(|(_, one)| one.score.value).sum();
    Measured { above: chosen(found, rules).len(), mean: sum / found.len().max(1) as f64 }
}

fn told(rounds: &[Value], stopped: &str) -> Value {
    json!({ "rounds": rounds, "stopped": stopped })
}
