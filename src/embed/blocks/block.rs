//! One trait of one draft, ready to be compared.

use crate::normalise::{LevelSpan, Place, Range};

/// What a draft says on one trait. Rows are positions in the matrix of embedded texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// A number or range.
    Range(Range),
    /// Levels of an ordinal trait.
    Levels(LevelSpan),
    /// A listed category.
    Category(usize),
    /// A place; its row is used when neither place contains the other.
    Place(Place),
    /// An open phrase by its folded words, with its row where meaning counts.
    Phrase { key: String, row: Option<usize> },
    /// Items of a list.
    Items(Vec<usize>),
    /// Prose: its row, and its number in the lexicon.
    Prose { row: usize, words: usize },
}
