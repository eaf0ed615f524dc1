//! The border between what is decided and what is sent, for batches.

use std::fmt;

use serde_json::{Map, Value};

use super::{BatchState, NewBatch, Wanted};
use crate::provider::ProviderError;

/// One vendor's form of batches: pure, so that each is tested from saved bytes.
pub(crate) trait BatchWire: fmt::Debug + Send + Sync {
    /// Headers of every request.
    fn headers(&self) -> &'static [(&'static str, &'static str)];

    /// Where batches are made and listed.
    fn path(&self) -> &'static str;

    /// The file that has to be uploaded first, in lines of JSON; `None` where the questions go with the batch.
    fn file(&self, batch: &NewBatch) -> Option<Vec<u8>>;

    /// What makes a batch, of the uploaded file where there is one.
    fn create(&self, batch: &NewBatch, file: Option<&str>) -> Value;

    /// How a batch stands.
    ///
    /// # Errors
    /// What the body lacks.
    fn state(&self, id: &str, body: &Map<String, Value>) -> Result<BatchState, &'static str>;

    /// The query for a page of the list, newest first.
    fn page(&self, after: Option<&str>) -> String;

    /// An entry of the list, held against what is looked for.
    fn listed(&self, entry: &Map<String, Value>, wanted: &Wanted) -> Listed;

    /// What a line of the results says about its question.
    fn answer(&self, line: &Value) -> LineAnswer;
}

/// An entry of the list of batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// When it was made, in milliseconds since 1970, where it says.
    pub(crate) created_ms: Option<u64>,
    pub(crate) likeness: Likeness,
}

/// Whether a listed batch is the one that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    Ours,
    /// Its results will tell; they are at these paths, once it has ended.
    Perhaps(Option<Vec<String>>),
    Other,
}

/// What a line of results holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LineAnswer {
    /// A reply as it would have come to a single question.
    Reply { status: u16, body: Value },
    /// A failure that the vendor names by a word; the status is the one that a single question would have had.
    Errored { status: u16, body: Value },
    /// A failure that costs nothing.
    Failed(ProviderError),
    /// None that is known.
    Odd(&'static str),
}
