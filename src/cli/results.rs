//! What stored answers give: the drafts, what each call came to, and figures about the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::drafts::{Gathered, Gathering};
use super::error::CliError;
use super::output::Output;
use crate::dataset::{Loaded, Record};
use crate::files::{Resources, ResultError};
use crate::persona::ModelName;
use crate::report::{Asked, Counts, InputCount, MemberAnswers, StreamNote};
use crate::run::stages::questions::CallFigures;
use crate::run::status::milliseconds;
use crate::run::study::Mode;
use crate::run::{self, CallResult, CallStatus, Interpreter, RunReport, StreamReport, Study, Turnout};
use crate::stages::pipeline::Pipeline;
use crate::store::{Money, Store};

/// Reasons kept per member, so that a million different messages need no memory.
const REASONS: usize = 10;

/// What stored answers give before personas are formed of them.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) gathered: Gathered,
    pub(super) files: Vec<PathBuf>,
    answers: BTreeMap<ModelName, MemberAnswers>,
    streams: Vec<StreamReport>,
    /// Calls and units that have ended, counted.
    pub(super) turnout: Turnout,
}

/// `metrics.json`: everything that differs from one sitting to the next.
#[derive(Debug, Serialize)]
struct Metrics<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    calls: u64,
    attempts: u64,
    wall_ms: u64,
    busy_ms: u64,
    parallel_efficiency: Option<f64>,
    /// Share of the calls that their first attempt answered, 0 to 1, over all sittings.
    success_without_retry: Option<f64>,
    /// What asking at the same time saved.
    time_saved_ms: u64,
    resources: Resources,
    /// Models of the panel that have no price: what they cost is not in the cost.
    unpriced: Vec<&'a ModelName>,
}

impl Derived {
    /// Whether a workstream has its result, whatever became of the others.
    pub(super) fn has_done_stream(&self) -> bool {
        self.streams.iter().any(|stream| stream.status.is_done())
    }

    /// The workstreams that have none.
    pub(super) fn streams_without_result(&self) -> Vec<&str> {
        let open = self.streams.iter().filter(|stream| !stream.status.is_done());
        open.map(|stream| stream.stream.name.as_str()).collect()
    }
}

/// Calls of a run, and how often they were made.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    calls: u64,
    attempts: u64,
    /// Calls that the first attempt, of the member itself, answered.
    first: u64,
}

impl Tries {
    fn add(&mut self, result: &CallResult) {
        let at_once = result.status == CallStatus::Success && result.attempts == 1 && result.note.is_none();
        self.calls += 1;
        self.attempts += u64::from(result.attempts);
        self.first += u64::from(at_once);
    }
}

/// Reads a run back: writes `drafts.jsonl` and `results.jsonl`, and `metrics.json` where there was a sitting to
/// report about, and sets the drafts down for the consensus.
pub(super) fn derive(
    folder: &Path,
    store: &Store,
    interpreter: &dyn Interpreter,
    study: &Study,
    report: Option<&RunReport>,
) -> Result<Derived, CliError> {
    let mut drafts = Output::create(folder, "drafts.jsonl")?;
    let mut results = Output::create(folder, "results.jsonl")?;
    let mut gathering = Gathering::new(&study.schema)?;
    let mut answers: BTreeMap<ModelName, MemberAnswers> = BTreeMap::new();
    let (mut n_drafts, mut tries) = (0, Tries::default());
    let mut turnout = Turnout::default();
    for derived in run::drafts(store, interpreter, &study.panel) {
        let derived = derived?;
        for draft in derived.drafts.drafts() {
            n_drafts += 1;
            gathering.take(draft)?;
            drafts.line(draft)?;
        }
        turned_out(&mut turnout, &derived.results, study);
        for result in &derived.results {
            tries.add(result);
            results.line(result)?;
            count(answers.entry(result.model.clone()).or_default(), result);
        }
    }
    let mut files = vec![drafts.commit()?, results.commit()?];
    if let Some(report) = report {
        let unpriced = study.panel.iter().filter(|member| member.price.is_none()).map(|member| &member.name);
        files.push(measured(folder, report, tries, unpriced.collect())?);
    }
    let streams = if study.workstreams.is_some() { run::streams(store)? } else { Vec::new() };
    if !streams.is_empty() {
        files.push(written(folder, &streams)?);
    }
    let inputs = vec![InputCount { file: "answers of the panel".to_owned(), drafts: n_drafts, set_aside: 0 }];
    Ok(Derived { gathered: gathering.finish(inputs)?, files, answers, streams, turnout })
}

