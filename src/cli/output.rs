//! A folder of results that appear whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::error::CliError;

/// A file that takes its name only when it is whole.
#[derive(Debug)]
pub(super) struct Pending {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Pending {
    /// Begins a file, before the expensive work: a folder that cannot be written to is found out now.
    pub(super) fn begin(folder: &Path, name: &str) -> Result<Self, CliError> {
        let path = folder.join(name);
        let begun = fs::create_dir_all(folder).and_then(|()| NamedTempFile::new_in(folder));
        match begun {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file) }),
            Err(source) => Err(CliError::Write { path, source }),
        }
    }

    /// Where the file will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes JSON, indented, with a line break at its end.
    pub(super) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.write_all(text.as_bytes()).map_err(|source| CliError::Write { path: self.path.clone(), source })
    }

    /// Gives the file its name, with everything in it on the disk.
    pub(super) fn finish(self) -> Result<PathBuf, CliError> {
        let Self { path, file } = self;
        let done = file.into_inner().map_err(std::io::IntoInnerError::into_error).and_then(|file| {
            file.as_file().sync_all()?;
            readable(&file)?;
            file.persist(&path).map_err(|error| error.error)
        });
        match done {
            Ok(_) => Ok(path),
            Err(source) => Err(CliError::Write { path, source }),
        }
    }
}

/// Temporary files are for their owner only; results are as readable as other files.
#[cfg(unix)]
fn readable(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
