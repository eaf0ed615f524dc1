//! What a person changes at a gate, and what follows from it.
//!
//! An edit names personas and narratives. Of a persona the traits may be named alone: `{"age": 22}`. A value that a
//! person sets is said to be theirs (`confidence_status: set_by_person`, with what it `was`), loses what the models' value rested on, and
//! is held against the persona's narrative: a sentence that rested on the old value leaves it.
//!
//! Nothing else can be set. Who described a persona, how many agreed and who wrote a narrative are facts about the
//! models; a person who could write them would put words into their mouths.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::approval::DecisionError;
use crate::consensus::{ConfidenceStatus, ConsensusPersona, TraitConsensus};
use crate::embed::StaticEmbedder;
use crate::normalise::{Reading, read};
use crate::persona::{TraitKind, TraitSchema, TraitValue};
use crate::run::study::nearest;
use crate::stages::narrative::{Checker, Claim, Narrative, Sentence, Status, Ungrounded, template};
use crate::stages::{Statement, statements};

/// What of a trait a person sets.
const OF_TRAIT: [&str; 2] = ["value", "confidence"];

/// What the models' value rested on, and a person's does not.
const OF_THE_MODELS: [&str; 4] = ["interval", "prediction_set", "evidence", "backing"];

/// The author of what a person wrote.
pub(super) const PERSON: &str = "person";

/// The form of an edit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Edit {
    personas: Map<String, Value>,
    narratives: Map<String, Value>,
}

fn wrong(reason: impl Into<String>) -> DecisionError {
    DecisionError::Edit { reason: reason.into() }
}

/// Applies an edit to `{personas: […], narratives: […]}`, all of it or nothing; every edited persona must still be
/// one, and its values such as the schema knows.
pub(super) fn apply(
    mut approved: Value,
    edit: &Value,
    schema: Option<&TraitSchema>,
) -> Result<Value, DecisionError> {
    let form = "an edit is {\"personas\": {ID: …}, \"narratives\": {ID: …}}";
    if !edit.is_object() {
        return Err(wrong(format!("it is no object; {form}")));
    }
    let edit: Edit =
        serde_json::from_value(edit.clone()).map_err(|error| wrong(format!("{error}; {form}")))?;
    if edit.personas.is_empty() && edit.narratives.is_empty() {
        return Err(wrong("it changes nothing"));
    }
    for (id, patch) in &edit.personas {
        let place = place_of(&approved, "personas", id)?;
        let before = approved["personas"][place].clone();
        if patch.is_null() {
            remove(&mut approved["personas"], place);
        } else {
            let traits = persona(&mut approved["personas"][place], id, patch, schema)?;
            let after = approved["personas"][place].clone();
            retold(&mut approved, id, &traits, (&before, &after), edit.narratives.contains_key(id))?;
            if !traits.is_empty() {
                let mut all: BTreeSet<String> =
                    serde_json::from_value(approved["edited_traits"][id].clone()).unwrap_or_default();
                all.extend(traits);
                approved["edited_traits"][id] = json!(all);
            }
        }
        noted(&mut approved, format!("personas.{id}"));
    }
    for (id, patch) in &edit.narratives {
        let place = place_of(&approved, "narratives", id)?;
        match narrative_text(id, patch)? {
            None => remove(&mut approved["narratives"], place),
            Some(text) => {
                approved["narratives"][place] = json!({"persona_id": id, "author": PERSON, "text": text});
            }
        }
        noted(&mut approved, format!("narratives.{id}"));
    }
    Ok(approved)
}

/// The text that a person gives a narrative, alone or as `{"text": …}`; nothing where it is removed. Whose words they
/// are is not theirs to say.
fn narrative_text<'a>(id: &str, patch: &'a Value) -> Result<Option<&'a str>, DecisionError> {
    let text = match patch {
        Value::Null => return Ok(None),
        Value::Object(fields) => {
            if let Some(stray) = fields.keys().find(|key| *key != "text") {
                return Err(wrong(format!(
                    "`narratives.{id}`: `{stray}` cannot be set; of a narrative only `text` can"
                )));
            }
            fields.get("text").unwrap_or(patch)
        }
        other => other,
    };
    match text.as_str() {
        Some(text) if !text.trim().is_empty() => Ok(Some(text)),
        _ => Err(wrong(format!("`narratives.{id}` is {patch}; give its text, or null to remove it"))),
    }
}

