//! Paths become open inputs, in an order that does not depend on the file system.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::FilesError;
use crate::dataset::{ENDINGS, Format};

/// What a folder is searched for, in words.
#[must_use]
pub fn endings() -> String {
    let mut endings: Vec<String> = ENDINGS.iter().map(|(ending, _)| format!(".{ending}")).collect();
    let last = endings.pop().unwrap_or_default();
    format!("{} and {last}", endings.join(", "))
}

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// The name in messages and origins: the path as it was given, `-` for standard input.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => path.to_string_lossy().into_owned(),
        }
    }

    /// The format that the name announces.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        Format::from_name(&self.name())
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`FilesError::Io`] with the path and what the system says.
    pub fn open(&self) -> Result<Box<dyn Read>, FilesError> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin().lock())),
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(source) => Err(FilesError::Io { path: path.clone(), action: "read", source }),
            },
        }
    }
}

/// Expands paths to inputs: `-` is standard input, files stand as given, and of folders every file
/// with a known ending, down all levels, sorted by name.
///
/// Hidden files and folders are left out, and a folder that was entered already (by a symbolic
/// link, perhaps to its own parent) is not entered again.
///
/// # Errors
/// [`FilesError`] names the path that does not exist, cannot be read or holds nothing to read.
pub fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, FilesError> {
    if paths.is_empty() {
        return Err(FilesError::Nothing);
    }
    let count = paths.iter().filter(|path| is_stdin(path)).count();
    if count > 1 {
        return Err(FilesError::StdinTwice { count });
    }
    let mut found = Vec::new();
    let mut entered = BTreeSet::new();
    for path in paths {
        if is_stdin(path) {
            found.push(Input::Stdin);
            continue;
        }
        let kind = fs::metadata(path).map_err(|error| refuse(path, error))?;
        if kind.is_dir() {
            let before = found.len();
            walk(path, &mut entered, &mut found, &mut Vec::new())?;
            if found.len() == before {
                return Err(FilesError::NoInput { path: path.clone(), endings: endings() });
            }
        } else {
            found.push(Input::File(path.clone()));
        }
    }
    Ok(found)
}

/// The files of folders that [`inputs`] leaves out for their endings, in its order. Hidden ones do not count; a folder
/// that cannot be read is told about by whoever reads it.
#[must_use]
pub fn unread(paths: &[PathBuf]) -> Vec<PathBuf> {
    let (mut left, mut entered) = (Vec::new(), BTreeSet::new());
    for path in paths.iter().filter(|path| !is_stdin(path) && path.is_dir()) {
        let _ = walk(path, &mut entered, &mut Vec::new(), &mut left);
    }
    left
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn refuse(path: &Path, source: io::Error) -> FilesError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => FilesError::NotFound { path },
        _ => FilesError::Io { path, action: "read", source },
    }
}

fn walk(
    folder: &Path,
    entered: &mut BTreeSet<PathBuf>,
    found: &mut Vec<Input>,
    left: &mut Vec<PathBuf>,
) -> Result<(), FilesError> {
    let real = folder.canonicalize().map_err(|error| refuse(folder, error))?;
    if !entered.insert(real) {
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(|error| refuse(folder, error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| refuse(folder, error))?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        // A link that leads nowhere is no input; a folder may well hold one.
        let Ok(kind) = fs::metadata(&path) else { continue };
        if kind.is_dir() {
            walk(&path, entered, found, left)?;
        } else if kind.is_file() {
            match Format::from_name(&name) {
                Some(_) => found.push(Input::File(path)),
                None => left.push(path),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_order_of_name_without_hidden_files_and_loops() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        fs::create_dir_all(root.join("b/inner")).expect("created");
        fs::create_dir(root.join(".git")).expect("created");
        for name in ["c.txt", "a.md", "b/z.jsonl", "b/inner/y.csv", ".hidden.md", ".git/x.md", "image.png"] {
            fs::write(root.join(name), "x").expect("written");
        }
        #[cfg(unix)]
        for (target, link) in [(root, "b/loop"), (Path::new("/nowhere"), "dead.md")] {
            std::os::unix::fs::symlink(target, root.join(link)).expect("linked");
        }
        let found = inputs(&[root.to_owned()]).expect("readable");
        let names: Vec<String> = found
            .iter()
            .map(|input| input.name().trim_start_matches(&root.to_string_lossy().into_owned()).to_owned())
            .collect();
        assert_eq!(names, ["/a.md", "/b/inner/y.csv", "/b/z.jsonl", "/c.txt"]);
        assert_eq!(unread(&[root.to_owned()]), [root.join("image.png")], "what is left out is known");
    }

    #[test]
    fn paths_that_lead_nowhere_are_named() {
        let error = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            inputs(&paths).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(
            error(&["no/such.csv"]),
            Err("`no/such.csv` does not exist; check the path (`-` means standard input)".to_owned())
        );
        assert_eq!(
            error(&["-", "-"]),
            Err("standard input (`-`) was given 2 times; it can be read once".to_owned())
        );
        assert!(error(&[]).is_err());
        let empty = tempfile::tempdir().expect("temporary folder");
        let error = inputs(&[empty.path().to_owned()]).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("has no file ending in .csv, .tsv, .tab, .json") && error.ends_with(" and .text"),
            "{error}"
        );
    }
}
