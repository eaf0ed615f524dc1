//! What a person said about a run: approved, perhaps with edits; rejected; or nothing yet.

use std::path::Path;

use serde_json::Value;

use super::error::CliError;
use crate::consensus::ConsensusPersona;
use crate::files::ResultError;
use crate::run::stages::approval::APPROVED;
use crate::run::stages::artefacts;
use crate::store::{StageStatus, Store, StoredStage};

/// How the last gate of a run stands.
#[derive(Debug)]
pub(super) struct GateState {
    stage: String,
    said: Said,
}

#[derive(Debug)]
enum Said {
    Waiting,
    Rejected {
        reason: Option<String>,
    },
    Approved,
    /// Approved with edits: the personas as a person left them, and what was edited.
    Edited {
        personas: Vec<Value>,
        edits: Vec<String>,
    },
}

impl GateState {
    /// The state of a run folder; `None` for a result without a gate, or whose gate was not reached.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, CliError> {
        if !Store::exists(folder) {
            return Ok(None);
        }
        let stages = Store::read(folder)?.stages()?;
        let of = |status| stages.iter().find(|stage| stage.status == status);
        let decided =
            |stage: &&StoredStage| stage.output["decisions"].as_array().is_some_and(|all| !all.is_empty());
        let closed = of(StageStatus::Rejected).or_else(|| of(StageStatus::Waiting));
        let Some(stage) = closed.or_else(|| stages.iter().rev().find(decided)) else { return Ok(None) };
        let said = match stage.status {
            StageStatus::Rejected => Said::Rejected { reason: stage.error.clone() },
            StageStatus::Waiting => Said::Waiting,
            StageStatus::Completed => approved(folder)?,
            _ => return Ok(None),
        };
        Ok(Some(Self { stage: stage.name.clone(), said }))
    }

    /// The personas that a person approved, where they are not those of the models.
    pub(super) fn edited(&self) -> Option<&[Value]> {
        match &self.said {
            Said::Edited { personas, .. } => Some(personas),
            _ => None,
        }
    }

    /// What somebody who takes the result should know; nothing where it was approved as it is.
    pub(super) fn notice(&self) -> Option<String> {
        let stage = &self.stage;
        Some(match &self.said {
            Said::Approved => return None,
            Said::Waiting => {
                format!("`{stage}` still waits for a person: nobody has approved these personas")
            }
            Said::Rejected { reason } => {
                let why = reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                format!("a person rejected these personas at `{stage}`{why}")
            }
            Said::Edited { edits, .. } => {
                format!(
                    "these are the personas as a person approved them at `{stage}`, with edits: {}",
                    edits.join("; ")
                )
            }
        })
    }
}

fn approved(folder: &Path) -> Result<Said, CliError> {
    if !artefacts::exists(folder, APPROVED) {
        return Ok(Said::Approved);
    }
    let approved: Value = artefacts::get(folder, APPROVED)?;
    let touched = approved["edited"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let touched: Vec<&str> = touched.filter_map(|name| name.strip_prefix("personas.")).collect();
    if touched.is_empty() {
        return Ok(Said::Approved);
    }
    let personas = approved["personas"].as_array().cloned().unwrap_or_default();
    let edits = touched.iter().map(|id| edit_of(&personas, id, &approved["edited_traits"][*id])).collect();
    Ok(Said::Edited { personas, edits })
}

fn edit_of(personas: &[Value], id: &str, traits: &Value) -> String {
    let Some(persona) = personas.iter().find(|persona| persona["persona_id"] == *id) else {
        return format!("{id} is removed");
    };
    let named = |name: &str| match &persona["traits"][name]["value"] {
        Value::Null => format!("{name} is removed"),
        Value::String(text) => format!("{name} is {text}"),
        value => format!("{name} is {value}"),
    };
    let traits: Vec<String> =
        traits.as_array().into_iter().flatten().filter_map(Value::as_str).map(named).collect();
    if traits.is_empty() { format!("{id} is changed") } else { format!("of {id} {}", traits.join(", ")) }
}

/// A persona as it stands in the approved artefact.
pub(super) fn persona(folder: &Path, value: &Value) -> Result<ConsensusPersona, CliError> {
    serde_json::from_value(value.clone()).map_err(|source| {
        let path = artefacts::path(folder, APPROVED);
        CliError::Result(ResultError::Form { path, line: None, source })
    })
}
