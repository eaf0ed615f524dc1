//! The folders that a caller may have files read from.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::run::{ABLATION, STAGES};

/// Bytes of one file at most.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes of a file of personas at most; it is read line by line.
const MOST_RESULT: u64 = 256 * 1024 * 1024;

/// Bytes of a run database at most; of it, sums are read.
const MOST_DATABASE: u64 = 4 * 1024 * 1024 * 1024;

/// Databases of stages that are looked at, at most.
const MOST_STAGES: usize = 256;

/// The files that belong to one run database.
const DATABASE: [&str; 5] =
    ["run.sqlite", "run.sqlite-wal", "run.sqlite-shm", "run.sqlite-journal", "run.lock"];

/// A path that a caller may not have read, or that cannot be read. What is outside and what is not there are one
/// answer, so that nobody can look for files by asking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// Not in an allowed folder, or not there, or a folder where a file is wanted.
    #[error("`{path}` is no {what} in the folders that this server may read{}", if *none { "; there are none" } else { "" })]
    Outside {
        /// The path, as the caller gave it.
        path: String,
        /// What was wanted: a file or a folder.
        what: &'static str,
        /// Whether there are no such folders. Where they are is not the caller's business.
        none: bool,
    },
    /// Too long, or not UTF-8.
    #[error("the file `{path}` {reason}")]
    Unusable {
        /// The path, as the caller gave it.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Folders whose files may be read, resolved when the server starts.
#[derive(Clone, Debug, Default)]
pub struct AllowedFolders(Vec<PathBuf>);

impl AllowedFolders {
    /// Resolves the folders.
    ///
    /// # Errors
    /// The first folder that is not there, with what the system says.
    pub fn new(folders: &[PathBuf]) -> Result<Self, (PathBuf, std::io::Error)> {
        let resolve = |folder: &PathBuf| fs::canonicalize(folder).map_err(|error| (folder.clone(), error));
        Ok(Self(folders.iter().map(resolve).collect::<Result<_, _>>()?))
    }

    /// The text of a file; a relative path is looked for in every folder, in order.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn text(&self, path: &str) -> Result<String, NotAllowed> {
        let not_text = |_| NotAllowed::Unusable { path: shown(path), reason: "is not UTF-8 text".to_owned() };
        String::from_utf8(self.bytes(path)?).map_err(not_text)
    }

    /// The bytes of a file; a relative path is looked for in every folder, in order.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, NotAllowed> {
        let found = self.resolve(path).filter(|found| found.is_file());
        let file =
            found.and_then(|found| fs::File::open(found).ok()).ok_or_else(|| self.outside(path, "file"))?;
        let unusable = |reason: &str| NotAllowed::Unusable { path: shown(path), reason: reason.to_owned() };
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unusable(&format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(unusable("is longer than 16 MiB"));
        }
        Ok(bytes)
    }

    /// A folder, resolved.
    ///
    /// # Errors
    /// [`NotAllowed::Outside`].
    pub fn folder(&self, path: &str) -> Result<PathBuf, NotAllowed> {
        self.resolve(path).filter(|found| found.is_dir()).ok_or_else(|| self.outside(path, "folder"))
    }

    /// A file inside a folder of a result, line by line: a link in the folder leads no further than a path would.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub(super) fn lines(&self, folder: &Path, name: &str) -> Result<impl BufRead + use<>, NotAllowed> {
        let path = self.regular(&folder.join(name), name, MOST_RESULT)?;
        let file = File::open(path).map_err(|_| self.outside(name, "file"))?;
        Ok(BufReader::new(file.take(MOST_RESULT)))
    }

    /// Holds the databases of a run folder to be in the allowed folders, with all that belongs to them: SQLite follows
    /// links, and a pipe would be waited for. What somebody changes while they are read is not seen.
    ///
    /// # Errors
    /// [`NotAllowed`] for the first file that may not be read.
    pub(super) fn databases(&self, run: &Path) -> Result<(), NotAllowed> {
        let mut folders = vec![run.to_owned(), run.join(ABLATION)];
        let stages = fs::read_dir(run.join(STAGES)).into_iter().flatten().flatten();
        folders.extend(stages.take(MOST_STAGES + 1).map(|stage| stage.path()));
        if folders.len() > MOST_STAGES + 2 {
            let reason = format!("has more than {MOST_STAGES} folders");
            return Err(NotAllowed::Unusable { path: STAGES.to_owned(), reason });
        }
        for folder in folders {
            for name in DATABASE {
                let path = folder.join(name);
                // What is not there is not opened; a link to nothing is there.
                if fs::symlink_metadata(&path).is_ok() {
                    self.regular(&path, name, MOST_DATABASE)?;
                }
            }
        }
        Ok(())
    }

    /// A path inside a resolved folder, resolved itself, where that is a plain file in an allowed folder.
    fn regular(&self, path: &Path, name: &str, most: u64) -> Result<PathBuf, NotAllowed> {
        let found = fs::canonicalize(path).ok().filter(|found| self.holds(found));
        let found = found.filter(|found| found.is_file()).ok_or_else(|| self.outside(name, "file"))?;
        let bytes = fs::metadata(&found).map_or(u64::MAX, |metadata| metadata.len());
        if bytes > most {
            let reason = format!("is longer than {} MiB", most >> 20);
            return Err(NotAllowed::Unusable { path: shown(name), reason });
        }
        Ok(found)
    }

    /// The path without links and `..`, where it then still lies in an allowed folder.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let resolved = self.0.iter().filter_map(|folder| fs::canonicalize(folder.join(path)).ok());
        resolved.into_iter().find(|found| self.holds(found))
    }

    fn holds(&self, path: &Path) -> bool {
        self.0.iter().any(|folder| path.starts_with(folder))
    }

    fn outside(&self, path: &str, what: &'static str) -> NotAllowed {
        NotAllowed::Outside { path: shown(path), what, none: self.0.is_empty() }
    }
}

