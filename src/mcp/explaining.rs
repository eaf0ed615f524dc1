//! The tools `explain` and `run_status`: what stands in folders of results.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AllowedFolders;
use super::answer::{Outcome, Refusal};
use crate::files::{ResultError, ResultFolder, named_trait};
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
    let result = ResultFolder::new(&allowed.folder(&given.run)?);
    let persona = result.persona(&given.persona).map_err(|error| unread(&given.run, &error))?;
    let (schema, weights) = result.panel().map_err(|error| unread(&given.run, &error))?;
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
    RunStatus::read(&allowed.folder(&given.run)?).map_err(|error| match error {
        StatusError::NoRun { .. } => Refusal::new(format!("there is no run in the folder `{}`", given.run)),
        other => Refusal::of(&other),
    })
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
        other => Refusal::of(other),
    }
}
