//! Models are asked, over HTTP or from recordings; every vendor is a pure pair of functions.
//!
//! A [`Provider`] answers one [`Call`] with one [`Completion`] or one [`ProviderError`]. It makes
//! exactly one attempt: when to try again, how many calls run at once and what is stored is decided
//! in [`crate::run`] alone.

mod error;
mod types;

pub use error::{FailureKind, ProviderError};
pub use types::{
    Call, Completion, FinishReason, Provider, SamplingOptions, StructuredOutput, Timeouts, TimeoutsError,
    Usage,
};
