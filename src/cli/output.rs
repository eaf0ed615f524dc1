//! One file of a result.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::{FilesError, OutputFile};

/// A file that takes its place when it is committed, and knows its path.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: OutputFile,
}

impl Output {
    /// Opens a file in a folder that is there.
    pub(super) fn create(folder: &Path, name: &str) -> Result<Self, FilesError> {
        let path = folder.join(name);
        Ok(Self { file: OutputFile::create(&path)?, path })
    }

    /// Writes a value as one line of JSON.
    pub(super) fn line<T: Serialize>(&mut self, value: &T) -> Result<(), FilesError> {
        self.text(serde_json::to_string(value))
    }

    /// Writes a value as JSON, indented.
    pub(super) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), FilesError> {
        self.text(serde_json::to_string_pretty(value))
    }

    fn text(&mut self, text: serde_json::Result<String>) -> Result<(), FilesError> {
        let written = text.map_err(io::Error::from).and_then(|text| writeln!(self.file, "{text}"));
        written.map_err(|source| FilesError::Io { path: self.path.clone(), action: "written", source })
    }

    /// Puts the file in its place.
    pub(super) fn commit(self) -> Result<PathBuf, FilesError> {
        self.file.commit()?;
        Ok(self.path)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