fn shown(path: &str) -> String {
    path.chars().take(200).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_inside_and_nowhere_else() {
        let parent = tempfile::tempdir().unwrap();
        let (inside, outside) = (parent.path().join("in"), parent.path().join("in-secret"));
        for folder in [&inside, &outside] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("a.txt"), "text").unwrap();
        }
        let allowed = AllowedFolders::new(std::slice::from_ref(&inside)).unwrap();
        assert_eq!(allowed.text("a.txt").as_deref(), Ok("text"));
        assert_eq!(allowed.text(inside.join("a.txt").to_str().unwrap()).as_deref(), Ok("text"));
        for path in
            ["../in-secret/a.txt", "/etc/passwd", "missing.txt", ".", "", "a.txt/../../in-secret/a.txt"]
        {
            assert!(matches!(allowed.text(path), Err(NotAllowed::Outside { .. })), "{path}");
        }
        assert!(allowed.folder(".").is_ok() && allowed.folder("..").is_err());
        assert!(AllowedFolders::default().text("a.txt").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leaves_the_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let inside = parent.path().join("in");
        fs::create_dir(&inside).unwrap();
        fs::write(parent.path().join("secret"), "x").unwrap();
        fs::write(inside.join("own"), "y").unwrap();
        std::os::unix::fs::symlink(parent.path().join("secret"), inside.join("leaves")).unwrap();
        std::os::unix::fs::symlink(inside.join("own"), inside.join("stays")).unwrap();
        let allowed = AllowedFolders::new(&[inside]).unwrap();
        assert!(allowed.text("leaves").is_err());
        assert_eq!(allowed.text("stays").as_deref(), Ok("y"));
        let (missing, leaving) = (allowed.text("nothing").unwrap_err(), allowed.text("leaves").unwrap_err());
        assert_eq!(
            missing.to_string().replace("nothing", "leaves"),
            leaving.to_string(),
            "one answer for both"
        );
    }

    #[cfg(unix)]
    #[test]
    fn c10_links_and_pipes_inside_a_result_folder_lead_nowhere() {
        let parent = tempfile::tempdir().unwrap();
        let inside = parent.path().join("in");
        fs::create_dir_all(inside.join("run/stages/review")).unwrap();
        fs::write(parent.path().join("run.sqlite"), "x").unwrap();
        let allowed = AllowedFolders::new(std::slice::from_ref(&inside)).unwrap();
        let run = allowed.folder("run").unwrap();
        assert!(allowed.databases(&run).is_ok(), "nothing is there, and nothing is opened");
        let secret = parent.path().join("run.sqlite");
        for place in ["run/run.sqlite", "run/run.sqlite-wal", "run/stages/review/run.sqlite"] {
            std::os::unix::fs::symlink(&secret, inside.join(place)).unwrap();
            assert!(matches!(allowed.databases(&run), Err(NotAllowed::Outside { .. })), "{place}");
            fs::remove_file(inside.join(place)).unwrap();
        }
        std::os::unix::fs::symlink(&secret, run.join("consensus.jsonl")).unwrap();
        assert!(allowed.lines(&run, "consensus.jsonl").is_err());
        let made = std::process::Command::new("mkfifo").arg(run.join("summary.json")).status().unwrap();
        assert!(made.success());
        assert!(allowed.lines(&run, "summary.json").is_err(), "a pipe is refused and not waited for");
    }
}
