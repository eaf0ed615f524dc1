//! OpenAI's Batch API, of chat completions.
//!
//! Reference: <https://platform.openai.com/docs/api-reference/batch>. The questions are a file of at most 50,000 lines and
//! 200 MB, all for one model; answers and failures are two files. A batch carries our tag as metadata. What has not been
//! answered within 24 hours is not charged, and stands among the failures as `batch_expired`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::wire::{BatchWire, Likeness, LineAnswer, Listed};
use super::{BatchState, NewBatch, Wanted, custom_id, is_plain};
use crate::provider::legible::legible;
use crate::provider::{FailureKind, ProviderError};

/// The name under which our tag stands in the metadata.
const TAG: &str = "consona_batch";

/// What every question is sent to; of the service's own root, whatever the base URL is.
const CHAT: &str = "/v1/chat/completions";

/// The Batch API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAiBatches;

impl BatchWire for OpenAiBatches {
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn path(&self) -> &'static str {
        "/batches"
    }

    fn file(&self, batch: &NewBatch) -> Option<Vec<u8>> {
        let mut lines = Vec::new();
        for (place, entry) in batch.entries.iter().enumerate() {
            let id = custom_id(&batch.tag, place);
            let line = json!({ "custom_id": id, "method": "POST", "url": CHAT, "body": entry });
            lines.extend_from_slice(line.to_string().as_bytes());
            lines.push(b'\n');
        }
        Some(lines)
    }

    fn create(&self, batch: &NewBatch, file: Option<&str>) -> Value {
        json!({
            "input_file_id": file, "endpoint": CHAT, "completion_window": "24h",
            "metadata": { TAG: batch.tag },
        })
    }

    fn state(&self, _: &str, body: &Map<String, Value>) -> Result<BatchState, &'static str> {
        match body.get("status").and_then(Value::as_str) {
            Some("validating" | "in_progress" | "finalizing" | "cancelling") => Ok(BatchState::Working),
            Some("completed" | "expired" | "cancelled") => {
                let file = |field| body.get(field).and_then(Value::as_str).filter(|id| is_plain(id));
                let files = ["output_file_id", "error_file_id"].into_iter().filter_map(file);
                Ok(BatchState::Ended { results: files.map(|id| format!("/files/{id}/content")).collect() })
            }
            Some("failed") => Ok(invalid(body)),
            _ => Err("there is no known `status`"),
        }
    }

    fn page(&self, after: Option<&str>) -> String {
        let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
        format!("{}?limit=100{after}", self.path())
    }

    fn listed(&self, entry: &Map<String, Value>, wanted: &Wanted) -> Listed {
        let created_ms = entry.get("created_at").and_then(Value::as_u64).map(|seconds| seconds * 1_000);
        let tag = entry.get("metadata").and_then(|metadata| metadata.get(TAG)).and_then(Value::as_str);
        let likeness = if tag == Some(&wanted.tag) { Likeness::Ours } else { Likeness::Other };
        Listed { created_ms, likeness }
    }

    fn answer(&self, line: &Value) -> LineAnswer {
        let there = |field: &str| line.get(field).filter(|value| !value.is_null());
        if let Some(response) = there("response") {
            let status = response.get("status_code").and_then(Value::as_u64);
            let Some(status) = status.and_then(|status| u16::try_from(status).ok()) else {
                return LineAnswer::Odd("the response has no status");
            };
            let body = response.get("body").cloned().unwrap_or_default();
            return LineAnswer::Reply { status, body };
        }
        let Some(error) = there("error") else {
            return LineAnswer::Odd("there is neither response nor error");
        };
        let message = match error.get("code").and_then(Value::as_str).unwrap_or_default() {
            "batch_expired" => "the batch expired before its turn came".to_owned(),
            "batch_cancelled" => "the batch was cancelled before its turn came".to_owned(),
            code => {
                let said = error.get("message").and_then(Value::as_str).unwrap_or_default();
                legible(&format!("{code}: {said}"), None)
            }
        };
        LineAnswer::Failed(ProviderError::new(FailureKind::Transient, message))
    }
}

