//! How alike two clusterings of the same items are, and how well separated one is.

use std::collections::BTreeMap;

use crate::embed::SimilarityMatrix;

/// Items shared by each pair of clusters, and the sizes of the clusters of either side.
struct Contingency {
    cells: Vec<f64>,
    truth: Vec<f64>,
    found: Vec<f64>,
    items: f64,
}

impl Contingency {
    fn new<A: Ord, B: Ord>(truth: &[A], found: &[B]) -> Option<Self> {
        if truth.len() != found.len() || truth.is_empty() {
            return None;
        }
        let mut cells: BTreeMap<(&A, &B), f64> = BTreeMap::new();
        let mut rows: BTreeMap<&A, f64> = BTreeMap::new();
        let mut columns: BTreeMap<&B, f64> = BTreeMap::new();
        for (one, other) in truth.iter().zip(found) {
            *cells.entry((one, other)).or_default() += 1.0;
            *rows.entry(one).or_default() += 1.0;
            *columns.entry(other).or_default() += 1.0;
        }
        Some(Self {
            cells: cells.into_values().collect(),
            truth: rows.into_values().collect(),
            found: columns.into_values().collect(),
            items: truth.len() as f64,
        })
    }
}

/// Unordered pairs inside groups of these sizes.
fn pairs(sizes: &[f64]) -> f64 {
    sizes.iter().map(|size| size * (size - 1.0) / 2.0).sum()
}

/// Entropy in nats of groups of these sizes among `items`.
fn entropy(sizes: &[f64], items: f64) -> f64 {
    -sizes.iter().map(|size| size / items * (size / items).ln()).sum::<f64>()
}

/// Agreement of two clusterings corrected for chance: 1 for equal partitions, 0 in expectation for
/// random ones of the same sizes, down to about -0.5. Order of the arguments and names of the
/// labels change nothing.
///
/// `None` when the lengths differ or there are fewer than two items. Two partitions that are both
/// one cluster, or both all singletons, are equal and score 1.
///
/// Source: Hubert and Arabie, *Comparing partitions*, Journal of Classification 2 (1985).
#[must_use]
pub fn adjusted_rand_index<A: Ord, B: Ord>(truth: &[A], found: &[B]) -> Option<f64> {
    let table = Contingency::new(truth, found)?;
    if truth.len() < 2 {
        return None;
    }
    let (together, rows, columns) = (pairs(&table.cells), pairs(&table.truth), pairs(&table.found));
    let expected = rows * columns / (table.items * (table.items - 1.0) / 2.0);
    let most = f64::midpoint(rows, columns);
    // The denominator vanishes only when both are one cluster or both are all singletons.
    if (most - expected).abs() < f64::EPSILON * most.max(1.0) {
        return Some(1.0);
    }
    Some((together - expected) / (most - expected))
}

/// How pure the found clusters are, how whole the true ones stay, and the harmonic mean of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VMeasure {
    /// 1 when every found cluster holds items of one true cluster only; in 0..=1.
    pub homogeneity: f64,
    /// 1 when every true cluster lies in one found cluster; in 0..=1.
    pub completeness: f64,
    /// Harmonic mean of both; 0 when both are 0.
    pub v_measure: f64,
}

/// Entropy-based agreement of a clustering with the truth.
///
/// `None` when the lengths differ or there is no item. A truth of one cluster cannot be mixed, so
/// its homogeneity is 1; a result of one cluster cannot split anything, so its completeness is 1.
///
/// Source: Rosenberg and Hirschberg, *V-measure*, EMNLP 2007.
#[must_use]
pub fn v_measure<A: Ord, B: Ord>(truth: &[A], found: &[B]) -> Option<VMeasure> {
    let table = Contingency::new(truth, found)?;
    let (rows, columns) = (entropy(&table.truth, table.items), entropy(&table.found, table.items));
    let joint = entropy(&table.cells, table.items);
    let mutual = (rows + columns - joint).max(0.0);
    let share = |whole: f64| if whole > 0.0 { (mutual / whole).min(1.0) } else { 1.0 };
    let (homogeneity, completeness) = (share(rows), share(columns));
    let sum = homogeneity + completeness;
    let v_measure = if sum > 0.0 { 2.0 * homogeneity * completeness / sum } else { 0.0 };
    Some(VMeasure { homogeneity, completeness, v_measure })
}

