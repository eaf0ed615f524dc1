//! How far each model may be trusted, learned without gold from how often others say the like.

use serde::Serialize;

/// Similarity between the answers of every two models, summed over traits and records.
///
/// Tables are added up in the order of the records, so that the sums are the same on any number
/// of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct AgreementTable {
    models: usize,
    similarity: Vec<f64>,
    cells: Vec<f64>,
}

impl AgreementTable {
    /// A table for `models` models in which nothing is counted yet.
    #[must_use]
    pub fn new(models: usize) -> Self {
        Self { models, similarity: vec![0.0; models * models], cells: vec![0.0; models * models] }
    }

    /// Counts one comparison of two models' answers, both ways. Models are panel positions; where a
    /// model answered several times, its comparisons share the weight of one.
    pub(super) fn add(&mut self, one: usize, other: usize, similarity: f64, weight: f64) {
        for (row, column) in [(one, other), (other, one)] {
            self.similarity[row * self.models + column] += weight * similarity;
            self.cells[row * self.models + column] += weight;
        }
    }

    /// Adds the counts of another table of the same panel.
    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.similarity.iter_mut().zip(&other.similarity) {
            *sum += more;
        }
        for (sum, more) in self.cells.iter_mut().zip(&other.cells) {
            *sum += more;
        }
    }

    /// Mean similarity of two models' answers, and over how many cells; `None` where they never
    /// answered the same.
    #[must_use]
    pub fn mean(&self, one: usize, other: usize) -> Option<(f64, f64)> {
        let cells = self.cells[one * self.models + other];
        (cells > 0.0).then(|| (self.similarity[one * self.models + other] / cells, cells))
    }

    /// Which models, by panel position, answered something that another did too.
    fn compared(&self) -> Vec<bool> {
        let of = |model: usize| &self.cells[model * self.models..(model + 1) * self.models];
        (0..self.models).map(|model| of(model).iter().any(|cells| *cells > 0.0)).collect()
    }
}

/// The weight of every model of a panel, by panel position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean similarity of the model's answers to the other models', weighted by theirs, 0..=1.
    pub agreement: Vec<f64>,
    /// What the model's vote counts: 1 on average over the models that answered what another did, and 1 for
    /// a model that never did.
    pub weights: Vec<f64>,
}

/// How many cells of evidence the panel's mean counts for when a model's own agreement is
/// estimated: models with little data are taken for average.
const SHRINKAGE: f64 = 10.0;
/// The fixed point is reached when no weight moves by more: far less than what a vote takes for a tie.
const TOLERANCE: f64 = 1e-13;
const MOST_ITERATIONS: usize = 200;

impl Reliability {
    /// All models alike.
    #[must_use]
    pub fn equal(models: usize) -> Self {
        Self { agreement: vec![0.5; models], weights: vec![1.0; models] }
    }

    /// Weights from agreement: a model weighs as much as its weighted agreement with the others,
    /// to the power given, until that repeats itself (the fixed point of worker agreement with
    /// aggregate, "Wawa", in its soft form: Ustalov et al., *Learning from Crowds with Crowd-Kit*,
    /// 2024). Power 0, or fewer than three models (nobody to tell which of two is right), gives
    /// equal weights.
    #[must_use]
    pub fn from_agreement(table: &AgreementTable, power: f64) -> Self {
        let models = table.models;
        let mut found = Self::equal(models);
        for _ in 0..MOST_ITERATIONS {
            found.agreement = agreement(table, &found.weights);
            if power == 0.0 || models < 3 {
                break;
            }
            let weights =
                normalised(found.agreement.iter().map(|share| share.powf(power)), &table.compared());
            let moved =
                weights.iter().zip(&found.weights).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
            found.weights = weights;
            if moved < TOLERANCE {
                break;
            }
        }
        found
    }
}

/// Each model's mean similarity to the others, their weights counted, shrunk to the panel's mean.
fn agreement(table: &AgreementTable, weights: &[f64]) -> Vec<f64> {
    let sums: Vec<(f64, f64, f64)> = (0..table.models)
        .map(|one| {
            let mut sums = (0.0, 0.0, 0.0);
            for other in (0..table.models).filter(|other| *other != one) {
                let place = one * table.models + other;
                sums.0 += weights[other] * table.similarity[place];
                sums.1 += weights[other] * table.cells[place];
                sums.2 += table.cells[place];
            }
            sums
        })
        .collect();
    let total = sums.iter().fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    let mean = if total.1 > 0.0 { total.0 / total.1 } else { 0.5 };
    sums.iter()
        .map(|&(similar, weighted, cells)| {
            let own = if weighted > 0.0 { similar / weighted } else { mean };
            (own * cells + mean * SHRINKAGE) / (cells + SHRINKAGE)
        })
        .collect()
}

/// Brought to a mean of 1 over the models that were compared; the others weigh 1. So one that abstains moves no
/// weight, not even in its last digit, which would settle near ties between the others.
fn normalised(weights: impl Iterator<Item = f64>, compared: &[bool]) -> Vec<f64> {
    let weights: Vec<Option<f64>> =
        weights.zip(compared).map(|(weight, compared)| compared.then_some(weight)).collect();
    let known = weights.iter().flatten().count();
    let mean = weights.iter().flatten().sum::<f64>() / known.max(1) as f64;
    weights
        .into_iter()
        .map(|weight| weight.filter(|_| mean > 0.0).map_or(1.0, |weight| weight / mean))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_nobody_follows_loses_weight() {
        let mut table = AgreementTable::new(4);
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            (0..100).for_each(|_| table.add(one, other, 0.8, 1.0));
        }
        for one in 0..3 {
            (0..100).for_each(|_| table.add(one, 3, 0.2, 1.0));
        }
        let found = Reliability::from_agreement(&table, 2.0);
        assert!(found.weights[3] < 0.25 * found.weights[0], "{found:?}");
        assert!((found.weights.iter().sum::<f64>() - 4.0).abs() < 1e-9);
        let equal = Reliability::from_agreement(&table, 0.0);
        assert!(equal.weights.iter().all(|weight| (weight - 1.0).abs() < 1e-12));
        // Equal weights: model 0 agrees (0.8 + 0.8 + 0.2) / 3 = 0.6, model 3 0.2, the panel's mean
        // is (3 · 0.6 + 0.2) / 4 = 0.5; shrunk over 300 cells: (0.6 · 300 + 0.5 · 10) / 310.
        assert!((equal.agreement[0] - 185.0 / 310.0).abs() < 1e-9, "{equal:?}");
    }

    #[test]
    fn who_was_never_compared_moves_nobodys_weight() {
        let fill = |models: usize| {
            let mut table = AgreementTable::new(models);
            for (one, other, like) in [(0, 1, 0.9), (0, 2, 0.4), (1, 2, 0.3)] {
                table.add(one, other, like, 1.0);
            }
            Reliability::from_agreement(&table, 2.0)
        };
        let (three, four) = (fill(3), fill(4));
        assert_eq!(three.weights, four.weights[..3], "to the last digit");
        assert_eq!((three.agreement, four.weights[3]), (four.agreement[..3].to_vec(), 1.0));
    }

    #[test]
    fn two_models_have_equal_weight() {
        let mut table = AgreementTable::new(2);
        table.add(0, 1, 0.3, 1.0);
        assert_eq!(Reliability::from_agreement(&table, 2.0).weights, [1.0, 1.0]);
    }
}
