//! Who does the work of a study's stages.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fingerprint::fingerprint;
use crate::cli::arguments::RunOptions;
use crate::cli::conclude::Conclusion;
use crate::cli::console::{Console, width};
use crate::cli::error::{CliError, in_one_line};
use crate::cli::personas::Outputs;
use crate::cli::provisional::Provisional;
use crate::cli::results::{self, Derived};
use crate::cli::run::{ask, members_text};
use crate::cli::study::{questions, reserves};
use crate::cli::watch::Watch;
use crate::consensus::ConsensusValidParams;
use crate::dataset::{Loaded, Record};
use crate::run::stages::questions::{CallFigures, Desk, Seat};
use crate::run::stages::{
    Ended, Given, Material, Work, artefacts, checks, command, gate, report, review, synthesis,
};
use crate::run::{Budget, Drafting, PlanSummary, Run, RunError, RunOutcome, STAGES, Seats, Settings, Study};
use crate::stages::adaptation::adapt;
use crate::stages::pipeline::{Kind, Pipeline, Stage};
use crate::stages::uncertainty::Score;
use crate::store::Store;

/// Everything that the stages of a study need.
pub(super) struct Worker<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) console: Console,
    pub(super) pipeline: &'a Pipeline,
    pub(super) material: Arc<Material>,
    pub(super) records: &'a Loaded<Record>,
    pub(super) drafting: Arc<Drafting>,
    pub(super) settings: ConsensusValidParams,
    pub(super) plan: &'a PlanSummary,
    pub(super) seats: Seats,
    /// The models that stages ask, by the stage: the first, then its fallback.
    pub(super) models: BTreeMap<String, Vec<Seat>>,
    pub(super) store: Arc<Store>,
    pub(super) budget: Budget,
    /// Of the study, before anybody has answered.
    pub(super) complexity: Score,
    pub(super) halt: CancellationToken,
    /// A hash of the records.
    pub(super) digest: String,
    /// What the panel's answers gave, on the way from one stage to the next.
    pub(super) derived: Mutex<Option<Derived>>,
    /// What this sitting's panel and consensus came to, for people.
    pub(super) told: Mutex<String>,
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("material", &self.material).finish_non_exhaustive()
    }
}

impl Work for Worker<'_> {
    fn fingerprint(&self, stage: &Stage) -> String {
        fingerprint(self, stage)
    }

    fn is_made(&self, stage: &Stage) -> bool {
        stage.produces.iter().all(|name| artefacts::exists(&self.material.folder, name))
    }

    fn perform<'a>(&'a self, given: Given<'a>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            let stage = given.stage;
            let artefact = stage.produces.first().cloned().unwrap_or_else(|| stage.name.clone());
            match stage.kind {
                Kind::Panel => self.panel().await.unwrap_or_else(|error| failed(&error)),
                Kind::Consensus => self.settled().await.unwrap_or_else(|error| failed(&error)),
                Kind::Review => review::review(&self.material, &self.desk(&given), &artefact).await,
                Kind::Synthesis => {
                    synthesis::synthesis(
                        &self.material,
                        &self.desk(&given),
                        &artefact,
                        self.synthesis_rounds(),
                    )
                    .await
                }
                Kind::Command => self.command(&given).await,
                Kind::Approval => self.gate(stage).await,
                kind => {
                    let material = Arc::clone(&self.material);
                    let work = move || match kind {
                        Kind::Coverage => checks::coverage(&material, &artefact),
                        Kind::Evidence => checks::evidence(&material, &artefact),
                        Kind::Quality => checks::quality(&material, &artefact, given.may_rework),
                        _ => report(&material),
                    };
                    let limit = (kind == Kind::Quality).then_some(stage.settings.timeout_seconds);
                    in_time(tokio::task::spawn_blocking(work), limit).await
                }
            }
        })
    }
}

/// What a computation comes to; a failed stage where it takes longer than so many seconds.
async fn in_time(work: JoinHandle<Ended>, limit: Option<f64>) -> Ended {
    let limit = limit.map_or(Duration::MAX, Duration::from_secs_f64);
    match tokio::time::timeout(limit, work).await {
        Ok(ended) => ended.unwrap_or_else(|error| broken(&error.to_string())),
        Err(_) => broken(&format!(
            "it took longer than {} s; give it more with `timeout` in its settings",
            limit.as_secs_f64()
        )),
    }
}

