//! A reply becomes drafts, or one typed reason why it does not.
mod fields;
mod outcome;
mod shape;
pub(crate) mod strict_json;

pub(crate) use fields::read as read_fields;
pub use outcome::{Notice, Outcome, ParsedPersona, Violation};
