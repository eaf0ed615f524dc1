//! Rules that change how a study is asked: more slowly where it is complex, again where it is uncertain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value, json};

use super::rounds::OpenRound;
use super::worker::Worker;
use crate::cli::arguments::ProgressName;
use crate::cli::error::CliError;
use crate::cli::results;
use crate::cli::run::ask;
use crate::cli::study::{Questions, questions, reserves};
use crate::cli::watch::Watch;
use crate::consensus::ConsensusPersona;
use crate::evaluate::{RunResult, compare_runs};
use crate::persona::RecordId;
use crate::prompt;
use crate::report::counted;
use crate::run::stages::questions::{CallFigures, in_time};
use crate::run::stages::{AGAIN, Ended, artefacts};
use crate::run::study::PanelMember;
use crate::run::{
    Interpreter, PlanSummary, Run, RunError, RunOutcome, RunReport, Settings, Study, Unit, summarise,
};
use crate::stages::adaptation::{Adaptation, AdaptiveRules, Ending, Round, Rounds, adapt};
use crate::stages::pipeline::{Kind, Pipeline};
use crate::stages::uncertainty::{Load, PersonaUncertainty, Score, complexity, uncertainty};
use crate::store::Money;

/// How complex a study is before anybody has answered.
pub(in crate::cli) fn complexity_of(study: &Study, plan: &PlanSummary, records: usize) -> Score {
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
        stretch(member, to.timeouts);
        member.fallbacks.iter_mut().for_each(|stand_in| stretch(stand_in, to.timeouts));
    }
    study
}

fn stretch(member: &mut PanelMember, by: f64) {
    let times = member.timeouts;
    let longer = |time: std::time::Duration| time.as_secs_f64() * by;
    let limits = [times.connect(), times.first_byte(), times.idle(), times.total()].map(longer);
    let [connect, first_byte, idle, total] = limits;
    // A limit near a day stays as it is.
    if let Ok(longer) = crate::provider::Timeouts::new(connect, first_byte, idle, total) {
        member.timeouts = longer;
    }
}

