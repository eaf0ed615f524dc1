//! The default: as much model as the evidence carries.

use super::agreement_weighted::agreement_weighted;
use super::correlation::correlation_given;
use super::em::Em;
use super::hierarchical::{first_strengths, maximise};
use super::labels::Labels;
use super::plurality::mean_support;
use super::posterior::Posterior;

/// Up to this many annotators of equal diligence nobody is weighed: the half that agrees may as well be
/// the wrong half. From [`ENOUGH`] on the evidence counts in full.
const TOO_FEW: f64 = 10.0;
/// See [`TOO_FEW`].
const ENOUGH: f64 = 20.0;
/// Power of the agreement weights at full evidence.
const POWER: f64 = 2.0;
/// Share of the hierarchical model at full evidence; the rest is agreement weighting.
const MODEL_SHARE: f64 = 0.5;
const MOST_ITERATIONS: usize = 20;
const TOLERANCE: f64 = 1e-5;

/// What the default inferred, and on what grounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Inference {
    /// Probabilities, and reliabilities read off them.
    pub posterior: Posterior,
    /// How many annotators the answers come from, those who answered little counted for little:
    /// (Σ nⱼ)² / Σ nⱼ² for nⱼ answers of annotator j; 0 without answers.
    pub effective_annotators: f64,
    /// How much weight the annotators' own records got, 0 (plain votes) to 1.
    pub evidence: f64,
    /// Correlation of errors that tempered the model; `None` where no model was fitted or there was
    /// nothing to measure.
    pub error_correlation: Option<f64>,
}

/// Truth by evidence: votes when there are few annotators, agreement weights with more, and with many
/// half agreement weights and half a hierarchical Dawid–Skene.
///
/// A method without gold measures annotators against each other, so its evidence is their number, not
/// that of the tasks: eight models that share a prior agree most where they are wrong, and then weights
/// make it worse. The evidence e grows from 0 at 10 effective annotators to 1 at 20; agreement weights
/// have the power 2e, the model the share e / 2. The model learns its confusion tables from the mixture,
/// not from itself, which keeps it from drifting, and its evidence per task is divided by
/// 1 + (n − 1) ρ for n answers whose errors correlate by ρ ([`super::error_correlation`]).
///
/// Votes are under-confident and Dawid–Skene over-confident; their mean is what holds (a linear opinion
/// pool: Genest and Zidek, *Combining probability distributions*, Statistical Science 1, 1986). Settings
/// were chosen on Snow et al. 2008 (RTE, temporal, WSD), `CF_amt` and `LLMBar` judges, whole and thinned to
/// 3, 5 and 10 answers a task or 40 tasks.
#[must_use]
pub fn infer_truth(labels: &Labels) -> Inference {
    let effective_annotators = effective_annotators(labels);
    let evidence = ((effective_annotators - TOO_FEW) / (ENOUGH - TOO_FEW)).clamp(0.0, 1.0);
    let weighted = agreement_weighted(labels, POWER * evidence);
    let plain = |posterior: Posterior| Inference {
        posterior,
        effective_annotators,
        evidence,
        error_correlation: None,
    };
    if evidence == 0.0 {
        return plain(weighted);
    }
    let Some(mut em) = Em::new(labels) else { return plain(weighted) };
    let share = MODEL_SHARE * evidence;
    em.posterior.copy_from_slice(weighted.rows());
    let mut next = em.posterior.clone();
    let mut strengths = first_strengths(em.classes);
    let mut correlation = None;
    for _ in 0..MOST_ITERATIONS {
        maximise(&mut em, &mut strengths);
        correlation = correlation_given(labels, &em.posterior);
        em.infer_into(correlation.unwrap_or(0.0).clamp(0.0, 1.0), &mut next);
        next.iter_mut()
            .zip(weighted.rows())
            .for_each(|(model, vote)| *model = share * *model + (1.0 - share) * vote);
        if em.take(&mut next) < TOLERANCE {
            break;
        }
    }
    let reliability = mean_support(labels, &em.posterior);
    let posterior = Posterior::new(em.classes, em.posterior, reliability);
    Inference { posterior, effective_annotators, evidence, error_correlation: correlation }
}

fn effective_annotators(labels: &Labels) -> f64 {
    let counts = labels.counts();
    let squares: f64 = counts.iter().map(|n| n * n).sum();
    if squares > 0.0 { counts.iter().sum::<f64>().powi(2) / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::super::plurality;
    use super::*;

    #[test]
    fn effective_annotators_by_hand() {
        // Three answers, two and one: 6² / (9 + 4 + 1).
        let labels = sketch(&["xxx", "xx.", "x.."]);
        assert!((effective_annotators(&labels) - 36.0 / 14.0).abs() < 1e-12);
    }

    #[test]
    fn few_annotators_are_counted_and_not_weighed() {
        let labels = sketch(&["xxxyyxx.", "xyxyxyxy", "xyyyyyyy"]);
        let found = infer_truth(&labels);
        assert_eq!((found.evidence, found.error_correlation), (0.0, None));
        (0..3).for_each(|task| assert_eq!(found.posterior.task(task), plurality(&labels).task(task)));
    }

    #[test]
    fn many_annotators_are_weighed() {
        let names: Vec<String> = (0..24).map(|place| format!("w{place:02}")).collect();
        // Sixteen know the answer to each of thirty tasks, eight always say y.
        let rows = (0..30).map(|task| {
            let right = if task % 2 == 0 { "x" } else { "y" };
            let answer = |place: usize| if place < 16 { right } else { "y" };
            (
                format!("t{task}"),
                (0..24).map(|place| (names[place].as_str(), answer(place))).collect::<Vec<_>>(),
            )
        });
        let rows: Vec<_> = rows.collect();
        let labels =
            Labels::new(rows.iter().map(|(task, answers)| (task.as_str(), answers.clone()))).unwrap();
        let found = infer_truth(&labels);
        assert!(found.evidence > 0.99);
        assert!(found.posterior.task(0)[0] > 16.0 / 24.0 + 0.1, "{:?}", found.posterior.task(0));
    }
}
