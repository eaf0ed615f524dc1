//! The result of every clustering: a label per row.

use serde::{Deserialize, Serialize};

/// A cluster per row, or `None` for noise. Clusters are numbered from 0 by first appearance and
/// none is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    labels: Vec<Option<usize>>,
    n_clusters: usize,
}

impl Assignment {
    /// Renumbers any labels by first appearance.
    pub fn new<L: PartialEq>(raw: impl IntoIterator<Item = Option<L>>) -> Self {
        let mut seen: Vec<L> = Vec::new();
        let labels = raw
            .into_iter()
            .map(|label| {
                label.map(|label| {
                    seen.iter().position(|other| *other == label).unwrap_or_else(|| {
                        seen.push(label);
                        seen.len() - 1
                    })
                })
            })
            .collect();
        Self { labels, n_clusters: seen.len() }
    }

    /// One cluster that holds every row.
    #[must_use]
    pub fn single(rows: usize) -> Self {
        Self { labels: vec![Some(0); rows], n_clusters: usize::from(rows > 0) }
    }

    /// The label of each row.
    #[must_use]
    pub fn labels(&self) -> &[Option<usize>] {
        &self.labels
    }

    /// Number of clusters; noise is none of them.
    #[must_use]
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// The rows of each cluster, ascending.
    #[must_use]
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.n_clusters];
        for (row, label) in self.labels.iter().enumerate() {
            if let Some(label) = label {
                members[*label].push(row);
            }
        }
        members
    }

    /// The same with every noise row as a cluster of its own: a lone draft is a minority persona.
    #[must_use]
    pub fn noise_as_singletons(&self) -> Self {
        Self::new(
            self.labels
                .iter()
                .enumerate()
                .map(|(row, label)| Some(label.map_or((true, row), |label| (false, label)))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_named_by_first_appearance() {
        let assignment = Assignment::new([Some(7), None, Some(3), Some(7)]);
        assert_eq!(assignment.labels(), [Some(0), None, Some(1), Some(0)]);
        assert_eq!(assignment.n_clusters(), 2);
        assert_eq!(assignment.members(), [vec![0, 3], vec![2]]);
        assert_eq!(assignment.noise_as_singletons().labels(), [Some(0), Some(1), Some(2), Some(0)]);
    }
}
