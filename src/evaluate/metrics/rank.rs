//! Orders: do two rankings agree, and is the best match the right one.

use ndarray::ArrayView2;

/// Ranks from 1, ties share the mean of their ranks.
pub(super) fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let first = values[order[start]];
        #[expect(clippy::float_cmp, reason = "a tie is the same number, not a near one")]
        let tied = order[start..].iter().take_while(|item| values[**item] == first).count();
        let rank = start as f64 + f64::midpoint(1.0, tied as f64);
        for item in &order[start..start + tied] {
            ranks[*item] = rank;
        }
        start += tied;
    }
    ranks
}

/// Spearman's rank correlation in -1..=1, ties by midranks.
///
/// `None` when the lengths differ, there are fewer than two items, a value is not finite, or one
/// side is constant: a constant has no order to agree with.
#[must_use]
pub fn spearman(one: &[f64], other: &[f64]) -> Option<f64> {
    let finite = one.iter().chain(other).all(|value| value.is_finite());
    if one.len() != other.len() || one.len() < 2 || !finite {
        return None;
    }
    let (one, other) = (midranks(one), midranks(other));
    // Midranks always have this mean, ties or not.
    let mean = f64::midpoint(1.0, one.len() as f64);
    let (mut both, mut left, mut right) = (0.0, 0.0, 0.0);
    for (x, y) in one.iter().zip(&other) {
        both += (x - mean) * (y - mean);
        left += (x - mean).powi(2);
        right += (y - mean).powi(2);
    }
    (left > 0.0 && right > 0.0).then(|| (both / (left * right).sqrt()).clamp(-1.0, 1.0))
}

/// Share of queries (rows) whose most similar candidate (column) is the right one, in 0..=1.
///
/// `truth` names the right column of each row. When several candidates tie for the best, the row
/// counts one over their number if the right one is among them: the order of candidates must not
/// decide. `None` when there is no row, lengths differ, a column does not exist or a value is NaN.
#[must_use]
pub fn recall_at_1(similarities: ArrayView2<'_, f32>, truth: &[usize]) -> Option<f64> {
    let (rows, columns) = similarities.dim();
    let usable = rows > 0
        && rows == truth.len()
        && truth.iter().all(|column| *column < columns)
        && !similarities.iter().any(|value| value.is_nan());
    usable.then(|| {
        let credit: f64 = similarities
            .outer_iter()
            .zip(truth)
            .map(|(row, right)| {
                let best = row.iter().fold(f32::NEG_INFINITY, |best, value| best.max(*value));
                if row[*right] < best {
                    return 0.0;
                }
                1.0 / row.iter().filter(|value| **value >= best).count() as f64
            })
            .sum();
        credit / rows as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        // Sorted 1, 2, 2, 5: ranks 1, (2+3)/2, (2+3)/2, 4.
        assert_eq!(midranks(&[2.0, 5.0, 1.0, 2.0]), [2.5, 4.0, 1.0, 2.5]);
    }

    #[test]
    fn spearman_by_hand() {
        // Ranks (1,2,3,4) and (2,1,3,4): 1 − 6·(1+1)/(4·15) = 0.8.
        assert!((spearman(&[1.0, 2.0, 3.0, 9.0], &[0.2, 0.1, 0.3, 0.4]).unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]), None);
    }

    #[test]
    fn recall_counts_ties_by_their_number() {
        // Row 0 right; row 1 tied with one other: ½; row 2 wrong. 1.5 / 3.
        let similarities = array![[0.9, 0.1, 0.0], [0.4, 0.4, 0.0], [0.0, 0.9, 0.1]];
        assert_eq!(recall_at_1(similarities.view(), &[0, 1, 2]), Some(0.5));
        assert_eq!(recall_at_1(similarities.view(), &[0, 1, 3]), None);
    }
}
