//! Annotators count by how close they are to the others.

use super::mean_median::mean;
use super::numbers::{Estimates, Numbers};

/// This many answers' worth of the panel's variance is added to every annotator's own: someone who
/// answered little is taken for average, and nobody who happens to be near takes over.
const SHRINKAGE: f64 = 10.0;
const MOST_ITERATIONS: usize = 50;
const TOLERANCE: f64 = 1e-9;

/// Means weighted by the inverse of each annotator's variance around them, until that repeats itself.
///
/// An annotator's variance is (Σ r² + 10 v) / (n + 10) for residuals r to the estimates, v being the mean
/// squared residual of all answers.
///
/// Source: iterated reweighting as in Li et al., *A confidence-aware approach for truth discovery on
/// long-tail data* (CATD), VLDB 2014, with shrinkage in place of the confidence bound.
#[must_use]
pub fn inverse_variance(numbers: &Numbers) -> Estimates {
    let counts = numbers.counts();
    let mut found = mean(numbers);
    for _ in 0..MOST_ITERATIONS {
        let variances = variances(numbers, &found.values, &counts);
        let inverse: Vec<Option<f64>> = variances.iter().map(|v| v.map(|v| 1.0 / v)).collect();
        if inverse.iter().flatten().any(|weight| !weight.is_finite()) {
            return found;
        }
        let known = inverse.iter().flatten().count().max(1) as f64;
        let mean = inverse.iter().flatten().map(|weight| weight / known).sum::<f64>();
        let weights: Vec<Option<f64>> =
            inverse.iter().map(|weight| weight.map(|weight| weight / mean)).collect();
        let pairs = weights.iter().zip(&found.weights);
        let moved =
            pairs.map(|(new, old)| (new.unwrap_or(0.0) - old.unwrap_or(0.0)).abs()).fold(0.0, f64::max);
        found = Estimates { values: weighted_means(numbers, &weights), weights };
        if moved < TOLERANCE {
            break;
        }
    }
    found
}

/// The default for numbers: midway between the mean and [`inverse_variance`], whose weights it reports.
///
/// As with categories, weighing alone follows those who happen to agree; half of it keeps most of the
/// gain and half of the risk.
#[must_use]
pub fn infer_number(numbers: &Numbers) -> Estimates {
    let weighted = inverse_variance(numbers);
    let plain = mean(numbers).values;
    let midway = |(one, other): (&Option<f64>, &Option<f64>)| Some(f64::midpoint((*one)?, (*other)?));
    let values = plain.iter().zip(&weighted.values).map(midway).collect();
    Estimates { values, weights: weighted.weights }
}

fn weighted_means(numbers: &Numbers, weights: &[Option<f64>]) -> Vec<Option<f64>> {
    let of = |task| {
        let all: f64 = numbers.of(task).filter_map(|(who, _)| weights[who]).sum();
        (all > 0.0)
            .then(|| numbers.of(task).map(|(who, value)| value * (weights[who].unwrap_or(0.0) / all)).sum())
    };
    (0..numbers.tasks().len()).map(of).collect()
}

/// Shrunk variance per annotator; `None` for someone who answered nothing.
fn variances(numbers: &Numbers, values: &[Option<f64>], counts: &[f64]) -> Vec<Option<f64>> {
    let mut squares = vec![0.0; counts.len()];
    for (task, value) in values.iter().enumerate() {
        let estimate = value.unwrap_or(0.0);
        numbers.of(task).for_each(|(who, answer)| squares[who] += (answer - estimate).powi(2));
    }
    let mean = squares.iter().sum::<f64>() / counts.iter().sum::<f64>().max(1.0);
    let shrunk = |(sum, n): (&f64, &f64)| (*n > 0.0).then(|| (sum + SHRINKAGE * mean) / (n + SHRINKAGE));
    squares.iter().zip(counts).map(shrunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_by_hand() {
        let numbers = Numbers::new([("t", vec![("a", 0.0), ("b", 0.0), ("c", 3.0)])]).unwrap();
        // Estimate 1: squares 1, 1, 4, their mean 2. (1 + 20) / 11 twice and (4 + 20) / 11.
        let found = variances(&numbers, &[Some(1.0)], &[1.0; 3]);
        assert_eq!(found, [Some(21.0 / 11.0), Some(21.0 / 11.0), Some(24.0 / 11.0)]);
    }

    #[test]
    fn the_erratic_annotator_loses_weight() {
        let names: Vec<String> = (0..30).map(|task| format!("t{task}")).collect();
        let rows = names.iter().enumerate().map(|(task, name)| {
            let truth = task as f64;
            let wild = truth + if task % 2 == 0 { 20.0 } else { -20.0 };
            (name.as_str(), vec![("a", truth + 0.5), ("b", truth - 0.5), ("wild", wild)])
        });
        let numbers = Numbers::new(rows).unwrap();
        let (plain, weighted, default) = (mean(&numbers), inverse_variance(&numbers), infer_number(&numbers));
        let error = |found: &Estimates| found.values[0].unwrap().abs();
        assert!(error(&weighted) < 0.3 * error(&plain), "{weighted:?}");
        assert!((error(&default) - f64::midpoint(error(&plain), error(&weighted))).abs() < 1e-9);
    }

    #[test]
    fn full_agreement_leaves_nothing_to_weigh() {
        let numbers = Numbers::new([("t", vec![("a", 4.0), ("b", 4.0)])]).unwrap();
        assert_eq!(inverse_variance(&numbers).values, [Some(4.0)]);
    }
}
