//! Why nobody was consulted.

use std::path::PathBuf;

use crate::consult::{AgreementError, ContinuationId, Stance};
use crate::run::{EndpointsError, RunError};

/// Why there is no consultation. That a model does not answer is no error: it is in the result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsultError {
    /// Nothing is asked.
    #[error("the question is empty")]
    NoQuestion,
    /// Nobody is asked.
    #[error("no model is named; name one, or a panel")]
    Nobody,
    /// A model's name that cannot be used.
    #[error("the model `{model}` cannot be asked: {reason}")]
    Model {
        /// The name as given.
        model: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A model that is not on the list.
    #[error("no model is called `{model}` here; there are {known}")]
    UnknownModel {
        /// The name as given.
        model: String,
        /// The names there are.
        known: String,
    },
    /// The same question to the same model twice.
    #[error(
        "`{model}` with the stance `{stance}` is named twice (as `{other}` before); one model may appear again only with \
         another stance"
    )]
    Twice {
        /// The later name.
        model: String,
        /// The earlier name of the same model.
        other: String,
        /// The stance of both.
        stance: Stance,
    },
    /// Models that cannot be asked.
    #[error("{}", listed(.0))]
    Endpoints(Vec<EndpointsError>),
    /// The calls could not be made or kept.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The answers could not be compared.
    #[error("what the answers have in common could not be measured")]
    Agreement(#[from] AgreementError),
    /// Nothing is stored under that id.
    #[error("nothing is stored under the continuation id `{id}`; begin without one")]
    UnknownContinuation {
        /// The id.
        id: ContinuationId,
    },
    /// A stored consultation that cannot be read or written.
    #[error("the stored consultation `{}` cannot be {action}: {reason}", path.display())]
    Stored {
        /// Its file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// A consultation of very many turns.
    #[error("the consultation has {turns} turns already, which is the most; begin without a continuation id")]
    TooLong {
        /// Turns so far.
        turns: usize,
    },
    /// The comparison of the answers broke down.
    #[error("the comparison of the answers broke down: {0}")]
    Broken(String),
}

/// All reasons with their causes, one after the other.
fn listed(errors: &[EndpointsError]) -> String {
    let reason = |error: &EndpointsError| {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    };
    errors.iter().map(reason).collect::<Vec<_>>().join("; ")
}
