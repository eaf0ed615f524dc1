//! `consona compare A B`: what changed between two runs.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::console::{Console, width};
use super::error::CliError;
use super::exit::Exit;
use crate::consensus::ConsensusPersona;
use crate::embed;
use crate::evaluate::{RunResult, compare_runs};
use crate::files::{FilesError, ResultError};
use crate::report::comparison_text;

/// What `compare` is told.
#[derive(Args, Debug)]
pub(super) struct CompareOptions {
    /// The first run: a folder, or a file of personas such as consensus.jsonl.
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
    let (before, after) = (read(&options.before)?, read(&options.after)?);
    let comparison = compare_runs(&before, &after, embedder.as_ref())?;
    console.answer(&comparison, || comparison_text(&comparison, width()))?;
    Ok(Exit::Done)
}

/// A run folder with its summary and metrics, or a file of personas alone.
fn read(path: &Path) -> Result<RunResult, CliError> {
    let name = path.display().to_string();
    let is_folder = path.is_dir();
    let personas = personas(&if is_folder { path.join("consensus.jsonl") } else { path.to_owned() })?;
    let beside = |file: &str| if is_folder { document(&path.join(file)) } else { Ok(Value::Null) };
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
