//! What the stages after the consensus work with.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::artefacts::{self, ArtefactError};
use super::questions::{Answers, CallFigures, Missing};
use super::walk::Ended;
use crate::consensus::ConsensusPersona;
use crate::embed::Embedder;
use crate::persona::RecordId;
use crate::run::Study;

/// What the stages after the consensus work with.
#[derive(Debug)]
pub struct Material {
    /// The run folder.
    pub folder: PathBuf,
    /// What was asked.
    pub study: Study,
    /// The rows of the input: id and everything that can be read in it.
    pub rows: Vec<(String, String)>,
    /// What compares meanings.
    pub embedder: Arc<dyn Embedder>,
}

impl Material {
    /// The personas as the consensus left them, in their order.
    ///
    /// # Errors
    /// [`ArtefactError`].
    pub fn personas(&self) -> Result<Vec<ConsensusPersona>, ArtefactError> {
        artefacts::get(&self.folder, "personas")
    }

    /// An artefact of another stage; `Null` where there is none.
    ///
    /// # Errors
    /// [`ArtefactError`] for one that is there and cannot be read.
    pub fn artefact(&self, name: &str) -> Result<Value, ArtefactError> {
        if artefacts::exists(&self.folder, name) {
            artefacts::get(&self.folder, name)
        } else {
            Ok(Value::Null)
        }
    }

    /// Where an artefact stands, for people.
    #[must_use]
    pub fn shown(&self, name: &str) -> String {
        artefacts::path(&self.folder, name).display().to_string()
    }
}

/// The personas of each record together, in order.
pub(super) fn by_record(personas: Vec<ConsensusPersona>) -> Vec<(RecordId, Vec<ConsensusPersona>)> {
    let mut groups: Vec<(RecordId, Vec<ConsensusPersona>)> = Vec::new();
    for persona in personas {
        match groups.last_mut() {
            Some((record, group)) if *record == persona.record => group.push(persona),
            _ => groups.push((persona.record.clone(), vec![persona])),
        }
    }
    groups
}

/// Why a stage ended without its answers: it was stopped, or there are too few; `None` when it may go on.
pub(super) fn unanswered(answers: &Answers, asked: usize) -> Option<Ended> {
    if let Some(limit) = answers.interrupted {
        return Some(Ended::Interrupted { limit });
    }
    if answers.enough || asked == 0 {
        return None;
    }
    let missing: Vec<String> =
        answers.missing.iter().take(5).map(|one| format!("{}: {}", one.id, one.error)).collect();
    let more = answers.missing.len().saturating_sub(missing.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let answered = asked - answers.missing.len();
    Some(Ended::Failed {
        error: format!("{answered} of {asked} questions were answered; {}{more}", missing.join("; ")),
        output: said(&answers.figures, &answers.missing),
        too_few: true,
    })
}

/// The part of a stage's output that tells about its calls.
pub(super) fn said(figures: &CallFigures, missing: &[Missing]) -> Value {
    json!({ "calls": figures, "missing": missing })
}

/// A failure that has nothing to do with models.
pub(super) fn failed(error: &dyn std::error::Error) -> Ended {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    Ended::Failed { error: text, output: Value::Null, too_few: false }
}
