//! What goes to a model and what comes back.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ProviderError;
use super::batch::BatchEndpoint;
use crate::persona::{ModelName, RecordId};
use crate::prompt::Prompt;

/// How an endpoint is asked for JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StructuredOutput {
    /// The endpoint enforces the schema.
    #[default]
    JsonSchema,
    /// The endpoint promises JSON and is sent the schema beside it.
    JsonObjectWithSchema,
    /// The endpoint promises JSON; the schema stands in the prompt only.
    JsonObject,
    /// The endpoint promises nothing; the schema stands in the prompt only.
    PromptOnly,
}

/// Sampling options of one panel member. What is `None` is left to the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SamplingOptions {
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Above 0, at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Endpoints that know no seed are not sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Upper limit of the answer's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// How JSON is asked for; `None` leaves it to the endpoint's default
    /// ([`Endpoint::structured_output`](super::Endpoint::structured_output)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<StructuredOutput>,
    /// Further fields of the endpoint's request body. Objects are merged into what is there
    /// already, anything else replaces it; fields that decoding relies on are never replaced
    /// ([`Dialect::reserved_fields`](super::Dialect::reserved_fields)).
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
}

/// One question to one model: everything that its answer may depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is asked about.
    pub record: RecordId,
    /// The panel member's name.
    pub member: ModelName,
    /// The model's name at the endpoint.
    pub model: String,
    /// Which repetition, from 0.
    pub sample: u32,
    /// Which part of the corpus, from 0.
    pub part: u32,
    /// Which attempt at the same question, from 0.
    pub attempt: u32,
    /// What is asked.
    pub prompt: Prompt,
    /// How it is sampled.
    pub options: SamplingOptions,
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// Of those, tokens read from the provider's cache.
    #[serde(default)]
    pub cached_input_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The answer is whole.
    Stop,
    /// The limit of tokens cut the answer.
    Length,
    /// A filter or the model itself refused.
    Refusal,
    /// Anything else, in the provider's word.
    Other(String),
}

impl FinishReason {
    /// Its name; anything else in the provider's word.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Refusal => "refusal",
            Self::Other(word) => word,
        }
    }
}

/// A model's answer, as text. Whether the text is usable is for [`crate::parse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The answer.
    pub content: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Tokens, where the provider told.
    pub usage: Option<Usage>,
    /// The model that answered, as the provider names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_model: Option<String>,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
}

/// Somebody who answers calls. One call is one attempt.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The name before the colon in `provider:model`.
    fn name(&self) -> &str;

    /// Asks once. Dropping the future abandons the attempt.
    fn complete<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Completion, ProviderError>>;

    /// Asks whether the endpoint is there and knows `model`, without paying for an answer; says what it found.
    fn probe<'a>(&'a self, model: &'a str) -> BoxFuture<'a, Result<String, ProviderError>>;

    /// The same endpoint's way of taking many questions at once; none where it has no such way.
    fn batches(&self) -> Option<&dyn BatchEndpoint> {
        None
    }
}

/// Time limits of one attempt; none can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    idle: Duration,
    total: Duration,
}

/// A time limit that is not one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("timeout `{name}` is `{seconds}` s; it must be above 0 and at most 86400")]
pub struct TimeoutsError {
    /// Which limit.
    pub name: &'static str,
    /// The value as given.
    pub seconds: f64,
}

impl Default for Timeouts {
    /// Connect 10 s, first byte 120 s, idle 30 s, total 120 s: answers are asked for whole, so that the first byte of a slow
    /// model comes with the last.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), first_byte: seconds(120), idle: seconds(30), total: seconds(120) }
    }
}

impl Timeouts {
    /// Checks limits in seconds.
    ///
    /// # Errors
    /// [`TimeoutsError`] for a limit that is not above 0 and at most a day.
    pub fn new(connect: f64, first_byte: f64, idle: f64, total: f64) -> Result<Self, TimeoutsError> {
        let check = |name: &'static str, seconds: f64| {
            if seconds > 0.0 && seconds <= 86_400.0 {
                Ok(Duration::from_secs_f64(seconds))
            } else {
                Err(TimeoutsError { name, seconds })
            }
        };
        Ok(Self {
            connect: check("connect", connect)?,
            first_byte: check("first_byte", first_byte)?,
            idle: check("idle", idle)?,
            total: check("total", total)?,
        })
    }

    /// Until the connection stands.
    #[must_use]
    pub fn connect(&self) -> Duration {
        self.connect
    }

    /// From the connection to the answer's head; counted from the start, so a new connection has
    /// `connect` + `first_byte` and a reused one no less.
    #[must_use]
    pub fn first_byte(&self) -> Duration {
        self.first_byte
    }

    /// Between two pieces of the body.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// For the whole attempt.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }
}