/// Counts the calls about one record as the run that asked them does: a unit counts when all of its calls have ended.
fn turned_out(turnout: &mut Turnout, results: &[CallResult], study: &Study) {
    for unit in results.chunk_by(|one, other| one.part == other.part) {
        let ended = || unit.iter().filter(|call| !call.outstanding);
        let answered = || ended().filter(|call| call.status == CallStatus::Success);
        turnout.calls += ended().count() as u64;
        turnout.answered += answered().count() as u64;
        if unit.iter().any(|call| call.outstanding) {
            continue;
        }
        let models: BTreeSet<&ModelName> = answered().map(|call| &call.model).collect();
        turnout.units += 1;
        turnout.complete_units +=
            u64::from(study.quorum.met_by(u32::try_from(models.len()).unwrap_or(u32::MAX)));
    }
}

fn written(folder: &Path, streams: &[StreamReport]) -> Result<PathBuf, CliError> {
    #[derive(Serialize)]
    struct Written<'a> {
        #[serde(flatten)]
        report: &'a StreamReport,
        kept_its_estimate: Option<bool>,
    }
    let with = |report| Written { report, kept_its_estimate: StreamReport::kept_its_estimate(report) };
    let mut file = Output::create(folder, "workstreams.json")?;
    file.json(&streams.iter().map(with).collect::<Vec<_>>())?;
    Ok(file.commit()?)
}

fn noted(report: &StreamReport) -> StreamNote {
    StreamNote {
        stream: report.stream.clone(),
        status: report.status.name().to_owned(),
        records: report.records_taken,
        calls: report.calls,
        answered: report.answered,
        setbacks: report.setbacks.clone(),
        blocked_by: report.blocked_by.clone(),
        kept_its_estimate: report.kept_its_estimate(),
        alarms: report.alarms.clone(),
    }
}

fn measured(
    folder: &Path,
    report: &RunReport,
    tries: Tries,
    unpriced: Vec<&ModelName>,
) -> Result<PathBuf, CliError> {
    let mut metrics = Output::create(folder, "metrics.json")?;
    metrics.json(&Metrics {
        report,
        calls: tries.calls,
        attempts: tries.attempts,
        wall_ms: milliseconds(report.wall),
        busy_ms: milliseconds(report.busy),
        parallel_efficiency: report.parallel_efficiency(),
        success_without_retry: share(tries.first, tries.calls),
        time_saved_ms: milliseconds(report.busy.saturating_sub(report.wall)),
        resources: Resources::of(folder),
        unpriced,
    })?;
    Ok(metrics.commit()?)
}

/// Brings `metrics.json` up to what further rounds of questions have asked and cost; `all` are the calls of the whole run.
pub(super) fn asked_again(
    folder: &Path,
    rounds: &[RunReport],
    all: &CallFigures,
    spent: Money,
) -> Result<(), CliError> {
    revised(folder, |metrics| {
        let add = |value: &mut Value, more: u64| *value = (value.as_u64().unwrap_or(0) + more).into();
        for report in rounds {
            add(&mut metrics["wall_ms"], milliseconds(report.wall));
            add(&mut metrics["busy_ms"], milliseconds(report.busy));
            let members = metrics["members"].as_array_mut().into_iter().flatten();
            for (member, more) in members.zip(&report.members) {
                add(&mut member["answered"], more.answered.saturating_sub(more.reused));
                for (name, count) in [
                    ("unusable", more.unusable),
                    ("rejected", more.rejected),
                    ("failed", more.failed),
                    ("retries", more.retries),
                    ("repairs", more.repairs),
                ] {
                    add(&mut member[name], count);
                }
            }
        }
        let (busy, wall) = (metrics["busy_ms"].as_f64(), metrics["wall_ms"].as_f64());
        let shares = busy.zip(wall.filter(|wall| *wall > 0.0));
        metrics["parallel_efficiency"] = json!(shares.map(|(busy, wall)| busy / wall));
        metrics["time_saved_ms"] = json!(saved(busy, wall));
        metrics["success_without_retry"] = json!(share(all.first_attempt, all.calls));
        metrics["calls"] = all.calls.into();
        metrics["attempts"] = (all.calls + all.retries).into();
        metrics["cost"] = json!(spent);
    })
}

