//! A provider that answers from recordings.
//!
//! A recording is JSONL. A line with `persona` is a draft, as [`Draft`] is written; all drafts of one
//! record, model, sample and part are the personas of one reply, ordered by position. A line with
//! `reply` is a reply's text, verbatim. A line with `failures` makes the first attempts fail, in that
//! order, before the answer comes. The executor cannot tell a replayed panel from a paid one.

use std::collections::BTreeMap;
use std::io::BufRead;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Call, Completion, FailureKind, FinishReason, Provider, ProviderError, Usage, classify};
use crate::persona::{Draft, ModelName, RecordId, Session};

/// Keys of a replayed persona beside its traits.
const BESIDE_TRAITS: [&str; 3] = ["alternatives", "reasons", "evidence"];

/// A recording that cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A line cannot be read from its source.
    #[error("line {line} of recording `{name}` cannot be read")]
    Read {
        /// The recording.
        name: String,
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is no draft, reply or list of failures.
    #[error("line {line} of recording `{name}` is no draft, reply or list of failures")]
    Line {
        /// The recording.
        name: String,
        /// From 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line contradicts an earlier one, or itself.
    #[error("line {line} of recording `{name}` {problem}")]
    Contradiction {
        /// The recording.
        name: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// A line that is not a draft, or what it says beside one.
#[derive(Deserialize)]
struct Line {
    record: RecordId,
    model: ModelName,
    #[serde(default)]
    sample: u32,
    #[serde(default)]
    part: u32,
    persona: Option<Value>,
    reply: Option<String>,
    #[serde(default)]
    failures: Vec<Failure>,
    #[serde(default)]
    usage: Option<Usage>,
}

/// One failing attempt: an HTTP status or a kind, and how long the provider asks to wait.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    status: Option<u16>,
    kind: Option<FailureKind>,
    /// Seconds.
    retry_after: Option<f64>,
    message: Option<String>,
}

/// What is recorded for one question.
#[derive(Debug, Default)]
struct Recorded {
    failures: Vec<ProviderError>,
    reply: Option<String>,
    drafts: Vec<Draft>,
    usage: Option<Usage>,
}

/// A provider that answers from recordings.
#[derive(Debug)]
pub struct ReplayProvider {
    name: String,
    recordings: BTreeMap<(RecordId, Session), Recorded>,
}

impl ReplayProvider {
    /// Reads a recording; blank lines are passed over.
    ///
    /// # Errors
    /// [`ReplayError`] names the line that cannot be replayed.
    pub fn from_lines(name: impl Into<String>, lines: impl BufRead) -> Result<Self, ReplayError> {
        let mut provider = Self { name: name.into(), recordings: BTreeMap::new() };
        for (index, text) in lines.lines().enumerate() {
            let line = index + 1;
            let named = provider.name.clone();
            let text = text.map_err(|source| ReplayError::Read { name: named, line, source })?;
            if !text.trim().is_empty() {
                provider.record(line, &text)?;
            }
        }
        for recorded in provider.recordings.values_mut() {
            recorded.drafts.sort_by_key(|draft| draft.position);
        }
        Ok(provider)
    }

    /// How many questions have a recording.
    #[must_use]
    pub fn len(&self) -> usize {
        self.recordings.len()
    }

    /// Whether there is no recording at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recordings.is_empty()
    }

    fn record(&mut self, number: usize, text: &str) -> Result<(), ReplayError> {
        let name = self.name.clone();
        let unreadable = |source| ReplayError::Line { name: name.clone(), line: number, source };
        let wrong =
            |problem: String| ReplayError::Contradiction { name: name.clone(), line: number, problem };
        let line: Line = serde_json::from_str(text).map_err(unreadable)?;
        if line.persona.is_none() && line.reply.is_none() && line.failures.is_empty() {
            return Err(wrong("has none of `persona`, `reply` and `failures`".to_owned()));
        }
        let session = Session { model: line.model, sample: line.sample, part: line.part };
        let place = format!("{session} about `{}`", line.record);
        let recorded = self.recordings.entry((line.record, session)).or_default();
        if !line.failures.is_empty() && !recorded.failures.is_empty() {
            return Err(wrong(format!("tells the failures of {place} a second time")));
        }
        recorded.failures.extend(line.failures.iter().map(Failure::error));
        recorded.usage = line.usage.or(recorded.usage);
        if let Some(reply) = line.reply
            && recorded.reply.replace(reply).is_some()
        {
            return Err(wrong(format!("tells the reply of {place} a second time")));
        }
        if line.persona.is_some() {
            let draft: Draft = serde_json::from_str(text).map_err(unreadable)?;
            if let Some(name) = BESIDE_TRAITS.iter().find(|name| draft.traits.contains_key(**name)) {
                return Err(wrong(format!("has a trait `{name}`, which replies use for something else")));
            }
            recorded.drafts.push(draft);
        }
        if recorded.reply.is_some() && !recorded.drafts.is_empty() {
            return Err(wrong(format!("gives {place} a reply and a draft; only one can be the answer")));
        }
        Ok(())
    }

    /// What is recorded under the member's name, else under the model's: `replay:ada` finds `ada`.
    fn entry(&self, call: &Call, session: &Session) -> Option<&Recorded> {
        let by_member = self.recordings.get(&(call.record.clone(), session.clone()));
        by_member.or_else(|| {
            let session = Session { model: ModelName::new(&call.model).ok()?, ..session.clone() };
            self.recordings.get(&(call.record.clone(), session))
        })
    }

    fn answer(&self, call: &Call) -> Result<Completion, ProviderError> {
        let session = Session { model: call.member.clone(), sample: call.sample, part: call.part };
        let missing = |what: &str| {
            let message =
                format!("recording `{}` has no {what} for {session} about `{}`", self.name, call.record);
            ProviderError::new(FailureKind::RecordRejected, message)
        };
        let recorded = self.entry(call, &session).ok_or_else(|| missing("entry"))?;
        if let Some(failure) = recorded.failures.get(call.attempt as usize) {
            return Err(failure.clone());
        }
        let content = match &recorded.reply {
            Some(reply) => reply.clone(),
            None if recorded.drafts.is_empty() => return Err(missing("answer")),
            None => {
                let personas: Vec<Value> = recorded.drafts.iter().map(persona).collect();
                json!({ "personas": personas }).to_string()
            }
        };
        Ok(Completion {
            content,
            finish_reason: FinishReason::Stop,
            usage: recorded.usage,
            response_model: None,
            response_id: None,
        })
    }
}

impl Failure {
    fn error(&self) -> ProviderError {
        let told = self.message.clone().unwrap_or_default();
        let mut error = classify::recorded(self.status, self.kind, &told);
        error.retry_after =
            self.retry_after.and_then(|wait| std::time::Duration::try_from_secs_f64(wait).ok());
        error
    }
}

/// A draft as a model would have written it.
fn persona(draft: &Draft) -> Value {
    let mut persona: Map<String, Value> =
        draft.traits.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    let beside = [json!(draft.alternatives), json!(draft.reasons), json!(draft.evidence)];
    for (name, value) in BESIDE_TRAITS.into_iter().zip(beside) {
        if value.as_object().is_some_and(|entries| !entries.is_empty()) {
            persona.insert(name.to_owned(), value);
        }
    }
    Value::Object(persona)
}

impl Provider for ReplayProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(async { self.answer(call) })
    }

    fn probe<'a>(&'a self, _model: &'a str) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(async { Ok(format!("{} recorded replies", self.len())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Prompt;
    use crate::provider::SamplingOptions;

    const RECORDING: &str = r#"
{"record":"r1","model":"alpha","sample":0,"position":1,"persona":{"name":"Bo"}}
{"record":"r1","model":"alpha","sample":0,"position":0,"persona":{"name":"Ada","age":31},"reasons":{"age":"says so"},"evidence":{"age":[{"quote":"31"}]}}
{"record":"r1","model":"beta","failures":[{"status":503,"retry_after":0.5},{"kind":"unknown_outcome"}]}
{"record":"r1","model":"beta","part":0,"reply":"I would rather not."}
{"record":"r1","model":"gamma","failures":[{"status":500}]}
"#;

    fn ask(model: &str, sample: u32, attempt: u32) -> Result<String, ProviderError> {
        let provider = ReplayProvider::from_lines("demo", RECORDING.as_bytes()).expect("readable");
        let call = Call {
            record: RecordId::new("r1").expect("valid"),
            member: ModelName::new(model).expect("valid"),
            model: "at the endpoint".to_owned(),
            sample,
            part: 0,
            attempt,
            prompt: Prompt { system: String::new(), messages: Vec::new(), schema: None },
            options: SamplingOptions::default(),
        };
        provider.answer(&call).map(|completion| completion.content)
    }

    #[test]
    fn drafts_of_one_session_are_one_reply_in_order_of_position() {
        let reply: Value = serde_json::from_str(&ask("alpha", 0, 0).expect("an answer")).expect("JSON");
        let expected = json!({ "personas": [
            { "name": "Ada", "age": 31, "reasons": { "age": "says so" }, "evidence": { "age": [{ "quote": "31" }] } },
            { "name": "Bo" }
        ] });
        assert_eq!(reply, expected);
    }

    #[test]
    fn failures_come_in_order_and_then_the_answer() {
        let first = ask("beta", 0, 0).expect_err("fails");
        assert_eq!((first.kind, first.status), (FailureKind::RateLimited, Some(503)));
        assert_eq!(first.retry_after.map(|wait| wait.as_millis()), Some(500));
        assert_eq!(ask("beta", 0, 1).expect_err("fails").kind, FailureKind::UnknownOutcome);
        assert_eq!(ask("beta", 0, 2), Ok("I would rather not.".to_owned()));
    }

    #[test]
    fn what_was_not_recorded_is_named() {
        let error = ask("alpha", 1, 0).expect_err("not recorded");
        assert_eq!(error.kind, FailureKind::RecordRejected);
        assert_eq!(error.message, "recording `demo` has no entry for alpha sample 1 part 0 about `r1`");
        let error = ask("gamma", 0, 1).expect_err("no answer");
        assert!(error.message.contains("no answer for gamma"), "{error}");
    }

    #[test]
    fn lines_that_cannot_be_replayed_are_named() {
        let bad = [
            ("{", "line 2"),
            (r#"{"record":"r","model":"m"}"#, "none of `persona`"),
            (r#"{"record":"r","model":"m","persona":{"reasons":"x"}}"#, "trait `reasons`"),
            (r#"{"record":"","model":"m","reply":"x"}"#, "line 2"),
            (r#"{"record":"r0","model":"m","reply":"x"}"#, "a second time"),
            (r#"{"record":"r0","model":"m","persona":{"a":"x"}}"#, "only one can be"),
            (r#"{"record":"r","model":"m","failures":[{"statu":1}]}"#, "line 2"),
        ];
        for (line, reason) in bad {
            let text = format!("{}\n{line}\n", r#"{"record":"r0","model":"m","reply":"x"}"#);
            let error = ReplayProvider::from_lines("x", text.as_bytes()).expect_err("refused").to_string();
            assert!(error.contains("line 2") && error.contains(reason), "{error}");
        }
    }
}
