//! What a run folder knows about its own making: its study, when it was asked, what its stages left, and why it came to
//! no personas where it did not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::error::CliError;
use super::inputs;
use super::results::mode_name;
use super::stored::StoredResult;
use crate::files::ResultError;
use crate::persona::ModelName;
use crate::report::html::{Origin, StoredStages, StoredSummary};
use crate::report::{Asked, MemberAnswers, counted};
use crate::run::mode::Combination;
use crate::run::stages::approval::APPROVED;
use crate::run::stages::artefacts;
use crate::run::{Spent, Study};
use crate::store::{Note, Store};

/// Reasons kept per member, so that a million different messages need no memory.
const REASONS: usize = 10;

/// The study that a run keeps; nothing where it kept none, or one that this version does not read.
fn study(store: &Store) -> Option<Study> {
    #[derive(Deserialize)]
    struct Kept {
        path: PathBuf,
        text: String,
    }
    let Kept { path, text } = serde_json::from_str(&store.noted(Note::Study).ok()??).ok()?;
    Study::parse(&text, &path, &|path| std::fs::read_to_string(path)).ok()
}

/// Where the input stands, what was asked for and when; of a folder of `consensus`, nothing.
pub(super) fn origin(folder: &Path) -> Result<Origin, CliError> {
    if !Store::exists(folder) {
        return Ok(Origin::default());
    }
    let store = Store::read(folder)?;
    let asked = store.asked_between()?;
    let Some(study) = study(&store) else { return Ok(Origin { asked, ..Origin::default() }) };
    let beside_the_study =
        |path: &PathBuf| path.strip_prefix(&study.folder).unwrap_or(path).display().to_string();
    let input: Vec<String> = study.input.paths.iter().map(beside_the_study).collect();
    let (min, max) = (study.personas.min, study.personas.max);
    let range = if min == max { min.to_string() } else { format!("{min} to {max}") };
    Ok(Origin { input: Some(input.join(", ")), personas: Some(format!("{range} in each answer")), asked })
}

/// What everything cost, and what of it stages and an ablation did; of a folder of `consensus`, nothing.
pub(super) fn cost(folder: &Path) -> Result<Option<[f64; 2]>, CliError> {
    if !Store::exists(folder) {
        return Ok(None);
    }
    let spent = Spent::of(folder, &Store::read(folder)?)?;
    Ok(Some([spent.total.amount(), (spent.stages + spent.ablation).amount()]))
}

/// What the stages of a run left; of a run without stages, nothing.
pub(super) fn stages(folder: &Path) -> Result<Option<StoredStages>, CliError> {
    let artefact = |name: &str| -> Result<Value, CliError> {
        if artefacts::exists(folder, name) { Ok(artefacts::get(folder, name)?) } else { Ok(Value::Null) }
    };
    let names = ["narratives", "review", "coverage", "quality", "decision"];
    if !names.iter().any(|name| artefacts::exists(folder, name)) {
        return Ok(None);
    }
    let [mut narratives, review, coverage, quality, decision] = names.map(artefact);
    // What a person left of them, once one was asked and answered.
    let decided =
        decision.as_ref().is_ok_and(|said| said["decisions"].as_array().is_some_and(|all| !all.is_empty()));
    if decided && artefacts::exists(folder, APPROVED) {
        narratives = Ok(artefact(APPROVED)?["narratives"].take());
    }
    let form = |name: &str| {
        let path = artefacts::path(folder, name);
        move |source| CliError::Result(ResultError::Form { path, line: None, source })
    };
    let stored = StoredStages::default().with_narratives(narratives?).map_err(form("narratives"))?;
    let stored = stored.with_reviews(review?).map_err(form("review"))?;
    let stored = stored.with_coverage(coverage?).map_err(form("coverage"))?;
    let stored = stored.with_quality(quality?).map_err(form("quality"))?;
    Ok(Some(stored.with_decision(decision?).map_err(form("decision"))?))
}

/// How a run ended, as far as `metrics.json` says so.
#[derive(Debug, Deserialize)]
struct Ending {
    outcome: String,
    #[serde(default)]
    outstanding: u64,
    #[serde(default)]
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    model: ModelName,
    #[serde(default)]
    errors: BTreeMap<String, u64>,
}

