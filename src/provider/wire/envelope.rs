//! What all vendors' replies have in common, read once.

use serde_json::{Map, Value};

use super::{HttpReply, HttpRequest, Method};
use crate::parse::strict_json;
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
    let body = sound(body).map_err(|what| unusable(&what))?;
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

/// A body that every reader understands alike: where a key stands twice, a proxy may take the one and we the
/// other. Only the place of a fault is told, because its own words could quote the body.
pub(crate) fn sound(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is no UTF-8".to_owned())?;
    let read = strict_json::read(text).map_err(|error| {
        let (line, column) = error.place;
        format!("the body is no sound JSON (line {line} column {column})")
    })?;
    if read.duplicates.is_empty() { Ok(read.value) } else { Err("a key stands twice in the body".to_owned()) }
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