fn noted(approved: &mut Value, name: String) {
    let mut edited: Vec<String> = serde_json::from_value(approved["edited"].clone()).unwrap_or_default();
    if !edited.contains(&name) {
        edited.push(name);
    }
    approved["edited"] = json!(edited);
}

fn remove(items: &mut Value, place: usize) {
    if let Some(items) = items.as_array_mut() {
        items.remove(place);
    }
}

fn place_of(approved: &Value, kind: &str, id: &str) -> Result<usize, DecisionError> {
    let items = approved[kind].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().position(|item| item["persona_id"] == json!(id)).ok_or_else(|| {
        let known: Vec<&str> = items.iter().filter_map(|item| item["persona_id"].as_str()).collect();
        wrong(format!("there is no `{id}` among the {kind}; there are {}", known.join(", ")))
    })
}

/// Changes a persona; the traits whose value is another one then.
fn persona(
    target: &mut Value,
    id: &str,
    patch: &Value,
    schema: Option<&TraitSchema>,
) -> Result<Vec<String>, DecisionError> {
    let Some(fields) = patch.as_object().filter(|fields| !fields.is_empty()) else {
        let why = format!(
            "`personas.{id}` is {patch}; give an object such as {{\"age\": 22}}, or null to remove it"
        );
        return Err(wrong(why));
    };
    let traits: Vec<String> =
        target["traits"].as_object().map(|traits| traits.keys().cloned().collect()).unwrap_or_default();
    let mut set = Vec::new();
    for (name, value) in named(target, id, fields, &traits)? {
        set.extend(of_trait(target, (id, name), value, schema)?);
    }
    serde_json::from_value::<ConsensusPersona>(target.clone())
        .map_err(|error| wrong(format!("`{id}` would be no persona any more: {error}")))?;
    Ok(set)
}

/// The traits that an edit of a persona names, alone or under `traits`, each once.
fn named<'a>(
    target: &Value,
    id: &str,
    fields: &'a Map<String, Value>,
    traits: &[String],
) -> Result<Vec<(&'a str, &'a Value)>, DecisionError> {
    let mut all: Vec<(&str, &Value)> = Vec::new();
    for (key, value) in fields {
        if traits.contains(key) {
            all.push((key, value));
        } else if key == "traits" {
            let Some(patches) = value.as_object().filter(|patches| !patches.is_empty()) else {
                return Err(wrong(format!("`personas.{id}.traits` is {value}; give an object of traits")));
            };
            for (name, value) in patches {
                if !traits.contains(name) {
                    return Err(unknown(id, "trait", name, traits));
                }
                if fields.contains_key(name) {
                    return Err(wrong(format!("`{id}`: `{name}` is named twice, once under `traits`")));
                }
                all.push((name, value));
            }
        } else if target.get(key).is_some() {
            return Err(wrong(format!(
                "`{id}`: `{key}` says what the models did and cannot be set; an edit sets traits"
            )));
        } else {
            return Err(unknown(id, "trait", key, traits));
        }
    }
    Ok(all)
}

