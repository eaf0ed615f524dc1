//! A result folder, read back.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::error::CliError;
use super::inputs;
use crate::consensus::ConsensusPersona;
use crate::files::FilesError;
use crate::report::html::StoredSummary;

/// A run folder, or a folder of `consensus`, that has a result.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredResult<'a>(pub(super) &'a Path);

impl StoredResult<'_> {
    /// What is said about the whole result.
    pub(super) fn summary(self) -> Result<StoredSummary, CliError> {
        let path = self.0.join("summary.json");
        let text = match inputs::text(&path) {
            Err(CliError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Err(CliError::Usage(format!(
                    "`{}` has no result: there is no `summary.json` in it; give a run folder whose run is complete, or \
                     a folder of `consona consensus --out`",
                    self.0.display()
                )));
            }
            read => read?,
        };
        Ok(StoredSummary::from_json(&text)?)
    }

    /// Takes every persona, in order.
    pub(super) fn personas(
        self,
        mut take: impl FnMut(ConsensusPersona) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let path = self.0.join("consensus.jsonl");
        let found = self.lines("consensus.jsonl", &mut take)?;
        if found { Ok(()) } else { Err(CliError::Files(FilesError::NotFound { path })) }
    }

    /// Takes every line of a file as a value; whether the file is there.
    pub(super) fn lines<T: DeserializeOwned>(
        self,
        name: &str,
        take: &mut dyn FnMut(T) -> Result<(), CliError>,
    ) -> Result<bool, CliError> {
        let path: PathBuf = self.0.join(name);
        let refuse = |source| CliError::Read { path: path.clone(), source };
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            opened => opened.map_err(refuse)?,
        };
        for line in BufReader::with_capacity(1 << 20, file).lines() {
            take(serde_json::from_str(&line.map_err(refuse)?)?)?;
        }
        Ok(true)
    }
}
