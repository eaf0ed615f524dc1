//! Confusion tables that shrink to the pooled one, as far as annotators are alike.

use super::digamma::digamma;
use super::em::{Em, EmSettings};
use super::labels::Labels;
use super::plurality::plurality;
use super::posterior::Posterior;

/// The pooled table starts from this many answers per class, half of them right and half anything.
const POOLED_START: f64 = 1.0;
/// Strength of the pull before any was estimated, and its range: 0.05 lets everyone be themselves,
/// 1,000 makes everyone the same.
const FIRST_STRENGTH: f64 = 5.0;
const STRENGTHS: (f64, f64) = (0.05, 1000.0);
/// Steps towards the likeliest strength in every round; rounds go on from where the last one ended.
const STRENGTH_STEPS: usize = 5;

/// Dawid–Skene whose confusion rows are drawn from a Dirichlet around the pooled row.
///
/// An annotator's row for true class k is (counts + sₖ · pooled row) / (n + sₖ). The strength sₖ is the
/// likeliest under the Dirichlet-multinomial, by Minka's fixed point: where annotators are alike, one
/// who said little is taken for the average; where they differ, for nobody. Assumes independent errors
/// like [`super::dawid_skene`]; falls back to counting in the same cases.
///
/// Source: Paun et al., *Comparing Bayesian models of annotation*, TACL 6, 2018 (hierarchical
/// Dawid–Skene); Minka, *Estimating a Dirichlet distribution*, 2000 (eq. 118 for the strength).
#[must_use]
pub fn hierarchical_dawid_skene(labels: &Labels, settings: &EmSettings) -> Posterior {
    let Some(mut em) = Em::new(labels) else { return plurality(labels) };
    let mut next = em.posterior.clone();
    let mut strengths = first_strengths(em.classes);
    for _ in 0..settings.iterations {
        maximise(&mut em, &mut strengths);
        em.infer_into(0.0, &mut next);
        if em.take(&mut next) < settings.tolerance {
            break;
        }
    }
    em.finish()
}

/// Strengths to begin with.
pub(super) fn first_strengths(classes: usize) -> Vec<f64> {
    vec![FIRST_STRENGTH; classes]
}

/// Sets prior and table from the posterior, and moves the strengths.
pub(super) fn maximise(em: &mut Em<'_>, strengths: &mut [f64]) {
    em.count(0.0);
    em.set_prior(em.classes as f64);
    let pooled = pooled_rows(&em.table, em.classes);
    for (truth, strength) in strengths.iter_mut().enumerate() {
        for _ in 0..STRENGTH_STEPS {
            *strength = minka_step(&em.table, &pooled, em.classes, truth, *strength);
        }
    }
    let pull: Vec<f64> =
        pooled.iter().zip(strengths.iter().cycle()).map(|(share, strength)| share * strength).collect();
    for annotator in em.table.chunks_exact_mut(em.classes * em.classes) {
        annotator.iter_mut().zip(&pull).for_each(|(count, more)| *count += more);
    }
    em.take_logarithms();
}

/// Confusion table of everyone together, laid out like one annotator's: \[answer\]\[truth\].
fn pooled_rows(table: &[f64], classes: usize) -> Vec<f64> {
    let even = POOLED_START * 0.5 / classes as f64;
    let mut pooled = vec![even; classes * classes];
    (0..classes).for_each(|class| pooled[class * classes + class] += POOLED_START * 0.5);
    for annotator in table.chunks_exact(classes * classes) {
        pooled.iter_mut().zip(annotator).for_each(|(sum, count)| *sum += count);
    }
    for truth in 0..classes {
        let sum: f64 = (0..classes).map(|answer| pooled[answer * classes + truth]).sum();
        (0..classes).for_each(|answer| pooled[answer * classes + truth] /= sum);
    }
    pooled
}

/// One step to the likeliest strength for rows of one true class whose mean is the pooled row.
fn minka_step(table: &[f64], pooled: &[f64], classes: usize, truth: usize, strength: f64) -> f64 {
    let (mut above, mut below) = (0.0, 0.0);
    for annotator in table.chunks_exact(classes * classes) {
        let mut all = 0.0;
        for answer in 0..classes {
            let count = annotator[answer * classes + truth];
            let share = pooled[answer * classes + truth];
            if count > 0.0 {
                above += share * (digamma(count + strength * share) - digamma(strength * share));
                all += count;
            }
        }
        if all > 0.0 {
            below += digamma(all + strength) - digamma(strength);
        }
    }
    if below > 0.0 { (strength * above / below).clamp(STRENGTHS.0, STRENGTHS.1) } else { strength }
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn strength_by_hand() {
        // Two classes, pooled row (½, ½), one annotator with counts (1, 1) given class 0, strength 2:
        // ψ(2) − ψ(1) = 1 for each answer, so above = ½ + ½ = 1; below = ψ(4) − ψ(2) = ½ + ⅓ = 5/6.
        let moved = minka_step(&[1.0, 0.0, 1.0, 0.0], &[0.5; 4], 2, 0, 2.0);
        assert!((moved - 2.0 * 6.0 / 5.0).abs() < 1e-9, "{moved}");
        // Nobody has answered anything whose truth is class 1.
        assert!((minka_step(&[1.0, 0.0, 1.0, 0.0], &[0.5; 4], 2, 1, 2.0) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_pooled_row_by_hand() {
        // One annotator, true class 0: three right, one wrong. Added: ½ for right and ¼ for each.
        let pooled = pooled_rows(&[3.0, 0.0, 1.0, 0.0], 2);
        assert!((pooled[0] - 3.75 / 5.0).abs() < 1e-12 && (pooled[2] - 1.25 / 5.0).abs() < 1e-12);
    }

    #[test]
    fn a_newcomer_is_taken_for_the_average() {
        // Three who agree six times, and one who answers a single task alone.
        let labels = sketch(&["xxx", "yyy", "xxx", "yyy", "xxx", "yyy", "...x"]);
        let found = hierarchical_dawid_skene(&labels, &EmSettings::default());
        assert!(found.task(6)[0] > 0.8, "{:?}", found.task(6));
    }
}