/// Precision, recall and F1 over pairs of items that were put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairScores {
    /// Of the pairs found together, the share that truly is; `None` when no pair was found together.
    pub precision: Option<f64>,
    /// Of the pairs truly together, the share that was found; `None` when there is no such pair.
    pub recall: Option<f64>,
    /// 2 · right / (found + true); `None` when neither side has a pair.
    pub f1: Option<f64>,
}

/// Scores a clustering by its pairs. `None` when the lengths differ or there is no item.
#[must_use]
pub fn pair_f1<A: Ord, B: Ord>(truth: &[A], found: &[B]) -> Option<PairScores> {
    let table = Contingency::new(truth, found)?;
    let (right, rows, columns) = (pairs(&table.cells), pairs(&table.truth), pairs(&table.found));
    let share = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    Some(PairScores {
        precision: share(right, columns),
        recall: share(right, rows),
        f1: share(2.0 * right, rows + columns),
    })
}

/// Pairs of drafts of one session that were put into one cluster. `None` when the lengths differ.
#[must_use]
pub fn cannot_link_violations<A: Ord, B: Ord>(sessions: &[A], found: &[B]) -> Option<usize> {
    if sessions.len() != found.len() {
        return None;
    }
    let mut cells: BTreeMap<(&A, &B), usize> = BTreeMap::new();
    for cell in sessions.iter().zip(found) {
        *cells.entry(cell).or_default() += 1;
    }
    Some(cells.values().map(|size| size * (size - 1) / 2).sum())
}

