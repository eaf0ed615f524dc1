//! Questions in batches: asked together, answered within a day, at a lower price.
//!
//! A batch is known by a tag of ours before the vendor has given it a number, and every question in it by the tag and
//! its place. So a batch that was sent by a process that died before it heard the number can be found again: by its
//! metadata where the vendor keeps any (OpenAI), else by the names in its results (Anthropic). Those two are
//! pure; `delivery` carries the bytes. What is sent when, what is stored before it and what a missing answer means
//! for the ledger is decided in [`crate::run`].

mod anthropic;
mod delivery;
mod lines;
mod openai;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::{Call, Completion, ProviderError};
pub(crate) use anthropic::AnthropicBatches;
pub(crate) use delivery::HttpBatches;
pub(crate) use openai::OpenAiBatches;
pub(crate) use wire::BatchWire;

/// Questions that are to be asked together.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// Ours alone, 1 to 40 letters, digits and `-`.
    pub tag: String,
    /// The questions as [`BatchEndpoint::entry`] made them, in the order of their places.
    pub entries: Vec<Value>,
}

/// Why a batch has no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// There is no such batch: nothing was sent, or it was refused as a whole.
    Refused(ProviderError),
    /// There may be one: whoever sends it again without looking may pay twice.
    Unknown(ProviderError),
}

/// A batch whose number was never heard.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its tag.
    pub tag: String,
    /// How many questions are in it.
    pub entries: u64,
    /// Batches from before this moment are not looked at; milliseconds since 1970.
    pub since_ms: u64,
    /// Numbers of other batches of ours.
    pub known: Vec<String>,
}

/// Whether a batch was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is this one.
    Ours(String),
    /// The vendor has no batch that could be it.
    Nobody,
    /// There is one that could be it, and only its results will tell.
    Undecided,
}

/// How a batch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// It is worked on.
    Working,
    /// It has ended; whatever was answered is to be had at these paths.
    Ended {
        /// For [`BatchEndpoint::fetch`].
        results: Vec<String>,
    },
    /// It was refused before anything was asked.
    Invalid {
        /// What is wrong with single questions, by their place.
        entries: BTreeMap<u64, String>,
        /// What is wrong with the batch.
        error: ProviderError,
    },
}

/// One line of a batch's results.
#[derive(Clone, Debug)]
pub enum BatchLine {
    /// What came of a question.
    Answer {
        /// Its place in the batch.
        place: u64,
        /// The answer. Whatever the vendor does not charge for is an error without usage of a kind that costs nothing.
        answer: Result<Completion, ProviderError>,
    },
    /// About a question that was never in this batch.
    Foreign,
    /// No line of results at all.
    Unreadable,
}

/// An endpoint that also takes questions in batches. Every method is one attempt.
pub trait BatchEndpoint: fmt::Debug + Send + Sync {
    /// A question as it stands in a batch.
    fn entry(&self, call: &Call) -> Value;

    /// Sends a batch; answers the vendor's number of it.
    fn submit<'a>(&'a self, batch: &'a NewBatch) -> BoxFuture<'a, Result<String, SubmitError>>;

    /// Looks for a batch whose number was never heard.
    fn find<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Found, ProviderError>>;

    /// How a batch stands.
    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<BatchState, ProviderError>>;

    /// Reads the results of the batch with that tag, in whatever order they stand. `Ok` says that they came whole.
    fn fetch<'a>(
        &'a self,
        tag: &'a str,
        results: &'a [String],
        lines: Sender<BatchLine>,
    ) -> BoxFuture<'a, Result<(), ProviderError>>;
}

/// The name of a question: at most 64 letters, digits and `-`, as both vendors take it.
pub(crate) fn custom_id(tag: &str, place: usize) -> String {
    format!("{tag}-{place}")
}

/// The place of a question in the batch of that tag; `None` for a question of another.
pub(crate) fn place_of(tag: &str, custom_id: &str) -> Option<u64> {
    let place = custom_id.strip_prefix(tag)?.strip_prefix('-')?;
    // Only what we write ourselves: no sign, no leading zeros.
    place.parse().ok().filter(|number: &u64| number.to_string() == place)
}

/// Whether a vendor's number of something may stand in a path.
pub(crate) fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=200).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c9_a_question_is_found_again_by_its_name_and_no_other() {
        let tag = "0123456789abcdef0123456789abcdef";
        let id = custom_id(tag, 49_999);
        assert!(id.len() <= 64 && is_plain(&id));
        assert_eq!(place_of(tag, &id), Some(49_999));
        for other in ["", "1-2", "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef-01"] {
            assert_eq!(place_of(tag, other), None, "{other}");
        }
    }

    #[test]
    fn c9_a_number_that_leads_elsewhere_is_none() {
        assert!(is_plain("msgbatch_013Zva2CMHLNnXjNJJKqJ2EF") && is_plain("file-abc"));
        for id in ["", "..", "a/b", "a?b", "a%2e"] {
            assert!(!is_plain(id), "{id}");
        }
    }
}
