//! The folder of a result, read back: its personas and what is known about its panel.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::FilesError;
use crate::consensus::ConsensusPersona;
use crate::persona::{ModelName, TraitSchema};
use crate::run::nearest;

/// A result that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// A file of the result is missing.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file of the result cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the result is not what consona writes.
    #[error("`{}`{} is no result of consona; give a run folder or its consensus.jsonl, or derive it again with `consona consensus RUN \
         --recompute`", path.display(), at(*line))]
    Form {
        /// Which file.
        path: PathBuf,
        /// The line, from 1, in a file that has one result per line.
        line: Option<usize>,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// No persona has that id or that name.
    #[error("`{}` has no persona `{id}`; it has {known}", path.display())]
    NoPersona {
        /// The file of personas.
        path: PathBuf,
        /// The id or the name that was asked for.
        id: String,
        /// The first that there are, by id and name.
        known: String,
    },
    /// Several personas have that name.
    #[error("`{}` has several personas called `{name}`: {known}; give the id", path.display())]
    Namesakes {
        /// The file of personas.
        path: PathBuf,
        /// The name that was asked for.
        name: String,
        /// The first of them, by id.
        known: String,
    },
    /// The persona has no such trait.
    #[error("`{id}` has no trait `{name}`{meant}; it has `{known}`")]
    NoTrait {
        /// The persona's id.
        id: String,
        /// The trait that was asked for.
        name: String,
        /// The one that was probably meant, as a question; or nothing.
        meant: String,
        /// The traits that there are.
        known: String,
    },
}

/// The file of personas.
pub(crate) const PERSONAS: &str = "consensus.jsonl";

/// The file of the summary.
pub(crate) const SUMMARY: &str = "summary.json";

/// Personas that an error names, at most.
const NAMED: usize = 5;

/// The folder of a result: of a run, or of drafts that were merged.
#[derive(Clone, Debug)]
pub struct ResultFolder(PathBuf);

impl ResultFolder {
    /// The result in a folder; nothing is read yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The persona of that id; of a record's id, the record's first; else the only one of that name, case aside.
    ///
    /// # Errors
    /// [`ResultError`] when there is none, several have the name, or the personas cannot be read.
    pub fn persona(&self, id: &str) -> Result<ConsensusPersona, ResultError> {
        if !self.0.exists() {
            return Err(FilesError::NoResult { path: self.0.clone() }.into());
        }
        let path = self.0.join(PERSONAS);
        let file = File::open(&path).map_err(|source| unreadable(&path, source))?;
        self.persona_in(BufReader::new(file), id)
    }

    /// The same, out of a file of personas that somebody else has opened.
    ///
    /// # Errors
    /// As [`Self::persona`].
    pub(crate) fn persona_in(&self, file: impl BufRead, id: &str) -> Result<ConsensusPersona, ResultError> {
        let path = self.0.join(PERSONAS);
        let refuse = |source| unreadable(&path, source);
        let (mut first, mut named, mut count) = (Vec::new(), Vec::new(), 0);
        for (number, line) in (1..).zip(file.lines()) {
            let read = serde_json::from_str(&line.map_err(refuse)?);
            let form = |source| ResultError::Form { path: path.clone(), line: Some(number), source };
            let persona: ConsensusPersona = read.map_err(form)?;
            if persona.persona_id == id || persona.record.as_str() == id {
                return Ok(persona);
            }
            count += 1;
            let name = persona.traits.get("name").map(|name| name.value.to_string()).unwrap_or_default();
            if first.len() < NAMED {
                let called = if name.is_empty() { String::new() } else { format!(" ({name})") };
                first.push(format!("`{}`{called}", persona.persona_id));
            }
            if named.len() < NAMED && !name.is_empty() && name.to_lowercase() == id.trim().to_lowercase() {
                named.push(persona);
            }
        }
        let more = if count > first.len() { ", …" } else { "" };
        match named.len() {
            0 => Err(ResultError::NoPersona { path, id: id.to_owned(), known: first.join(", ") + more }),
            1 => Ok(named.remove(0)),
            _ => {
                let known: Vec<String> = named.iter().map(|one| format!("`{}`", one.persona_id)).collect();
                Err(ResultError::Namesakes { path, name: id.to_owned(), known: known.join(", ") })
            }
        }
    }

    /// The traits of the personas, and how far each model was trusted.
    ///
    /// # Errors
    /// [`ResultError`] when the summary cannot be read.
    pub fn panel(&self) -> Result<(TraitSchema, BTreeMap<ModelName, f64>), ResultError> {
        let path = self.0.join(SUMMARY);
        let text = std::fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
        self.panel_in(&text)
    }

    /// The same, out of a summary that somebody else has read.
    ///
    /// # Errors
    /// As [`Self::panel`].
    pub(crate) fn panel_in(
        &self,
        text: &str,
    ) -> Result<(TraitSchema, BTreeMap<ModelName, f64>), ResultError> {
        let path = self.0.join(SUMMARY);
        let summary: Value = serde_json::from_str(text).map_err(|source| ResultError::Form {
            path: path.clone(),
            line: None,
            source,
        })?;
        let schema = TraitSchema::from_json(&summary["schema"].to_string())
            .unwrap_or_else(|_| TraitSchema::default_persona());
        Ok((schema, weights(&summary)))
    }
}

/// The name of a persona's trait, given as it is stored (`tech_savviness`) or as it is shown (`tech savviness`).
///
/// # Errors
/// [`ResultError::NoTrait`] with the one that was probably meant.
pub fn named_trait<'p>(persona: &'p ConsensusPersona, given: &str) -> Result<&'p str, ResultError> {
    let stored = given.trim().to_lowercase().replace([' ', '-'], "_");
    let names = || persona.traits.keys().map(String::as_str);
    let same = |name: &&str| *name == given || name.to_lowercase() == stored;
    names().find(same).ok_or_else(|| ResultError::NoTrait {
        id: persona.persona_id.clone(),
        name: given.to_owned(),
        meant: nearest(&stored, names()).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default(),
        known: names().collect::<Vec<_>>().join("`, `"),
    })
}

/// The line in words, for messages.
fn at(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line},")).unwrap_or_default()
}

fn unreadable(path: &Path, source: std::io::Error) -> ResultError {
    match source.kind() {
        ErrorKind::NotFound => FilesError::NoResult { path: path.to_owned() }.into(),
        _ => ResultError::Read { path: path.to_owned(), source },
    }
}

fn weights(summary: &Value) -> BTreeMap<ModelName, f64> {
    let members = summary["panel"].as_array().map(Vec::as_slice).unwrap_or_default();
    members
        .iter()
        .filter_map(|member| {
            Some((ModelName::new(member["model"].as_str()?).ok()?, member["weight"].as_f64()?))
        })
        .collect()
}
