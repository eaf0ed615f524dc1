//! One writer per run folder. The lock belongs to the operating system and dies with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::StoreError;

/// How often a lock that is held is tried again, in case somebody only looked.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The lock on a run folder, held until it is dropped.
#[derive(Debug)]
pub(super) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock at once or says who has it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] names the other process, [`StoreError::Folder`] when the lock file cannot be made.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("run.lock");
        let mut file = private(&path).map_err(|source| failed(&path, source))?;
        let mut looks = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Whoever only looks whether the run is in use holds the lock for a moment.
                Err(TryLockError::WouldBlock) if looks < LOOKS => {
                    looks += 1;
                    std::thread::sleep(BETWEEN_LOOKS);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked { folder: folder.to_owned(), holder: named(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(failed(&path, source)),
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
        written.map_err(|source| failed(&path, source))?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock of a run folder at this moment; `None` when nobody does.
///
/// # Errors
/// [`StoreError::Folder`] when the lock file cannot be looked at.
pub(super) fn holder(folder: &Path) -> Result<Option<String>, StoreError> {
    let path = folder.join("run.lock");
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(&path, source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(named(&mut file))),
        Err(TryLockError::Error(source)) => Err(failed(&path, source)),
    }
}

/// The process that wrote its number into the lock file.
fn named(file: &mut File) -> String {
    let mut holder = String::new();
    // Who holds the lock is a courtesy: a file that cannot be read still says "in use".
    let _ = file.read_to_string(&mut holder);
    match holder.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    }
}

fn failed(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Folder { path: PathBuf::from(path), source: Arc::new(source) }
}

/// Opens a file for reading and writing that only its owner may see.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder that only its owner may enter; one that exists keeps its contents.
///
/// # Errors
/// [`StoreError::Folder`] when it cannot be made.
pub(super) fn private_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| failed(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_refused_and_the_first_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let held = RunLock::take(folder.path()).unwrap();
        let refused = RunLock::take(folder.path()).unwrap_err().to_string();
        let this = format!("process {}", std::process::id());
        assert!(refused.contains(&this), "{refused}");
        assert_eq!(holder(folder.path()).unwrap(), Some(this));
        drop(held);
        assert_eq!(holder(folder.path()).unwrap(), None);
        RunLock::take(folder.path()).expect("the lock went with its holder");
    }
}
