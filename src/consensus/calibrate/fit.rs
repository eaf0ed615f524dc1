//! Logistic regression with few parameters, shrunk, of coefficients that are not negative.

use std::collections::{BTreeMap, BTreeSet};

use super::calibrator::Coefficients;
use super::features::{COUNT, Features};

/// How strongly a coefficient is drawn to the prior: what about so many labelled values say.
const FEATURE_SHRINKAGE: f64 = 4.0;
/// The same for what a kind of trait adds.
const KIND_SHRINKAGE: f64 = 4.0;
/// The same for the level of everything, where there is a prior; without one it is free.
const LEVEL_SHRINKAGE: f64 = 1.0;
/// Sweeps over the parameters at most, and the step at which they end.
const SWEEPS: usize = 3000;
const TOLERANCE: f64 = 1e-6;

/// A value of which it is known how right it is.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledValue {
    /// What it shows about itself.
    pub features: Features,
    /// The kind of its trait.
    pub kind: String,
    /// 1 right, 0 wrong, ½ half right.
    pub credit: f64,
    /// How much it counts. A value that several committees decided counts 1 over all of them.
    pub weight: f64,
}

/// Rows of numbers: the level, the features, one column per kind.
struct Problem<'a> {
    values: &'a [&'a LabelledValue],
    rows: Vec<Vec<f64>>,
    prior: Vec<f64>,
    shrinkage: Vec<f64>,
}

/// The coefficients of the least penalised log loss
/// `Σ w (log(1 + eᶻ) − y z) + ½ Σ λⱼ (bⱼ − priorⱼ)²`, those of features at least 0.
///
/// Coordinate descent with the upper bound ¼ on the curvature of the logistic, which never overshoots
/// (Böhning and Lindsay, *Monotonicity of quadratic-approximation algorithms*, 1988); ridge towards a
/// prior mean: Hoerl and Kennard 1970.
pub(super) fn fit(values: &[&LabelledValue], prior: Option<&Coefficients>) -> Coefficients {
    let kinds: Vec<String> =
        values.iter().map(|value| value.kind.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let found = Problem::new(values, &kinds, prior).solve();
    let mut offsets = prior.map(|prior| prior.kinds.clone()).unwrap_or_default();
    offsets.extend(kinds.into_iter().zip(found[1 + COUNT..].iter().copied()));
    let mut features = [0.0; COUNT];
    features.copy_from_slice(&found[1..=COUNT]);
    Coefficients { intercept: found[0], features, kinds: offsets }
}

impl<'a> Problem<'a> {
    fn new(values: &'a [&'a LabelledValue], kinds: &[String], prior: Option<&Coefficients>) -> Self {
        let row = |value: &&LabelledValue| {
            let kind = kinds.iter().map(|kind| f64::from(u8::from(*kind == value.kind)));
            std::iter::once(1.0).chain(value.features.0).chain(kind).collect()
        };
        let none = BTreeMap::new();
        let offsets = prior.map_or(&none, |prior| &prior.kinds);
        let mut means = vec![prior.map_or(0.0, |prior| prior.intercept)];
        means.extend(prior.map_or([0.0; COUNT], |prior| prior.features));
        means.extend(kinds.iter().map(|kind| offsets.get(kind).copied().unwrap_or(0.0)));
        let mut shrinkage = vec![if prior.is_some() { LEVEL_SHRINKAGE } else { 0.0 }];
        shrinkage.extend([FEATURE_SHRINKAGE; COUNT]);
        shrinkage.extend(kinds.iter().map(|_| KIND_SHRINKAGE));
        Self { values, rows: values.iter().map(row).collect(), prior: means, shrinkage }
    }

    fn solve(&self) -> Vec<f64> {
        let mut found = self.prior.clone();
        let mut sums: Vec<f64> = self.rows.iter().map(|row| dot(row, &found)).collect();
        let curvature: Vec<f64> = (0..found.len())
            .map(|column| {
                let squares = self.rows.iter().zip(self.values);
                let squares = squares.map(|(row, value)| value.weight * row[column] * row[column]);
                0.25 * squares.sum::<f64>() + self.shrinkage[column]
            })
            .collect();
        for _ in 0..SWEEPS {
            let mut moved: f64 = 0.0;
            for column in 0..found.len() {
                if curvature[column] <= 0.0 {
                    continue;
                }
                let free = found[column] - self.gradient(column, &sums, found[column]) / curvature[column];
                let next = if (1..=COUNT).contains(&column) { free.max(0.0) } else { free };
                let step = next - found[column];
                if step != 0.0 {
                    sums.iter_mut().zip(&self.rows).for_each(|(sum, row)| *sum += step * row[column]);
                    found[column] = next;
                }
                moved = moved.max(step.abs());
            }
            if moved < TOLERANCE {
                break;
            }
        }
        found
    }

    fn gradient(&self, column: usize, sums: &[f64], at: f64) -> f64 {
        let pull = self.shrinkage[column] * (at - self.prior[column]);
        let loss = self.rows.iter().zip(sums).zip(self.values).map(|((row, sum), value)| {
            if row[column] == 0.0 { 0.0 } else { value.weight * row[column] * (sigmoid(*sum) - value.credit) }
        });
        pull + loss.sum::<f64>()
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(x, y)| x * y).sum()
}

/// The logistic function, 1 / (1 + e⁻ˣ).
pub(in crate::consensus) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(share: f64, credit: f64) -> LabelledValue {
        let mut features = [0.0; COUNT];
        features[0] = share;
        LabelledValue { features: Features(features), kind: "text".to_owned(), credit, weight: 1.0 }
    }

    #[test]
    fn without_information_the_level_is_the_log_odds() {
        // Three of four right, no feature differs: level and kind together are ln 3, and the kind,
        // which alone is shrunk, stays 0.
        let values = [1.0, 1.0, 1.0, 0.0].map(|credit| value(0.0, credit));
        let found = fit(&values.iter().collect::<Vec<_>>(), None);
        assert!((found.intercept + found.kinds["text"] - 3.0_f64.ln()).abs() < 1e-3, "{found:?}");
        assert!(found.kinds["text"].abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn a_feature_that_speaks_against_the_sign_is_left_out() {
        let values = [value(2.0, 0.0), value(2.0, 0.0), value(-2.0, 1.0), value(-2.0, 1.0)];
        assert!(fit(&values.iter().collect::<Vec<_>>(), None).features[0].abs() < 1e-12);
        let values = [value(2.0, 1.0), value(2.0, 1.0), value(-2.0, 0.0), value(-2.0, 0.0)];
        assert!(fit(&values.iter().collect::<Vec<_>>(), None).features[0] > 0.2);
    }

    #[test]
    fn little_data_stays_near_the_prior_and_much_leaves_it() {
        let mut prior = Coefficients { intercept: 0.0, features: [0.0; COUNT], kinds: BTreeMap::new() };
        prior.features[0] = 2.0;
        let few = [value(1.0, 0.0)];
        let near = fit(&few.iter().collect::<Vec<_>>(), Some(&prior)).features[0];
        let many: Vec<LabelledValue> =
            (0..400).map(|place| value(f64::from(place % 2), f64::from(place % 4 / 2))).collect();
        let far = fit(&many.iter().collect::<Vec<_>>(), Some(&prior)).features[0];
        assert!(near > 1.6 && far < 0.3, "{near} {far}");
    }
}