fn failed(error: &CliError) -> Ended {
    broken(&in_one_line(error))
}

fn broken(error: &str) -> Ended {
    Ended::Failed { error: error.to_owned(), output: Value::Null, too_few: false }
}

impl Worker<'_> {
    /// Puts together what a person is asked about; says where what a person changed before cannot be kept.
    async fn gate(&self, stage: &Stage) -> Ended {
        let yes = stage.settings.allow_yes && self.options.yes;
        let (material, name) = (Arc::clone(&self.material), stage.name.clone());
        let ended = in_time(tokio::task::spawn_blocking(move || gate(&material, &name, yes)), None).await;
        if let Ended::Completed(output) | Ended::Waiting(output) = &ended
            && let Some(lost) = output["edits_lost"].as_str()
        {
            self.console.note(&format!("{}: {lost}", stage.name));
        }
        ended
    }

    /// The drafts; below the quorum, what is missing is asked once more, one by one.
    async fn panel(&self) -> Result<Ended, CliError> {
        let study = &self.material.study;
        let mut report = None;
        for one_by_one in [false, true] {
            let mut settings = Settings::from(study);
            if one_by_one {
                settings.concurrency = Some(1);
            }
            let run = Run::new(settings, self.seats.clone(), self.drafting.clone(), Arc::clone(&self.store))?
                .with_reserves(reserves(study)?)?
                .with_budget(&self.budget);
            let watch = Watch::new(self.console, self.plan, self.options.progress).from(&self.store)?;
            let provisional = Provisional::of(study, &self.settings, &self.drafting, &self.store);
            let Some(asked) = ask(run, questions(study, self.records, None)?, watch, provisional).await?
            else {
                return Ok(Ended::Interrupted { limit: false });
            };
            let outcome = asked.outcome;
            report = Some(asked);
            if outcome != RunOutcome::TooFewModels {
                break;
            }
        }
        let Some(report) = report else { return Ok(Ended::Interrupted { limit: false }) };
        let store = &self.store;
        self.tell(&members_text(&report));
        let derived =
            results::derive(&self.material.folder, store, self.drafting.as_ref(), study, Some(&report))?;
        *self.derived.lock().unwrap_or_else(PoisonError::into_inner) = Some(derived);
        let reused = report.members.iter().any(|member| member.reused > 0);
        let figures = CallFigures { resumed: reused, ..CallFigures::of_store(store)? };
        let output = json!({
            "answered": report.turnout.answered, "units": report.turnout.units,
            "calls": figures,
        });
        Ok(match report.outcome {
            RunOutcome::Complete => Ended::Completed(output),
            RunOutcome::TooFewModels => {
                let error = "too few models answered; the answers that came are kept".to_owned();
                Ended::Failed { error, output, too_few: true }
            }
            RunOutcome::Interrupted { .. } => Ended::Interrupted { limit: false },
            RunOutcome::LimitReached { .. } => Ended::Interrupted { limit: true },
        })
    }

    /// The consensus, and where the study says so, what is still uncertain asked again.
    async fn settled(&self) -> Result<Ended, CliError> {
        let first = tokio::task::block_in_place(|| self.consensus())?;
        match self.pipeline.adaptive() {
            None => Ok(first),
            Some(rules) => self.settle(rules, first).await,
        }
    }

    /// Rounds of synthesis, as the adaptive rules have it.
    fn synthesis_rounds(&self) -> u32 {
        let rules = self.pipeline.adaptive();
        rules.map_or(1, |rules| adapt(&rules, &self.complexity, &[]).synthesis_rounds)
    }

    pub(super) fn consensus(&self) -> Result<Ended, CliError> {
        let Material { folder, study, embedder, .. } = self.material.as_ref();
        let kept = self.derived.lock().unwrap_or_else(PoisonError::into_inner).take();
        let derived = match kept {
            Some(derived) => derived,
            None => results::derive(folder, &self.store, self.drafting.as_ref(), study, None)?,
        };
        let conclusion = Conclusion {
            study,
            records: self.records,
            drafting: self.drafting.as_ref(),
            embedder: embedder.as_ref(),
            settings: self.settings.clone(),
            units: self.plan.units,
            derived,
            without: None,
            report: !self.options.no_report,
        };
        let written = conclusion.write(folder, Outputs::create(folder)?, self.console)?;
        self.tell_first(written.text(width()));
        let counts = &written.summary.counts;
        Ok(Ended::Completed(json!({
            "personas": counts.personas, "consensus": counts.consensus, "minority": counts.minority,
            "divergent_traits": counts.divergent_traits, "files": written.files,
        })))
    }

    pub(super) fn tell(&self, text: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }

    /// Personas stand before the panel, as in a run without stages; those of the last round alone.
    fn tell_first(&self, personas: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let panel = told.find("Panel:\n").map(|place| told[place..].to_owned()).unwrap_or_default();
        *told = personas + &panel;
    }

    /// Where a stage's questions go.
    fn desk(&self, given: &Given<'_>) -> Desk {
        let (stage, study) = (given.stage, &self.material.study);
        Desk {
            folder: stage_folder(&self.material.folder, &stage.name),
            seats: self.models.get(&stage.name).cloned().unwrap_or_default(),
            settings: stage.settings.clone(),
            retry: study.retry,
            max_cost: study.limits.max_cost,
            budget: self.budget.clone(),
            seed: study.seed,
            round: given.round,
            halt: self.halt.clone(),
        }
    }

    async fn command(&self, given: &Given<'_>) -> Ended {
        let (stage, folder) = (given.stage, &self.material.folder);
        let mut inputs = Map::new();
        for name in &stage.requires {
            match self.material.artefact(name) {
                Ok(value) => drop(inputs.insert(name.clone(), value)),
                Err(error) => return broken(&error.to_string()),
            }
        }
        // It is run in the folder of the study, where a path relative to ours leads elsewhere.
        let run_folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let input = json!({
            "stage": stage.name, "round": given.round, "run_folder": run_folder, "artefacts": inputs,
        });
        let mut last = String::new();
        for _ in 0..=stage.settings.retries {
            let working = working_folder(&self.material.study);
            let ran = tokio::select! {
                ran = command::run(&stage.settings.run, working, stage.settings.timeout_seconds, &input) => ran,
                () = self.halt.cancelled() => return Ended::Interrupted { limit: false },
            };
            match ran {
                Ok(answer) => return self.made(stage, &answer),
                Err(error) => last = error.to_string(),
            }
        }
        broken(&last)
    }

    /// Keeps what a program made.
    fn made(&self, stage: &Stage, answer: &Value) -> Ended {
        for name in &stage.produces {
            let value = if stage.produces.len() == 1 { answer } else { &answer[name.as_str()] };
            if value.is_null() {
                let what = if stage.produces.len() > 1 {
                    format!("has no `{name}`, which the stage produces")
                } else {
                    "is `null`, which is nothing; an empty object is something".to_owned()
                };
                return broken(&format!("the program's answer {what}"));
            }
            if let Err(error) = artefacts::put(&self.material.folder, name, value) {
                return broken(&error.to_string());
            }
        }
        let files: Vec<String> = stage.produces.iter().map(|name| self.material.shown(name)).collect();
        Ended::Completed(json!({ "files": files }))
    }
}

