//! What all vendors' replies have in common, read once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{HttpReply, HttpRequest, Method};
use crate::provider::legible::legible;
use crate::provider::vendor_error::VendorError;
use crate::provider::{Call, FinishReason, ProviderError, Usage, classify};

/// The JSON object of a successful reply.
///
/// # Errors
/// The classified error of another status; unusable when the body is empty, is no JSON object, says
/// a key twice, or is an error in spite of its status.
pub(crate) fn open(reply: &HttpReply) -> Result<Map<String, Value>, ProviderError> {
    if !(200..300).contains(&reply.status) {
        return Err(classify::refused(reply));
    }
    let unusable = |what: &str| classify::unusable(reply, what, None);
    let body = reply.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&reply.body).trim_ascii();
    if body.is_empty() {
        return Err(unusable("the body is empty"));
    }
    if body.starts_with(b"<") {
        return Err(unusable("the body is a web page; is `base_url` right?"));
    }
    let Unambiguous(body) = serde_json::from_slice(body).map_err(|error| {
        // The error's own text may quote the body.
        unusable(&format!("the body is no sound JSON (line {} column {})", error.line(), error.column()))
    })?;
    let failed = body.get("error").is_some_and(|error| !error.is_null());
    if failed || body.get("type").and_then(Value::as_str) == Some("error") {
        let error = VendorError::from_json(&body);
        return Err(unusable(&format!("the body is an error: {}", error.message)));
    }
    match body {
        Value::Object(body) => Ok(body),
        _ => Err(unusable("the body is no JSON object")),
    }
}

/// A POST of `body` with the call's further fields merged in.
pub(crate) fn post(path: String, mut body: Value, call: &Call, reserved: &[&str]) -> HttpRequest {
    for (field, value) in &call.options.extra {
        if !reserved.contains(&field.as_str()) {
            merge(&mut body[field.as_str()], value);
        }
    }
    HttpRequest { method: Method::Post, path, headers: Vec::new(), body: Some(body) }
}

/// A GET.
pub(crate) fn get(path: &str) -> HttpRequest {
    HttpRequest { method: Method::Get, path: path.to_owned(), headers: Vec::new(), body: None }
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (field, value) in from {
                merge(into.entry(field.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Sets `field`, where there is a value.
pub(crate) fn set(body: &mut Value, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body[field] = value.into();
    }
}

/// A count of tokens; 0 where none is told.
pub(crate) fn tokens(usage: &Value, pointer: &str) -> u64 {
    usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// Usage, unless the provider told nothing.
pub(crate) fn counted(input: u64, cached: u64, output: u64) -> Option<Usage> {
    let usage = Usage { input_tokens: input, cached_input_tokens: cached.min(input), output_tokens: output };
    (usage != Usage::default()).then_some(usage)
}

/// A reason to stop that has no name of its own here.
pub(crate) fn other(word: &str) -> FinishReason {
    let word = if word.is_empty() { "unspecified" } else { word };
    FinishReason::Other(legible(word, None))
}

/// A name or id of the reply, fit to be stored and shown.
pub(crate) fn label(body: &Map<String, Value>, field: &str, reply: &HttpReply) -> Option<String> {
    let text = body.get(field)?.as_str()?;
    Some(legible(text, reply.secret.as_ref())).filter(|label| !label.is_empty())
}

/// JSON in which no object says a key twice.
///
/// Readers differ on which of two equal keys counts, so such a body can say one thing to a proxy
/// and another to us; it is refused.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnambiguousVisitor).map(Self)
    }
}

struct UnambiguousVisitor;

impl<'de> Visitor<'de> for UnambiguousVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Unambiguous(value))) = entries.next_entry::<String, _>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(map))
    }
}