/// Adds to `metrics.json` what is known only when everything is written: what the sitting took in all, how much of it
/// went by outside the calls, and what share of the values that were looked for rests on a passage of the source.
pub(super) fn concluded(
    folder: &Path,
    sitting: Duration,
    wall: Duration,
    counts: Option<&Counts>,
) -> Result<(), CliError> {
    revised(folder, |metrics| {
        metrics["sitting_ms"] = milliseconds(sitting).into();
        metrics["coordination_overhead_ms"] = milliseconds(sitting.saturating_sub(wall)).into();
        let found = counts
            .and_then(|counts| counts.grounding)
            .map(|found| (found.evidence as u64, found.values() as u64));
        metrics["synthesis_quality"] = json!(found.and_then(|(evidence, all)| share(evidence, all)));
    })
}

/// Changes `metrics.json`, where there is one.
fn revised(folder: &Path, change: impl FnOnce(&mut Value)) -> Result<(), CliError> {
    let path = folder.join("metrics.json");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let form = |source| ResultError::Form { path: path.clone(), line: None, source };
    let mut metrics: Value = serde_json::from_str(&text).map_err(form)?;
    change(&mut metrics);
    let mut file = Output::create(folder, "metrics.json")?;
    file.json(&metrics)?;
    file.commit()?;
    Ok(())
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What asking at the same time saved, in milliseconds.
fn saved(busy_ms: Option<f64>, wall_ms: Option<f64>) -> Option<f64> {
    Some((busy_ms? - wall_ms?).max(0.0).round())
}

fn count(answers: &mut MemberAnswers, result: &CallResult) {
    match (result.status, &result.error_message) {
        (CallStatus::Success, _) => {
            answers.answered += 1;
            answers.by_fallback += u64::from(result.note.is_some());
        }
        (CallStatus::Error, reason) => {
            answers.unanswered += 1;
            let reason = reason.clone().unwrap_or_default();
            if answers.reasons.len() < REASONS || answers.reasons.contains_key(&reason) {
                *answers.reasons.entry(reason).or_default() += 1;
            }
        }
    }
}

/// What the summary says about the asking: only what the stored answers tell, so that a run that was
/// stopped and continued has the summary of one that was not.
pub(super) fn asked(
    study: &Study,
    interpreter: &dyn Interpreter,
    derived: &Derived,
    records: &Loaded<Record>,
    units: u64,
) -> Asked {
    Asked {
        study: study.name.clone(),
        question: study.question.clone(),
        mode: mode_name(study.mode).to_owned(),
        prompt_version: interpreter.version().to_owned(),
        fingerprint: study.fingerprint(),
        units,
        records_read: records.items.len(),
        records_set_aside: records.set_aside.len(),
        records_beyond_limit: study.input.limit.map_or(0, |limit| records.items.len().saturating_sub(limit)),
        answers: derived.answers.clone(),
        workstreams: derived.streams.iter().map(noted).collect(),
        stages: study.stages.as_ref().map_or(Value::Null, |stages| set(&stages.pipeline)),
    }
}

/// What was set for the stages, stage by stage, so that two runs can be told apart by it.
fn set(pipeline: &Pipeline) -> Value {
    let settings = pipeline.stages().iter().map(|stage| (stage.name.clone(), json!(stage.settings)));
    let groups = pipeline.groups().iter().map(|group| (group.name.clone(), json!(group.stages)));
    json!({
        "order": pipeline.stages().iter().map(|stage| &stage.name).collect::<Vec<_>>(),
        "groups": groups.collect::<Map<String, Value>>(),
        "settings": settings.collect::<Map<String, Value>>(),
        "adaptive": pipeline.adaptive(),
    })
}

pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Parallel => "parallel",
        Mode::Sequential => "sequential",
        Mode::Consensus => "consensus",
    }
}
