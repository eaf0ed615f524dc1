//! Which drafts of different models are the same persona.
//!
//! Two facts about drafts are used that general clustering does not know: drafts of one session
//! are different by intention and cannot link, and every model has one vote. The result is an
//! [`Assignment`]; what the drafts of a cluster agree on is for [`crate::consensus`].

mod assignment;

pub use assignment::Assignment;
