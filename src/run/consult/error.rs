//! Why nobody was consulted.

use std::fmt;
use std::path::PathBuf;

use crate::consult::{AgreementError, ContinuationId, Stance};
use crate::run::{EndpointsError, RunError};
use crate::store::Money;

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
    /// More than can be stored and read again.
    #[error(
        "the question, its files and what was said before are {} MiB, above the {} MiB of a consultation; ask about \
         less, or begin without a continuation id",
        bytes.div_ceil(1 << 20),
        most >> 20
    )]
    TooLarge {
        /// Bytes of it all.
        bytes: usize,
        /// Bytes at most.
        most: usize,
    },
    /// A model that is asked elsewhere than before: it would be shown what was said to another one.
    #[error(
        "`{model}` was asked at {before} and would now be asked at {now}, with all that was said there; ask where it was \
         asked before (with --base-url and --dialect, or the same panel), or begin without a continuation id"
    )]
    Moved {
        /// The model, as the caller names it.
        model: String,
        /// Where it was asked.
        before: String,
        /// Where it would be asked.
        now: String,
    },
    /// A question that costs more than may be spent without somebody's yes.
    #[error("{0}")]
    Confirmation(Confirmation),
    /// The comparison of the answers broke down.
    #[error("the comparison of the answers broke down: {0}")]
    Broken(String),
}

/// What somebody has to say yes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// What the question costs about, as far as prices are known.
    pub cost: Money,
    /// Models without a price.
    pub unpriced: usize,
    /// Above which cost somebody is asked.
    pub above: Money,
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the question costs about {}", self.cost)?;
        if self.unpriced > 0 {
            write!(f, ", and nobody knows what {} of its models cost", self.unpriced)?;
        }
        write!(f, "; above {} (`confirm_above`) a person has to confirm", self.above)
    }
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
