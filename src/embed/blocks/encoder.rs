//! Drafts become blocks: every trait read by its kind, every text embedded once.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;

use super::block::Block;
use super::encoded::EncodedDrafts;
use super::lexical::Lexicon;
use super::mask::{Names, mask};
use super::pairs::PairTable;
use super::ruler::Ruler;
use super::weights::BlockWeights;
use crate::embed::wordpiece::WordHasher;
use crate::embed::{EmbedError, Embedder, FeatureMatrix, SimilarityMatrix};
use crate::normalise::{Phrase, Reading, read};
use crate::persona::{Comparison, Draft, TraitDefinition, TraitKind, TraitSchema, TraitValue};

/// Turns drafts into blocks and blocks into similarities, for one schema and one embedder.
#[derive(Debug)]
pub struct BlockEncoder<'a> {
    pub(super) schema: &'a TraitSchema,
    embedder: &'a dyn Embedder,
    pub(super) weights: BlockWeights,
    ruler: OnceLock<Ruler>,
}

impl<'a> BlockEncoder<'a> {
    /// An encoder with the weights that are assumed for the schema's kinds. Make it once for many
    /// records: the embedder's scale is measured when it is first used.
    #[must_use]
    pub fn new(schema: &'a TraitSchema, embedder: &'a dyn Embedder) -> Self {
        Self { schema, embedder, weights: BlockWeights::assumed(schema), ruler: OnceLock::new() }
    }

    /// Takes weights in place of the assumed ones: those of [`Self::learn_weights`].
    #[must_use]
    pub fn with_weights(mut self, weights: BlockWeights) -> Self {
        self.weights = weights;
        self
    }

    /// Learns from a batch, without labels, what each trait says about two drafts being the same
    /// persona. Drafts of one session show how different personas differ; records in which every
    /// session has one draft teach nothing, and the weights stay as they are. At most the first
    /// 250,000 pairs (and at least one record) are looked at.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn learn_weights<'r>(
        &self,
        records: impl IntoIterator<Item = &'r [Draft]>,
    ) -> Result<BlockWeights, EmbedError> {
        const MOST: usize = 250_000;
        let mut tables = Vec::new();
        let mut pairs = 0;
        for drafts in records {
            pairs += drafts.len() * drafts.len().saturating_sub(1) / 2;
            if pairs > MOST && !tables.is_empty() {
                break;
            }
            tables.push(PairTable::new(&self.encode(drafts)?));
        }
        Ok(self.weights.clone().learn(&tables))
    }

    fn ruler(&self) -> Result<Ruler, EmbedError> {
        if let Some(ruler) = self.ruler.get() {
            return Ok(*ruler);
        }
        let measured = Ruler::measure(self.embedder)?;
        Ok(*self.ruler.get_or_init(|| measured))
    }

    /// Every text that the drafts of a record, and the ruler, would have embedded, each once: for
    /// embedders that have to be asked beforehand ([`crate::embed::CachedEmbedder`]).
    #[must_use]
    pub fn texts(schema: &TraitSchema, drafts: &[Draft]) -> Vec<String> {
        let mut gathered = Gathered::default();
        for text in Ruler::texts() {
            gathered.row(text);
        }
        for draft in drafts {
            gathered.blocks(schema, draft);
        }
        gathered.texts
    }

    /// Reads and embeds drafts: one call to the embedder, equal texts once.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn encode(&self, drafts: &[Draft]) -> Result<EncodedDrafts<'_>, EmbedError> {
        let mut gathered = Gathered::default();
        let blocks = drafts.iter().map(|draft| gathered.blocks(self.schema, draft)).collect();
        let texts: Vec<&str> = gathered.texts.iter().map(String::as_str).collect();
        let rows = self.embedder.embed(&texts)?;
        if rows.rows() != texts.len() {
            return Err(EmbedError::Count {
                embedder: self.embedder.name().to_owned(),
                vectors: rows.rows(),
                texts: texts.len(),
            });
        }
        let mut lexicon = gathered.lexicon;
        lexicon.weigh();
        Ok(EncodedDrafts::new(self, blocks, rows, lexicon, self.ruler()?, drafts))
    }

    /// How alike the drafts of one record are: see [`EncodedDrafts::similarities`].
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn similarities(&self, drafts: &[Draft]) -> Result<SimilarityMatrix, EmbedError> {
        self.encode(drafts)?.similarities()
    }

    /// One unit row per draft: see [`EncodedDrafts::vectors`].
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn vectors(&self, drafts: &[Draft]) -> Result<FeatureMatrix, EmbedError> {
        self.encode(drafts)?.vectors()
    }
}

