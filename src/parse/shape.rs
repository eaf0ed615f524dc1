//! One JSON value as the value of one trait: which shapes leave no doubt.

use serde_json::{Map, Value};

use super::Violation;
use crate::persona::{Evidence, TraitKind, TraitValue};

/// The longest text of a trait, in characters: a long biography, not a flood.
const LONGEST_TEXT: usize = 20_000;
/// The longest list.
const MOST_ITEMS: usize = 500;
/// Fields in which objects keep their text, in order of preference.
const TEXT_FIELDS: [&str; 14] = [
    "text",
    "quote",
    "value",
    "goal",
    "statement",
    "description",
    "pain_point",
    "painPoint",
    "behaviour",
    "behavior",
    "motivation",
    "title",
    "name",
    "content",
];

/// Reads a value; `None` when nothing was said. Without a kind the shape decides.
pub(super) fn value(
    kind: Option<&TraitKind>,
    value: &Value,
    path: &str,
) -> Result<Option<TraitValue>, Violation> {
    let refuse = || violation(path, value, expected(kind));
    match value {
        Value::Null => Ok(None),
        Value::String(text) => {
            fits(text, path)?;
            Ok(TraitValue::text(text))
        }
        Value::Number(number) => number.as_f64().and_then(TraitValue::number).map(Some).ok_or_else(refuse),
        Value::Bool(flag) => match kind {
            Some(TraitKind::Numeric { .. } | TraitKind::List) => Err(refuse()),
            _ => Ok(Some(TraitValue::Flag(*flag))),
        },
        Value::Array(items) => array(kind, items, path, &refuse),
        Value::Object(object) => self::object(kind, object, path, &refuse),
    }
}

fn array(
    kind: Option<&TraitKind>,
    items: &[Value],
    path: &str,
    refuse: &dyn Fn() -> Violation,
) -> Result<Option<TraitValue>, Violation> {
    match (kind, items) {
        (None | Some(TraitKind::List), _) => Ok(TraitValue::list(texts(items, path)?)),
        (Some(TraitKind::Text), _) => Ok(TraitValue::text(&texts(items, path)?.join("\n"))),
        (_, []) => Ok(None),
        (_, [only]) => value(kind, only, &format!("{path}[0]")),
        (Some(TraitKind::Numeric { .. }), [Value::Number(low), Value::Number(high)]) => {
            Ok(TraitValue::text(&format!("{low}-{high}")))
        }
        _ => Err(refuse()),
    }
}

fn object(
    kind: Option<&TraitKind>,
    object: &Map<String, Value>,
    path: &str,
    refuse: &dyn Fn() -> Violation,
) -> Result<Option<TraitValue>, Violation> {
    if let Some(inner) = object.get("value").filter(|inner| !inner.is_object()) {
        return value(kind, inner, &format!("{path}.value"));
    }
    match kind {
        Some(TraitKind::Numeric { .. }) => {
            let end = |names: [&str; 3]| names.iter().find_map(|name| object.get(*name)?.as_f64());
            let ends = end(["min", "low", "from"]).zip(end(["max", "high", "to"]));
            let (low, high) = ends.ok_or_else(refuse)?;
            Ok(TraitValue::text(&format!("{low}-{high}")))
        }
        Some(TraitKind::List) => {
            let items = object.values().flat_map(|inner| match inner {
                Value::Array(items) => items.clone(),
                other => vec![other.clone()],
            });
            Ok(TraitValue::list(texts(&items.collect::<Vec<_>>(), path)?))
        }
        Some(_) => Ok(TraitValue::text(&scalars(object.values()).ok_or_else(refuse)?.join(", "))),
        None => {
            let named = object.iter().map(|(key, inner)| Some(format!("{key}: {}", text(inner)?)));
            let named = named.collect::<Option<Vec<_>>>().ok_or_else(refuse)?;
            Ok(TraitValue::text(&named.join("; ")))
        }
    }
}

/// Items of a list as texts: scalars as they are, objects by their most text-like field.
fn texts(items: &[Value], path: &str) -> Result<Vec<String>, Violation> {
    if items.len() > MOST_ITEMS {
        let found = format!("a list of {}", items.len());
        return Err(Violation {
            path: path.to_owned(),
            found,
            expected: format!("at most {MOST_ITEMS} items"),
        });
    }
    let mut read = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let item = match item {
            Value::Null => continue,
            Value::Object(object) => most_text(object),
            other => text(other),
        }
        .ok_or_else(|| violation(&path, item, "a text".to_owned()))?;
        fits(&item, &path)?;
        read.push(item);
    }
    Ok(read)
}

/// The text of an object that stands where a text was expected.
fn most_text(object: &Map<String, Value>) -> Option<String> {
    let usual = TEXT_FIELDS.iter().find_map(|name| object.get(*name)?.as_str());
    let longest = || object.values().filter_map(Value::as_str).max_by_key(|text| text.chars().count());
    usual.or_else(longest).map(str::to_owned).or_else(|| scalars(object.values()).map(|all| all.join(", ")))
}

fn scalars<'v>(values: impl Iterator<Item = &'v Value>) -> Option<Vec<String>> {
    let all = values.filter(|value| !value.is_null()).map(text).collect::<Option<Vec<_>>>()?;
    Some(all.into_iter().filter(|text| !text.trim().is_empty()).collect())
}

/// A scalar as text; `None` for null, lists and objects.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => TraitValue::from_json(value).map(|value| value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A cited passage: a text, or an object with `quote` and perhaps `row`.
pub(super) fn evidence(item: &Value) -> Option<Evidence> {
    let quote = item.as_str().or_else(|| item.get("quote").and_then(Value::as_str))?.trim();
    let row = item.get("row").and_then(text).filter(|row| !row.trim().is_empty());
    (!quote.is_empty()).then(|| Evidence { quote: quote.to_owned(), row })
}

fn fits(text: &str, path: &str) -> Result<(), Violation> {
    let length = text.chars().count();
    if length <= LONGEST_TEXT {
        return Ok(());
    }
    let found = format!("a text of {length} characters");
    Err(Violation { path: path.to_owned(), found, expected: format!("at most {LONGEST_TEXT} characters") })
}

fn expected(kind: Option<&TraitKind>) -> String {
    match kind {
        Some(TraitKind::Numeric { unit: Some(unit), .. }) => format!("a number or a range, in {unit}"),
        Some(TraitKind::Numeric { unit: None, .. }) => "a number or a range".to_owned(),
        Some(TraitKind::Ordinal { levels }) => {
            let names: Vec<&str> = levels.iter().map(|level| level.value.as_str()).collect();
            format!("one of: {}", names.join(", "))
        }
        Some(TraitKind::List) => "a list of texts".to_owned(),
        _ => "one text".to_owned(),
    }
}

/// A violation that quotes the value.
pub(super) fn violation(path: &str, value: &Value, expected: String) -> Violation {
    Violation { path: path.to_owned(), found: shorten(value), expected }
}

/// A value in at most about 60 characters, safe to print.
pub(super) fn shorten(value: &Value) -> String {
    const SHOWN: usize = 60;
    let whole = match value {
        Value::Array(items) if items.len() > 8 => return format!("a list of {}", items.len()),
        Value::Object(fields) if fields.len() > 8 => {
            return format!("an object with {} fields", fields.len());
        }
        Value::String(text) => format!("`{}`", text.chars().take(SHOWN + 1).collect::<String>()),
        other => format!("`{other}`"),
    };
    let cut = whole.chars().count() > SHOWN;
    let shown: String =
        whole.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cut { format!("{shown}…`") } else { shown }
}
