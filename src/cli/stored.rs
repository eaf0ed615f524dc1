//! A result folder, read back.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::console::Console;
use super::error::CliError;
use super::gate_state::{self, GateState};
use super::inputs;
use super::run_facts;
use crate::consensus::ConsensusPersona;
use crate::files::{FilesError, ResultError};
use crate::report::html::StoredSummary;

/// A run folder, or a folder of `consensus`, that has a result.
#[derive(Debug)]
pub(super) struct StoredResult<'a> {
    folder: &'a Path,
    gate: Option<GateState>,
}

impl<'a> StoredResult<'a> {
    /// The result as it is handed on: as a person approved it, where one was asked. Says on standard error what
    /// whoever takes it should know.
    pub(super) fn handed_on(folder: &'a Path, console: Console) -> Result<Self, CliError> {
        let result = Self::as_it_stands(folder)?;
        if let Some(notice) = result.notice() {
            console.note(&format!("note: {notice}"));
        }
        Ok(result)
    }

    /// The same, saying nothing: for who says it anyway.
    pub(super) fn as_it_stands(folder: &'a Path) -> Result<Self, CliError> {
        Ok(Self { folder, gate: GateState::read(folder)? })
    }

    /// The result as the models left it.
    pub(super) fn of_models(folder: &'a Path) -> Self {
        Self { folder, gate: None }
    }

    /// Where it stands.
    pub(super) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// What whoever takes the result should know.
    pub(super) fn notice(&self) -> Option<String> {
        self.gate.as_ref()?.notice()
    }

    /// The personas as a person left them, each as it is stored, where a person changed any.
    pub(super) fn edited(&self) -> Option<&[Value]> {
        self.gate.as_ref()?.edited()
    }

    /// What is said about the whole result.
    pub(super) fn summary(&self) -> Result<StoredSummary, CliError> {
        let path = self.folder.join("summary.json");
        let text = match inputs::text(&path) {
            Err(CliError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Err(no_result(self.folder));
            }
            read => read?,
        };
        StoredSummary::from_json(&text)
            .map_err(|source| CliError::Result(ResultError::Form { path, line: None, source }))
    }

    /// The same, or how a run was asked that came to no personas.
    pub(super) fn summary_or_nothing(&self) -> Result<StoredSummary, CliError> {
        if self.folder.join("summary.json").exists() {
            return self.summary();
        }
        run_facts::of_nothing(self)?.ok_or_else(|| no_result(self.folder))
    }

    /// Takes every persona, in order.
    pub(super) fn personas(
        &self,
        mut take: impl FnMut(ConsensusPersona) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        if let Some(personas) = self.edited() {
            return personas.iter().try_for_each(|value| take(gate_state::persona(self.folder, value)?));
        }
        let path = self.folder.join("consensus.jsonl");
        let found = self.lines("consensus.jsonl", &mut take)?;
        if found { Ok(()) } else { Err(CliError::Files(FilesError::NoResult { path })) }
    }

    /// Takes every line of a file as a value; whether the file is there.
    pub(super) fn lines<T: DeserializeOwned>(
        &self,
        name: &str,
        take: &mut dyn FnMut(T) -> Result<(), CliError>,
    ) -> Result<bool, CliError> {
        let path: PathBuf = self.folder.join(name);
        let refuse = |source| CliError::Read { path: path.clone(), source };
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(refuse)?,
        };
        for (number, line) in (1..).zip(BufReader::with_capacity(1 << 20, file).lines()) {
            let read = serde_json::from_str(&line.map_err(refuse)?);
            take(read.map_err(|source| {
                CliError::Result(ResultError::Form { path: path.clone(), line: Some(number), source })
            })?)?;
        }
        Ok(true)
    }
}

/// A folder without a summary: what it is instead, and what to do.
fn no_result(folder: &Path) -> CliError {
    let shown = folder.display();
    CliError::Usage(if let Some(why) = run_facts::why_nothing(folder) {
        format!("`{shown}` has no personas: {why}. How it was asked: consona report {shown}")
    } else if folder.join("drafts.jsonl").is_file() {
        format!(
            "`{shown}` has drafts and no personas: its run is not complete; go on with `consona run`, or form personas \
             of what there is with `consona consensus {shown}/drafts.jsonl --out DIR`"
        )
    } else {
        format!(
            "`{shown}` has no result: there is no `summary.json` in it; give a run folder whose run is complete, or a \
             folder of `consona consensus --out`"
        )
    })
}