/// A call, as far as it is counted here.
#[derive(Debug, Deserialize)]
struct Call {
    model: ModelName,
    status: String,
    record: String,
    #[serde(default)]
    part: u32,
    error_message: Option<String>,
}

fn ending(folder: &Path) -> Option<Ending> {
    serde_json::from_str(&inputs::text(&folder.join("metrics.json")).ok()?).ok()
}

/// A run that came to no personas, with how it was asked; nothing where the folder is no run that was asked.
pub(super) fn of_nothing(result: &StoredResult<'_>) -> Result<Option<StoredSummary>, CliError> {
    let folder = result.folder();
    let Some(ending) = ending(folder).filter(|_| Store::exists(folder)) else { return Ok(None) };
    let study = study(&Store::read(folder)?);
    let mut answers: BTreeMap<ModelName, MemberAnswers> = BTreeMap::new();
    let mut units = BTreeSet::new();
    let there = result.lines::<Call>("results.jsonl", &mut |call| {
        units.insert((call.record.clone(), call.part));
        count(answers.entry(call.model.clone()).or_default(), &call);
        Ok(())
    })?;
    if !there {
        return Ok(None);
    }
    let panel = ending.members.iter().map(|member| {
        let answered = answers.get(&member.model).map_or(0, |answers| answers.answered);
        (member.model.clone(), usize::try_from(answered).unwrap_or(usize::MAX))
    });
    let asked = Asked {
        study: study.as_ref().map(|study| study.name.clone()).unwrap_or_default(),
        question: study.as_ref().and_then(|study| study.question.clone()),
        mode: study.as_ref().map(|study| mode_name(study.mode).to_owned()).unwrap_or_default(),
        prompt_version: String::new(),
        fingerprint: String::new(),
        units: units.len() as u64,
        records_read: 0,
        records_set_aside: 0,
        records_beyond_limit: 0,
        answers: answers.clone(),
        workstreams: Vec::new(),
        stages: serde_json::Value::Null,
    };
    let why = format!("This run has no personas: {}.", reason(&ending, study.as_ref(), folder));
    Ok(Some(StoredSummary::of_nothing(why, asked, panel.collect())))
}

fn count(answers: &mut MemberAnswers, call: &Call) {
    if call.status == "success" {
        answers.answered += 1;
        return;
    }
    answers.unanswered += 1;
    let reason = call.error_message.clone().unwrap_or_default();
    if answers.reasons.len() < REASONS || answers.reasons.contains_key(&reason) {
        *answers.reasons.entry(reason).or_default() += 1;
    }
}

/// Why a run has no personas.
fn reason(ending: &Ending, study: Option<&Study>, folder: &Path) -> String {
    let side_by_side =
        study.is_some_and(|study| study.mode.strategy().combination() == Combination::SideBySide);
    match ending.outcome.as_str() {
        "too_few_models" => {
            "too few models answered for the quorum of the study; the answers that came are kept".to_owned()
        }
        "interrupted" => format!("it was stopped; outstanding: {}", counted(ending.outstanding, "call")),
        "limit_reached" => {
            format!("`max_cost` was reached; outstanding: {}", counted(ending.outstanding, "call"))
        }
        _ if side_by_side => format!(
            "its mode lets the models stand side by side; to form personas of the drafts: consona consensus \
             {}/drafts.jsonl --out DIR",
            folder.display()
        ),
        _ => "it is not complete; go on with `consona run`".to_owned(),
    }
}

/// Why a run folder has no personas, with what the models said, for an error.
pub(super) fn why_nothing(folder: &Path) -> Option<String> {
    let ending = ending(folder).filter(|_| Store::exists(folder))?;
    let study = Store::read(folder).ok().and_then(|store| study(&store));
    let mut said = reason(&ending, study.as_ref(), folder);
    for member in ending.members.iter().filter(|member| !member.errors.is_empty()).take(4) {
        let (first, n) = member.errors.iter().max_by_key(|(_, n)| **n)?;
        let times = if *n > 1 { format!(" ({n} times)") } else { String::new() };
        said = format!("{said}; {}: {first}{times}", member.model);
    }
    Some(said)
}
