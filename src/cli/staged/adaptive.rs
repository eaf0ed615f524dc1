//! Rules that change how a study is asked: more slowly where it is complex, again where it is uncertain.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::json;

use super::worker::Worker;
use crate::cli::error::CliError;
use crate::cli::study::questions;
use crate::persona::RecordId;
use crate::report::counted;
use crate::run::stages::Ended;
use crate::run::stages::questions::in_time;
use crate::run::study::PanelMember;
use crate::run::{PlanSummary, Run, RunOutcome, RunReport, Settings, Study};
use crate::stages::adaptation::{Adaptation, AdaptiveRules, Ending, Round, Rounds, adapt};
use crate::stages::pipeline::{Kind, Pipeline};
use crate::stages::uncertainty::{Load, PersonaUncertainty, Score, complexity, uncertainty};
use crate::store::Money;

/// How complex a study is before anybody has answered.
pub(super) fn complexity_of(study: &Study, plan: &PlanSummary, records: usize) -> Score {
    let largest = plan.members.iter().map(|member| member.input_tokens / member.calls.max(1)).max();
    let load = Load {
        records,
        tokens: largest.unwrap_or(0),
        traits: study.schema.definitions().len(),
        members: study.panel.len(),
    };
    complexity(&load)
}

/// The study with the limits that the panel's stage sets for all of its members.
pub(super) fn of_the_panel(mut study: Study, pipeline: &Pipeline) -> Study {
    let stage = pipeline.stages().iter().find(|stage| stage.kind == Kind::Panel);
    let Some(limits) = stage.map(|stage| stage.settings.panel) else { return study };
    if let Some(seconds) = limits.timeout_seconds {
        let quick = |member: PanelMember| PanelMember {
            fallbacks: member.fallbacks.iter().map(|one| in_time(one.clone(), seconds)).collect(),
            ..in_time(member, seconds)
        };
        study.panel = study.panel.into_iter().map(quick).collect();
    }
    if let Some(retries) = limits.retries {
        study.retry.max_attempts = retries + 1;
    }
    study.concurrency = limits.concurrency.or(study.concurrency);
    study
}

/// The study with the limits of an adaptation.
pub(super) fn limited(mut study: Study, to: &Adaptation) -> Study {
    if let Some(most) = to.concurrency {
        study.concurrency = Some(study.concurrency.unwrap_or(most).min(most));
    }
    for member in &mut study.panel {
        let times = member.timeouts;
        let longer = |time: std::time::Duration| time.as_secs_f64() * to.timeouts;
        let limits = [times.connect(), times.first_byte(), times.idle(), times.total()].map(longer);
        let [connect, first_byte, idle, total] = limits;
        // A limit near a day stays as it is.
        if let Ok(longer) = crate::provider::Timeouts::new(connect, first_byte, idle, total) {
            member.timeouts = longer;
        }
    }
    study
}

