//! Answers that no truth can be inferred from.

use crate::embed::EmbedError;

/// Answers that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TruthError {
    /// One annotator answered one task twice.
    #[error("annotator `{annotator}` answered task `{task}` more than once; keep one of the answers")]
    Repeated {
        /// Which task.
        task: String,
        /// Which annotator.
        annotator: String,
    },
    /// More classes than can be told apart.
    #[error("there are {found} classes; at most 65,535 can be told apart, so these may be texts")]
    TooManyClasses {
        /// Distinct answers.
        found: usize,
    },
    /// A number that is NaN or infinite.
    #[error("annotator `{annotator}` answered `{value}` to task `{task}`; every number must be finite")]
    NotFinite {
        /// Which task.
        task: String,
        /// Which annotator.
        annotator: String,
        /// The number as given.
        value: f64,
    },
    /// Texts that could not be embedded.
    #[error("the answers could not be embedded")]
    Embed(#[from] EmbedError),
}
