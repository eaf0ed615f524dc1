//! The two plain estimates.

use super::numbers::{Estimates, Numbers};

/// The mean of every task's answers.
#[must_use]
pub fn mean(numbers: &Numbers) -> Estimates {
    numbers.each(mean_of)
}

/// The median of every task's answers; of an even number of answers the middle of the two in the middle.
#[must_use]
pub fn median(numbers: &Numbers) -> Estimates {
    numbers.each(median_of)
}

/// Mean of at least one value.
pub(super) fn mean_of(values: &[f64]) -> f64 {
    // Divided before the sum: large numbers must not overflow together.
    let n = values.len() as f64;
    values.iter().map(|value| value / n).sum()
}

/// Median of at least one value.
pub(super) fn median_of(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_median_by_hand() {
        let numbers = Numbers::new([
            ("odd", vec![("a", 1.0), ("b", 2.0), ("c", 9.0)]),
            ("even", vec![("a", 1.0), ("b", 2.0), ("c", 4.0), ("d", 9.0)]),
            ("none", vec![]),
        ])
        .unwrap();
        assert_eq!(mean(&numbers).values, [Some(4.0), Some(4.0), None]);
        assert_eq!(median(&numbers).values, [Some(2.0), Some(3.0), None]);
    }
}
