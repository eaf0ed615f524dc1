//! Models are asked, over HTTP or from recordings; every vendor is a pure pair of functions.
//!
//! A [`Provider`] answers one [`Call`] with one [`Completion`] or one [`ProviderError`]. It makes
//! exactly one attempt: when to try again, how many calls run at once and what is stored is decided
//! in [`crate::run`] alone.
//!
//! `openai:gpt-5` is a [`ModelReference`]; the name before the colon leads to an [`Endpoint`]
//! (dialect, base URL, which key); the endpoint's [`Wire`] turns a call into a request and a
//! reply into a completion, without any IO; [`HttpProvider`] carries the bytes within [`Timeouts`].
//! [`ReplayProvider`] answers from recordings and [`ScriptedProvider`] from a closure, so that
//! everything above the trait is driven the same way in a test, a demo and a paid run.

pub mod batch;
mod classify;
mod endpoint;
mod error;
mod http;
mod key;
mod legible;
mod replay;
mod retry_after;
mod scripted;
mod types;
mod vendor_error;
mod wire;

pub use endpoint::{
    Dialect, Endpoint, EndpointError, EndpointOptions, KNOWN_PROVIDERS, KnownProvider, ModelReference,
    ModelReferenceError,
};
pub use error::{FailureKind, ProviderError};
pub use http::{BODY_LIMIT, HttpProvider, HttpProviderError};
pub use key::{ApiKey, ApiKeyError};
pub use replay::{ReplayError, ReplayProvider};
pub use scripted::{Scripted, ScriptedProvider};
pub use types::{
    Call, Completion, FinishReason, Provider, SamplingOptions, StructuredOutput, Timeouts, TimeoutsError,
    Usage,
};
pub use wire::{HttpReply, HttpRequest, Method, Wire};
