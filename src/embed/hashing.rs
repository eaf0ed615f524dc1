//! No model at all: words and character n-grams, hashed into a fixed number of components.
//!
//! Signed feature hashing (Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask
//! Learning"): every feature adds +1 or −1, by its hash, to one component, so collisions cancel in
//! expectation. It sees spelling, not meaning: `lorry driver` and `truck driver` share a word,
//! `nurse` and `medical staff` nothing. It stands as the fallback that needs no table.

use rayon::prelude::*;

use super::{EmbedError, Embedder, FeatureMatrix, fallback};

/// Texts that one thread takes at a time.
const CHUNK: usize = 256;

/// Signed hashing of words and character n-grams.
#[derive(Clone, Debug)]
pub struct HashingEmbedder {
    name: String,
    dimension: usize,
}

impl HashingEmbedder {
    /// Components unless told otherwise. Spearman × 100 on SICK and on STS 2016: 56.2 and 43.8 with 256
    /// components, 56.6 and 45.7 with 512, 56.9 and 46.6 with 1,024, 56.9 and 46.4 with 8,192: more
    /// cost memory and buy nothing.
    pub const DIMENSION: usize = 1024;

    /// The fewest components that may be asked for.
    pub const FEWEST: usize = 16;

    /// The most components that may be asked for.
    pub const MOST: usize = 65_536;

    /// Rows of `dimension` components, from [`Self::FEWEST`] to [`Self::MOST`].
    ///
    /// # Errors
    /// [`EmbedError::Dimension`] outside that range.
    pub fn new(dimension: usize) -> Result<Self, EmbedError> {
        if !(Self::FEWEST..=Self::MOST).contains(&dimension) {
            return Err(EmbedError::Dimension { dimension, fewest: Self::FEWEST, most: Self::MOST });
        }
        Ok(Self { name: format!("hashing-{dimension}"), dimension })
    }
}

/// Splits a text into words of letters and digits and adds the features of each.
fn fill(text: &str, word: &mut Vec<char>, row: &mut [f32]) {
    word.clear();
    word.push(' ');
    for character in text.chars().flat_map(char::to_lowercase).chain([' ']) {
        if character.is_alphanumeric() {
            word.push(character);
        } else if word.len() > 1 {
            word.push(' ');
            add_word(word, row);
            word.truncate(1);
        }
    }
    fallback::finish(text, row);
}

impl Default for HashingEmbedder {
    /// [`HashingEmbedder::DIMENSION`] components.
    fn default() -> Self {
        Self { name: format!("hashing-{}", Self::DIMENSION), dimension: Self::DIMENSION }
    }
}

/// The word itself, and its n-grams of three to five characters with a blank at either end.
fn add_word(word: &[char], row: &mut [f32]) {
    add(word, WORD_WEIGHT, row);
    for length in 3..=5 {
        for gram in word.windows(length) {
            add(gram, 1.0, row);
        }
    }
}

/// How much a whole word counts beside one of its n-grams.
const WORD_WEIGHT: f32 = 2.0;

/// FNV-1a over the characters, its bits mixed at the end (the finaliser of `SplitMix64`): the top bit is
/// the sign, the rest the component.
fn add(feature: &[char], weight: f32, row: &mut [f32]) {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &character in feature {
        hash = (hash ^ u64::from(u32::from(character))).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let place = ((hash & (u64::MAX >> 1)) % row.len() as u64) as usize;
    row[place] += if hash >> 63 == 0 { weight } else { -weight };
}

impl Embedder for HashingEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
        let mut rows = vec![0.0; texts.len() * self.dimension];
        let fill_all = |texts: &[&str], rows: &mut [f32]| {
            let mut word = Vec::new();
            for (text, row) in texts.iter().zip(rows.chunks_exact_mut(self.dimension)) {
                fill(text, &mut word, row);
            }
        };
        if texts.len() > CHUNK {
            texts
                .par_chunks(CHUNK)
                .zip(rows.par_chunks_mut(CHUNK * self.dimension))
                .for_each(|(texts, rows)| fill_all(texts, rows));
        } else {
            fill_all(texts, &mut rows);
        }
        Ok(FeatureMatrix::finished(rows, self.dimension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn near_spellings_are_nearer_than_other_words() {
        let embedder = HashingEmbedder::default();
        let rows = embedder.embed(&["truck driver", "Truck drivers!", "pastry chef"]).expect("never fails");
        let similarities = rows.similarities();
        assert!(similarities.get(0, 1) > 0.7, "{}", similarities.get(0, 1));
        assert!(similarities.get(0, 2) < 0.2, "{}", similarities.get(0, 2));
    }

    #[test]
    fn dimensions_out_of_range_are_refused_with_the_range() {
        let error = HashingEmbedder::new(3).unwrap_err().to_string();
        assert!(error.contains("`3`") && error.contains("16") && error.contains("65536"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_gets_a_finite_unit_row_that_does_not_depend_on_its_neighbours(
            texts in proptest::collection::vec(".{0,40}", 1..6)
        ) {
            let embedder = HashingEmbedder::new(64).expect("in range");
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            // `FeatureMatrix` checks length and finiteness.
            let together = embedder.embed(&texts).expect("never fails");
            let alone = embedder.embed(&texts[..1]).expect("never fails");
            let (together, alone) = (together.view(), alone.view());
            prop_assert_eq!(together.row(0), alone.row(0));
        }
    }
}
