//! What stages leave behind, as files of the run folder.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::files::{FilesError, create_folder, write_file};

/// The folder in the run folder.
const FOLDER: &str = "artefacts";

/// An artefact that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtefactError {
    /// It cannot be read.
    #[error("`{}` cannot be read; was the run folder changed by hand?", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what it was.
    #[error("`{}` is not what a stage wrote", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] FilesError),
    /// It has no JSON form.
    #[error("what a stage made has no JSON form")]
    Json(#[source] serde_json::Error),
}

/// Where an artefact stands. Drafts and personas are the run's own files.
#[must_use]
pub fn path(folder: &Path, name: &str) -> PathBuf {
    match name {
        "drafts" => folder.join("drafts.jsonl"),
        "personas" => folder.join("consensus.jsonl"),
        "report" => folder.join("report.md"),
        other => folder.join(FOLDER).join(format!("{}.json", file_name(other))),
    }
}

/// A name as the name of a file: no separators, nothing hidden.
fn file_name(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect();
    if safe.is_empty() { "artefact".to_owned() } else { safe }
}

/// Whether it is there.
#[must_use]
pub fn exists(folder: &Path, name: &str) -> bool {
    path(folder, name).is_file()
}

/// A hash of its bytes; `None` when it is not there.
#[must_use]
pub fn hash(folder: &Path, name: &str) -> Option<String> {
    let bytes = std::fs::read(path(folder, name)).ok()?;
    Some(blake3::hash(&bytes).to_hex()[..16].to_owned())
}

/// Writes an artefact, whole or not at all.
///
/// # Errors
/// [`ArtefactError`].
pub fn put<T: Serialize>(folder: &Path, name: &str, value: &T) -> Result<PathBuf, ArtefactError> {
    let path = path(folder, name);
    create_folder(&folder.join(FOLDER))?;
    let mut text = serde_json::to_vec_pretty(value).map_err(ArtefactError::Json)?;
    text.push(b'\n');
    write_file(&path, &text)?;
    Ok(path)
}

/// Reads an artefact; of JSON lines, all lines as a list.
///
/// # Errors
/// [`ArtefactError`].
pub fn get<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, ArtefactError> {
    let path = path(folder, name);
    let text = std::fs::read_to_string(&path)
        .map_err(|source| ArtefactError::Read { path: path.clone(), source })?;
    let read = if path.extension().is_some_and(|ending| ending == "jsonl") {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str::<Value>);
        lines.collect::<Result<Vec<_>, _>>().and_then(|lines| serde_json::from_value(Value::Array(lines)))
    } else if path.extension().is_some_and(|ending| ending == "md") {
        serde_json::from_value(Value::String(text))
    } else {
        serde_json::from_str(&text)
    };
    read.map_err(|source| ArtefactError::Form { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_artefact_stays_in_its_folder_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let written = put(folder.path(), "../../x", &json!([1])).unwrap();
        assert_eq!(written, folder.path().join("artefacts/------x.json"));
        assert_eq!(get::<Value>(folder.path(), "../../x").unwrap(), json!([1]));
        std::fs::write(folder.path().join("consensus.jsonl"), "{\"a\":1}\n\n{\"a\":2}\n").unwrap();
        assert_eq!(get::<Value>(folder.path(), "personas").unwrap(), json!([{"a": 1}, {"a": 2}]));
        assert_eq!((exists(folder.path(), "review"), hash(folder.path(), "review")), (false, None));
    }
}
