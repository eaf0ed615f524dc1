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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{Embedder, StaticEmbedder};
    use crate::persona::{ModelName, RecordId, TraitSchema, TraitValue};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static EMBEDDER: LazyLock<StaticEmbedder> =
        LazyLock::new(|| StaticEmbedder::embedded().expect("shipped"));

    /// A draft of traits written as `name=value`; `|` separates list items.
    fn draft(model: &str, position: u32, traits: &[(&str, &str)]) -> Draft {
        let record = RecordId::new("r").expect("valid");
        let mut draft = Draft::new(record, ModelName::new(model).expect("valid"));
        draft.position = position;
        for (name, value) in traits {
            let value = match value.split_once('|') {
                Some(_) => TraitValue::list(value.split('|')),
                None => TraitValue::text(value),
            };
            draft.traits.insert((*name).to_owned(), value.expect("says something"));
        }
        draft
    }

    fn similarities(drafts: &[Draft]) -> SimilarityMatrix {
        let schema = TraitSchema::default_persona().with_inferred(drafts);
        BlockEncoder::new(&schema, &*EMBEDDER).similarities(drafts).expect("never fails")
    }

    #[test]
    fn the_same_person_in_other_words_is_nearer_than_another() {
        let drafts = [
            draft("a", 0, &[("age", "Late 20s"), ("location", "London, UK"), ("occupation", "nurse")]),
            draft("b", 0, &[("age", "28"), ("location", "London"), ("occupation", "hospital nurse")]),
            draft("b", 1, &[("age", "61"), ("location", "Oslo, Norway"), ("occupation", "crane operator")]),
        ];
        let found = similarities(&drafts);
        assert!(found.get(0, 1) > 0.1, "{}", found.get(0, 1));
        assert!(found.get(0, 2) < -0.1, "{}", found.get(0, 2));
    }

    #[test]
    fn what_is_missing_neither_attracts_nor_repels() {
        let drafts = [
            draft("a", 0, &[("age", "28")]),
            draft("b", 0, &[("occupation", "nurse")]),
            draft("c", 0, &[]),
            draft("d", 0, &[("age", "unknown")]),
            draft("e", 0, &[("age", "29"), ("occupation", "nurse")]),
        ];
        let found = similarities(&drafts);
        for (one, other) in [(0, 1), (0, 2), (2, 3), (0, 3)] {
            assert!(found.get(one, other).abs() < 1e-6, "{one} {other}: {}", found.get(one, other));
        }
        assert!(found.get(0, 4) > 0.0 && found.get(1, 4) > 0.0);
    }

    #[test]
    fn names_and_quotes_draw_nobody_together() {
        let drafts = [
            draft(
                "a",
                0,
                &[("name", "Anna"), ("quotes", "x|y"), ("bio", "Anna repairs old clocks at home.")],
            ),
            draft("b", 0, &[("name", "Anna"), ("quotes", "x|y"), ("bio", "Anna sells fish on the market.")]),
            draft("b", 1, &[("name", "Bo"), ("quotes", "z|w"), ("bio", "Bo sells fish on the market.")]),
        ];
        let found = similarities(&drafts);
        assert!((found.get(0, 1) - found.get(0, 2)).abs() < 1e-6, "the name is not seen");
    }

    #[test]
    fn the_order_of_list_items_says_nothing() {
        let one = draft("a", 0, &[("goals", "save money|sleep more|find a new job")]);
        let other = draft("b", 0, &[("goals", "find a new job|save money|sleep more")]);
        let short = draft("c", 0, &[("goals", "save money|learn to sail")]);
        let found = similarities(&[one, other, short]);
        assert!(found.get(0, 1) > found.get(0, 2), "{found:?}");
        // All items are found: the evidence of a whole list, ln(0.7 / 0.15) = 1.54, at tanh(1.54 / 16).
        assert!((found.get(0, 1) - (1.5404_f32 / 16.0).tanh()).abs() < 1e-3, "{}", found.get(0, 1));
    }

    #[test]
    fn texts_are_all_that_is_embedded() {
        #[derive(Debug)]
        struct Listed<'a>(&'a StaticEmbedder, Vec<String>);
        impl Embedder for Listed<'_> {
            fn name(&self) -> &'static str {
                "listed"
            }
            fn dimension(&self) -> usize {
                self.0.dimension()
            }
            fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
                assert!(texts.iter().all(|text| self.1.iter().any(|known| known == text)), "{texts:?}");
                self.0.embed(texts)
            }
        }
        let drafts = [
            draft(
                "a",
                0,
                &[("goals", "save money|sleep more"), ("bio", "Ann is \"a very busy person\" at 4.")],
            ),
            draft("b", 0, &[("occupation", "nurse"), ("location", "London")]),
        ];
        let schema = TraitSchema::default_persona();
        let listed = Listed(&EMBEDDER, BlockEncoder::texts(&schema, &drafts));
        BlockEncoder::new(&schema, &listed).similarities(&drafts).expect("all texts are listed");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_order_of_drafts_changes_nothing(
            values in proptest::collection::vec(("[a-z ]{0,12}", 0_u8..90, "[a-z]{1,6}\\|[a-z ]{1,8}"), 2..6)
        ) {
            let mut drafts: Vec<Draft> = values
                .iter()
                .enumerate()
                .map(|(place, (job, age, goals))| {
                    let age = age.to_string();
                    let mut all = vec![("age", age.as_str()), ("goals", goals.as_str())];
                    if !job.trim().is_empty() {
                        all.push(("occupation", job.as_str()));
                    }
                    draft(&format!("m{place}"), 0, &all)
                })
                .collect();
            let forward = similarities(&drafts);
            drafts.reverse();
            let backward = similarities(&drafts);
            let last = drafts.len() - 1;
            for one in 0..=last {
                for other in 0..=last {
                    let (here, there) = (forward.get(one, other), backward.get(last - one, last - other));
                    prop_assert!((here - there).abs() < 1e-5, "{} {}", here, there);
                }
            }
        }
    }
}
