//! Drafts become vectors, so that personas in different words can be compared.
//!
//! An [`Embedder`] turns texts into unit rows of a [`FeatureMatrix`]. A persona is not one text:
//! its traits are embedded in blocks and compared trait by trait, which gives a
//! [`SimilarityMatrix`] over the drafts of a record. What is *not* decided here is which drafts
//! belong together; that is [`crate::cluster`].
//!
//! | embedder | what it sees | SICK ρ × 100 | STS 2016 ρ × 100 | PersonaChat R@1, item by item / one vector | texts a second | size |
//! |---|---|---|---|---|---|---|
//! | `hashing` | spelling | 56.9 | 46.6 | – | 100,000, one core | none |
//! | `static` (default) | meaning of words | 65.0 | 66.5 | .96 / .74 | 560,000, one core | 7.5 MB, compiled in |
//! | `dir:` all-MiniLM-L6-v2 | meaning of sentences | 77.1 | 72.4 | 1.00 / .89 | 240 on two cores (8.3 ms of CPU a text) | 91 MB |
//! | endpoints ([`RemoteModel`]) | what their model sees | – | – | – | network |
//!
//! Bad input has one treatment everywhere: a text of which nothing is left (empty, or without a known
//! word) gets a unit row of its own, near to nothing else; a long text is read whole by the static table
//! and by spelling, up to the model's length by a transformer, and to 24,000 characters by an endpoint; a
//! vector that is not finite or all zeros is an error that names the embedder.

mod blocks;
mod cached;
mod fallback;
mod folder;
mod hashing;
mod matrix;
mod named;
mod recording;
mod remote;
mod static_table;
mod table_file;
mod transformer;
mod wordpiece;

pub use blocks::{BlockEncoder, BlockWeights, EncodedDrafts, TraitEvidence};
pub(crate) use blocks::{Ruler, half_life};
pub use cached::CachedEmbedder;
pub use folder::ModelFolder;
pub use hashing::HashingEmbedder;
pub use matrix::{FeatureMatrix, MatrixError, SimilarityMatrix};
#[cfg(feature = "run")]
pub(crate) use named::KNOWN;
pub use named::from_name;
pub use recording::RecordingEmbedder;
pub use remote::{Dialect, RemoteModel};
pub use static_table::StaticEmbedder;
pub use transformer::TransformerEmbedder;

/// Texts to vectors. Implementations are deterministic: equal texts give equal rows.
pub trait Embedder: std::fmt::Debug + Send + Sync {
    /// A name that changes whenever the vectors would, such as `hashing-512` or
    /// `static-256-int8@1f3a…`; it is part of every run's identity.
    fn name(&self) -> &str;

    /// Components per row.
    fn dimension(&self) -> usize;

    /// Whether it would rather be asked for many texts at once than for a few many times, because every
    /// question has its price.
    fn prefers_bulk(&self) -> bool {
        false
    }

    /// Whether it knows words enough of a text for the row to say what the text means; letters alone are no words.
    fn reads(&self, _text: &str) -> bool {
        true
    }

    /// One unit row per text, in order.
    ///
    /// A text with nothing to embed (empty, or no known token) gets a unit row derived from a hash
    /// of the text: in expectation near to nothing else.
    ///
    /// # Errors
    /// [`EmbedError`] when an implementation cannot answer; embedders that are compiled in never fail.
    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError>;
}

/// Why texts have no vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The vectors do not form a matrix of unit rows.
    #[error("the vectors of `{embedder}` cannot be used")]
    Matrix {
        /// Which embedder answered.
        embedder: String,
        /// What is wrong with its answer.
        source: MatrixError,
    },
    /// Fewer or more vectors than texts.
    #[error("`{embedder}` answered {vectors} vectors for {texts} texts")]
    Count {
        /// Which embedder answered.
        embedder: String,
        /// Rows that came back.
        vectors: usize,
        /// Texts that were sent.
        texts: usize,
    },
    /// A reply of an endpoint that holds no vectors.
    #[error("`{embedder}` answered something that holds no vectors: {reason}")]
    Reply {
        /// Which embedder answered.
        embedder: String,
        /// What is wrong with the reply; the reply itself is not shown.
        reason: String,
    },
    /// Vectors of different lengths.
    #[error("`{embedder}` answered a vector of {found} components beside one of {expected}")]
    Ragged {
        /// Which embedder answered.
        embedder: String,
        /// Components of the first vector.
        expected: usize,
        /// Components of the one that differs.
        found: usize,
    },
    /// A number of components that the embedder cannot have.
    #[error("an embedder cannot have `{dimension}` components; choose {fewest} to {most}")]
    Dimension {
        /// Components that were asked for.
        dimension: usize,
        /// The fewest there may be.
        fewest: usize,
        /// The most there may be.
        most: usize,
    },
    /// A model folder or table that cannot be used.
    #[error("embedding model `{path}`: {reason}")]
    Model {
        /// Folder or file.
        path: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// No embedder has this name.
    #[error("no embedder is called `{name}`; there are {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// An endpoint that did not answer, or a cache that cannot be used.
    #[error("`{embedder}` cannot be asked for vectors")]
    Remote {
        /// Which embedder was asked.
        embedder: String,
        /// Why there is no answer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text whose vector was not fetched before the pure part began.
    #[error("`{embedder}` has no stored vector for a text of {length} characters")]
    Missing {
        /// Which embedder was asked.
        embedder: String,
        /// Characters of the text (the text itself is not shown).
        length: usize,
    },
}
