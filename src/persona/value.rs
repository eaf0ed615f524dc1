//! A trait's value as somebody wrote it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// The raw value of one trait: what a model, a person or another tool wrote, untouched.
#[derive(Clone, Debug, PartialEq)]
pub enum TraitValue {
    /// Yes or no.
    Flag(bool),
    /// A finite number.
    Number(f64),
    /// Any text, not empty.
    Text(String),
    /// Several texts, none of them empty; the order is the writer's.
    List(Vec<String>),
}

impl TraitValue {
    /// A text value, or `None` when there is nothing but white space in it.
    #[must_use]
    pub fn text(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self::Text(text.to_owned()))
    }

    /// A number, or `None` when it is not finite.
    #[must_use]
    pub fn number(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self::Number(number))
    }

    /// A list of the texts that are not empty, or `None` when none is left.
    #[must_use]
    pub fn list<I: IntoIterator<Item = S>, S: AsRef<str>>(items: I) -> Option<Self> {
        let items: Vec<String> = items
            .into_iter()
            .map(|item| item.as_ref().trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect();
        (!items.is_empty()).then_some(Self::List(items))
    }

    /// Reads a JSON value: scalars as they are, arrays as lists of their scalars.
    ///
    /// `None` for null, empty text and empty lists (nothing was said), and for objects, which
    /// are not one value; readers of nested files flatten those first.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Null | Value::Object(_) => None,
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Number(number) => number.as_f64().and_then(Self::number),
            Value::String(text) => Self::text(text),
            Value::Array(items) => {
                Self::list(items.iter().filter_map(Self::from_json).map(|item| item.to_string()))
            }
        }
    }

    /// The value as JSON; whole numbers without a decimal point.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => number_to_json(*number),
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().cloned().map(Value::String).collect(),
        }
    }
}

/// Whole numbers become JSON integers, so that an age of 28 is written `28`, not `28.0`.
fn number_to_json(number: f64) -> Value {
    /// The largest magnitude up to which every whole `f64` is exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let whole = number as i64;
        Value::from(whole)
    } else {
        Value::from(number)
    }
}

impl fmt::Display for TraitValue {
    /// The value as one line of text; list items are joined with `; `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join("; ")),
        }
    }
}

impl Serialize for TraitValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TraitValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).ok_or_else(|| {
            serde::de::Error::custom("expected text, a finite number, yes/no or a list of them")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_said_is_no_value() {
        for nothing in [json!(null), json!(""), json!("  "), json!([]), json!([null, ""]), json!({})] {
            assert_eq!(TraitValue::from_json(&nothing), None, "{nothing}");
        }
    }

    #[test]
    fn values_survive_a_round_trip() {
        for value in [json!(true), json!(28), json!(2.5), json!("a"), json!(["a", "b"])] {
            let read = TraitValue::from_json(&value).map(|read| read.to_json());
            assert_eq!(read, Some(value));
        }
    }
}
