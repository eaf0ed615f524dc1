//! The mean of what is near, with a bounded pull from what is far.

use super::mean_median::{mean_of, median_of};
use super::numbers::{Estimates, Numbers};

/// Answers farther than this many scales from the estimate pull no harder than those at this distance:
/// 95 % as efficient as the mean where answers are normal.
const CORNER: f64 = 1.345;
/// Median absolute deviation to standard deviation, where answers are normal.
const TO_DEVIATION: f64 = 1.482_602_218_505_602;
/// Mean absolute deviation to standard deviation, where answers are normal: √(π / 2).
const MEAN_TO_DEVIATION: f64 = 1.253_314_137_315_500_3;
const MOST_ITERATIONS: usize = 50;

/// Huber's M-estimate of every task, from the median by reweighting; the scale is the median absolute
/// deviation, or where more than half of the answers are equal the mean absolute deviation.
///
/// Source: Huber, *Robust estimation of a location parameter*, Annals of Mathematical Statistics 35, 1964.
#[must_use]
pub fn huber(numbers: &Numbers) -> Estimates {
    numbers.each(huber_of)
}

fn huber_of(values: &[f64]) -> f64 {
    let middle = median_of(values);
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let mut scale = TO_DEVIATION * median_of(&deviations);
    if scale == 0.0 {
        scale = MEAN_TO_DEVIATION * mean_of(&deviations);
    }
    if scale == 0.0 {
        return middle;
    }
    let mut estimate = middle;
    for _ in 0..MOST_ITERATIONS {
        let weights: Vec<f64> = values
            .iter()
            .map(|value| (CORNER * scale / (value - estimate).abs().max(1e-300)).min(1.0))
            .collect();
        let all: f64 = weights.iter().sum();
        let next: f64 = values.iter().zip(&weights).map(|(value, weight)| value * (weight / all)).sum();
        let moved = (next - estimate).abs();
        estimate = next;
        if moved <= 1e-12 * scale {
            break;
        }
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_pulls_by_the_corner_only() {
        // Median 0, absolute deviations 1, 0, 1, 1, 100: their median is 1, so the corner c is
        // 1.345 · 1.4826 = 1.9941. At the estimate m the near ones balance: (−1 − m) + (0 − m) + (−1 − m)
        // … for −1, 0, 1, 1 and 100: sum of the near is 1 − 4 m, the outlier adds c: m = (1 + c) / 4.
        let corner = CORNER * TO_DEVIATION;
        let found = huber_of(&[-1.0, 0.0, 1.0, 1.0, 100.0]);
        // The median is 1, deviations 2, 1, 0, 0, 99, their median 1: the corner is the same.
        assert!((found - (1.0 + corner) / 4.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn without_outliers_it_is_the_mean() {
        assert!((huber_of(&[1.0, 2.0, 3.0]) - 2.0).abs() < 1e-12);
        assert!((huber_of(&[5.0, 5.0, 5.0]) - 5.0).abs() < 1e-12);
    }
}
