//! A reply becomes drafts, or one typed reason why it does not.
//!
//! [`parse_reply`] gives one [`Outcome`] per reply. It finds the JSON, reads it strictly and holds
//! it against the trait schema; it never repairs, guesses or completes, because a persona that was
//! made up here would be counted as a model's vote. What the values mean is decided later
//! ([`crate::normalise`]), and whether to ask again in [`crate::run`].

mod extract;
mod fields;
mod outcome;
mod reply;
mod shape;
pub(crate) mod strict_json;

pub(crate) use extract::{fenced, pieces, without_thoughts};
pub(crate) use fields::read as read_fields;
pub use outcome::{Notice, Outcome, ParsedPersona, Violation};
pub(crate) use reply::is_refusal;
pub use reply::parse_reply;
