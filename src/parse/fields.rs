//! A JSON object becomes traits under the schema's names, with alternatives, reasons and evidence.
//!
//! Models and tools write the same thing in many shapes: a list as one text, an age as
//! `{"min": 25, "max": 30}`, half of the traits inside `demographics`. Shapes that leave no doubt
//! are read; others are violations with path, value and what was expected. Values themselves stay
//! raw: whether `late 20s` is an age is not decided here.

use serde_json::{Map, Value};

use super::shape::{self, shorten};
use super::{Notice, ParsedPersona, Violation};
use crate::persona::{TraitSchema, TraitValue, key_of};

/// Names that say who, when and how sure, and nothing about the persona.
const METADATA: [&str; 12] = [
    "id",
    "personaid",
    "uuid",
    "record",
    "recordid",
    "model",
    "sample",
    "part",
    "position",
    "confidence",
    "source",
    "origin",
];
/// Names longer than this, in characters, are no names of traits.
const LONGEST_NAME: usize = 120;

/// A persona as it was read, with everything that could not be.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// What was understood.
    pub(crate) persona: ParsedPersona,
    /// Traits that could not be read; they are missing from `persona`.
    pub(crate) violations: Vec<Violation>,
    /// What was left out or read with good will.
    pub(crate) notices: Vec<Notice>,
}

/// Reads an object; `path` is its place in the answer.
pub(crate) fn read(schema: &TraitSchema, object: &Map<String, Value>, path: &str) -> Fields {
    let mut reader = Reader { schema, fields: Fields::default() };
    // A trait's own name is heard before its other names.
    let aliased = |key: &str| schema.get(key).is_some_and(|known| key_of(&known.name) != key_of(key));
    let (others, own): (Vec<_>, Vec<_>) = object.iter().partition(|(key, _)| aliased(key));
    for (key, value) in own.into_iter().chain(others) {
        let path = join(path, key);
        if !reader.sidecar(key, value, &path) {
            reader.entry(key, value, &path, true);
        }
    }
    reader.fields
}

pub(super) fn join(path: &str, key: &str) -> String {
    let key = key.escape_debug();
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

struct Reader<'a> {
    schema: &'a TraitSchema,
    fields: Fields,
}

