//! Every annotator has a confusion table, learned together with the truth.

use super::em::{Em, EmSettings};
use super::labels::Labels;
use super::plurality::plurality;
use super::posterior::Posterior;

/// Answers added to every entry of a confusion table, per class: enough that one unseen confusion is
/// not impossible, too little to move one that was seen.
const SMOOTHING: f64 = 0.01;

/// Expectation–maximisation from the shares of votes, in logarithms.
///
/// Assumes that annotators err independently given the truth: where they do not, probabilities are far
/// too high. Class probabilities are the posterior's mean; every entry of a confusion table has 0.01 / K
/// answers more than were counted. Reliability is the mean probability of an annotator's answers. With
/// fewer than two classes, or a table of more than 2²⁷ entries (annotators × classes²), votes are counted.
///
/// Source: Dawid and Skene, *Maximum likelihood estimation of observer error-rates using the EM
/// algorithm*, Applied Statistics 28, 1979.
#[must_use]
pub fn dawid_skene(labels: &Labels, settings: &EmSettings) -> Posterior {
    let Some(mut em) = Em::new(labels) else { return plurality(labels) };
    let mut next = em.posterior.clone();
    for _ in 0..settings.iterations {
        em.count(SMOOTHING / em.classes as f64);
        em.set_prior(0.0);
        em.take_logarithms();
        em.infer_into(0.0, &mut next);
        if em.take(&mut next) < settings.tolerance {
            break;
        }
    }
    em.finish()
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn one_round_by_hand() {
        // Two annotators, two tasks: they agree on x, then a says x and b says y.
        let labels = sketch(&["xx", "xy"]);
        let found = dawid_skene(&labels, &EmSettings { iterations: 1, tolerance: 0.0 });
        // Shares of votes: (1, 0) and (½, ½). Prior (¾, ¼). Counts of a: x|x 1.5, x|y 0.5; of b: x|x 1,
        // y|x 0.5, y|y 0.5; 0.005 more everywhere.
        // a: P(x|x) = 1.505/1.51, P(x|y) = 0.505/0.51. b: P(y|x) = 0.505/1.51, P(y|y) = 0.505/0.51.
        // Task 1: x ∝ ¾ · (1.505/1.51) · (0.505/1.51), y ∝ ¼ · (0.505/0.51)².
        let x = 0.75 * (1.505 / 1.51) * (0.505 / 1.51);
        let y = 0.25 * (0.505_f64 / 0.51).powi(2);
        assert!((found.task(1)[0] - x / (x + y)).abs() < 1e-12, "{:?}", found.task(1));
    }

    #[test]
    fn an_annotator_who_always_says_the_opposite_is_read_backwards() {
        // d answers the opposite of three who agree; then it alone answers.
        let labels = sketch(&["xxxy", "yyyx", "xxxy", "yyyx", "...y"]);
        let found = dawid_skene(&labels, &EmSettings::default());
        assert!(found.task(4)[0] > 0.9, "{:?}", found.task(4));
    }
}