fn unknown(id: &str, what: &str, given: &str, known: &[String]) -> DecisionError {
    let meant = nearest(given, known.iter().map(String::as_str));
    let meant = meant
        .map_or_else(|| format!("it has {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    wrong(format!("`{id}` has no {what} `{given}`; {meant}"))
}

/// Changes a trait: by its value alone, by an object with `value` and `confidence`, or `null` to remove it. Answers its
/// name where its value is another one then.
fn of_trait(
    target: &mut Value,
    (id, name): (&str, &str),
    patch: &Value,
    schema: Option<&TraitSchema>,
) -> Result<Option<String>, DecisionError> {
    if patch.is_null() {
        if let Some(traits) = target["traits"].as_object_mut() {
            traits.remove(name);
        }
        return Ok(Some(name.to_owned()));
    }
    let fields = match patch {
        Value::Object(fields) => fields.clone(),
        value => Map::from_iter([("value".to_owned(), value.clone())]),
    };
    let found = &mut target["traits"][name];
    if let Some(stray) = fields.keys().find(|key| !OF_TRAIT.contains(&key.as_str())) {
        if found.get(stray).is_some() {
            return Err(wrong(format!(
                "`{id}.{name}`: `{stray}` says what the models did and cannot be set; of a trait `value` and `confidence` can"
            )));
        }
        return Err(unknown(&format!("{id}.{name}"), "field", stray, &OF_TRAIT.map(str::to_owned)));
    }
    if fields.is_empty() {
        return Err(wrong(format!("`{id}.{name}` is {{}}; give its value, or null to remove it")));
    }
    let value = fields.get("value").map(|given| fitting(found, (id, name), given, schema)).transpose()?;
    let value = value.filter(|value| *value != found["value"]);
    if let Some(value) = &value {
        set(found, value);
    }
    if let Some(sure) = fields.get("confidence") {
        if !sure.as_f64().is_some_and(|sure| (0.0..=1.0).contains(&sure)) {
            return Err(wrong(format!(
                "`{id}`: the confidence of `{name}` is {sure}; it must be a number from 0 to 1"
            )));
        }
        found["confidence"] = sure.clone();
        // It is the person's number now, and no longer what it was calibrated to.
        found["confidence_status"] = json!(ConfidenceStatus::SetByPerson);
    }
    Ok(value.map(|_| name.to_owned()))
}

/// A value of the trait's kind, of an ordinal trait one of its levels.
fn fitting(
    found: &Value,
    (id, name): (&str, &str),
    given: &Value,
    schema: Option<&TraitSchema>,
) -> Result<Value, DecisionError> {
    let kind = found["kind"].as_str().unwrap_or_default();
    let value = match TraitValue::from_json(given) {
        None => None,
        Some(TraitValue::Text(text)) if kind == "list" => Some(TraitValue::List(vec![text])),
        Some(TraitValue::List(_)) if kind != "list" => None,
        Some(TraitValue::Number(_)) if kind == "list" || kind == "text" => None,
        Some(TraitValue::Text(text)) if kind == "numeric" => text.parse().ok().and_then(TraitValue::number),
        Some(value) => Some(value),
    };
    let value = value.ok_or_else(|| {
        wrong(format!("`{id}`: {given} is no value of `{name}`, which is of the kind `{kind}`"))
    })?;
    let Some(definition) = schema.and_then(|schema| schema.get(name)) else { return Ok(value.to_json()) };
    match (&definition.kind, read(&value, definition)) {
        (TraitKind::Ordinal { .. }, Reading::Levels(_)) | (TraitKind::Numeric { .. }, Reading::Range(_)) => {}
        (TraitKind::Ordinal { levels }, _) => {
            let levels: Vec<&str> = levels.iter().map(|level| level.value.as_str()).collect();
            let levels = levels.join(", ");
            return Err(wrong(format!("`{id}`: {given} is no level of `{name}`; it has {levels}")));
        }
        (TraitKind::Numeric { min, max, .. }, _) => {
            let end = |bound: &Option<f64>| bound.map_or_else(|| "…".to_owned(), |bound| bound.to_string());
            let (min, max) = (end(min), end(max));
            return Err(wrong(format!("`{id}`: {given} is no `{name}`, which goes from {min} to {max}")));
        }
        _ => {}
    }
    Ok(value.to_json())
}

/// Sets a value in a person's name: it has the support of the models that said the same, nothing else of theirs.
fn set(found: &mut Value, value: &Value) {
    let same = |variant: &&Value| variant["value"] == *value;
    let held = found["variants"].as_array().into_iter().flatten().find(same);
    let support = held.and_then(|variant| variant["models"].as_array()).map_or(0, Vec::len);
    let was = found["value"].clone();
    if let Some(fields) = found.as_object_mut() {
        for field in OF_THE_MODELS {
            fields.remove(field);
        }
        // What the models said is kept from the first edit on.
        fields.entry("was").or_insert(was);
    }
    found["value"] = value.clone();
    found["support"] = json!(support);
    // A person vouches for it.
    found["confidence"] = json!(1.0);
    found["confidence_status"] = json!(ConfidenceStatus::SetByPerson);
    found["divergent"] = json!(false);
}

/// Holds a persona's narrative against its edited traits: what was cut from the traits is cut again; of what a model
/// wrote, the sentences leave that rested on a value which is no longer there.
fn retold(
    approved: &mut Value,
    id: &str,
    traits: &[String],
    (before, after): (&Value, &Value),
    rewritten: bool,
) -> Result<(), DecisionError> {
    let Ok(place) = place_of(approved, "narratives", id) else { return Ok(()) };
    let told = &mut approved["narratives"][place];
    let Ok(narrative) = serde_json::from_value::<Narrative>(told["narrative"].clone()) else { return Ok(()) };
    if traits.is_empty() || rewritten {
        return Ok(());
    }
    let read = |value: &Value| serde_json::from_value::<ConsensusPersona>(value.clone());
    let (Ok(before), Ok(after)) = (read(before), read(after)) else { return Ok(()) };
    let again = checked(&narrative, traits, &before, &as_set(after, traits))
        .map_err(|error| wrong(format!("the narrative of `{id}` cannot be held against it: {error}")))?;
    let gone = |sentence: &&Sentence| narrative.sentences.iter().any(|one| one.text == sentence.text);
    let taken: Vec<&str> = again.removed.iter().filter(gone).map(|one| one.text.as_str()).collect();
    if narrative.author.is_some() && !taken.is_empty() {
        let mut all: Vec<String> =
            serde_json::from_value(told["removed_by_edit"].clone()).unwrap_or_default();
        all.extend(taken.into_iter().map(str::to_owned));
        told["removed_by_edit"] = json!(all);
    }
    told["text"] = json!(again.text());
    told["author"] = json!(again.author);
    told["narrative"] = json!(again);
    Ok(())
}

/// A persona of which the edited traits have only the wordings of the value that was set.
fn as_set(mut persona: ConsensusPersona, traits: &[String]) -> ConsensusPersona {
    for (_, found) in persona.traits.iter_mut().filter(|(name, _)| traits.contains(name)) {
        let held: Vec<String> = match &found.value {
            TraitValue::List(items) => items.clone(),
            value => vec![value.to_string()],
        };
        found.variants.retain(|variant| held.contains(&variant.value.to_string()));
    }
    persona
}

fn checked(
    narrative: &Narrative,
    traits: &[String],
    before: &ConsensusPersona,
    after: &ConsensusPersona,
) -> Result<Narrative, crate::embed::EmbedError> {
    let embedder = StaticEmbedder::embedded()?;
    let checker = Checker::new(&embedder)?;
    let now = statements(after);
    let claims: Vec<Claim> = match narrative.author {
        None => template(&now),
        Some(_) => narrative.sentences.iter().map(claim).collect(),
    };
    let check = |claims: &[Claim], said: &[Statement]| {
        checker.check(&narrative.persona_id, narrative.author.clone(), claims, said, Ungrounded::Remove)
    };
    let mut again = check(&claims, &now)?;
    // Another trait may still say the old value in passing; the person has the last word. A trait that is gone, or a
    // text of many statements, contradicts nothing that others say.
    let contradicted: Vec<String> = traits
        .iter()
        .filter(|name| after.traits.get(*name).is_some_and(|found| found.kind != "text"))
        .cloned()
        .collect();
    let traits = contradicted.as_slice();
    let old: Vec<Statement> = statements(&only(before, traits));
    let said_before = check(&claims, &old)?;
    let rested = |sentence: &Sentence| {
        let then = narrative.sentences.iter().find(|one| one.text == sentence.text);
        let on_it = then.is_some_and(|one| one.traits.iter().any(|name| traits.contains(name)))
            || said_before.sentences.iter().any(|one| one.text == sentence.text);
        on_it && !sentence.traits.iter().any(|name| traits.contains(name))
    };
    let (gone, stay): (Vec<Sentence>, Vec<Sentence>) = again.sentences.into_iter().partition(rested);
    again.sentences = stay;
    again.removed.extend(gone.into_iter().map(|one| Sentence { status: Status::Unsupported, ..one }));
    again.removed.splice(0..0, narrative.removed.iter().cloned());
    if again.sentences.is_empty() && again.author.is_some() {
        // Nothing of the model's is left, so nothing stands under its name.
        let id = &narrative.persona_id;
        let cut = checker.check(id, None, &template(&now), &now, Ungrounded::Remove)?;
        again = Narrative { removed: again.removed, ..cut };
    }
    Ok(again)
}

fn claim(sentence: &Sentence) -> Claim {
    Claim { text: sentence.text.clone(), cited: sentence.cited.clone() }
}

fn only(persona: &ConsensusPersona, traits: &[String]) -> ConsensusPersona {
    let mut persona = persona.clone();
    persona.traits.retain(|name: &String, _: &mut TraitConsensus| traits.contains(name));
    persona
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