impl Worker<'_> {
    /// Asks the panel once more about the records whose personas are uncertain: of every member a further sample, from the
    /// model that stands in for it where it has one. Forms the personas again, until none is uncertain, a round
    /// did not help, or the rounds or the money are used up.
    pub(super) async fn settle(&self, rules: AdaptiveRules, first: Ended) -> Result<Ended, CliError> {
        let (mut ended, mut limit, mut reports) = (first, false, Vec::new());
        let mut progress = self.so_far(&rules)?;
        let (stopped, last) = loop {
            let open = match progress.open.take() {
                Some(begun) => begun,
                None => match self.next_round(&rules, &progress.rounds, limit)? {
                    Ok(open) => open,
                    Err(ended) => break ended,
                },
            };
            progress.open = Some(open.clone());
            self.keep(&progress).await?;
            let report = match self.ask_about(&open.records, progress.asked.len() + 1).await? {
                Some(report) if !matches!(report.outcome, RunOutcome::Interrupted { .. }) => report,
                _ => return Ok(Ended::Interrupted { limit: false }),
            };
            limit = matches!(report.outcome, RunOutcome::LimitReached { .. });
            ended = tokio::task::block_in_place(|| self.consensus())?;
            let after = tokio::task::block_in_place(|| self.now(open.before.clone(), &open.about))?;
            progress.rounds.0.push(self.closed(&open, &after)?);
            progress.asked.push(open.records);
            progress.open = None;
            self.keep(&progress).await?;
            reports.push(report);
        };
        let (rounds, asked) = (progress.rounds, progress.asked);
        let whole = self.material.study.input.unit == prompt::Unit::Corpus;
        let told = json!({
            "complexity": self.complexity, "rounds": rounds.0, "records": asked, "whole_corpus": whole,
            "stopped": stopped, "still_uncertain": last.ask_again, "assumptions": last.assumptions,
        });
        self.settled_with(&mut ended, told, (&rounds, whole), &reports)?;
        Ok(ended)
    }

    /// The next round, or why there is none and what is left.
    fn next_round(
        &self,
        rules: &AdaptiveRules,
        rounds: &Rounds,
        limit: bool,
    ) -> Result<Result<OpenRound, (Ending, Adaptation)>, CliError> {
        let before = self.material.personas()?;
        let found = adapt(rules, &self.complexity, &self.uncertain(&before));
        let most = self.material.study.limits.max_cost;
        let money = most.map(|most| most.less(self.budget.spent()).amount());
        let left = found.ask_again.len();
        let ending = rounds.ending(rules, left, money).or((limit && left > 0).then_some(Ending::Budget));
        if let Some(ending) = ending {
            return Ok(Err((ending, found)));
        }
        let records = records_of(&before, &found.ask_again);
        Ok(Ok(self.opened(found.ask_again, before, records)?))
    }

    /// Tells what asking again came to: people, the report, the stage's output and the figures.
    fn settled_with(
        &self,
        ended: &mut Ended,
        told: Value,
        (rounds, whole): (&Rounds, bool),
        reports: &[RunReport],
    ) -> Result<(), CliError> {
        if !rounds.0.is_empty() {
            self.tell(&rounds_text(&rounds.0, whole));
        }
        artefacts::put(&self.material.folder, AGAIN, &told)?;
        if let Ended::Completed(output) = ended {
            output["adaptive"] = told;
            self.figures(output, reports)?;
        }
        Ok(())
    }

    /// What the rounds have asked and cost, for the figures of the stage and those of the run.
    fn figures(&self, output: &mut Value, reports: &[RunReport]) -> Result<(), CliError> {
        let all = CallFigures::of_store(&self.store)?;
        let stages = self.store.stages()?;
        let is_panel = |name: &str| self.pipeline.stage(name).is_some_and(|one| one.kind == Kind::Panel);
        let panel = stages.iter().find(|row| is_panel(&row.name)).map(|row| &row.output["calls"]);
        let panel: CallFigures =
            panel.and_then(|calls| serde_json::from_value(calls.clone()).ok()).unwrap_or_default();
        let further = all.clone().less(&panel);
        // Asked in an earlier sitting, too: what is stored counts, not what this one has done.
        if further.calls > 0 {
            output["calls"] = json!(further);
            results::asked_again(&self.material.folder, reports, &all, self.budget.spent())?;
        }
        Ok(())
    }

    /// The uncertainty of personas.
    fn uncertain(&self, personas: &[ConsensusPersona]) -> Vec<PersonaUncertainty> {
        let schema = &self.material.study.schema;
        personas.iter().map(|persona| uncertainty(persona, schema)).collect()
    }

    /// How uncertain those personas are by now. An id is a rank, and ranks change: a persona is known again by what it
    /// says; one that is gone is left out.
    fn now(
        &self,
        personas: Vec<ConsensusPersona>,
        asked: &[PersonaUncertainty],
    ) -> Result<Vec<PersonaUncertainty>, CliError> {
        let schema = json!({ "schema": self.material.study.schema });
        let run = |name: &str, personas: Vec<ConsensusPersona>| RunResult {
            name: name.to_owned(),
            personas,
            summary: schema.clone(),
            metrics: Value::Null,
        };
        let records = records_of(&personas, asked);
        let mut now = self.material.personas()?;
        now.retain(|persona| records.contains(&persona.record));
        let uncertain = self.uncertain(&now);
        let of_these: BTreeSet<&str> = asked.iter().map(|one| one.persona_id.as_str()).collect();
        let before = personas.into_iter().filter(|persona| records.contains(&persona.record)).collect();
        let pairs = compare_runs(&run("before", before), &run("now", now), self.material.embedder.as_ref())?;
        let names: BTreeMap<&str, &str> =
            pairs.matched.iter().map(|pair| (pair.after.as_str(), pair.before.as_str())).collect();
        let is_asked = |one: &PersonaUncertainty| {
            names.get(one.persona_id.as_str()).is_some_and(|before| of_these.contains(before))
        };
        Ok(uncertain.into_iter().filter(is_asked).collect())
    }

    /// `None` when somebody asked twice to stop.
    async fn ask_about(
        &self,
        records: &BTreeSet<RecordId>,
        round: usize,
    ) -> Result<Option<RunReport>, CliError> {
        let study = &self.material.study;
        let mut seats = self.seats.clone();
        let own: Vec<u32> = seats.iter().map(|(member, _)| member.samples).collect();
        for (member, _) in &mut seats {
            member.samples = member.samples.saturating_add(u32::try_from(round).unwrap_or(u32::MAX));
        }
        let members: Vec<PanelMember> = seats.iter().map(|(member, _)| member.clone()).collect();
        let all = questions(study, self.records, None)?.units();
        let units: Vec<Unit> = all.filter(|unit| records.contains(&unit.record)).collect();
        let plan = summarise(units.clone(), &members, study.personas.max, |unit, member| {
            let render = self.drafting.prompt(unit, member, &[]);
            render.map_err(|reason| RunError::Render { record: unit.record.clone(), reason })
        })?;
        let run = Run::new(Settings::from(study), seats, self.drafting.clone(), Arc::clone(&self.store))?
            .with_reserves(reserves(study)?)?
            .with_others_from(own)
            .with_budget(&self.budget);
        self.console.note(&format!(
            "asking again about {}, for personas are uncertain (round {round})",
            counted(records.len() as u64, "record")
        ));
        // The stage has a line of its own on a terminal; bars would write over it.
        let form = match self.options.progress {
            Some(ProgressName::Json) => ProgressName::Json,
            _ => ProgressName::Plain,
        };
        let watch = Watch::new(self.console, &plan, Some(form)).from(&self.store)?;
        ask(run, Questions::Units(Box::new(units.into_iter())), watch, None).await
    }
}

