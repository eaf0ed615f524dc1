//! Anthropic Message Batches.
//!
//! Reference: `POST /v1/messages/batches`, <https://platform.claude.com/docs/en/api/creating-message-batches>. At most
//! 100,000 requests and 256 MB; ended after 24 hours at the latest, results kept for 29 days. Requests that errored,
//! expired or were cancelled are not charged. A batch carries no metadata, so one whose number was never heard is known by
//! its size and, once it has ended, by the names in its results.

use serde_json::{Map, Value, json};

use super::wire::{BatchWire, Likeness, LineAnswer, Listed};
use super::{BatchState, NewBatch, Wanted, custom_id};
use crate::provider::{FailureKind, ProviderError};

/// Message Batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnthropicBatches;

impl BatchWire for AnthropicBatches {
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("anthropic-version", "2023-06-01")]
    }

    fn path(&self) -> &'static str {
        "/messages/batches"
    }

    fn file(&self, _: &NewBatch) -> Option<Vec<u8>> {
        None
    }

    fn create(&self, batch: &NewBatch, _: Option<&str>) -> Value {
        let request = |(place, entry): (usize, &Value)| json!({ "custom_id": custom_id(&batch.tag, place), "params": entry });
        json!({ "requests": batch.entries.iter().enumerate().map(request).collect::<Vec<_>>() })
    }

    fn state(&self, id: &str, body: &Map<String, Value>) -> Result<BatchState, &'static str> {
        match body.get("processing_status").and_then(Value::as_str) {
            Some("in_progress" | "canceling") => Ok(BatchState::Working),
            Some("ended") => Ok(BatchState::Ended { results: results(id) }),
            _ => Err("there is no known `processing_status`"),
        }
    }

    fn page(&self, after: Option<&str>) -> String {
        let after = after.map(|id| format!("&after_id={id}")).unwrap_or_default();
        format!("{}?limit=100{after}", self.path())
    }

    fn listed(&self, entry: &Map<String, Value>, wanted: &Wanted) -> Listed {
        let created_ms = entry.get("created_at").and_then(Value::as_str).and_then(milliseconds);
        let counts = entry.get("request_counts").and_then(Value::as_object);
        let size = counts.map(|counts| counts.values().filter_map(Value::as_u64).sum::<u64>());
        let likeness = if size.is_some_and(|size| size != wanted.entries) {
            Likeness::Other
        } else {
            let ended = entry.get("processing_status").and_then(Value::as_str) == Some("ended");
            let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
            Likeness::Perhaps(ended.then(|| results(id)))
        };
        Listed { created_ms, likeness }
    }

    fn answer(&self, line: &Value) -> LineAnswer {
        let result = line.get("result").unwrap_or(&Value::Null);
        let uncharged =
            |what: &str| LineAnswer::Failed(ProviderError::new(FailureKind::Transient, what.to_owned()));
        match result.get("type").and_then(Value::as_str).unwrap_or_default() {
            "succeeded" => match result.get("message") {
                Some(message) => LineAnswer::Reply { status: 200, body: message.clone() },
                None => LineAnswer::Odd("the result has no message"),
            },
            "errored" => {
                let error = result.get("error").cloned().unwrap_or_default();
                let word = error.pointer("/error/type").or_else(|| error.get("type")).and_then(Value::as_str);
                LineAnswer::Errored { status: status(word.unwrap_or_default()), body: error }
            }
            "expired" => uncharged("the batch expired before its turn came"),
            "canceled" => uncharged("the batch was cancelled before its turn came"),
            _ => LineAnswer::Odd("the result is of no known type"),
        }
    }
}

fn results(id: &str) -> Vec<String> {
    vec![format!("/messages/batches/{id}/results")]
}

/// The status that a single request with this error would have had.
fn status(word: &str) -> u16 {
    match word {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "overloaded_error" => 529,
        _ => 500,
    }
}

/// Milliseconds since 1970 of a moment in UTC, as in `2024-08-20T18:37:24.100435Z` (RFC 3339); `None` for another form.
fn milliseconds(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let time = time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00"))?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let whole = time.split('.').next()?;
    let mut parts = whole.splitn(3, ':').map(str::parse::<u64>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March end with the leap day (Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    Some((((since_1970 * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c9_a_moment_is_read_as_it_is_written() {
        // `date -u -d 2024-08-20T18:37:24Z +%s` says 1724179044; 1970 began at 0; 2000 had a leap day.
        assert_eq!(milliseconds("2024-08-20T18:37:24.100435Z"), Some(1_724_179_044_000));
        assert_eq!(milliseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(milliseconds("2000-03-01T00:00:00+00:00"), Some(951_868_800_000));
        for odd in ["", "yesterday", "2024-08-20", "2024-13-20T00:00:00Z", "2024-08-20T18:37:24+02:00"] {
            assert_eq!(milliseconds(odd), None, "{odd}");
        }
    }

    #[test]
    fn c9_each_result_says_what_it_is() {
        let line = |result: Value| AnthropicBatches.answer(&json!({ "custom_id": "t-0", "result": result }));
        let message = json!({"content": []});
        assert_eq!(
            line(json!({"type": "succeeded", "message": message})),
            LineAnswer::Reply { status: 200, body: message }
        );
        let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        assert_eq!(
            line(json!({"type": "errored", "error": error})),
            LineAnswer::Errored { status: 529, body: error }
        );
        for word in ["expired", "canceled"] {
            let LineAnswer::Failed(error) = line(json!({ "type": word })) else { panic!("{word}") };
            assert_eq!((error.kind, error.usage), (FailureKind::Transient, None), "{word}");
        }
        assert!(matches!(line(json!({"type": "new"})), LineAnswer::Odd(_)));
        assert!(matches!(line(Value::Null), LineAnswer::Odd(_)));
    }

    #[test]
    fn c9_a_batch_of_another_size_is_not_ours() {
        let wanted = Wanted { tag: "t".into(), entries: 3, since_ms: 0, known: Vec::new() };
        let entry = |succeeded: u64, status: &str| {
            let entry = json!({"id": "b", "processing_status": status, "created_at": "1970-01-01T00:00:01Z",
                "request_counts": {"processing": 1, "succeeded": succeeded, "errored": 0}});
            AnthropicBatches.listed(entry.as_object().expect("an object"), &wanted)
        };
        assert_eq!(entry(1, "ended").likeness, Likeness::Other);
        assert_eq!(
            entry(2, "in_progress"),
            Listed { created_ms: Some(1_000), likeness: Likeness::Perhaps(None) }
        );
        let ended = Likeness::Perhaps(Some(vec!["/messages/batches/b/results".to_owned()]));
        assert_eq!(entry(2, "ended").likeness, ended);
    }
}