/// Where programs are run: the folder of the study.
pub(super) fn working_folder(study: &Study) -> &std::path::Path {
    let folder = study.folder.as_path();
    if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder }
}

/// The folder of a stage's own calls.
pub(super) fn stage_folder(folder: &std::path::Path, stage: &str) -> std::path::PathBuf {
    // The names of stages are plain: `Definition::check` says so.
    folder.join(STAGES).join(stage)
}

/// What all calls of a run have cost so far, those of its stages included.
pub(super) fn spent(
    store: &Store,
    folder: &std::path::Path,
    pipeline: &Pipeline,
) -> Result<crate::store::Money, RunError> {
    let mut spent = store.spend()?.iter().map(|member| member.cost).sum();
    for stage in pipeline.stages() {
        let folder = stage_folder(folder, &stage.name);
        if Store::exists(&folder) {
            for member in Store::read(&folder)?.spend()? {
                spent += member.cost;
            }
        }
    }
    Ok(spent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn p6_a_quality_check_that_takes_too_long_fails_and_says_what_to_do() {
        let slow = tokio::spawn(std::future::pending());
        let Ended::Failed { error, .. } = in_time(slow, Some(0.02)).await else { panic!("it had no time") };
        assert_eq!(error, "it took longer than 0.02 s; give it more with `timeout` in its settings");
        let quick = tokio::spawn(async { Ended::Completed(Value::Null) });
        assert_eq!(in_time(quick, None).await, Ended::Completed(Value::Null));
    }
}
