//! What is talked about: personas, their traits, and the drafts that models make of them.
//!
//! A [`Draft`] is one model's persona for one record; its traits are raw [`TraitValue`]s, as the
//! model wrote them. A [`TraitSchema`] says how each trait is to be read (its [`TraitKind`]),
//! and knows the names under which people write it. Nothing here normalises, compares or judges:
//! that is for [`crate::embed`] and [`crate::consensus`].

mod catalogue;
mod draft;
mod id;
mod infer;
mod schema;
mod value;

pub use draft::{Draft, Evidence, RecordDrafts, Session};
pub use id::{IdError, ModelName, RecordId};
pub use infer::TraitInference;
pub(crate) use schema::key_of;
pub use schema::{Comparison, Level, SchemaError, TraitDefinition, TraitKind, TraitSchema};
pub use value::TraitValue;
