//! Encoded drafts, and the two forms in which they are handed on.

use ndarray::Array2;

use super::BlockEncoder;
use super::block::Block;
use super::lexical::Lexicon;
use super::pairs::PairTable;
use super::ruler::Ruler;
use crate::embed::{EmbedError, FeatureMatrix, SimilarityMatrix};
use crate::persona::{Draft, Session};

/// The evidence, in nats, that [`EncodedDrafts::similarities`] shows as tanh 1 = 0.76. Large, so
/// that the scale is nearly linear where thresholds lie: means of evidence are evidence, means of
/// probabilities near 1 are not (SynthPAI dev, traits only: ARI .56, .59, .60, .60 at 4, 8, 16, 32).
const SCALE: f32 = 16.0;

/// Drafts of one record as blocks: every trait read, every text embedded.
#[derive(Debug)]
pub struct EncodedDrafts<'a> {
    pub(super) encoder: &'a BlockEncoder<'a>,
    /// A place per trait of the schema for each draft.
    pub(super) blocks: Vec<Vec<Option<Block>>>,
    /// What the blocks' rows point into.
    pub(super) rows: FeatureMatrix,
    /// The words of long prose.
    pub(super) lexicon: Lexicon,
    pub(super) ruler: Ruler,
    /// The session of each draft, numbered by first appearance.
    pub(super) sessions: Vec<usize>,
}

impl<'a> EncodedDrafts<'a> {
    pub(super) fn new(
        encoder: &'a BlockEncoder<'a>,
        blocks: Vec<Vec<Option<Block>>>,
        rows: FeatureMatrix,
        lexicon: Lexicon,
        ruler: Ruler,
        drafts: &[Draft],
    ) -> Self {
        let mut seen: Vec<Session> = Vec::new();
        let sessions = drafts
            .iter()
            .map(|draft| {
                let session = draft.session();
                seen.iter().position(|other| *other == session).unwrap_or_else(|| {
                    seen.push(session);
                    seen.len() - 1
                })
            })
            .collect();
        Self { encoder, blocks, rows, lexicon, ruler, sessions }
    }

    /// How alike the drafts are, as a kernel: the evidence of all shared traits together, squashed to
    /// −1..=1 by tanh(evidence / 16). 0 says nothing either way: two drafts that share no trait, or
    /// traits on which personas do not differ.
    ///
    /// It is a kernel and not an inner product of rows, because traits that one draft lacks drop out
    /// pair by pair and list items are assigned to each other.
    ///
    /// # Errors
    /// [`EmbedError::Matrix`], which a finite embedding never causes.
    pub fn similarities(&self) -> Result<SimilarityMatrix, EmbedError> {
        let table = PairTable::new(self);
        let mut matrix = Array2::eye(table.drafts());
        for (one, other, evidence, _) in table.evidence(&self.encoder.weights) {
            let similarity = (evidence / SCALE).tanh();
            matrix[[one, other]] = similarity;
            matrix[[other, one]] = similarity;
        }
        SimilarityMatrix::new(matrix)
            .map_err(|source| EmbedError::Matrix { embedder: "blocks".to_owned(), source })
    }
}