impl Worker<'_> {
    /// Asks the panel once more, for a further sample, about the records whose personas are uncertain, and forms
    /// the personas again, until none is uncertain, a round did not help, or the rounds or the money are used up.
    pub(super) async fn settle(&self, rules: AdaptiveRules, first: Ended) -> Result<Ended, CliError> {
        let (mut ended, mut rounds) = (first, Rounds::default());
        let mut asked: Vec<BTreeSet<RecordId>> = Vec::new();
        let (stopped, last) = loop {
            let found = adapt(&rules, &self.complexity, &self.uncertain()?);
            let limit = self.material.study.limits.max_cost;
            let money = limit.map(|limit| limit.less(self.budget.spent()).amount());
            if let Some(ending) = rounds.ending(&rules, found.ask_again.len(), money) {
                break (ending, found);
            }
            let records = self.records_of(&found.ask_again)?;
            let spent = self.budget.spent();
            let report = self.ask_about(&records, asked.len() + 1).await?;
            asked.push(records);
            ended = tokio::task::block_in_place(|| self.consensus())?;
            rounds.0.push(Round {
                personas: found.ask_again.len(),
                // What an earlier round asked stands in the database and is not asked again.
                calls: report.turnout.calls.saturating_sub(report.members.iter().map(|one| one.reused).sum()),
                cost: self.budget.spent().less(spent).amount(),
                before: mean(&found.ask_again),
                after: mean(&self.now(&found.ask_again)?),
            });
            match report.outcome {
                RunOutcome::Interrupted { .. } => return Ok(Ended::Interrupted { limit: false }),
                RunOutcome::LimitReached { .. } => break (Ending::Budget, found),
                RunOutcome::Complete | RunOutcome::TooFewModels => {}
            }
        };
        if !rounds.0.is_empty() {
            self.tell(&rounds_text(&rounds.0));
        }
        if let Ended::Completed(output) = &mut ended {
            output["adaptive"] = json!({
                "complexity": self.complexity, "rounds": rounds.0, "records": asked, "stopped": stopped,
                "still_uncertain": last.ask_again, "assumptions": last.assumptions,
            });
        }
        Ok(ended)
    }

    /// Every persona's uncertainty.
    fn uncertain(&self) -> Result<Vec<PersonaUncertainty>, CliError> {
        let schema = &self.material.study.schema;
        Ok(self.material.personas()?.iter().map(|persona| uncertainty(persona, schema)).collect())
    }

    /// How uncertain those personas are by now; one that is gone is left out.
    fn now(&self, before: &[PersonaUncertainty]) -> Result<Vec<PersonaUncertainty>, CliError> {
        let same = |one: &PersonaUncertainty| before.iter().any(|old| old.persona_id == one.persona_id);
        Ok(self.uncertain()?.into_iter().filter(same).collect())
    }

    fn records_of(&self, uncertain: &[PersonaUncertainty]) -> Result<BTreeSet<RecordId>, CliError> {
        let ids: BTreeSet<&str> = uncertain.iter().map(|one| one.persona_id.as_str()).collect();
        let personas = self.material.personas()?.into_iter();
        let chosen = personas.filter(|persona| ids.contains(persona.persona_id.as_str()));
        Ok(chosen.map(|persona| persona.record).collect())
    }

    async fn ask_about(&self, records: &BTreeSet<RecordId>, round: usize) -> Result<RunReport, CliError> {
        let study = &self.material.study;
        let mut seats = self.seats.clone();
        for (member, _) in &mut seats {
            member.samples = member.samples.saturating_add(u32::try_from(round).unwrap_or(u32::MAX));
        }
        let all = questions(study, self.records, None)?.units();
        let units = all.filter(|unit| records.contains(&unit.record));
        let run = Run::new(Settings::from(study), seats, self.drafting.clone(), Arc::clone(&self.store))?
            .with_budget(&self.budget)
            .with_cancellation(&self.halt);
        Ok(run.execute(units.collect::<Vec<_>>()).await?)
    }
}

/// What asking again cost and gained.
fn rounds_text(rounds: &[Round]) -> String {
    let mut text = "Asked again, for personas are uncertain:\n".to_owned();
    for (number, round) in (1..).zip(rounds) {
        let (personas, calls) = (counted(round.personas as u64, "persona"), counted(round.calls, "call"));
        let cost = Money::from_amount(round.cost);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "  round {number}: {personas}, {calls}, cost {cost}; uncertainty {:.0} before, {:.0} after",
            round.before, round.after
        );
    }
    text
}

fn mean(all: &[PersonaUncertainty]) -> f64 {
    all.iter().map(|one| one.score.value).sum::<f64>() / all.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn p2_what_the_panels_stage_says_of_limits_holds_for_all_its_members() {
        let study = |settings: &str| {
            let text = format!(
                "name: x\ninput: {{path: a}}\npanel:\n  - {{model: 'scripted:a'}}\n  - {{model: 'scripted:b', timeouts: {{first_byte: 5}}}}\nstages: {{stage_order: [panel, consensus], settings: {{panel: {{{settings}}}}}}}\n"
            );
            let none: &dyn Fn(&Path) -> std::io::Result<String> =
                &|_| Err(std::io::ErrorKind::NotFound.into());
            let study = Study::parse(&text, Path::new("s.yaml"), none).unwrap();
            let pipeline = study.stages.as_ref().unwrap().pipeline.clone();
            of_the_panel(study, &pipeline)
        };
        let plain = study("");
        let seconds = |member: &PanelMember| (member.timeouts.total(), member.timeouts.first_byte());
        assert_eq!(seconds(&plain.panel[0]).0, Duration::from_secs(120));
        let limited = study("timeout: 30, retries: 4, concurrency: 2");
        assert_eq!(seconds(&limited.panel[0]), (Duration::from_secs(30), Duration::from_secs(30)));
        assert_eq!(seconds(&limited.panel[1]), (Duration::from_secs(30), Duration::from_secs(5)));
        assert_eq!((limited.retry.max_attempts, limited.concurrency), (5, Some(2)));
        assert_ne!(plain.retry.max_attempts, 5);
    }
}
