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
        (Value::Array(left), Value::Array(right)) if named(left, right).is_some() => {
            by_name(path, (left, right), found);
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (place, (one, other)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{place}]"), one, other, found);
            }
        }
        _ if before == after => {}
        _ => {
            let (before, after) = shown(before, after);
            found.push(format!("{path}: {before} → {after}"));
        }
    }
}

/// The names of the items of two lists, where all have one and they are not the same ones in the same places.
fn named<'a>(left: &'a [Value], right: &'a [Value]) -> Option<(Vec<&'a str>, Vec<&'a str>)> {
    let names =
        |items: &'a [Value]| items.iter().map(|item| item["name"].as_str()).collect::<Option<Vec<_>>>();
    let (left, right) = (names(left)?, names(right)?);
    (left != right).then_some((left, right))
}

/// Lists of named things differ by who is in them; those in both by what they are.
fn by_name(path: &str, (left, right): (&[Value], &[Value]), found: &mut Vec<String>) {
    let Some((before, after)) = named(left, right) else { return };
    let missing = |from: &[&str], of: &[&str]| -> Vec<String> {
        from.iter().filter(|name| !of.contains(name)).map(|name| (*name).to_owned()).collect()
    };
    let (without, with) = (missing(&before, &after), missing(&after, &before));
    let mut said = Vec::new();
    if !without.is_empty() {
        said.push(format!("without {}", without.join(", ")));
    }
    if !with.is_empty() {
        said.push(format!("with {}", with.join(", ")));
    }
    if said.is_empty() {
        said.push("in another order".to_owned());
    }
    found.push(format!("{path}: {}", said.join(" and ")));
    for (name, item) in before.iter().zip(left) {
        if let Some(place) = after.iter().position(|other| other == name) {
            compare(&format!("{path}[{name}]"), item, &right[place], found);
        }
    }
}

/// Two values short enough for one line of an error: from where they begin to differ, where they are long.
fn shown(before: &Value, after: &Value) -> (String, String) {
    /// Characters of a value that are shown.
    const LONGEST: usize = 60;
    /// Of those, characters before the difference.
    const BEFORE: usize = 15;
    let (one, other) = (before.to_string(), after.to_string());
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let skip = if same > LONGEST / 2 { same - BEFORE } else { 0 };
    let part = |text: &str| {
        let left = text.chars().count().saturating_sub(skip);
        let begin = if skip > 0 && left < text.chars().count() { "…" } else { "" };
        let end = if left > LONGEST { "…" } else { "" };
        format!("{begin}{}{end}", text.chars().skip(skip).take(LONGEST).collect::<String>())
    };
    (part(&one), part(&other))
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

    #[test]
    fn a_changed_panel_is_told_by_names_and_a_long_text_from_where_it_differs() {
        let member = |name: &str, seed: u64| json!({"name": name, "options": {"seed": seed}});
        let before = json!({"panel": [member("a", 1), member("b", 1), member("c", 1)]});
        let after = json!({"panel": [member("a", 2), member("c", 1)]});
        assert_eq!(differences(&before, &after), ["panel: without b", "panel[a].options.seed: 1 → 2"]);
        let turned = json!({"panel": [member("b", 1), member("a", 1), member("c", 1)]});
        assert_eq!(differences(&before, &turned), ["panel: in another order"]);
        let long = |end: &str| json!({"question": format!("{}{end}", "x".repeat(80))});
        let told = differences(&long("old"), &long("new")).join("");
        assert!(told.contains("old\" → ") && told.ends_with("new\""), "{told}");
    }
}
