//! Average linkage without any knowledge of sessions.

use super::agreement::{Stop, average_linkage};
use super::cells::Cells;
use super::distances::MOST_ROWS;
use super::{Assignment, ClusterError, Input};
use crate::embed::FeatureMatrix;

/// Where average linkage ends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cut {
    /// Where the mean similarity of the two most alike clusters is not above this cosine, in -1..=1.
    Threshold(f64),
    /// Where there are so many clusters.
    Clusters(usize),
}

impl Cut {
    /// Most rows that are joined one by one; above, cells of them are.
    pub const EXACT_ROWS: usize = MOST_ROWS;

    fn check(self, rows: usize) -> Result<Stop, ClusterError> {
        match self {
            _ if rows == 0 => Err(ClusterError::Empty),
            Self::Threshold(threshold) if (-1.0..=1.0).contains(&threshold) => {
                Ok(Stop { threshold, fewest: 1 })
            }
            Self::Threshold(threshold) => Err(ClusterError::Threshold { threshold }),
            Self::Clusters(0) => Err(ClusterError::NoClusters),
            Self::Clusters(n_clusters) if n_clusters > rows => {
                Err(ClusterError::TooManyClusters { n_clusters, distinct: rows, rows })
            }
            // Below any similarity.
            Self::Clusters(fewest) => Ok(Stop { threshold: -2.0, fewest }),
        }
    }
}

/// Joins the two clusters whose members are most similar on average, up to `cut`. Every row is in a cluster.
///
/// Time and memory grow with the square of the rows. Above [`Cut::EXACT_ROWS`], vectors are gathered
/// into cells by k-means first; the mean similarity of two cells is that of their rows, so that from the
/// cells on it is average linkage of the rows.
///
/// # Errors
/// [`ClusterError::Empty`]; [`ClusterError::Threshold`] when it is no similarity;
/// [`ClusterError::NoClusters`] and [`ClusterError::TooManyClusters`]; [`ClusterError::TooManyRows`] for
/// similarities of more than 20,000 rows.
pub fn agglomerative(input: Input<'_>, cut: Cut) -> Result<Assignment, ClusterError> {
    let rows = input.rows();
    let stop = cut.check(rows)?;
    match input {
        Input::Features(features) if rows > MOST_ROWS => by_cells(features, cut),
        Input::Features(features) => {
            let links = features.similarities().view().iter().copied().collect();
            Ok(assignment(average_linkage(links, None, stop)))
        }
        Input::Similarities(_) if rows > MOST_ROWS => {
            Err(ClusterError::TooManyRows { rows, most: MOST_ROWS })
        }
        Input::Similarities(similarities) => {
            let links = similarities.view().iter().copied().collect();
            Ok(assignment(average_linkage(links, None, stop)))
        }
    }
}

fn by_cells(features: &FeatureMatrix, cut: Cut) -> Result<Assignment, ClusterError> {
    let cells = Cells::unmoved(features.view())?;
    let stop = cut.check(cells.masses.len())?;
    let joined = average_linkage(cells.products(), Some(&cells.masses), stop);
    Ok(cells.assignment(&joined.into_iter().map(Some).collect::<Vec<_>>()))
}

fn assignment(clusters: Vec<usize>) -> Assignment {
    Assignment::new(clusters.into_iter().map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::SimilarityMatrix;
    use ndarray::{Array2, array};

    #[test]
    fn the_mean_over_pairs_decides() {
        let similarities = SimilarityMatrix::new(array![
            [1.0, 0.9, 0.6, 0.0],
            [0.9, 1.0, 0.4, 0.0],
            [0.6, 0.4, 1.0, 0.1],
            [0.0, 0.0, 0.1, 1.0]
        ])
        .unwrap();
        let at = |cut| agglomerative(Input::Similarities(&similarities), cut);
        // Rows 0 and 1 join at .9; row 2 resembles both by (.6 + .4) / 2 = .5.
        let three_and_one = [Some(0), Some(0), Some(0), Some(1)];
        assert_eq!(at(Cut::Threshold(0.45)).unwrap().labels(), three_and_one);
        assert_eq!(at(Cut::Threshold(0.55)).unwrap().labels(), [Some(0), Some(0), Some(1), Some(2)]);
        assert_eq!(at(Cut::Threshold(0.95)).unwrap().n_clusters(), 4);
        assert_eq!(at(Cut::Clusters(2)).unwrap().labels(), three_and_one);
        assert_eq!(at(Cut::Clusters(1)).unwrap().n_clusters(), 1);
        let refused = at(Cut::Threshold(1.5)).unwrap_err();
        assert_eq!(refused.to_string(), "`threshold` is 1.5; it must be a similarity, from -1 to 1");
        assert!(matches!(at(Cut::Clusters(0)), Err(ClusterError::NoClusters)));
        assert!(matches!(at(Cut::Clusters(5)), Err(ClusterError::TooManyClusters { n_clusters: 5, .. })));
    }

    #[test]
    fn cells_are_joined_as_their_rows_would_be() {
        // Three directions of the plane, 120 degrees apart, rows within 10 degrees of theirs.
        let angle = |row: usize| (row % 3) as f32 * 2.0944 + ((row * 37) % 100) as f32 / 100.0 * 0.34;
        let rows =
            Array2::from_shape_fn(
                (900, 2),
                |(row, column)| {
                    if column == 0 { angle(row).cos() } else { angle(row).sin() }
                },
            );
        let features = FeatureMatrix::normalise(rows).unwrap();
        for cut in [Cut::Threshold(0.5), Cut::Clusters(3)] {
            let exact = agglomerative(Input::Features(&features), cut).unwrap();
            assert_eq!(by_cells(&features, cut).unwrap(), exact, "{cut:?}");
            assert_eq!(exact.n_clusters(), 3);
        }
    }
}