/// A batch that was refused when its file was looked at.
fn invalid(body: &Map<String, Value>) -> BatchState {
    let errors = body.get("errors").and_then(|errors| errors.get("data")).and_then(Value::as_array);
    let mut entries = BTreeMap::new();
    let (mut first, mut full) = (None, false);
    for error in errors.into_iter().flatten() {
        let word = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
        let said = legible(&format!("{}: {}", word("code"), word("message")), None);
        full |= word("code") == "token_limit_exceeded";
        // Lines are counted from 1.
        if let Some(place) = error.get("line").and_then(Value::as_u64).and_then(|line| line.checked_sub(1)) {
            entries.insert(place, said.clone());
        }
        first.get_or_insert(said);
    }
    let said = first.unwrap_or_else(|| "no reason is given".to_owned());
    // Too many tokens are waiting already: later there is room again.
    let kind = if full { FailureKind::RateLimited } else { FailureKind::ProviderRejected };
    BatchState::Invalid { entries, error: ProviderError::new(kind, format!("the batch was refused: {said}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(body: &Value) -> BatchState {
        OpenAiBatches.state("b", body.as_object().expect("an object")).expect("known")
    }

    #[test]
    fn c9_a_file_has_a_line_per_question() {
        let batch = NewBatch { tag: "t".into(), entries: vec![json!({"a": "x\ny"}), json!({})] };
        let file = String::from_utf8(OpenAiBatches.file(&batch).expect("a file")).expect("text");
        let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines[0]["body"], json!({"a": "x\ny"}));
        assert_eq!((&lines[1]["custom_id"], &lines[1]["url"]), (&json!("t-1"), &json!(CHAT)));
        assert_eq!(lines.len(), 2);
        assert_eq!(OpenAiBatches.create(&batch, Some("file-1"))["metadata"], json!({TAG: "t"}));
    }

    #[test]
    fn c9_an_ended_batch_has_the_files_that_it_has() {
        assert_eq!(state(&json!({"status": "finalizing"})), BatchState::Working);
        let ended = json!({"status": "expired", "output_file_id": null, "error_file_id": "file-e"});
        assert_eq!(state(&ended), BatchState::Ended { results: vec!["/files/file-e/content".to_owned()] });
    }

    #[test]
    fn c9_a_refused_batch_says_which_lines() {
        let failed = json!({"status": "failed", "errors": {"data": [
            {"code": "invalid_json_line", "message": "no", "line": 2}]}});
        let BatchState::Invalid { entries, error } = state(&failed) else { panic!("not refused") };
        assert_eq!(entries, BTreeMap::from([(1, "invalid_json_line: no".to_owned())]));
        assert_eq!(error.kind, FailureKind::ProviderRejected);
        let full = json!({"status": "failed", "errors": {"data": [{"code": "token_limit_exceeded"}]}});
        let BatchState::Invalid { error, .. } = state(&full) else { panic!("not refused") };
        assert_eq!(error.kind, FailureKind::RateLimited);
    }

    #[test]
    fn c9_a_line_is_a_response_or_an_error() {
        let reply =
            json!({"custom_id": "t-0", "error": null, "response": {"status_code": 429, "body": {"a": 1}}});
        assert_eq!(OpenAiBatches.answer(&reply), LineAnswer::Reply { status: 429, body: json!({"a": 1}) });
        let expired = json!({"custom_id": "t-0", "response": null, "error": {"code": "batch_expired"}});
        let LineAnswer::Failed(error) = OpenAiBatches.answer(&expired) else { panic!("no failure") };
        assert_eq!((error.kind, error.usage), (FailureKind::Transient, None));
        assert!(matches!(OpenAiBatches.answer(&json!({"custom_id": "t-0"})), LineAnswer::Odd(_)));
    }
}
