//! What a vendor's error body says, whichever vendor it is.

use std::time::Duration;

use serde_json::Value;

use super::retry_after::span;

/// An error body, read leniently: every field may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct VendorError {
    /// In the vendor's words, as they came; never to be shown without [`super::legible`].
    pub(crate) message: String,
    /// Codes, types, statuses and reasons, in lower case.
    pub(crate) words: Vec<String>,
    /// Google's `RetryInfo`.
    pub(crate) retry_delay: Option<Duration>,
    /// Google's `QuotaFailure` names a limit (`true`: one per day, which no short wait heals).
    pub(crate) daily_quota: Option<bool>,
    /// A moderation flagged the input (`OpenRouter`'s 403).
    pub(crate) flagged: bool,
}

impl VendorError {
    /// Reads a body, or nothing when it is not JSON.
    ///
    /// Known shapes: `{"error": {…}}` (OpenAI, Anthropic and Gemini), the same in a list (Gemini when
    /// streaming), `{"error": "…"}` (Ollama), `{"object": "error", "message": …}` (Mistral,
    /// older vLLM), `{"detail": …}` (servers made with `FastAPI`).
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).map(|body| Self::from_json(&body)).unwrap_or_default()
    }

    /// Reads a body that is JSON already.
    pub(crate) fn from_json(body: &Value) -> Self {
        let root = body.get(0).unwrap_or(body);
        let inner = root.get("error").filter(|error| !error.is_null()).unwrap_or(root);
        let mut error =
            Self { message: message(inner).or_else(|| message(root)).unwrap_or_default(), ..Self::default() };
        for node in [root, inner] {
            for field in ["type", "code", "status", "reason"] {
                error.note(node.get(field));
            }
        }
        let reasons = inner.pointer("/metadata/reasons").and_then(Value::as_array);
        error.flagged = reasons.is_some_and(|reasons| !reasons.is_empty());
        for detail in inner.get("details").and_then(Value::as_array).into_iter().flatten() {
            error.read_detail(detail);
        }
        error
    }

    /// Whether any of `words` is among the codes.
    pub(crate) fn is_any(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_str()))
    }

    /// Whether the message has any of the phrases, given in lower case.
    pub(crate) fn says_any(&self, phrases: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        phrases.iter().any(|phrase| message.contains(phrase))
    }

    fn note(&mut self, word: Option<&Value>) {
        if let Some(word) = word.and_then(Value::as_str) {
            self.words.push(word.to_ascii_lowercase());
        }
    }

    /// One entry of Google's `error.details`.
    fn read_detail(&mut self, detail: &Value) {
        self.note(detail.get("reason"));
        if let Some(delay) = detail.get("retryDelay").and_then(Value::as_str) {
            self.retry_delay = span(delay);
        }
        let violations = detail.get("violations").and_then(Value::as_array).into_iter().flatten();
        let quotas = violations.filter_map(|violation| violation.get("quotaId"));
        for quota in quotas.chain(detail.pointer("/metadata/quota_limit")) {
            let daily = quota.as_str().is_some_and(|id| id.contains("PerDay"));
            self.daily_quota = Some(self.daily_quota.unwrap_or(false) || daily);
        }
    }
}

/// The words of an error, from the fields in which vendors put them.
fn message(node: &Value) -> Option<String> {
    if let Value::String(text) = node {
        return Some(text.clone());
    }
    let said = node.get("message").or_else(|| node.get("detail"))?;
    match said {
        Value::String(text) => Some(text.clone()),
        // FastAPI's list also quotes the input, that is the prompt: only the reasons are taken.
        Value::Array(items) => {
            let reasons: Vec<&str> = items.iter().filter_map(|item| item.get("msg")?.as_str()).collect();
            (!reasons.is_empty()).then(|| reasons.join("; "))
        }
        Value::Object(_) => message(said),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_vendors_words_are_found() {
        let shapes = [
            json!({"error": {"message": "no", "type": "t"}}),
            json!([{"error": {"message": "no", "status": "T"}}]),
            json!({"error": "no", "type": "t"}),
            json!({"object": "error", "message": "no", "type": "t"}),
            json!({"detail": [{"msg": "no", "input": "the prompt"}], "code": "t"}),
            json!({"message": {"detail": [{"msg": "no"}]}, "type": "t"}),
        ];
        for shape in shapes {
            let error = VendorError::from_json(&shape);
            assert_eq!(error.message, "no", "{shape}");
            assert!(error.is_any(&["t"]), "{shape}");
        }
    }

    #[test]
    fn bodies_that_say_nothing_are_no_trouble() {
        for body in ["", "<html>", "null", "[]", "7", "{\"error\": {\"message\": 7}}"] {
            assert_eq!(VendorError::read(body.as_bytes()).message, "", "{body}");
        }
    }
}
