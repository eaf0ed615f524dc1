//! JSON with sorted keys: equal settings are equal bytes, whatever the order they were written in.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// The JSON text of a value with the keys of every object in order.
///
/// # Errors
/// When the value has no JSON form.
pub(crate) fn canonical<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    write(&serde_json::to_value(value)?, &mut text);
    Ok(text)
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (place, key) in keys.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_scalar(&Value::String(key.clone()), text);
                text.push(':');
                write(&fields[key], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        scalar => write_scalar(scalar, text),
    }
}

fn write_scalar(value: &Value, text: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{value}");
}

/// Where two JSON values differ, as `path: before → after`, in order of path.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let at =
                    |side: &serde_json::Map<String, Value>| side.get(key).cloned().unwrap_or(Value::Null);
                compare(&inner, &at(left), &at(right), found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (place, (one, other)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{place}]"), one, other, found);
            }
        }
        _ if before == after => {}
        _ => found.push(format!("{path}: {} → {}", shown(before), shown(after))),
    }
}

/// A value short enough for one line of an error.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_changes_nothing() {
        let one: Value = serde_json::from_str(r#"{"b":[{"d":1,"c":"é\n"}],"a":null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a":null,"b":[{"c":"é\n","d":1}]}"#).unwrap();
        assert_eq!(canonical(&one).unwrap(), canonical(&other).unwrap());
        assert_eq!(canonical(&one).unwrap(), r#"{"a":null,"b":[{"c":"é\n","d":1}]}"#);
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        let before = json!({"panel": [{"model": "a", "seed": 1}], "name": "x"});
        let after = json!({"panel": [{"model": "b", "seed": 1}], "name": "x", "seed": 2});
        assert_eq!(differences(&before, &after), [r#"panel[0].model: "a" → "b""#, "seed: null → 2"]);
        assert!(differences(&before, &before).is_empty());
    }
}
