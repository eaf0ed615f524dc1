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
use crate::report::safe;
use crate::run::mode::Combination;
use crate::run::{StatusError, Study};
use crate::store::{self, Money, Note, Store, StoreError};

/// The study as the run keeps it.
#[derive(Deserialize)]
struct Kept {
    path: PathBuf,
    text: String,
}

/// Derives the files of a run again, by the study that it keeps or by one that asks the same.
pub(super) fn recompute(
    runs: &[PathBuf],
    study: Option<&Path>,
    report: bool,
    console: Console,
) -> Result<Exit, CliError> {
    let [folder] = runs else {
        return Err(CliError::Usage(format!("--recompute takes one run folder, not {}", runs.len())));
    };
    if !Store::exists(folder) {
        return Err(StatusError::NoRun { folder: folder.clone() }.into());
    }
    let store = Arc::new(Store::open(folder)?);
    let prepared = match study {
        Some(path) => Prepared::read(Study::load(path)?, path, false, None)?,
        None => kept(&store, folder)?,
    };
    store.check(&prepared.study.identity())?;
    let Prepared { study, records, drafting, embedder, settings, plan, ablation } = prepared;
    let outputs = Outputs::create(folder)?;
    let derived = results::derive(folder, &store, drafting.as_ref(), &study, None)?;
    if study.mode.strategy().combination() == Combination::SideBySide {
        console.answer(&derived.files, || format!("Written again: {}\n", listed(&derived.files)))?;
        return Ok(Exit::Done);
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
    Ok(Exit::Done)
}

/// Puts run folders together and derives the files of the whole.
pub(super) fn merge(runs: &[PathBuf], out: &Path, console: Console) -> Result<Exit, CliError> {
    store::merge(runs, out)?;
    recompute(&[out.to_owned()], None, true, console)
}

/// The study that a run keeps, with its data where it was.
fn kept(store: &Store, folder: &Path) -> Result<Prepared, CliError> {
    let note = store.noted(Note::Study)?.ok_or_else(|| {
        let shown = folder.display();
        CliError::Usage(format!(
            "`{shown}` was begun by an earlier consona that kept no study; give it with --study"
        ))
    })?;
    let kept = serde_json::from_str(&note);
    let Kept { path, text } = kept.map_err(|_| StoreError::Unreadable { what: "study", value: note })?;
    let study = Study::parse(&text, &path, &|path| std::fs::read_to_string(path))?;
    Prepared::read(study, &path, false, None)
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|file| safe::line(&file.display().to_string())).collect::<Vec<_>>().join(", ")
}
