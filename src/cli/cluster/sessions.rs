//! Which rows came in one sitting.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::options::ClusterOptions;
use super::vectors::{Vectors, VectorsError};
use crate::cli::error::CliError;
use crate::files::read_integers;

/// A session for every row, numbered by first appearance; every row in its own where none are named.
pub(super) fn sessions(options: &ClusterOptions, vectors: &Vectors) -> Result<Vec<usize>, CliError> {
    match &options.sessions {
        None => Ok((0..vectors.rows.nrows()).collect()),
        Some(name) if Path::new(name).extension().is_some_and(|ending| ending == "npy") => {
            Ok(numbered(read_integers(Path::new(name))?.iter().map(ToString::to_string)))
        }
        Some(_) if vectors.lines.is_empty() => Err(CliError::Usage(
            "`--sessions` must be a .npy with one integer per row where the vectors come from a .npy"
                .to_owned(),
        )),
        Some(field) => {
            let refuse = |source| CliError::Vectors { path: options.file.clone(), source };
            let names: Result<Vec<String>, VectorsError> = vectors
                .lines
                .iter()
                .enumerate()
                .map(|(place, line)| name_of(place + 1, line, field))
                .collect();
            Ok(numbered(names.map_err(refuse)?))
        }
    }
}

fn name_of(line: usize, value: &Value, field: &str) -> Result<String, VectorsError> {
    let own = value.get(field).filter(|value| !value.is_null());
    own.map(ToString::to_string).ok_or_else(|| VectorsError::NoField { line, field: field.to_owned() })
}

fn numbered(names: impl IntoIterator<Item = String>) -> Vec<usize> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    names
        .into_iter()
        .map(|name| {
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sessions_are_numbered_by_first_appearance() {
        assert_eq!(numbered(["b", "a", "b"].map(str::to_owned)), [0, 1, 0]);
        assert_eq!(name_of(1, &json!({"model": "a"}), "model").expect("there"), "\"a\"");
        let refused = name_of(3, &json!({"model": null}), "model").unwrap_err().to_string();
        assert_eq!(refused, "line 3 has no field `model`; name one that every line has");
    }
}