/// The records of the personas that are asked about.
fn records_of(personas: &[ConsensusPersona], uncertain: &[PersonaUncertainty]) -> BTreeSet<RecordId> {
    let ids: BTreeSet<&str> = uncertain.iter().map(|one| one.persona_id.as_str()).collect();
    let chosen = personas.iter().filter(|persona| ids.contains(persona.persona_id.as_str()));
    chosen.map(|persona| persona.record.clone()).collect()
}

/// What asking again cost and gained.
fn rounds_text(rounds: &[Round], whole: bool) -> String {
    let of = if whole { " about the whole corpus" } else { "" };
    let mut text = format!("Asked again{of}, for personas are uncertain:\n");
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

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
        // Answers come whole: who may take longer may begin later, but for whoever has a limit of their own.
        let patient = study("timeout: 300");
        assert_eq!(seconds(&patient.panel[0]), (Duration::from_secs(300), Duration::from_secs(300)));
        assert_eq!(seconds(&patient.panel[1]), (Duration::from_secs(300), Duration::from_secs(5)));
    }

    #[test]
    fn p10_a_complex_study_gives_members_and_those_who_stand_in_for_them_half_as_much_time_again() {
        let text = "
name: x
input: {path: x.csv}
panel:
  - {model: 'scripted:a', timeouts: {total: 40}, fallback: [{model: 'scripted:b', timeouts: {total: 20}}]}
";
        let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let study = Study::parse(text, Path::new("s.yaml"), &read).expect("a study");
        let complex = Score { value: 81.0, parts: BTreeMap::new() };
        let study = limited(study, &adapt(&AdaptiveRules::default(), &complex, &[]));
        let member = &study.panel[0];
        let limits = [member.timeouts.total(), member.fallbacks[0].timeouts.total()];
        assert_eq!(limits.map(|limit| limit.as_millis()), [60_000, 30_000]);
        assert_eq!(study.concurrency, Some(2));
    }
}
