//! Files become records, and existing persona files become drafts.
//!
//! Everything here takes an open reader and a name for messages; paths are opened in
//! [`crate::files`]. Reading is a stream ([`records`], [`drafts`]) of entries, each of them something
//! usable or a [`SetAside`] with its reason; the eager forms ([`read_records`], [`read_drafts`])
//! gather the stream. A bad record costs that record; [`DatasetError`] is kept for inputs that
//! cannot be read at all, and for readers who asked to be strict.
//!
//! What is not decided here: what a value means ([`crate::normalise`]).

mod csv_rows;
mod decode;
mod drafts;
mod error;
mod format;
mod json_document;
mod json_lines;
mod line_ends;
mod own_results;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod prose;
mod quotes;
mod record;
mod records;
mod source;

pub use drafts::{DraftDefaults, Drafts, Positions, drafts, drafts_after, read_drafts};
pub use error::DatasetError;
pub use format::{ENDINGS, Format, ReadOptions, Split};
pub use record::{Loaded, Record, SetAside};
pub use records::{Identities, Records, read_records, records, records_after};
pub use source::Entry;