impl Reader<'_> {
    /// A trait's name in the result: the schema's, else one that is there already, else as written.
    fn name(&self, key: &str) -> String {
        if let Some(known) = self.schema.get(key) {
            return known.name.clone();
        }
        let wanted = key_of(key);
        let present = self.fields.persona.traits.keys().find(|name| key_of(name) == wanted);
        present.cloned().unwrap_or_else(|| key.trim().to_owned())
    }

    fn notice(&mut self, path: &str, message: impl Into<String>) {
        self.fields.notices.push(Notice { path: path.to_owned(), message: message.into() });
    }

    /// Reads one field as a trait, or as an object around traits when it stands at the top.
    fn entry(&mut self, key: &str, value: &Value, path: &str, top: bool) {
        let known = self.schema.get(key);
        if known.is_none() && METADATA.contains(&key_of(key).as_str()) {
            return;
        }
        if !is_name(key) {
            let (path, found) = (path.to_owned(), shorten(&Value::String(key.to_owned())));
            let expected = format!("a trait name of at most {LONGEST_NAME} characters with a letter in it");
            self.fields.violations.push(Violation { path, found, expected });
            return;
        }
        match value {
            Value::Object(inner) if known.is_none() && top && !inner.contains_key("value") => {
                for (leaf, value) in inner {
                    self.entry(leaf, value, &join(path, leaf), false);
                }
            }
            _ => match shape::value(known.map(|known| &known.kind), value, path) {
                Ok(Some(value)) => self.insert(key, value, path),
                Ok(None) => {}
                Err(violation) => self.fields.violations.push(violation),
            },
        }
    }

    /// The first value stands; lists grow together.
    fn insert(&mut self, key: &str, value: TraitValue, path: &str) {
        let name = self.name(key);
        let Some(first) = self.fields.persona.traits.get_mut(&name) else {
            self.fields.persona.traits.insert(name, value);
            return;
        };
        let is_list = |value: &TraitValue| matches!(value, TraitValue::List(_));
        if *first == value {
            return;
        }
        if is_list(first) || is_list(&value) {
            let mut items = items_of(first.clone());
            for item in items_of(value) {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            *first = TraitValue::List(items);
            self.notice(path, format!("joined to `{name}`, which was given before"));
        } else {
            let message = format!("left out: `{name}` was given before, as `{}`", brief(first));
            self.notice(path, message);
        }
    }

    /// Reads what goes beside the traits; says whether the field was such a thing.
    fn sidecar(&mut self, key: &str, value: &Value, path: &str) -> bool {
        if self.schema.get(key).is_some() {
            return false;
        }
        match (key_of(key).as_str(), value) {
            (_, Value::Null) => {}
            ("alternatives", Value::Object(object)) => self.alternatives(object, path),
            ("reasons" | "reasoning", Value::Object(object)) => self.reasons(object, path),
            ("evidence", Value::Array(items)) => self.evidence_list(items, path),
            ("evidence", Value::Object(object)) => self.evidence_map(object, path),
            ("alternatives" | "reasons" | "reasoning" | "reason" | "rationale" | "evidence", _) => {
                self.notice(path, format!("left out: {} does not say of which trait", shorten(value)));
            }
            _ => return false,
        }
        true
    }

    fn alternatives(&mut self, object: &Map<String, Value>, path: &str) {
        for (key, value) in object {
            let kind = self.schema.get(key).map(|known| &known.kind);
            let single = [value.clone()];
            let items = value.as_array().map_or(&single[..], Vec::as_slice);
            let mut read = Vec::new();
            for (place, item) in items.iter().enumerate() {
                match shape::value(kind, item, &format!("{}[{place}]", join(path, key))) {
                    Ok(value) => read.extend(value),
                    Err(violation) => self.notice(&violation.path, format!("left out: {violation}")),
                }
            }
            if !read.is_empty() {
                let name = self.name(key);
                self.fields.persona.alternatives.entry(name).or_default().extend(read);
            }
        }
    }

    fn reasons(&mut self, object: &Map<String, Value>, path: &str) {
        for (key, value) in object {
            match shape::text(value) {
                Some(text) if !text.trim().is_empty() => {
                    let name = self.name(key);
                    self.fields.persona.reasons.entry(name).or_insert(text);
                }
                None if !value.is_null() => {
                    self.notice(&join(path, key), format!("left out: {} is no text", shorten(value)));
                }
                _ => {}
            }
        }
    }

    fn evidence_list(&mut self, items: &[Value], path: &str) {
        for (place, item) in items.iter().enumerate() {
            let path = format!("{path}[{place}]");
            match item.get("trait").and_then(Value::as_str) {
                Some(key) => self.evidence(key, item, &path),
                None => self.notice(&path, "left out: no `trait` says what it is evidence of"),
            }
        }
    }

    fn evidence_map(&mut self, object: &Map<String, Value>, path: &str) {
        for (key, value) in object {
            let single = [value.clone()];
            for item in value.as_array().map_or(&single[..], Vec::as_slice) {
                self.evidence(key, item, &join(path, key));
            }
        }
    }

    fn evidence(&mut self, key: &str, item: &Value, path: &str) {
        match shape::evidence(item) {
            Some(evidence) => {
                let name = self.name(key);
                self.fields.persona.evidence.entry(name).or_default().push(evidence);
            }
            None if item.is_null() => {}
            None => self.notice(path, format!("left out: no `quote` in {}", shorten(item))),
        }
    }
}

fn is_name(key: &str) -> bool {
    !key_of(key).is_empty() && key.chars().count() <= LONGEST_NAME && !key.chars().any(char::is_control)
}

fn items_of(value: TraitValue) -> Vec<String> {
    match value {
        TraitValue::List(items) => items,
        other => vec![other.to_string()],
    }
}

fn brief(value: &TraitValue) -> String {
    value.to_string().chars().filter(|c| !c.is_control()).take(60).collect()
}
