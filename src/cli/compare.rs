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
    let (before, after) = (read(&options.before, console)?, read(&options.after, console)?);
    let comparison = compare_runs(&before, &after, embedder.as_ref())?;
    console.answer(&comparison, || comparison_text(&comparison, width()))?;
    Ok(Exit::Done)
}

/// A run folder with its summary and metrics, that of a study, or a file of personas alone.
fn read(path: &Path, console: Console) -> Result<RunResult, CliError> {
    let is_study = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if is_study && path.is_file() {
        let folder = run_folder(&Study::load(path)?, None);
        if !folder.is_dir() {
            let (study, folder) = (path.display(), folder.display());
            return Err(CliError::Usage(format!(
                "`{study}` has no run here: there is no folder `{folder}`; run it first, or give the folder of its run"
            )));
        }
        return read(&folder, console);
    }
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
        ErrorKind::NotFound => CliError::Files(FilesError::NotFound { path: path.to_owned() }),
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
