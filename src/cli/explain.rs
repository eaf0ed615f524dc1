//! `consona explain`: what stands behind a persona of a result.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::ExplainOptions;
use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use crate::consensus::ConsensusPersona;
use crate::files::FilesError;
use crate::persona::{ModelName, TraitSchema};
use crate::report::{ExplanationContext, explanation, safe};
use crate::store::Store;

/// Tells everything behind a persona or one of its traits.
pub(super) fn explain(options: &ExplainOptions, console: Console) -> Result<Exit, CliError> {
    let persona = find(&options.result, &options.persona)?;
    if let Some(name) = &options.characteristic
        && !persona.traits.contains_key(name)
    {
        let known: Vec<&str> = persona.traits.keys().map(String::as_str).collect();
        let (id, known) = (&persona.persona_id, known.join("`, `"));
        return Err(CliError::Usage(format!("`{id}` has no trait `{name}`; it has `{known}`")));
    }
    let summary: Value = serde_json::from_str(&inputs::text(&options.result.join("summary.json"))?)?;
    let schema = TraitSchema::from_json(&summary["schema"].to_string())
        .unwrap_or_else(|_| TraitSchema::default_persona());
    let context = ExplanationContext { schema: &schema, weights: weights(&summary) };
    let only = options.characteristic.as_deref();
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

/// The persona of that id; of a record's id, the record's first.
fn find(folder: &Path, id: &str) -> Result<ConsensusPersona, CliError> {
    let path = folder.join("consensus.jsonl");
    let refuse = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => CliError::Files(FilesError::NotFound { path: path.clone() }),
        _ => CliError::Read { path: path.clone(), source },
    };
    let file = BufReader::new(File::open(&path).map_err(refuse)?);
    let mut first = Vec::new();
    for line in file.lines() {
        let persona: ConsensusPersona = serde_json::from_str(&line.map_err(refuse)?)?;
        if persona.persona_id == id || persona.record.as_str() == id {
            return Ok(persona);
        }
        if first.len() < 5 {
            first.push(persona.persona_id);
        }
    }
    let known = first.join("`, `");
    Err(CliError::Usage(format!("`{}` has no persona `{id}`; it has `{known}`, …", path.display())))
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
