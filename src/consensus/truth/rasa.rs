//! Reliability-aware choice among texts.

use ndarray::Array1;

use super::texts::{Choices, Texts};

/// Lower tail of the chi-squared distribution that a reliability is taken at: .025, as z-score.
const TAIL: f64 = -1.959_963_984_540_054;
const MOST_ITERATIONS: usize = 20;
const TOLERANCE: f64 = 1e-6;

/// RASA: the vector of a task's truth is the mean of its answers' vectors, weighted by their writers;
/// a writer's weight is the lower .025 quantile of χ² with as many degrees of freedom as answers, over
/// the summed squared distance to the truths. The answer nearest to the truth is chosen.
///
/// Source: Li, *A dataset of crowdsourced word sequences: collections and answer aggregation for ground
/// truth creation*, `AnnoNLP` 2019.
#[must_use]
pub fn rasa(texts: &Texts) -> Choices {
    reliability_weighted(texts, |_, _| 1.0)
}

/// The iteration, where `local(task, text)` says how good a text is among the answers of its task.
pub(super) fn reliability_weighted(texts: &Texts, local: impl Fn(usize, usize) -> f64) -> Choices {
    let counts = texts.counts();
    let tasks = texts.tasks().len();
    let locals: Vec<Vec<(usize, usize, f64)>> = (0..tasks)
        .map(|task| texts.of(task).map(|(who, text)| (who, text, local(task, text))).collect())
        .collect();
    let mut weights: Vec<f64> = vec![1.0; counts.len()];
    let mut truths = centres(texts, &locals, &weights);
    for _ in 0..MOST_ITERATIONS {
        let mut distances = vec![0.0; counts.len()];
        for (answers, truth) in locals.iter().zip(&truths) {
            for (who, text, _) in answers {
                distances[*who] += distance(texts, *text, truth);
            }
        }
        let raw: Vec<f64> =
            counts.iter().zip(&distances).map(|(n, sum)| lower_chi_squared(*n) / sum.max(1e-3)).collect();
        let known = counts.iter().filter(|n| **n > 0.0).count().max(1) as f64;
        let mean =
            raw.iter().zip(&counts).filter(|pair| *pair.1 > 0.0).map(|pair| pair.0 / known).sum::<f64>();
        let next: Vec<f64> = raw.iter().map(|weight| weight / mean).collect();
        let moved = next.iter().zip(&weights).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
        weights = next;
        truths = centres(texts, &locals, &weights);
        if moved < TOLERANCE {
            break;
        }
    }
    let chosen = truths
        .iter()
        .enumerate()
        .map(|(task, truth)| texts.choose(task, |text| -distance(texts, text, truth)))
        .collect();
    let weights = weights.iter().zip(&counts).map(|(weight, n)| (*n > 0.0).then_some(*weight)).collect();
    Choices { chosen, weights }
}

fn centres(texts: &Texts, locals: &[Vec<(usize, usize, f64)>], weights: &[f64]) -> Vec<Array1<f64>> {
    let centre = |answers: &Vec<(usize, usize, f64)>| {
        let all: f64 = answers.iter().map(|(who, _, local)| weights[*who] * local).sum();
        let mut sum = Array1::zeros(answers.first().map_or(0, |answer| texts.vector(answer.1).len()));
        for (who, text, local) in answers {
            let share = weights[*who] * local / all;
            sum.zip_mut_with(&texts.vector(*text), |sum, part| *sum += share * f64::from(*part));
        }
        sum
    };
    locals.iter().map(centre).collect()
}

/// Squared distance of a text's vector from a point.
fn distance(texts: &Texts, text: usize, point: &Array1<f64>) -> f64 {
    texts.vector(text).iter().zip(point).map(|(one, other)| (f64::from(*one) - other).powi(2)).sum()
}

/// Lower .025 quantile of χ² with n degrees of freedom, not below .001 (one degree has .00098).
///
/// Source: Wilson and Hilferty, *The distribution of chi-square*, PNAS 17, 1931.
fn lower_chi_squared(n: f64) -> f64 {
    if n <= 0.0 {
        return 0.0;
    }
    let spread = 2.0 / (9.0 * n);
    let root = 1.0 - spread + TAIL * spread.sqrt();
    (n * root.max(0.0).powi(3)).max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashingEmbedder;

    #[test]
    fn chi_squared_quantiles_as_in_tables() {
        // 10 (1 − 2/90 − 1.96 √(2/90))³ = 10 · .6856³ = 3.223; tables say 3.247, 74.222 for 100, .00098 for 1.
        assert!((lower_chi_squared(10.0) - 3.223).abs() < 0.001);
        assert!((lower_chi_squared(100.0) - 74.222).abs() < 0.02);
        assert!((lower_chi_squared(1.0) - 0.001).abs() < 1e-12);
    }

    #[test]
    fn whoever_writes_like_the_others_counts_for_more() {
        let embedder = HashingEmbedder::default();
        let nouns = ["house", "river", "garden", "letter", "winter", "machine"];
        let lines: Vec<[String; 3]> = nouns
            .iter()
            .map(|noun| {
                [
                    format!("the old {noun}"),
                    format!("the old {noun} there"),
                    format!("blue {noun}s sing loudly"),
                ]
            })
            .collect();
        let rows = nouns.iter().zip(&lines).map(|(noun, [one, other, odd])| {
            (*noun, vec![("a", one.as_str()), ("b", other.as_str()), ("odd", odd.as_str())])
        });
        let texts = Texts::new(rows, &embedder).unwrap();
        let found = rasa(&texts);
        let odd = texts.annotators().iter().position(|name| name == "odd").unwrap();
        assert!(found.weights[odd].unwrap() < 0.8, "{found:?}");
        for chosen in found.chosen.iter().flatten() {
            assert!(texts.texts()[*chosen].starts_with("the old"));
        }
    }
}
