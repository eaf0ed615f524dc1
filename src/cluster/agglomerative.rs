//! Average linkage without any knowledge of sessions, for comparison and for centroids of a corpus.

use super::agreement::average_linkage;
use super::{Assignment, ClusterError, Input};

/// Most rows whose similarities are held in memory: 1.6 GB of them.
const MOST_ROWS: usize = 20_000;

/// Joins the two most similar clusters while the mean similarity of their members is above `threshold`
/// (a cosine, in -1..=1). Every row is in a cluster. Time and memory grow with the square of the
/// rows: above some thousand, over-cluster with k-means and join the centroids.
///
/// # Errors
/// [`ClusterError::Empty`]; [`ClusterError::Threshold`] when it is no similarity;
/// [`ClusterError::TooManyRows`] above 20,000.
pub fn agglomerative(input: Input<'_>, threshold: f64) -> Result<Assignment, ClusterError> {
    let rows = input.rows();
    if rows == 0 {
        return Err(ClusterError::Empty);
    }
    if !(-1.0..=1.0).contains(&threshold) {
        return Err(ClusterError::Threshold { threshold });
    }
    if rows > MOST_ROWS {
        return Err(ClusterError::TooManyRows { rows, most: MOST_ROWS });
    }
    let clusters = match input {
        Input::Features(features) => average_linkage(features.similarities().view(), threshold),
        Input::Similarities(similarities) => average_linkage(similarities.view(), threshold),
    };
    Ok(Assignment::new(clusters.into_iter().map(Some)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::SimilarityMatrix;
    use ndarray::array;

    #[test]
    fn the_mean_over_pairs_decides() {
        let similarities = SimilarityMatrix::new(array![
            [1.0, 0.9, 0.6, 0.0],
            [0.9, 1.0, 0.4, 0.0],
            [0.6, 0.4, 1.0, 0.1],
            [0.0, 0.0, 0.1, 1.0]
        ])
        .unwrap();
        let input = Input::Similarities(&similarities);
        // Rows 0 and 1 join at .9; row 2 resembles both by (.6 + .4) / 2 = .5.
        assert_eq!(agglomerative(input, 0.45).unwrap().labels(), [Some(0), Some(0), Some(0), Some(1)]);
        assert_eq!(agglomerative(input, 0.55).unwrap().labels(), [Some(0), Some(0), Some(1), Some(2)]);
        assert_eq!(agglomerative(input, 0.95).unwrap().n_clusters(), 4);
        let refused = agglomerative(input, 1.5).unwrap_err();
        assert_eq!(refused.to_string(), "`threshold` is 1.5; it must be a similarity, from -1 to 1");
    }
}
