//! Real meaning without a transformer: the mean of token vectors that were distilled from one.
//!
//! A text's vector is the mean of its tokens' rows, each with its weight, brought to unit length. The
//! table that is compiled in was distilled for this project from all-MiniLM-L6-v2
//! (`data/static-256-int8/NOTICE`); any model2vec folder with a WordPiece tokenizer can take its place.
//! All of a text is read, however long: there is no cut at 512 tokens, because a mean costs the same
//! per token. Unknown words are left out of the mean, as in model2vec.

use std::borrow::Cow;

use rayon::prelude::*;

use super::fallback;
use super::folder::ModelFolder;
use super::table_file::{Rows, Table};
use super::wordpiece::{Scratch, WordPiece};
use super::{EmbedError, Embedder, FeatureMatrix};

/// Texts that one thread takes at a time; fewer are embedded where they are.
const CHUNK: usize = 256;

/// The first digits of [`digest`] of the shipped files, so that nothing is hashed at start; a test
/// holds it against the files.
const EMBEDDED_NAME: &str = "static-256-int8@952bed1a";

/// Mean of token vectors from a table. Cheap to share, not to clone.
#[derive(Clone, Debug)]
pub struct StaticEmbedder {
    name: String,
    pieces: WordPiece,
    table: Table,
}

impl StaticEmbedder {
    /// The table that is compiled in: 28,106 tokens of 256 components of one byte.
    ///
    /// # Errors
    /// None that can be met: the shipped files are read by a test.
    pub fn embedded() -> Result<Self, EmbedError> {
        let folder = ModelFolder {
            path: "data/static-256-int8".to_owned(),
            config: Some(include_bytes!("../../data/static-256-int8/config.json").to_vec()),
            vocabulary: Some(include_bytes!("../../data/static-256-int8/vocab.txt").to_vec()),
            table: Some(Cow::Borrowed(include_bytes!("../../data/static-256-int8/model.safetensors"))),
            ..ModelFolder::default()
        };
        Self::build(folder, EMBEDDED_NAME.to_owned())
    }

    /// Reads the files of a model2vec folder.
    ///
    /// # Errors
    /// [`EmbedError::Model`] when there is no table or tokenizer, the configured dimension is not the
    /// table's, the vocabulary has more or fewer tokens than the table has rows, or a number is not
    /// finite.
    pub fn from_folder(folder: ModelFolder) -> Result<Self, EmbedError> {
        let name = format!("static@{}", digest(&folder));
        Self::build(folder, name)
    }

    /// The rows of the table that a text is the mean of, in the order of its words; unknown words have none.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.tokenise(text, &mut Scratch::default(), &mut ids);
        ids
    }

    /// Whether the table knows a word, and not only its letters: a word of a script that it was not made for falls into
    /// them one by one.
    fn reads_word(&self, word: &str, letters: usize) -> bool {
        let mut ids = Vec::new();
        self.pieces.encode(word, &mut Scratch::default(), &mut ids);
        let spelled = !word.is_ascii() && letters < 2 * ids.len();
        !ids.is_empty() && !ids.contains(&self.pieces.unknown()) && !spelled
    }

    fn tokenise(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) {
        ids.clear();
        self.pieces.encode(text, scratch, ids);
        ids.retain(|id| *id != self.pieces.unknown());
    }

    fn build(mut folder: ModelFolder, name: String) -> Result<Self, EmbedError> {
        let pieces = folder.word_piece()?;
        let Some(file) = folder.table.take() else {
            return Err(folder.refuse("there is no `model.safetensors`".to_owned()));
        };
        let lasting = match file {
            Cow::Borrowed(bytes) => Some(bytes),
            Cow::Owned(_) => None,
        };
        let table = Table::read(&file, lasting, pieces.size()).map_err(|reason| folder.refuse(reason))?;
        let configured = folder.config()?.and_then(|config| config.get("hidden_dim")?.as_u64());
        if let Some(configured) = configured.filter(|configured| *configured != table.dimension as u64) {
            return Err(folder.refuse(format!(
                "the dimension does not fit: `config.json` says hidden_dim {configured}, the table has {}",
                table.dimension
            )));
        }
        Ok(Self { name, pieces, table })
    }

    /// The row of one text; `ids` and `scratch` are only lent, so that nothing is allocated per text.
    fn fill(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>, row: &mut [f32]) {
        self.tokenise(text, scratch, ids);
        pulp::Arch::new().dispatch(Sum { ids, sums: row, rows: &self.table.rows });
        // The length is brought to 1, so dividing by the number of tokens would change nothing.
        fallback::finish(text, row);
    }

    fn fill_all(&self, texts: &[&str], rows: &mut [f32]) {
        let mut scratch = Scratch::default();
        let mut ids = Vec::with_capacity(64);
        for (text, row) in texts.iter().zip(rows.chunks_exact_mut(self.table.dimension)) {
            self.fill(text, &mut scratch, &mut ids, row);
        }
    }
}

