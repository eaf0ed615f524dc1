//! Why a dataset cannot be read at all.

use std::io;

use super::SetAside;

/// A whole input that cannot be used. One bad record is no error but a [`SetAside`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// Nothing in it but white space.
    #[error("`{name}` is empty; give a file with at least one record")]
    Empty {
        /// The file's name as given.
        name: String,
    },
    /// A zero byte, or control characters: no text file.
    #[error(
        "`{name}` is not a text file (byte 0x{byte:02x} at offset {offset}); export it as CSV, JSON, JSONL, Parquet, Markdown or text"
    )]
    Binary {
        /// The file's name as given.
        name: String,
        /// The byte that text does not have.
        byte: u8,
        /// Its place, from 0.
        offset: u64,
    },
    /// Text whose encoding breaks in the middle.
    #[error("`{name}` breaks its encoding ({encoding}) at byte offset {offset}; save it again as UTF-8")]
    Undecodable {
        /// The file's name as given.
        name: String,
        /// The encoding that it has up to there.
        encoding: &'static str,
        /// The place, from 0.
        offset: u64,
    },
    /// A column or field that was asked for is not there.
    #[error("`{name}` has no field `{field}`; it has: {known}")]
    MissingField {
        /// The file's name as given.
        name: String,
        /// The field that was asked for.
        field: String,
        /// The fields there are.
        known: String,
    },
    /// A header whose quote takes in the whole file.
    #[error("`{name}`: a quote in its header is never closed, so that no row is left; close it")]
    UnclosedHeader {
        /// The file's name as given.
        name: String,
    },
    /// A JSON document that is no JSON, or holds no records.
    #[error("`{name}` cannot be read as JSON: {reason}")]
    Json {
        /// The file's name as given.
        name: String,
        /// What is wrong and where.
        reason: String,
    },
    /// Parquet that cannot be read, or something else of that name.
    #[error("`{name}` cannot be read as Parquet: {reason}")]
    Parquet {
        /// The file's name as given.
        name: String,
        /// What is wrong, with the column or the row, and what to do.
        reason: String,
    },
    /// Parquet, and nothing to read it with.
    #[error(
        "`{name}` is Parquet, and this consona was built without it; build it with `--features parquet`, or save the file as CSV or JSONL"
    )]
    WithoutParquet {
        /// The file's name as given.
        name: String,
    },
    /// A result of consona where drafts are wanted.
    #[error(
        "`{name}` holds {what}, which are results and no drafts; give the drafts that they were made of (a run's `drafts.jsonl`)"
    )]
    OwnResult {
        /// The file's name as given.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// A record could not be used, and the caller wants to stop then.
    #[error("{0}; without `strict` it would be set aside and the rest read")]
    Strict(SetAside),
    /// The medium failed.
    #[error("`{name}` could not be read to its end")]
    Io {
        /// The file's name as given.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}