/// Mean silhouette by cosine distance (1 − similarity), in -1..=1: high when items are nearer to
/// their own cluster than to the next one. An item alone in its cluster counts 0, as in the source.
///
/// `None` for one cluster, for all singletons, for lengths that differ: there is nothing to compare
/// with. (linfa answers 1.0 there, so that choosing k by it always chooses 1.) Where an item has
/// distance 0 to everything, it counts 0 rather than NaN.
///
/// Source: Rousseeuw, *Silhouettes*, J. Computational and Applied Mathematics 20 (1987).
#[must_use]
pub fn silhouette<L: Ord>(similarities: &SimilarityMatrix, labels: &[L]) -> Option<f64> {
    let mut clusters: BTreeMap<&L, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        clusters.entry(label).or_default().push(row);
    }
    let n = labels.len();
    if n != similarities.size() || clusters.len() < 2 || clusters.len() == n {
        return None;
    }
    let total: f64 = labels
        .iter()
        .enumerate()
        .map(|(row, label)| {
            let (mut inside, mut outside) = (0.0, f64::INFINITY);
            let mut alone = false;
            for (other, members) in &clusters {
                let sum: f64 = members
                    .iter()
                    .filter(|member| **member != row)
                    .map(|member| 1.0 - f64::from(similarities.get(row, *member)))
                    .sum();
                if *other == label {
                    alone = members.len() == 1;
                    inside = sum / (members.len() as f64 - 1.0).max(1.0);
                } else {
                    outside = outside.min(sum / members.len() as f64);
                }
            }
            let scale = f64::max(inside, outside);
            if alone || scale <= 0.0 { 0.0 } else { (outside - inside) / scale }
        })
        .sum();
    Some(total / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    const TRUTH: [u8; 6] = [0, 0, 0, 1, 1, 1];
    const FOUND: [u8; 6] = [0, 0, 1, 1, 2, 2];

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-12
    }

    #[test]
    fn adjusted_rand_index_by_hand() {
        // Cells {2,1,1,2}: pairs 1+0+0+1 = 2. Rows {3,3}: 3+3 = 6. Columns {2,2,2}: 3.
        // Expected 6·3/15 = 1.2; most (6+3)/2 = 4.5; (2−1.2)/(4.5−1.2) = 0.8/3.3.
        assert!(close(adjusted_rand_index(&TRUTH, &FOUND).unwrap(), 0.8 / 3.3));
    }

    #[test]
    fn equal_trivial_partitions_agree_and_too_little_gives_no_number() {
        assert_eq!(adjusted_rand_index(&[0, 0, 0], &[5, 5, 5]), Some(1.0));
        assert_eq!(adjusted_rand_index(&[0, 1, 2], &[7, 5, 6]), Some(1.0));
        // One cluster against singletons: pairs 0, expected 0, most 1.5.
        assert_eq!(adjusted_rand_index(&[0, 0, 0], &[0, 1, 2]), Some(0.0));
        assert_eq!(adjusted_rand_index(&[0], &[0]), None);
        assert_eq!(adjusted_rand_index(&[0, 1], &[0]), None);
        assert_eq!(v_measure::<u8, u8>(&[], &[]), None);
    }

    #[test]
    fn v_measure_by_hand() {
        // H(truth) = ln 2; H(found) = ln 3; joint cells {2,1,1,2}/6:
        // 2·(1/3)ln 3 + 2·(1/6)ln 6 = (2/3)ln 3 + (1/3)ln 6 = ln 3 + (1/3)ln 2.
        // Mutual = ln 2 + ln 3 − ln 3 − (1/3)ln 2 = (2/3)ln 2.
        let got = v_measure(&TRUTH, &FOUND).unwrap();
        let completeness = 2.0 / 3.0 * 2.0_f64.ln() / 3.0_f64.ln();
        assert!(close(got.homogeneity, 2.0 / 3.0));
        assert!(close(got.completeness, completeness));
        assert!(close(got.v_measure, 2.0 * (2.0 / 3.0) * completeness / (2.0 / 3.0 + completeness)));
    }

    #[test]
    fn pair_scores_by_hand() {
        // 2 right pairs, 3 found, 6 true: precision 2/3, recall 1/3, F1 4/9.
        let got = pair_f1(&TRUTH, &FOUND).unwrap();
        assert!(close(got.precision.unwrap(), 2.0 / 3.0));
        assert!(close(got.recall.unwrap(), 1.0 / 3.0));
        assert!(close(got.f1.unwrap(), 4.0 / 9.0));
        assert_eq!(
            pair_f1(&[0, 1], &[0, 1]).unwrap(),
            PairScores { precision: None, recall: None, f1: None }
        );
    }

    #[test]
    fn violations_are_pairs_of_one_session_in_one_cluster() {
        // Session 0 has three drafts in cluster 1: 3 pairs; session 1 has one there: none.
        assert_eq!(cannot_link_violations(&[0, 0, 0, 1, 1], &[1, 1, 1, 1, 2]), Some(3));
    }

    #[test]
    fn silhouette_by_hand() {
        let similarities = SimilarityMatrix::new(array![
            [1.0, 0.5, 0.0, 0.0],
            [0.5, 1.0, 0.0, 0.25],
            [0.0, 0.0, 1.0, 0.75],
            [0.0, 0.25, 0.75, 1.0]
        ])
        .unwrap();
        // Row 0: inside .5, outside (1+1)/2 = 1: (1−.5)/1 = .5.
        // Row 1: inside .5, outside (1+.75)/2 = .875: .375/.875.
        // Row 2: inside .25, outside 1: .75. Row 3: inside .25, outside .875: .625/.875.
        let expected = (0.5 + 0.375 / 0.875 + 0.75 + 0.625 / 0.875) / 4.0;
        assert!(close(silhouette(&similarities, &[0, 0, 1, 1]).unwrap(), expected));
        assert_eq!(silhouette(&similarities, &[0, 0, 0, 0]), None);
        assert_eq!(silhouette(&similarities, &[0, 1, 2, 3]), None);
        let equal = SimilarityMatrix::new(ndarray::Array2::ones((4, 4))).unwrap();
        assert_eq!(silhouette(&equal, &[0, 0, 1, 1]), Some(0.0));
    }

    proptest! {
        #[test]
        fn names_and_sides_change_nothing(
            pairs in proptest::collection::vec((0_u8..4, 0_u8..4), 2..30),
        ) {
            let (one, other): (Vec<u8>, Vec<u8>) = pairs.into_iter().unzip();
            let renamed: Vec<u8> = other.iter().map(|label| 9 - label).collect();
            let score = adjusted_rand_index(&one, &other).unwrap();
            prop_assert!(close(score, adjusted_rand_index(&other, &one).unwrap()));
            prop_assert!(close(score, adjusted_rand_index(&one, &renamed).unwrap()));
            prop_assert!(score <= 1.0 + 1e-12);
            prop_assert_eq!(adjusted_rand_index(&one, &one), Some(1.0));
            let measure = v_measure(&one, &other).unwrap();
            prop_assert!((0.0..=1.0).contains(&measure.v_measure));
        }
    }
}
