//! A whole JSON document: a list of records, an object around such a list, or one record.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::DatasetError;
use super::json_lines::{duplicate_reason, fields};
use super::source::{Entry, Raw, Source, TextInput, aside, json_reason, read_all};
use crate::parse::strict_json::{self, DuplicateKey, Step, path_of};

/// Names under which files keep their list of records.
const WRAPPERS: [&str; 10] = [
    "records",
    "data",
    "items",
    "rows",
    "results",
    "responses",
    "participants",
    "documents",
    "personas",
    "drafts",
];

pub(super) fn open<'a>(name: &str, input: TextInput<'a>) -> Result<Source<'a>, DatasetError> {
    let text = read_all(name, input)?;
    let refuse = |reason: String| DatasetError::Json { name: name.to_owned(), reason };
    let read = strict_json::read(text.trim_start_matches('\u{feff}').trim())
        .map_err(|error| refuse(json_reason(&error)))?;
    let Found { list, depth, outer } = Found::of(read.value).map_err(refuse)?;
    let outer = Rc::new(outer);
    let single = depth == 0;
    // A duplicate key outside of all elements makes the whole document doubtful.
    if let Some(found) = read.duplicates.iter().find(|found| !single && place(found, depth).is_none()) {
        return Err(refuse(duplicate_reason(&found.key, &path_of(&found.at))));
    }
    let name = name.to_owned();
    let duplicates = read.duplicates;
    Ok(Box::new(list.into_iter().enumerate().map(move |(index, item)| {
        let number = (!single).then_some(index as u64 + 1);
        let duplicate = duplicates.iter().find(|found| single || place(found, depth) == Some(index));
        let reason = match duplicate {
            Some(found) => Err((Some(found.key.clone()), duplicate_reason(&found.key, &path_of(&found.at)))),
            None => fields(item).map_err(|reason| (None, reason)),
        };
        Ok(match reason {
            Ok(fields) => {
                let outer = Rc::clone(&outer);
                Entry::Item(Raw { place: number, fields, outer, ..Raw::default() })
            }
            Err((field, reason)) => {
                let reason = number.map_or(reason.clone(), |n| format!("element {n}: {reason}"));
                Entry::SetAside(aside(&name, None, field.as_deref(), reason))
            }
        })
    })))
}

/// The element in which a duplicate key stands, where elements are `depth` steps from the root.
fn place(found: &DuplicateKey, depth: usize) -> Option<usize> {
    match found.at.get(depth - 1) {
        Some(Step::Place(place)) => Some(*place),
        _ => None,
    }
}

/// The records of a document.
struct Found {
    list: Vec<Value>,
    /// How many steps from the root they stand: 0 for a document that is one record.
    depth: usize,
    /// What stands beside the list.
    outer: Map<String, Value>,
}

impl Found {
    fn of(value: Value) -> Result<Self, String> {
        let outer = Map::new();
        match value {
            Value::Array(items) if items.is_empty() => {
                Err("an empty list; give at least one record".to_owned())
            }
            Value::Array(items) => Ok(Self { list: items, depth: 1, outer }),
            Value::Object(mut object) => match wrapper(&object).and_then(|key| object.remove(&key)) {
                Some(Value::Array(items)) => Ok(Self { list: items, depth: 2, outer: object }),
                _ => Ok(Self { list: vec![Value::Object(object)], depth: 0, outer }),
            },
            other => Ok(Self { list: vec![Value::Object(fields(other)?)], depth: 0, outer }),
        }
    }
}

/// The field that holds the records: one of the usual names, or the only field there is.
fn wrapper(object: &Map<String, Value>) -> Option<String> {
    let holds = |value: &Value| match value {
        Value::Array(items) => {
            !items.is_empty() && items.iter().any(|item| item.is_object() || item.is_string())
        }
        _ => false,
    };
    let usual = WRAPPERS.iter().find(|key| object.get(**key).is_some_and(holds));
    let only = || object.iter().next().filter(|(_, value)| object.len() == 1 && holds(value));
    usual.map(|key| (*key).to_owned()).or_else(|| only().map(|(key, _)| key.clone()))
}
