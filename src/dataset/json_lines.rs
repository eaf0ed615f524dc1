//! One JSON value per line; a broken line costs that line.

use std::io::{self, BufRead, Read};

use serde_json::{Map, Value};

use super::source::{Entry, Raw, Source, TextInput, aside, failure, json_reason};
use crate::parse::strict_json::{self, path_of};

/// A line longer than this is no record, and reading it would be a way to fill the memory.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

pub(super) fn open<'a>(name: &str, mut input: TextInput<'a>) -> Source<'a> {
    let name = name.to_owned();
    let mut number = 0;
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        while !ended {
            number += 1;
            match next_line(&mut input) {
                Ok(None) => ended = true,
                Ok(Some(line)) if line.trim().is_empty() => {}
                Ok(Some(line)) => return Some(Ok(entry(&name, number, line.trim()))),
                Err(error) => {
                    ended = true;
                    return Some(Err(failure(&name, error)));
                }
            }
        }
        None
    }))
}

fn next_line(input: &mut TextInput<'_>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = input.take(LONGEST_LINE).read_line(&mut line)?;
    if read as u64 == LONGEST_LINE {
        let message = format!("a line is longer than {LONGEST_LINE} bytes; is this JSONL?");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok((read > 0).then_some(line))
}

fn entry(name: &str, number: u64, line: &str) -> Entry<Raw> {
    let number = Some(number);
    let set_aside = |field: Option<&str>, reason: String| Entry::SetAside(aside(name, number, field, reason));
    let read = match strict_json::read(line) {
        Ok(read) => read,
        Err(error) => return set_aside(None, json_reason(&error)),
    };
    if let Some(found) = read.duplicates.first() {
        return set_aside(Some(&found.key), duplicate_reason(&found.key, &path_of(&found.at)));
    }
    match fields(read.value) {
        Ok(fields) => Entry::Item(Raw { line: number, fields, ..Raw::default() }),
        Err(reason) => set_aside(None, reason),
    }
}

/// Why a duplicate key is a reason to set a record aside.
pub(super) fn duplicate_reason(key: &str, path: &str) -> String {
    let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
    format!("key `{}` stands twice{place}; which value is meant cannot be known", key.escape_debug())
}

/// An object's fields; text is one field `text`.
pub(super) fn fields(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) if fields.is_empty() => Err("an object without fields".to_owned()),
        Value::Object(fields) => Ok(fields),
        Value::String(text) if !text.trim().is_empty() => {
            Ok(Map::from_iter([("text".to_owned(), Value::String(text))]))
        }
        Value::String(_) => Err("an empty text".to_owned()),
        Value::Null => Err("null where an object or a text was expected".to_owned()),
        Value::Bool(_) => Err("a yes/no where an object or a text was expected".to_owned()),
        Value::Number(number) => Err(format!("`{number}` where an object or a text was expected")),
        Value::Array(_) => Err("a list where an object or a text was expected".to_owned()),
    }
}
