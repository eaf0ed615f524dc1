//! Drafts as unit rows, for clusterings of corpora too large for a matrix of similarities.
//!
//! Every trait has its columns; what a draft says on it becomes a unit vector there, times the root of
//! the trait's weight, so that the inner product of two rows is the weighted sum of their traits'
//! similarities. A missing trait leaves zeros, which are near to nothing, zeros included; it only
//! makes the others count more when the row is brought to unit length. Lists are the mean of their
//! items here: one-to-one assignment is no inner product.

use ndarray::Array2;
use rayon::prelude::*;

use super::EncodedDrafts;
use super::block::Block;
use super::compare::half_life;
use crate::embed::fallback;
use crate::embed::{EmbedError, FeatureMatrix};
use crate::normalise::Range;
use crate::persona::TraitKind;

/// Columns of values that are equal or not: each is a row of random signs, cosines within ±⅛.
const DISCRETE: usize = 64;

/// The most soft bins of a numeric trait.
const BINS: usize = 24;

/// The columns of one trait.
#[derive(Debug)]
struct Columns {
    /// Soft bins (centres) of a numeric trait.
    centres: Vec<f64>,
    /// Levels of an ordinal trait.
    levels: usize,
    discrete: usize,
    embedded: usize,
    scale: f32,
}

impl Columns {
    fn width(&self) -> usize {
        self.centres.len() + self.levels + self.discrete + self.embedded
    }
}

impl EncodedDrafts<'_> {
    /// One unit row per draft, for k-means, DBSCAN and search over many drafts.
    ///
    /// # Errors
    /// [`EmbedError::Matrix`], which a finite embedding never causes.
    pub fn vectors(&self) -> Result<FeatureMatrix, EmbedError> {
        let columns = self.columns();
        let width = columns.iter().map(Columns::width).sum::<usize>().max(DISCRETE);
        let mut rows = Array2::<f32>::zeros((self.blocks.len(), width));
        let filled = rows.as_slice_mut().unwrap_or_default().par_chunks_mut(width);
        filled.zip(&self.blocks).enumerate().for_each(|(draft, (row, blocks))| {
            let mut start = 0;
            for ((block, columns), definition) in
                blocks.iter().zip(&columns).zip(self.encoder.schema.definitions())
            {
                let end = start + columns.width();
                if let Some(block) = block {
                    self.fill(block, columns, &definition.kind, &mut row[start..end]);
                }
                start = end;
            }
            // A draft that says nothing gets a direction of its own.
            fallback::finish(&format!("draft {draft}"), row);
        });
        FeatureMatrix::new(rows)
            .map_err(|source| EmbedError::Matrix { embedder: "blocks".to_owned(), source })
    }

    fn columns(&self) -> Vec<Columns> {
        let definitions = self.encoder.schema.definitions().iter().zip(self.encoder.weights.shares());
        definitions
            .enumerate()
            .map(|(place, (definition, weight))| {
                let blocks = || self.blocks.iter().filter_map(move |blocks| blocks[place].as_ref());
                let embedded = blocks().any(|block| {
                    matches!(
                        block,
                        Block::Items(_) | Block::Prose { .. } | Block::Phrase { row: Some(_), .. }
                    )
                });
                let discrete = blocks().any(|block| {
                    matches!(block, Block::Category(_) | Block::Place(_) | Block::Phrase { row: None, .. })
                });
                Columns {
                    centres: centres(blocks(), &definition.kind),
                    levels: match &definition.kind {
                        TraitKind::Ordinal { levels } => levels.len(),
                        _ => 0,
                    },
                    discrete: if discrete { DISCRETE } else { 0 },
                    embedded: if embedded { self.rows.dimension() } else { 0 },
                    scale: weight.sqrt(),
                }
            })
            .collect()
    }

    fn fill(&self, block: &Block, columns: &Columns, kind: &TraitKind, cells: &mut [f32]) {
        let (bins, rest) = cells.split_at_mut(columns.centres.len());
        let (levels, rest) = rest.split_at_mut(columns.levels);
        let (discrete, embedded) = rest.split_at_mut(columns.discrete);
        match block {
            Block::Range(range) => {
                for (bin, centre) in bins.iter_mut().zip(&columns.centres) {
                    if let Some(centre) = Range::new(*centre, *centre) {
                        *bin = half_life(range.distance(&centre) / tolerance(kind));
                    }
                }
            }
            Block::Levels(span) => {
                for (place, level) in levels.iter_mut().enumerate() {
                    let (low, high) = (place.abs_diff(span.lowest()), place.abs_diff(span.highest()));
                    *level = half_life(f64::midpoint(low as f64, high as f64));
                }
            }
            Block::Category(category) => fallback::fill(&format!("category {category}"), discrete),
            Block::Place(place) => {
                // The smallest part counts like all larger ones together.
                let larger = place.parts().len().saturating_sub(1).max(1) as f32;
                for (depth, part) in place.parts().iter().enumerate() {
                    let mut signs = [0.0; DISCRETE];
                    fallback::fill(part, &mut signs);
                    let share = if depth == 0 { 1.0 } else { 1.0 / larger };
                    discrete.iter_mut().zip(signs).for_each(|(cell, sign)| *cell += share * sign);
                }
            }
            Block::Phrase { key, row: None } => fallback::fill(key, discrete),
            Block::Phrase { row: Some(row), .. } | Block::Prose { row, .. } => self.add(*row, embedded),
            Block::Items(items) => items.iter().for_each(|row| self.add(*row, embedded)),
        }
        let length = cells.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
        if length > 0.0 {
            for cell in cells {
                *cell *= columns.scale / length;
            }
        }
    }

    fn add(&self, row: usize, cells: &mut [f32]) {
        for (cell, component) in cells.iter_mut().zip(self.rows.view().row(row)) {
            *cell += component;
        }
    }
}

