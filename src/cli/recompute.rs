//! `consona consensus RUN --recompute`: everything derived again from stored answers. Nobody is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::ablation::Asking;
use super::conclude::Conclusion;
use super::console::{Console, width};
use super::error::CliError;
use super::exit::Exit;
use super::personas::Outputs;
use super::results;
use super::staged;
use super::study::Prepared;
use crate::files::room_for_folder;
use crate::report::{counted, safe};
use crate::run::mode::Combination;
use crate::run::{Shard, StatusError, Study, Turnout};
use crate::store::{self, Money, Note, Store, StoreError};

/// The study as the run keeps it.
#[derive(Deserialize)]
struct Kept {
    path: PathBuf,
    text: String,
}

/// Derives the files of a run again, by the study that it keeps or by one that asks the same. What the run said about
/// its answers holds for what is derived of them: the files are written, and the exit code is that of the run.
pub(super) fn recompute(
    runs: &[PathBuf],
    study: Option<&Path>,
    report: bool,
    console: Console,
) -> Result<Exit, CliError> {
    let (exit, why) = derive_again(runs, study, report, console)?;
    if let Some(why) = why {
        console.note(&why);
    }
    Ok(exit)
}

/// How a run stands by its stored answers, with what is to be said where that is not well.
type Verdict = (Exit, Option<String>);

fn derive_again(
    runs: &[PathBuf],
    study: Option<&Path>,
    report: bool,
    console: Console,
) -> Result<Verdict, CliError> {
    let folder = only(runs)?;
    let store = Arc::new(Store::open(folder)?);
    let shard = shard_of(&store)?;
    let prepared = match study {
        Some(path) => Prepared::read(Study::load(path)?, path, false, shard)?,
        None => kept(&store, folder, shard)?,
    };
    store.check(&prepared.study.identity())?;
    let Prepared { study, records, drafting, embedder, settings, plan, ablation } = prepared;
    let outputs = Outputs::create(folder)?;
    let derived = results::derive(folder, &store, drafting.as_ref(), &study, None)?;
    let verdict = verdict(&study, derived.turnout, plan.calls);
    if study.mode.strategy().combination() == Combination::SideBySide {
        console.answer(&derived.files, || format!("Written again: {}\n", listed(&derived.files)))?;
        return Ok(verdict);
    }
    let without = match (study.ablation.zip(ablation), Asking::stored(folder)?) {
        (Some((ablation, (units, plan))), Some(answers)) => {
            let (drafting, seats, spent) = (Arc::clone(&drafting), Vec::new(), Money::ZERO);
            Some((Asking { study: &study, ablation, units, seats, drafting, spent, plan }, answers))
        }
        _ => None,
    };
    let (study, records, drafting, units) = (&study, &records, drafting.as_ref(), plan.units);
    let embedder = embedder.open(&store)?;
    let embedder = embedder.as_ref();
    let conclusion =
        Conclusion { study, records, drafting, embedder, settings, units, derived, without, report };
    let written = conclusion.write(folder, outputs, console)?;
    if let Some(stages) = &study.stages {
        staged::measured_again(folder, &stages.pipeline, &store)?;
    }
    console.answer(&written, || written.text(width()))?;
    Ok(verdict)
}

/// The run folder that was named, where it is one.
fn only(runs: &[PathBuf]) -> Result<&Path, CliError> {
    let [folder] = runs else {
        return Err(CliError::Usage(format!("--recompute takes one run folder, not {}", runs.len())));
    };
    if !Store::exists(folder) {
        return Err(StatusError::NoRun { folder: folder.clone() }.into());
    }
    Ok(folder)
}

/// What the quorum says of the stored answers. Workstreams are left to the run: what is owed of them depends on how
/// they went.
fn verdict(study: &Study, turnout: Turnout, planned: u64) -> Verdict {
    let owed = planned.saturating_sub(turnout.calls);
    if study.workstreams.is_some() {
        (Exit::Done, None)
    } else if owed > 0 {
        let calls = counted(owed, "call");
        (
            Exit::Outstanding,
            Some(format!("outstanding: {calls} of {planned}; the result is that of the others")),
        )
    } else if study.quorum.holds(turnout) {
        (Exit::Done, None)
    } else {
        let Turnout { calls, answered, units, complete_units } = turnout;
        let what = format!(
            "too few models answered: {answered} of {calls} calls, and enough models for {complete_units} of {units} \
             questions; `quorum` asks for more. The result is of what there is"
        );
        (Exit::TooFewModels, Some(what))
    }
}

/// Puts run folders together and derives the files of the whole; `partial` accepts that some of it is outstanding.
pub(super) fn merge(runs: &[PathBuf], out: &Path, partial: bool, console: Console) -> Result<Exit, CliError> {
    room_for_folder(out)?;
    let missing = missing(runs)?;
    if !partial && !missing.is_empty() && !Store::exists(out) {
        // Before anything is written: the same command with `--partial` finds the folder free.
        console.note(&format!("{missing}Nothing is merged. Give --partial to merge what there is"));
        return Ok(Exit::Outstanding);
    }
    store::merge(runs, out)?;
    let (exit, why) = derive_again(&[out.to_owned()], None, true, console)?;
    let Some(why) = why else { return Ok(exit) };
    if exit != Exit::Outstanding {
        console.note(&why);
        return Ok(exit);
    }
    let accept = if partial { "" } else { ". To ask for the rest: consona run STUDY --out " };
    let there = if partial { String::new() } else { safe::line(&out.display().to_string()) };
    console.note(&format!("{missing}{why}{accept}{there}"));
    Ok(if partial { Exit::Done } else { exit })
}

/// Which shards were not given, where all that were given know which they are.
fn missing(runs: &[PathBuf]) -> Result<String, CliError> {
    let mut given: Vec<Shard> = Vec::new();
    // What is no run, or given twice, the merge itself refuses.
    let mut real: Vec<PathBuf> = runs.iter().filter_map(|run| run.canonicalize().ok()).collect();
    real.sort();
    real.dedup();
    if real.len() < runs.len() || !runs.iter().all(|run| Store::exists(run)) {
        return Ok(String::new());
    }
    for run in runs {
        match shard_of(&Store::read(run)?)? {
            Some(shard) => given.push(shard),
            None => return Ok(String::new()),
        }
    }
    let missing: Vec<String> = Shard::missing(&given).iter().map(ToString::to_string).collect();
    Ok(match missing.as_slice() {
        [] => String::new(),
        [one] => format!("shard {one} is missing. "),
        several => format!("shards {} are missing. ", several.join(", ")),
    })
}

/// The share of a study that a run has asked about; `None` of one that asked about all of it.
fn shard_of(store: &Store) -> Result<Option<Shard>, CliError> {
    Ok(store.noted(Note::Shard)?.and_then(|text| text.parse().ok()))
}

/// The study that a run keeps, with its data where it was.
fn kept(store: &Store, folder: &Path, shard: Option<Shard>) -> Result<Prepared, CliError> {
    let note = store.noted(Note::Study)?.ok_or_else(|| {
        let shown = folder.display();
        CliError::Usage(format!(
            "`{shown}` was begun by an earlier consona that kept no study; give it with --study"
        ))
    })?;
    let kept = serde_json::from_str(&note);
    let Kept { path, text } = kept.map_err(|_| StoreError::Unreadable { what: "study", value: note })?;
    let study = Study::parse(&text, &path, &|path| std::fs::read_to_string(path))?;
    Prepared::read(study, &path, false, shard)
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|file| safe::line(&file.display().to_string())).collect::<Vec<_>>().join(", ")
}
