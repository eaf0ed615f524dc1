//! The folders that a caller may have files read from.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of one file at most.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// A path that a caller may not have read, or that cannot be read. What is outside and what is not there are one
/// answer, so that nobody can look for files by asking.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// Not in an allowed folder, or not there, or a folder where a file is wanted.
    #[error("`{path}` is no {what} in the folders that this server may read: {allowed}")]
    Outside {
        /// The path, as the caller gave it.
        path: String,
        /// What was wanted: a file or a folder.
        what: &'static str,
        /// The folders that there are.
        allowed: String,
    },
    /// Longer than 16 MiB, or not UTF-8.
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

    /// The path without links and `..`, where it then still lies in an allowed folder.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let resolved = self.0.iter().filter_map(|folder| fs::canonicalize(folder.join(path)).ok());
        resolved.into_iter().find(|found| self.holds(found))
    }

    fn holds(&self, path: &Path) -> bool {
        self.0.iter().any(|folder| path.starts_with(folder))
    }

    fn outside(&self, path: &str, what: &'static str) -> NotAllowed {
        let folders: Vec<String> = self.0.iter().map(|folder| format!("`{}`", folder.display())).collect();
        let allowed = if folders.is_empty() { "there are none".to_owned() } else { folders.join(", ") };
        NotAllowed::Outside { path: shown(path), what, allowed }
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
}
