//! Texts in, pooled unit rows out.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::config::{Config, Pooling};
use super::layers::{Layer, Norm};
use super::weights::Reader;
use crate::embed::wordpiece::{Scratch, WordPiece};
use crate::embed::{EmbedError, Embedder, FeatureMatrix, ModelFolder, fallback};

/// Tokens that one thread takes at a time: enough for long matrix products, few enough for its cache.
const CHUNK: usize = 256;

/// A sentence transformer of the BERT family.
#[derive(Clone, Debug)]
pub struct TransformerEmbedder {
    name: String,
    config: Config,
    pieces: WordPiece,
    /// `[CLS]` and `[SEP]`.
    around: [u32; 2],
    words: Array2<f32>,
    /// Positions, with the first token type added.
    positions: Array2<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

impl TransformerEmbedder {
    /// Reads the files of a sentence-transformers folder.
    ///
    /// # Errors
    /// [`EmbedError::Model`] when a file is missing, the architecture, pooling or a module is not known,
    /// a tensor is missing, has another shape than the configuration says or holds no number, or the
    /// vocabulary does not fit the table of words.
    pub fn from_folder(folder: &ModelFolder) -> Result<Self, EmbedError> {
        let config = Config::read(folder)?;
        let pieces = folder.word_piece()?;
        let Some(file) = folder.table.as_deref() else {
            return Err(folder.refuse("there is no `model.safetensors`".to_owned()));
        };
        Self::build(folder, file, config, pieces).map_err(|reason| folder.refuse(reason))
    }

    fn build(folder: &ModelFolder, file: &[u8], config: Config, pieces: WordPiece) -> Result<Self, String> {
        let special =
            |token: &str| pieces.id(token).ok_or_else(|| format!("the vocabulary has no token `{token}`"));
        let around = [special("[CLS]")?, special("[SEP]")?];
        let reader = Reader::new(file)?;
        let words = reader.matrix("embeddings.word_embeddings.weight", None, config.hidden)?;
        if words.nrows() < pieces.size() {
            return Err(format!(
                "vocabulary mismatch: the tokenizer knows {} tokens and the model has {} rows",
                pieces.size(),
                words.nrows()
            ));
        }
        let mut positions = reader.matrix("embeddings.position_embeddings.weight", None, config.hidden)?;
        let types = reader.matrix("embeddings.token_type_embeddings.weight", None, config.hidden)?;
        if positions.nrows() < config.longest || types.nrows() == 0 {
            return Err(format!("there are {} positions for texts of {}", positions.nrows(), config.longest));
        }
        positions += &types.row(0);
        let norm = reader.norm("embeddings.LayerNorm", &config)?;
        let layers =
            (0..config.layers).map(|place| reader.layer(place, &config)).collect::<Result<_, _>>()?;
        let mut hasher = blake3::Hasher::new();
        for part in
            [&folder.config, &folder.tokenizer, &folder.vocabulary, &folder.pooling, &folder.sentence_bert]
        {
            hasher.update(part.as_deref().unwrap_or_default()).update(&[0]);
        }
        let digest = hasher.update(file).finalize().to_hex();
        let name = format!("transformer-{}@{}", config.hidden, &digest[..8]);
        Ok(Self { name, config, pieces, around, words, positions, norm, layers })
    }

    fn tokens(&self, text: &str, scratch: &mut Scratch) -> Vec<u32> {
        let mut ids = vec![self.around[0]];
        self.pieces.encode(text, scratch, &mut ids);
        ids.truncate(self.config.longest - 1);
        ids.push(self.around[1]);
        ids
    }

    /// The pooled rows of some texts.
    fn forward(&self, texts: &[&Vec<u32>]) -> Array2<f32> {
        let ranges: Vec<Range<usize>> = texts
            .iter()
            .scan(0, |end, ids| {
                let start = *end;
                *end += ids.len();
                Some(start..*end)
            })
            .collect();
        let total = ranges.last().map_or(0, |range| range.end);
        let mut tokens = Array2::zeros((total, self.config.hidden));
        let places = texts.iter().flat_map(|ids| ids.iter().enumerate());
        for (mut row, (position, id)) in tokens.outer_iter_mut().zip(places) {
            row += &self.words.row(*id as usize);
            row += &self.positions.row(position);
        }
        self.norm.apply(&mut tokens);
        for layer in &self.layers {
            tokens = layer.apply(tokens, &ranges, self.config.heads, self.config.activation);
        }
        let mut pooled = Array2::zeros((texts.len(), self.config.hidden));
        for (mut row, range) in pooled.outer_iter_mut().zip(ranges) {
            row.assign(&pool(tokens.slice(s![range, ..]), self.config.pooling));
        }
        pooled
    }
}

fn pool(tokens: ArrayView2<'_, f32>, pooling: Pooling) -> ndarray::Array1<f32> {
    match pooling {
        // The length becomes 1 afterwards, so the sum has the direction of the mean.
        Pooling::Mean => tokens.sum_axis(ndarray::Axis(0)),
        Pooling::Cls => tokens.row(0).to_owned(),
        Pooling::Max => tokens.fold_axis(ndarray::Axis(0), f32::NEG_INFINITY, |most, value| most.max(*value)),
    }
}

impl Embedder for TransformerEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.config.hidden
    }

    /// Rows are of unit length, whether or not the folder has a module that makes them so: cosines are
    /// the same. A text beyond the folder's longest is cut, as in sentence-transformers.
    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
        let mut scratch = Scratch::default();
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| self.tokens(text, &mut scratch)).collect();
        // Texts of like length together; the order among equals is that of the question.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&text| tokens[text].len());
        let mut chunks: Vec<&[usize]> = Vec::new();
        let mut start = 0;
        while start < order.len() {
            let length = tokens[order[start]].len();
            let end = (start + (CHUNK / length).max(1)).min(order.len());
            chunks.push(&order[start..end]);
            start = end;
        }
        let pooled: Vec<Array2<f32>> = chunks
            .par_iter()
            .map(|chunk| self.forward(&chunk.iter().map(|&text| &tokens[text]).collect::<Vec<_>>()))
            .collect();
        let mut rows = vec![0.0; texts.len() * self.config.hidden];
        for (chunk, pooled) in chunks.iter().zip(&pooled) {
            for (&text, from) in chunk.iter().zip(pooled.outer_iter()) {
                let row = &mut rows[text * self.config.hidden..(text + 1) * self.config.hidden];
                row.iter_mut().zip(from).for_each(|(cell, value)| *cell = *value);
                fallback::finish(texts[text], row);
            }
        }
        Ok(FeatureMatrix::finished(rows, self.config.hidden))
    }
}
