//! Vectors that were fetched before the pure part began.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::{EmbedError, Embedder, FeatureMatrix};

/// Texts with their vectors: an [`Embedder`] that only looks up. Remote embedders are asked by the
/// shell, text by text as [`super::BlockEncoder::texts`] names them; their answers come here.
#[derive(Clone, Debug, Default)]
pub struct CachedEmbedder {
    name: String,
    dimension: usize,
    rows: BTreeMap<String, Vec<f32>>,
}

impl CachedEmbedder {
    /// Takes what an endpoint answered for texts, in their order.
    ///
    /// # Errors
    /// [`EmbedError::Count`] when there are fewer or more vectors than texts or their lengths differ,
    /// [`EmbedError::Matrix`] for a vector that is not finite or all zeros.
    pub fn new(name: &str, texts: &[String], vectors: &[Vec<f32>]) -> Result<Self, EmbedError> {
        let count =
            || EmbedError::Count { embedder: name.to_owned(), vectors: vectors.len(), texts: texts.len() };
        let dimension = vectors.first().map_or(0, Vec::len);
        if vectors.len() != texts.len() {
            return Err(count());
        }
        if let Some(other) = vectors.iter().map(Vec::len).find(|length| *length != dimension) {
            return Err(EmbedError::Ragged { embedder: name.to_owned(), expected: dimension, found: other });
        }
        let rows =
            Array2::from_shape_vec((vectors.len(), dimension), vectors.concat()).map_err(|_| count())?;
        let rows = FeatureMatrix::normalise(rows)
            .map_err(|source| EmbedError::Matrix { embedder: name.to_owned(), source })?;
        let kept = texts.iter().cloned().zip(rows.view().outer_iter().map(|row| row.to_vec())).collect();
        Ok(Self { name: name.to_owned(), dimension, rows: kept })
    }

    /// Takes in the texts of another answer of the same model.
    ///
    /// # Errors
    /// [`EmbedError::Ragged`] when its vectors have another length.
    pub fn merge(&mut self, other: Self) -> Result<(), EmbedError> {
        if !self.rows.is_empty() && !other.rows.is_empty() && self.dimension != other.dimension {
            return Err(EmbedError::Ragged {
                embedder: self.name.clone(),
                expected: self.dimension,
                found: other.dimension,
            });
        }
        self.dimension = self.dimension.max(other.dimension);
        self.rows.extend(other.rows);
        Ok(())
    }

    /// Those of some texts that have no vector yet, in their order, each once.
    #[must_use]
    pub fn missing<'t>(&self, texts: &'t [String]) -> Vec<&'t str> {
        let mut seen = std::collections::BTreeSet::new();
        let missing = texts.iter().map(String::as_str).filter(|text| !self.rows.contains_key(*text));
        missing.filter(|text| seen.insert(*text)).collect()
    }
}

impl Embedder for CachedEmbedder {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
        let mut rows = Vec::with_capacity(texts.len() * self.dimension);
        for text in texts {
            let row = self.rows.get(*text).ok_or_else(|| EmbedError::Missing {
                embedder: self.name.clone(),
                length: text.chars().count(),
            })?;
            rows.extend_from_slice(row);
        }
        Ok(FeatureMatrix::finished(rows, self.dimension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn an_answer_that_does_not_fit_its_question_is_refused() {
        let error = |vectors: &[Vec<f32>]| {
            CachedEmbedder::new("remote", &texts(&["a", "b"]), vectors).map(|_| ()).unwrap_err()
        };
        assert!(matches!(error(&[vec![1.0]]), EmbedError::Count { vectors: 1, texts: 2, .. }));
        assert!(matches!(
            error(&[vec![1.0], vec![1.0, 2.0]]),
            EmbedError::Ragged { expected: 1, found: 2, .. }
        ));
        assert!(matches!(error(&[vec![1.0], vec![f32::NAN]]), EmbedError::Matrix { .. }));
        assert!(matches!(error(&[vec![1.0], vec![0.0]]), EmbedError::Matrix { .. }));
    }

    #[test]
    fn stored_vectors_are_answered_at_unit_length_and_others_are_missing() {
        let mut cached = CachedEmbedder::new("remote", &texts(&["a"]), &[vec![3.0, 4.0]]).expect("fits");
        assert_eq!(cached.missing(&texts(&["b", "a", "b"])), ["b"]);
        let error = cached.embed(&["a", "b"]).map(|_| ()).unwrap_err();
        assert!(matches!(error, EmbedError::Missing { length: 1, .. }));
        cached
            .merge(CachedEmbedder::new("remote", &texts(&["b"]), &[vec![0.0, 2.0]]).expect("fits"))
            .expect("fits");
        let rows = cached.embed(&["b", "a"]).expect("stored");
        // 3-4-5 triangle.
        assert!((rows.cosine(0, 1) - 0.8).abs() < 1e-6);
    }
}
