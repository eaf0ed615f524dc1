//! `consona compare A B`: what changed between two runs.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::console::{Console, width};
use super::error::CliError;
use super::exit::Exit;
use super::stored::StoredResult;
use super::study::run_folder;
use crate::consensus::ConsensusPersona;
use crate::embed;
use crate::evaluate::{RunResult, compare_runs};
use crate::files::{FilesError, ResultError};
use crate::report::comparison_text;
use crate::run::Study;
use crate::store::{Store, StoreError};

/// What `compare` is told.
#[derive(Args, Debug)]
pub(super) struct CompareOptions {
    /// The first run: a folder, a study whose run is complete, or a file of personas such as consensus.jsonl.
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The second run.
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// What tells whether other words mean the same: `static` or `hashing`.
    #[arg(long, value_name = "NAME", default_value = "static")]
    embedder: String,
}

/// Tells which personas and traits changed, and what each run came to.
pub(super) fn compare(options: &CompareOptions, console: Console) -> Result<Exit, CliError> {
    let embedder = embed::from_name(&options.embedder)?;
    let (before, after) = (stands(&options.before)?, stands(&options.after)?);
    refuse_one((&options.before, &before), (&options.after, &after))?;
    let (before, after) = (read(&before, console)?, read(&after, console)?);
    let comparison = compare_runs(&before, &after, embedder.as_ref())?;
    console.answer(&comparison, || comparison_text(&comparison, width()))?;
    Ok(Exit::Done)
}

/// Where the run of an argument stands: in the folder of the run that a study has, else where the argument says.
fn stands(path: &Path) -> Result<PathBuf, CliError> {
    if !is_study(path) {
        return Ok(path.to_owned());
    }
    let study = Study::load(path)?;
    let folder = run_folder(&study, None);
    let (shown, there) = (path.display(), folder.display());
    if !Store::exists(&folder) {
        return Err(CliError::Usage(format!(
            "`{shown}` has no run here: there is none in the folder `{there}`; run it first, or give the folder of its run"
        )));
    }
    // Another study of the same name may have run there.
    match Store::read(&folder)?.check(&study.identity()) {
        Err(StoreError::Changed { differences }) => Err(CliError::Usage(format!(
            "`{shown}` is not the study of the run in `{there}` ({}); give the folder of its own run, or run it into one \
             (`--out`, or `output:` in the study)",
            differences.join("; ")
        ))),
        checked => Ok(checked.map(|()| folder)?),
    }
}

/// Whether a file is a study: by its ending, and JSON by the keys that a study has and no persona.
fn is_study(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending {
        "yaml" | "yml" => path.is_file(),
        "json" => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            ["input", "panel"].iter().all(|key| value.get(key).is_some())
        }
        _ => false,
    }
}

/// A run has not changed against itself: two arguments that lead to one folder are a mistake about one of them.
fn refuse_one(before: (&Path, &Path), after: (&Path, &Path)) -> Result<(), CliError> {
    let real = |path: &Path| path.canonicalize().ok();
    if real(before.1).is_none_or(|folder| Some(folder) != real(after.1)) {
        return Ok(());
    }
    let (one, other, there) = (before.0.display(), after.0.display(), before.1.display());
    Err(CliError::Usage(format!(
        "`{one}` and `{other}` lead to one run, that in `{there}`; give two runs: where both are studies, run one of them \
         into a folder of its own (`--out`, or `output:` in the study)"
    )))
}

/// A run folder with its summary and metrics, or a file of personas alone.
fn read(path: &Path, console: Console) -> Result<RunResult, CliError> {
    let name = path.display().to_string();
    if !path.is_dir() {
        let (summary, metrics) = (Value::Null, Value::Null);
        return Ok(RunResult { name, personas: personas(path)?, summary, metrics });
    }
    let result = StoredResult::handed_on(path, console)?;
    result.summary()?;
    let mut personas = Vec::new();
    result.personas(|persona| {
        personas.push(persona);
        Ok(())
    })?;
    let beside = |file: &str| document(&path.join(file));
    Ok(RunResult { name, personas, summary: beside("summary.json")?, metrics: beside("metrics.json")? })
}

fn personas(path: &Path) -> Result<Vec<ConsensusPersona>, CliError> {
    let refuse = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => CliError::Files(FilesError::NoResult { path: path.to_owned() }),
        _ => CliError::Read { path: path.to_owned(), source },
    };
    let file = BufReader::new(File::open(path).map_err(refuse)?);
    let mut personas = Vec::new();
    for (line, number) in file.lines().zip(1..) {
        let line = line.map_err(refuse)?;
        if line.trim().is_empty() {
            continue;
        }
        let persona = serde_json::from_str(&line).map_err(|source| form(path, Some(number), source))?;
        personas.push(persona);
    }
    Ok(personas)
}

fn form(path: &Path, line: Option<usize>, source: serde_json::Error) -> CliError {
    CliError::Result(ResultError::Form { path: path.to_owned(), line, source })
}

/// A JSON document; null where there is none, as in folders of `consona consensus`, which have no metrics.
fn document(path: &Path) -> Result<Value, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|source| form(path, None, source)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Value::Null),
        Err(source) => Err(CliError::Read { path: path.to_owned(), source }),
    }
}
