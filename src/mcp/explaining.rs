//! The tools `explain` and `run_status`: what stands in folders of results.

use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::{Outcome, Refusal};
use super::{AllowedFolders, NotAllowed};
use crate::files::{PERSONAS, ResultError, ResultFolder, SUMMARY, named_trait};
use crate::report::{ExplanationContext, explanation};
use crate::run::{RunStatus, StatusError};

/// What `explain` is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainParameters {
    /// A run folder, or a folder of `consona consensus`, in the folders that the server may read.
    run: String,
    /// The persona's id or name, or a record's id for its first persona.
    persona: String,
    /// One trait; all when it is missing.
    #[serde(rename = "trait")]
    characteristic: Option<String>,
}

/// What `run_status` is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusParameters {
    /// A run folder, in the folders that the server may read.
    run: String,
}

/// What stands behind a persona.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Explained {
    /// The persona's id.
    persona_id: String,
    /// The traits that are explained: values, votes, weights, evidence.
    traits: Map<String, Value>,
    /// The same for a person to read.
    explanation: String,
}

/// Tells what stands behind a persona, or one of its traits.
pub(super) fn explain(allowed: &AllowedFolders, given: &ExplainParameters) -> Outcome<Explained> {
    let folder = allowed.folder(&given.run)?;
    let result = ResultFolder::new(&folder);
    let none = |error: NotAllowed| unopened("result", &given.run, &error);
    let personas = allowed.lines(&folder, PERSONAS).map_err(none)?;
    let persona = result.persona_in(personas, &given.persona).map_err(|error| unread(&given.run, &error))?;
    let mut summary = String::new();
    allowed.lines(&folder, SUMMARY).map_err(none)?.read_to_string(&mut summary)?;
    let (schema, weights) = result.panel_in(&summary).map_err(|error| unread(&given.run, &error))?;
    let only = given.characteristic.as_deref().map(|name| named_trait(&persona, name)).transpose();
    let only = only.map_err(|error| unread(&given.run, &error))?;
    let mut traits = Map::new();
    for (name, found) in persona.traits.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        let value = serde_json::to_value(found)?;
        traits.insert(name.clone(), value);
    }
    let explanation = explanation(&persona, only, &ExplanationContext { schema: &schema, weights });
    Ok(Explained { persona_id: persona.persona_id, traits, explanation })
}

/// Tells how a run stands.
pub(super) fn status(allowed: &AllowedFolders, given: &StatusParameters) -> Outcome<RunStatus> {
    let folder = allowed.folder(&given.run)?;
    allowed.databases(&folder).map_err(|error| unopened("run", &given.run, &error))?;
    RunStatus::read(&folder).map_err(|error| match error {
        StatusError::NoRun { .. } => Refusal::new(format!("there is no run in the folder `{}`", given.run)),
        other => Refusal::of(&other),
    })
}

/// Why a file inside a folder was not opened: what leads out of the folder and what is not there are one answer.
fn unopened(what: &str, run: &str, error: &NotAllowed) -> Refusal {
    match error {
        NotAllowed::Outside { .. } => Refusal::new(format!("there is no {what} in the folder `{run}`")),
        other @ NotAllowed::Unusable { .. } => Refusal::of(other),
    }
}

/// Why a result was not read, under the name that the caller gave.
fn unread(run: &str, error: &ResultError) -> Refusal {
    match error {
        ResultError::Files(_) => Refusal::new(format!("there is no result in the folder `{run}`")),
        ResultError::NoPersona { id, known, .. } => {
            Refusal::new(format!("`{run}` has no persona `{id}`; it has {known}"))
        }
        ResultError::Namesakes { name, known, .. } => {
            Refusal::new(format!("`{run}` has several personas called `{name}`: {known}; give the id"))
        }
        ResultError::Form { line, source, .. } => {
            let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            Refusal::new(format!("`{run}` is no result of consona{line}: {source}"))
        }
        other => Refusal::of(other),
    }
}
