//! Values are read for what they mean, before anything compares them.
//!
//! Models write `** 1. Late 20s`, `28 years old` and `25-30` for one age, `Bachelor's degree` and
//! `College Degree` for one degree, `London, UK` and `London` for one place, and `N/A` for nothing
//! at all. [`read`] turns a raw [`TraitValue`](crate::persona::TraitValue) into a [`Reading`] by the
//! kind of its trait; "unknown" becomes [`Reading::Abstain`], which is no vote and no value.
//!
//! What is *not* decided here is how alike two open phrases are: that takes an embedder
//! ([`crate::embed`]); only [`contradict`] is known from words alone. [`Reading`]s only keep what such a comparison needs.

mod abstention;
mod level;
mod number;
mod number_word;
mod phrase;
mod place;
mod polarity;
mod reading;
mod stem;

pub use level::LevelSpan;
pub use number::Range;
pub(crate) use number_word::{NumberWord, number_word};
pub use phrase::Phrase;
pub(crate) use phrase::fold;
pub use place::Place;
pub use polarity::contradict;
pub(crate) use polarity::{OPPOSITION, denies, turns_round};
pub use reading::{Reading, read};
pub(crate) use stem::stem;