/// Centres from the smallest to the largest value, one tolerance apart or as many as there may be.
fn centres<'a>(blocks: impl Iterator<Item = &'a Block>, kind: &TraitKind) -> Vec<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for block in blocks {
        if let Block::Range(range) = block {
            low = low.min(range.low());
            high = high.max(range.high());
        }
    }
    if low > high {
        return Vec::new();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the most")]
    let steps = ((high - low) / tolerance(kind)).ceil().clamp(0.0, (BINS - 1) as f64) as usize;
    (0..=steps).map(|step| low + (high - low) * step as f64 / steps.max(1) as f64).collect()
}

fn tolerance(kind: &TraitKind) -> f64 {
    if let TraitKind::Numeric { tolerance, .. } = kind { *tolerance } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use crate::embed::{BlockEncoder, StaticEmbedder};
    use crate::persona::{Draft, ModelName, RecordId, TraitSchema, TraitValue};

    fn draft(traits: &[(&str, &str)]) -> Draft {
        let record = RecordId::new("r").expect("valid");
        let mut draft = Draft::new(record, ModelName::new("m").expect("valid"));
        for (name, value) in traits {
            draft.traits.insert((*name).to_owned(), TraitValue::text(value).expect("says something"));
        }
        draft
    }

    #[test]
    fn rows_are_near_where_people_are_alike() {
        let drafts = [
            draft(&[
                ("age", "28"),
                ("location", "London, UK"),
                ("education", "BSc"),
                ("goals", "save money"),
            ]),
            draft(&[
                ("age", "29"),
                ("location", "London"),
                ("education", "college"),
                ("goals", "spend less money"),
            ]),
            draft(&[("age", "60"), ("location", "Oslo"), ("education", "PhD"), ("goals", "learn to sail")]),
            draft(&[]),
            draft(&[("name", "Anna")]),
        ];
        let schema = TraitSchema::default_persona();
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let rows = BlockEncoder::new(&schema, &embedder).vectors(&drafts).expect("never fails");
        assert!(rows.cosine(0, 1) > 0.6, "{}", rows.cosine(0, 1));
        assert!(rows.cosine(0, 2) < 0.3, "{}", rows.cosine(0, 2));
        // Drafts that say nothing are near to nobody, and not to each other.
        for (one, other) in [(0, 3), (1, 3), (3, 4)] {
            assert!(rows.cosine(one, other).abs() < 0.3, "{one} {other}: {}", rows.cosine(one, other));
        }
    }
}
