//! How alike two blocks of one trait are, from 0 (as different as any two) to 1 (the same).

use super::assign::Assigner;
use super::block::Block;
use super::lexical::Lexicon;
use super::ruler::Ruler;
use crate::embed::FeatureMatrix;
use crate::normalise::Range;
use crate::persona::TraitKind;

/// Buffers that are kept between comparisons.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    assigner: Assigner,
    gains: Vec<f32>,
}

/// What comparisons need beside the blocks.
#[derive(Debug)]
pub(super) struct Comparer<'a> {
    pub(super) rows: &'a FeatureMatrix,
    pub(super) ruler: Ruler,
    pub(super) lexicon: &'a Lexicon,
}

impl Comparer<'_> {
    /// The similarity of two blocks of one trait, or `None` where they cannot be compared: a listed
    /// level beside a phrase that the schema does not know says neither yes nor no.
    pub(super) fn compare(
        &self,
        one: &Block,
        other: &Block,
        kind: &TraitKind,
        scratch: &mut Scratch,
    ) -> Option<f32> {
        Some(match (one, other) {
            (Block::Range(one), Block::Range(other)) => numbers(one, other, kind),
            (Block::Levels(one), Block::Levels(other)) => half_life(one.distance(other)),
            (Block::Category(one), Block::Category(other)) => f32::from(u8::from(one == other)),
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
            (Block::Place(one), Block::Place(other)) => one.similarity(other) as f32,
            (Block::Phrase { key, row }, Block::Phrase { key: other_key, row: other_row }) => {
                match (row, other_row) {
                    _ if key == other_key => 1.0,
                    (Some(row), Some(other_row)) => self.meaning(*row, *other_row),
                    _ => 0.0,
                }
            }
            (Block::Items(one), Block::Items(other)) => self.lists(one, other, scratch),
            (Block::Prose { row, words }, Block::Prose { row: other_row, words: other_words }) => {
                self.lexicon.compare(*words, *other_words).unwrap_or_else(|| self.meaning(*row, *other_row))
            }
            _ => return None,
        })
    }

    fn meaning(&self, one: usize, other: usize) -> f32 {
        if one == other {
            return 1.0;
        }
        self.ruler.grade(self.rows.cosine(one, other))
    }

    /// The best one-to-one pairing's sum over the mean length: every item that finds no partner
    /// counts against it by half.
    fn lists(&self, one: &[usize], other: &[usize], scratch: &mut Scratch) -> f32 {
        scratch.gains.clear();
        for &row in one {
            scratch.gains.extend(other.iter().map(|&column| self.meaning(row, column)));
        }
        let sum = scratch.assigner.best(&scratch.gains, one.len(), other.len());
        2.0 * sum / (one.len() + other.len()) as f32
    }
}

/// The trait's tolerance is the difference at which two values support each other by half.
fn numbers(one: &Range, other: &Range, kind: &TraitKind) -> f32 {
    let tolerance = if let TraitKind::Numeric { tolerance, .. } = kind { *tolerance } else { 1.0 };
    half_life(one.distance(other) / tolerance)
}

/// 1 at no distance, ½ at distance 1, falling like a Gaussian: 1/16 at 2.
pub(crate) fn half_life(distance: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
    let similarity = (-(distance * distance)).exp2() as f32;
    similarity
}
