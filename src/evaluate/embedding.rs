//! Do an embedder's cosines order pairs of sentences the way people do?

use serde::{Deserialize, Serialize};

use super::lines::json_lines;
use super::metrics::spearman;
use crate::embed::{EmbedError, Embedder};

/// Two sentences and how alike people find them; any scale.
#[derive(Clone, Debug, Deserialize)]
pub struct SentencePair {
    /// One sentence.
    pub a: String,
    /// The other.
    pub b: String,
    /// How alike they are, more is more.
    pub gold: f64,
}

/// Why an embedder could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddingEvaluationError {
    /// A line that is no pair.
    #[error("line {line} is no pair; expected `{{\"a\", \"b\", \"gold\"}}`")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What the reader stumbled over.
        source: serde_json::Error,
    },
    /// The embedder failed.
    #[error("the sentences cannot be embedded")]
    Embed(#[from] EmbedError),
}

/// How well cosines follow people's judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EmbeddingReport {
    /// The embedder's name.
    pub embedder: String,
    /// Spearman's rank correlation in −1..=1; `None` below two pairs or when one side is constant.
    pub spearman: Option<f64>,
    /// Pairs.
    pub n: usize,
}

/// Reads pairs from JSON lines; further keys are left out.
///
/// # Errors
/// [`EmbeddingEvaluationError::Line`] names the first line that is no pair.
pub fn read_sentence_pairs(text: &str) -> Result<Vec<SentencePair>, EmbeddingEvaluationError> {
    let read = |(line, read): (usize, Result<_, _>)| {
        read.map_err(|source| EmbeddingEvaluationError::Line { line, source })
    };
    json_lines(text).map(read).collect()
}

/// Correlates cosines with gold.
///
/// # Errors
/// [`EmbeddingEvaluationError::Embed`] when the embedder fails.
pub fn evaluate_embedding(
    pairs: &[SentencePair],
    embedder: &dyn Embedder,
) -> Result<EmbeddingReport, EmbeddingEvaluationError> {
    let texts: Vec<&str> = pairs.iter().flat_map(|pair| [pair.a.as_str(), pair.b.as_str()]).collect();
    let rows = embedder.embed(&texts)?;
    let cosines: Vec<f64> =
        (0..pairs.len()).map(|pair| f64::from(rows.cosine(2 * pair, 2 * pair + 1))).collect();
    let gold: Vec<f64> = pairs.iter().map(|pair| pair.gold).collect();
    Ok(EmbeddingReport {
        embedder: embedder.name().to_owned(),
        spearman: spearman(&cosines, &gold),
        n: pairs.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashingEmbedder;

    #[test]
    fn nearer_spellings_follow_a_gold_that_says_so() {
        let text = r#"{"a": "a red car", "b": "a red car", "gold": 5, "nli": "X"}

{"a": "a red car", "b": "a red bus", "gold": 3}
{"a": "a red car", "b": "quiet seas", "gold": 0}"#;
        let pairs = read_sentence_pairs(text).expect("pairs");
        let report = evaluate_embedding(&pairs, &HashingEmbedder::default()).expect("never fails");
        // The order of the cosines is the order of the gold: the correlation of ranks is 1.
        assert_eq!((report.n, report.spearman), (3, Some(1.0)));
    }

    #[test]
    fn a_line_that_is_no_pair_is_named() {
        let error =
            read_sentence_pairs("{\"a\": \"x\", \"b\": \"y\", \"gold\": 1}\n\n{\"a\": 1}").unwrap_err();
        assert!(error.to_string().starts_with("line 3 is no pair"), "{error}");
    }
}
