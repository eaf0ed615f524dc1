//! What comes after the consensus: review, coverage, narratives, checks, and the splitting of work.
//!
//! Every module is the pure content of one kind of stage: it writes the prompt, reads the reply
//! strictly and computes what needs no model; who is asked, when and how often is decided in the
//! executor. None of them changes a vote: a review stands beside the consensus, and a narrative says no
//! more than the consensus does, because each of its sentences is held against the statements
//! ([`Statement`]) of its persona by this crate's own rules, whatever a model claims about it.

pub mod adaptation;
pub mod conflict;
pub mod coverage;
pub mod evidence;
pub mod narrative;
pub mod pipeline;
pub mod quality;
mod reply;
pub mod review;
mod statement;
pub mod uncertainty;
mod words;
pub mod workstreams;

pub use reply::ReplyError;
pub use statement::{Statement, statements};
