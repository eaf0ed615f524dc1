//! Failures of one attempt, named after what is to be done about them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Usage;

/// What a failure means for the next attempt. The policy itself is [`crate::run`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The request never left: nothing can have been paid.
    NotSent,
    /// Too many requests, or the provider is overloaded (429, 503, 529): wait as told.
    RateLimited,
    /// The provider failed on its side (5xx, 408, 409).
    Transient,
    /// Cut after sending: whether the model ran, and was paid, is not known.
    UnknownOutcome,
    /// This request will never be answered (400, 413, 422, context too long).
    RecordRejected,
    /// No request will be answered (401, 402, 403, 404, quota, redirect): the provider stops.
    ProviderRejected,
    /// An answer came that is no completion (no choices, an error inside a 200, not JSON).
    Unusable,
}

/// One attempt that gave no completion. The message never holds keys, prompts or bodies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What it means for the next attempt.
    pub kind: FailureKind,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long the provider asked to wait.
    pub retry_after: Option<Duration>,
    /// Tokens that were counted, and so paid, although no completion came of them.
    pub usage: Option<Usage>,
    /// What happened, for a person to read: one line, no control or bidi characters.
    pub message: String,
}

impl ProviderError {
    /// A failure without status and without hint how long to wait.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, retry_after: None, usage: None, message: message.into() }
    }
}