/// Texts in the order of their first appearance.
#[derive(Default)]
struct Gathered {
    texts: Vec<String>,
    rows: HashMap<String, usize, BuildHasherDefault<WordHasher>>,
    lexicon: Lexicon,
}

impl Gathered {
    fn row(&mut self, text: &str) -> usize {
        if let Some(&row) = self.rows.get(text) {
            return row;
        }
        let row = self.texts.len();
        self.texts.push(text.to_owned());
        self.rows.insert(text.to_owned(), row);
        row
    }

    /// The blocks of a draft, one place per trait of the schema; `None` where it says nothing or the
    /// trait has no weight.
    fn blocks(&mut self, schema: &TraitSchema, draft: &Draft) -> Vec<Option<Block>> {
        let known: Vec<(&TraitDefinition, &TraitValue)> =
            draft.traits.iter().filter_map(|(name, value)| Some((schema.get(name)?, value))).collect();
        let names = names(&known);
        let mut blocks = vec![None; schema.definitions().len()];
        for (definition, value) in known.into_iter().filter(|(definition, _)| definition.weight > 0.0) {
            let place = schema.definitions().iter().position(|other| std::ptr::eq(other, definition));
            if let Some(block) = place.and_then(|place| blocks.get_mut(place)).filter(|b| b.is_none()) {
                *block = self.block(value, definition, &names);
            }
        }
        blocks
    }

    fn block(&mut self, value: &TraitValue, definition: &TraitDefinition, names: &Names) -> Option<Block> {
        match read(value, definition) {
            Reading::Range(range) => Some(Block::Range(range)),
            Reading::Levels(levels) => Some(Block::Levels(levels)),
            Reading::Category(category) => Some(Block::Category(category)),
            Reading::Place(place) => Some(Block::Place(place)),
            Reading::Phrase(phrase) => {
                let meaning =
                    matches!(definition.kind, TraitKind::Categorical { comparison: Comparison::Meaning, .. });
                let row = meaning.then(|| self.row(phrase.shown()));
                Some(Block::Phrase { key: phrase.key().to_owned(), row })
            }
            Reading::Items(items) => {
                let rows = items.iter().filter_map(|item| self.masked(item, names)).collect::<Vec<_>>();
                (!rows.is_empty()).then_some(Block::Items(rows))
            }
            Reading::Prose(prose) => {
                let row = self.masked(&prose, names)?;
                Some(Block::Prose { row, words: self.lexicon.add(prose.key(), names) })
            }
            _ => None,
        }
    }

    /// The row of a text without names, quotes and ids; `None` when nothing is left of it.
    fn masked(&mut self, phrase: &Phrase, names: &Names) -> Option<usize> {
        let masked = mask(phrase.shown(), names);
        (!masked.trim().is_empty()).then(|| self.row(masked.trim()))
    }
}

/// The persona's name: from the trait that holds it, else from the beginning of its prose.
fn names(known: &[(&TraitDefinition, &TraitValue)]) -> Names {
    if let Some((_, value)) = known.iter().find(|(definition, _)| definition.name == "name") {
        return Names::from_value(&value.to_string());
    }
    let prose =
        known.iter().find(|(definition, _)| definition.kind == TraitKind::Text && definition.weight > 0.0);
    match prose {
        Some((_, TraitValue::Text(text))) => Names::from_prose(text),
        _ => Names::default(),
    }
}