/// The sum of some rows, compiled for the widest vectors of the machine that it runs on. Nothing is
/// reordered inside a component, so every machine computes the same bytes.
struct Sum<'a> {
    ids: &'a [u32],
    sums: &'a mut [f32],
    rows: &'a Rows,
}

impl pulp::WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "pulp compiles the body anew for each vector width")]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        match self.rows {
            Rows::Int8 { bytes, scales } => sum_rows(self.ids, self.sums, bytes, |byte, id| {
                f32::from(byte.cast_signed()) * scales[id as usize]
            }),
            Rows::Float(rows) => sum_rows(self.ids, self.sums, rows, |component, _| *component),
        }
    }
}

/// Sums the rows of `ids`, a block of columns at a time, so that the sums stay in registers.
#[inline(always)]
fn sum_rows<T>(ids: &[u32], sums: &mut [f32], rows: &[T], number: impl Fn(&T, u32) -> f32) {
    const BLOCK: usize = 64;
    let dimension = sums.len();
    let (blocks, rest) = sums.as_chunks_mut::<BLOCK>();
    let blocked = blocks.len() * BLOCK;
    for (place, block) in blocks.iter_mut().enumerate() {
        let mut sum = [0.0; BLOCK];
        for &id in ids {
            let start = id as usize * dimension + place * BLOCK;
            for (sum, component) in sum.iter_mut().zip(&rows[start..start + BLOCK]) {
                *sum += number(component, id);
            }
        }
        *block = sum;
    }
    for &id in ids {
        let start = id as usize * dimension + blocked;
        for (sum, component) in rest.iter_mut().zip(&rows[start..]) {
            *sum += number(component, id);
        }
    }
}

impl Embedder for StaticEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.table.dimension
    }

    fn reads(&self, text: &str) -> bool {
        let (mut known, mut all) = (0, 0);
        for word in text.split_whitespace() {
            let letters = word.chars().filter(|c| c.is_alphanumeric()).count();
            all += letters;
            known += if self.reads_word(word, letters) { letters } else { 0 };
        }
        known > 0 && 2 * known >= all
    }

    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
        let dimension = self.table.dimension;
        let mut rows = vec![0.0; texts.len() * dimension];
        if texts.len() > CHUNK {
            texts
                .par_chunks(CHUNK)
                .zip(rows.par_chunks_mut(CHUNK * dimension))
                .for_each(|(texts, rows)| self.fill_all(texts, rows));
        } else {
            self.fill_all(texts, &mut rows);
        }
        Ok(FeatureMatrix::finished(rows, dimension))
    }
}

