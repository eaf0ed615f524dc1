//! Results appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::FilesError;

/// A result that is being written beside its place and takes it when it is committed.
///
/// It is opened before the expensive work, so that a folder without permission costs nothing; when
/// it is dropped uncommitted, what stood at the path before is untouched. Only the owner can read it
/// (0600 on Unix): interviews are nobody else's business.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

impl OutputFile {
    /// Opens a temporary file in the folder of `path`.
    ///
    /// # Errors
    /// [`FilesError::Io`] when the folder is not there or not writable.
    pub fn create(path: &Path) -> Result<Self, FilesError> {
        let folder = folder_of(path);
        let file = NamedTempFile::with_prefix_in(".consona-", folder)
            .map_err(|source| refuse(path, "written", of_system(source)))?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::with_capacity(64 * 1024, file) })
    }

    /// As [`Self::create`], and makes the folder of `path` where it is missing.
    ///
    /// # Errors
    /// [`FilesError`] when the folder can neither be found nor made, or is not writable.
    pub fn create_with_folder(path: &Path) -> Result<Self, FilesError> {
        create_folder(folder_of(path))?;
        Self::create(path)
    }

    /// Puts the file in its place, safe on the disk.
    ///
    /// # Errors
    /// [`FilesError::Io`]; what stood at the path before is then untouched.
    pub fn commit(self) -> Result<(), FilesError> {
        let Self { path, writer } = self;
        let put = || -> io::Result<()> {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            sync_folder(folder_of(&path))
        };
        put().map_err(|source| refuse(&path, "written", source))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Writes a whole file at once, with [`OutputFile`]'s promises.
///
/// # Errors
/// [`FilesError::Io`] with the path.
pub fn write_file(path: &Path, content: &[u8]) -> Result<(), FilesError> {
    let mut file = OutputFile::create(path)?;
    file.write_all(content).map_err(|source| refuse(path, "written", source))?;
    file.commit()
}

/// Makes a folder for results, with the folders above it, that only its owner can enter (0700 on
/// Unix). One that is there already stays as it is.
///
/// # Errors
/// [`FilesError::Io`] with the path.
pub fn create_folder(path: &Path) -> Result<(), FilesError> {
    room_for_folder(path)?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| refuse(path, "created", source))
}

/// Refuses a path on which no folder can be made, because a file stands there or above it.
///
/// # Errors
/// [`FilesError::NoFolder`] names the file.
pub fn room_for_folder(path: &Path) -> Result<(), FilesError> {
    match path.ancestors().find(|above| above.is_file()) {
        Some(file) => Err(FilesError::NoFolder { path: file.to_owned() }),
        None => Ok(()),
    }
}

/// The folder that a path stands in: `.` where the path names none.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the rename itself survive a power cut, where folders can be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// What the system says, without the name of the temporary file, which nobody has asked for.
fn of_system(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|wrapped| wrapped.source());
    let code = cause.and_then(|cause| cause.downcast_ref::<io::Error>()).and_then(io::Error::raw_os_error);
    code.map_or(error, io::Error::from_raw_os_error)
}

fn refuse(path: &Path, action: &'static str, source: io::Error) -> FilesError {
    FilesError::Io { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_committed_leaves_the_old_one_and_no_rest() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("result.json");
        write_file(&path, b"old").expect("written");
        let mut output = OutputFile::create(&path).expect("opened");
        output.write_all(b"half").expect("written");
        drop(output);
        assert_eq!(fs::read(&path).expect("readable"), b"old");
        write_file(&path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_may_look() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("temporary folder");
        let run = folder.path().join("runs/one");
        create_folder(&run).expect("created");
        create_folder(&run).expect("there already");
        write_file(&run.join("a"), b"x").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&run), mode(&run.join("a"))), (0o700, 0o600));
    }

    #[test]
    fn a_missing_folder_is_named_before_any_work() {
        let error = OutputFile::create(Path::new("no/such/folder/x")).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "`no/such/folder/x` cannot be written");
    }
}
