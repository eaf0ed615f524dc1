//! `consona explain`: what stands behind a persona of a result.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::arguments::ExplainOptions;
use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::gate_state::{self, GateState};
use crate::consensus::ConsensusPersona;
use crate::files::{ResultFolder, named_trait};
use crate::report::{ExplanationContext, explanation, safe};
use crate::store::Store;

/// Tells everything behind a persona or one of its traits.
pub(super) fn explain(options: &ExplainOptions, console: Console) -> Result<Exit, CliError> {
    let result = ResultFolder::new(&options.result);
    let persona = approved(&options.result, result.persona(&options.persona)?, console)?;
    let only = options.characteristic.as_deref().map(|name| named_trait(&persona, name)).transpose()?;
    let (schema, weights) = result.panel()?;
    let context = ExplanationContext { schema: &schema, weights };
    let value = match only {
        Some(name) => json!(persona.traits.get(name)),
        None => json!(persona),
    };
    let replies = if options.replies { replies(&options.result, &persona, only)? } else { BTreeMap::new() };
    console.answer(
        &json!({"persona_id": persona.persona_id, "explained": value, "replies": replies}),
        || {
            let mut text = explanation(&persona, only, &context);
            for (id, reply) in &replies {
                text.extend(["\nreply ", &safe::line(id), ":\n", &safe::lines(reply), "\n"]);
            }
            text
        },
    )?;
    Ok(Exit::Done)
}

/// The persona as a person left it at the gate of the run, where one changed it.
fn approved(
    folder: &Path,
    persona: ConsensusPersona,
    console: Console,
) -> Result<ConsensusPersona, CliError> {
    let Some(gate) = GateState::read(folder)? else { return Ok(persona) };
    let Some(personas) = gate.edited() else { return Ok(persona) };
    let edited = personas.iter().find(|other| other["persona_id"] == persona.persona_id.as_str());
    if let Some(edited) = edited {
        return gate_state::persona(folder, edited);
    }
    let id = safe::line(&persona.persona_id);
    console.note(&format!("note: a person removed `{id}` at the approval; this is what the models say"));
    Ok(persona)
}

/// The stored replies that the votes came from, by their ids.
fn replies(
    folder: &Path,
    persona: &ConsensusPersona,
    only: Option<&str>,
) -> Result<BTreeMap<String, String>, CliError> {
    let store = Store::read(folder)?;
    let mut replies = BTreeMap::new();
    let traits = persona.traits.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
    for said in traits.flat_map(|(_, found)| &found.variants).flat_map(|variant| &variant.said) {
        if !replies.contains_key(&said.origin)
            && let Some(reply) = store.reply(&said.origin)?
        {
            replies.insert(said.origin.clone(), reply);
        }
    }
    Ok(replies)
}