/// Eight hexadecimal digits of BLAKE3 over what decides the vectors: tokenizer and table.
fn digest(folder: &ModelFolder) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [folder.tokenizer.as_deref(), folder.vocabulary.as_deref(), folder.table.as_deref()] {
        let part = part.unwrap_or_default();
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;
    use safetensors::tensor::{TensorView, serialize};
    use serde::Deserialize;

    const VOCABULARY: &str = "[UNK]\na\nb\n";

    fn bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// A folder of tensors (name, type, shape, bytes) beside [`VOCABULARY`].
    fn folder(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> ModelFolder {
        let views = tensors.iter().map(|(name, dtype, shape, data)| {
            (*name, TensorView::new(*dtype, shape.to_vec(), data).expect("fits"))
        });
        let table = serialize(views, None).expect("serialises");
        ModelFolder { path: "folder".to_owned(), ..ModelFolder::default() }
            .with_file("vocab.txt", VOCABULARY.into())
            .with_file("model.safetensors", table)
    }

    fn rows_of(folder: ModelFolder, texts: &[&str]) -> Vec<Vec<f32>> {
        let embedder = StaticEmbedder::from_folder(folder).expect("valid");
        let rows = embedder.embed(texts).expect("never fails");
        rows.view().outer_iter().map(|row| row.to_vec()).collect()
    }

    fn refusal(folder: ModelFolder) -> String {
        StaticEmbedder::from_folder(folder).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_table_is_the_one_that_is_named() {
        let folder = ModelFolder {
            vocabulary: Some(include_bytes!("../../data/static-256-int8/vocab.txt").to_vec()),
            table: Some(Cow::Borrowed(include_bytes!("../../data/static-256-int8/model.safetensors"))),
            ..ModelFolder::default()
        };
        assert_eq!(EMBEDDED_NAME, format!("static-256-int8@{}", digest(&folder)));
    }

    #[derive(Deserialize)]
    struct Example {
        text: String,
        start: Vec<f32>,
    }

    #[test]
    fn vectors_are_those_of_the_reference_reader() {
        // Computed with numpy and the `tokenizers` package from the same table.
        let examples: Vec<Example> =
            serde_json::from_str(include_str!("../../tests/fixtures/static_vectors.json")).expect("fixture");
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
        let rows = embedder.embed(&texts).expect("never fails");
        for (example, row) in examples.iter().zip(rows.view().outer_iter()) {
            for (expected, component) in example.start.iter().zip(row) {
                assert!((expected - component).abs() < 2e-6, "{}: {expected} {component}", example.text);
            }
        }
    }

    #[test]
    fn rows_of_every_width_are_read_with_weights_and_mapping() {
        let weights = || ("weights", Dtype::F32, &[3_usize][..], bytes(&[0.0, 1.0, 3.0]));
        let int8 = folder(&[("embeddings", Dtype::I8, &[3, 2], vec![0, 0, 4, 0, 0, 1]), weights()]);
        let float =
            folder(&[("embeddings", Dtype::F32, &[3, 2], bytes(&[0.0, 0.0, 4.0, 0.0, 0.0, 1.0])), weights()]);
        let mapped = folder(&[
            ("embeddings", Dtype::F32, &[2, 2], bytes(&[4.0, 0.0, 0.0, 1.0])),
            ("mapping", Dtype::I64, &[3], [0_i64, 0, 1].iter().flat_map(|row| row.to_le_bytes()).collect()),
            weights(),
        ]);
        for folder in [int8, float, mapped] {
            let rows = rows_of(folder, &["a b", "B"]);
            // (4, 0) × 1 + (0, 1) × 3 = (4, 3), which is (0.8, 0.6) at unit length.
            assert!((rows[0][0] - 0.8).abs() < 1e-6 && (rows[0][1] - 0.6).abs() < 1e-6, "{rows:?}");
            assert!(rows[1][0].abs() < 1e-6 && (rows[1][1] - 1.0).abs() < 1e-6, "{rows:?}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_used_says_why() {
        let good = || folder(&[("embeddings", Dtype::I8, &[3, 2], vec![0, 0, 4, 0, 0, 1])]);
        let without = ModelFolder { vocabulary: None, ..good() };
        assert!(refusal(without).contains("there is no tokenizer: put `tokenizer.json` or `vocab.txt`"));
        let without = ModelFolder { table: None, ..good() };
        assert!(refusal(without).contains("there is no `model.safetensors`"));
        let unfit = good().with_file("config.json", br#"{"hidden_dim": 256}"#.to_vec());
        assert!(refusal(unfit).contains("hidden_dim 256, the table has 2"));
        let unfit = good().with_file("vocab.txt", b"[UNK]\na\n".to_vec());
        assert!(refusal(unfit).contains("the tokenizer knows 2 tokens and the table has 3 rows"));
        let broken = good().with_file("config.json", b"{".to_vec());
        assert!(refusal(broken).contains("`config.json` cannot be read"));
        let broken = good().with_file("model.safetensors", b"GIF89a".to_vec());
        assert!(refusal(broken).contains("`model.safetensors` cannot be read"));
        let nan = [0.0, 0.0, f32::NAN, 0.0, 0.0, 1.0];
        let nan = folder(&[("embeddings", Dtype::F32, &[3, 2], bytes(&nan))]);
        assert!(refusal(nan).contains("`embeddings` has `NaN` in row 1, column 0"));
        let other = folder(&[("encoder.weight", Dtype::F32, &[1], bytes(&[1.0]))]);
        assert!(refusal(other).contains("no tensor `embeddings`, only `encoder.weight`"));
        let stray = [0_i32, 9, 1].iter().flat_map(|row| row.to_le_bytes()).collect();
        let stray =
            folder(&[("embeddings", Dtype::I8, &[2, 1], vec![1, 2]), ("mapping", Dtype::I32, &[3], stray)]);
        assert!(refusal(stray).contains("token 1 to a row that is not among the 2"));
    }

    #[test]
    fn unknown_words_have_no_row_and_known_ones_theirs() {
        let table = StaticEmbedder::embedded().expect("shipped");
        assert_eq!(table.tokens("Nurse, ☃ nurse!").len(), table.tokens("nurse , nurse !").len());
        assert!(table.tokens("☃ ☃").is_empty());
    }

    #[test]
    fn what_has_no_known_word_still_has_a_direction_and_long_texts_are_read_whole() {
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let long = "the nurse works nights ".repeat(50_000);
        let rows = embedder.embed(&["", "  ", "龘", &long, "the nurse works nights"]).expect("never fails");
        let similarities = rows.similarities();
        assert_eq!(rows.view().row(0), rows.view().row(1));
        assert!(similarities.get(0, 2).abs() < 0.3);
        assert!(similarities.get(3, 4) > 0.999, "{}", similarities.get(3, 4));
    }

    #[test]
    fn many_texts_are_embedded_as_each_alone() {
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let texts: Vec<String> = (0..600).map(|place| format!("text number {place}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = embedder.embed(&texts).expect("never fails");
        for place in [0, 255, 256, 599] {
            let alone = embedder.embed(&texts[place..=place]).expect("never fails");
            assert_eq!(alone.view().row(0), together.view().row(place));
        }
    }
}
