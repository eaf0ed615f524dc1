//! What stored answers give: the drafts, what each call came to, and figures about the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::drafts::{Gathered, Gathering};
use super::error::CliError;
use super::output::Output;
use crate::dataset::{Loaded, Record};
use crate::files::Resources;
use crate::persona::ModelName;
use crate::report::{Asked, InputCount, MemberAnswers, StreamNote};
use crate::run::status::milliseconds;
use crate::run::study::Mode;
use crate::run::{self, CallResult, CallStatus, Interpreter, RunReport, StreamReport, Study, Turnout};
use crate::store::Store;

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
    resources: Resources,
    /// Models of the panel that have no price: what they cost is not in the cost.
    unpriced: Vec<&'a ModelName>,
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
    let (mut n_drafts, mut calls, mut attempts) = (0, 0, 0);
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
            calls += 1;
            attempts += u64::from(result.attempts);
            results.line(result)?;
            count(answers.entry(result.model.clone()).or_default(), result);
        }
    }
    let mut files = vec![drafts.commit()?, results.commit()?];
    if let Some(report) = report {
        let unpriced = study.panel.iter().filter(|member| member.price.is_none()).map(|member| &member.name);
        files.push(measured(folder, report, (calls, attempts), unpriced.collect())?);
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
    let mut file = Output::create(folder, "workstreams.json")?;
    file.json(&streams)?;
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
    }
}

fn measured(
    folder: &Path,
    report: &RunReport,
    (calls, attempts): (u64, u64),
    unpriced: Vec<&ModelName>,
) -> Result<PathBuf, CliError> {
    let mut metrics = Output::create(folder, "metrics.json")?;
    metrics.json(&Metrics {
        report,
        calls,
        attempts,
        wall_ms: milliseconds(report.wall),
        busy_ms: milliseconds(report.busy),
        parallel_efficiency: report.parallel_efficiency(),
        resources: Resources::of(folder),
        unpriced,
    })?;
    Ok(metrics.commit()?)
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
    }
}

pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Parallel => "parallel",
        Mode::Sequential => "sequential",
        Mode::Consensus => "consensus",
    }
}
