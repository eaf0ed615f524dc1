//! Do annotators err together?

use super::labels::Labels;
use super::posterior::Posterior;

/// Mean correlation of two annotators' errors on a task, given how probable each class is; usually
/// within -1..=1. `None` when no task has two answers or nobody ever errs.
///
/// For truth k, rᵢ = \[annotator i answered otherwise\] − (i's error rate). The sum of rᵢ rⱼ over the
/// pairs of a task, expected under the posterior, is divided by the sum of sᵢ sⱼ, s being the standard
/// deviations of the errors. Where annotators are wrong about the same tasks it is above 0, and m of
/// them are worth n = m / (1 + (m − 1) ρ) independent ones (Kish, *Survey Sampling*, 1965, §5.4). Errors
/// that the posterior takes for the truth are not seen: the figure is a lower bound.
#[must_use]
pub fn error_correlation(labels: &Labels, posterior: &Posterior) -> Option<f64> {
    correlation_given(labels, posterior.rows())
}

/// As [`error_correlation`], for rows of probabilities.
pub(super) fn correlation_given(labels: &Labels, rows: &[f64]) -> Option<f64> {
    let classes = labels.classes().len();
    let rates = error_rates(labels, rows);
    let deviations: Vec<f64> = rates.iter().map(|rate| (rate * (1.0 - rate)).max(0.0).sqrt()).collect();
    let (mut together, mut scale) = (0.0, 0.0);
    // Per class: answers for it, and the error rates of those who gave them.
    let (mut votes, mut rates_for) = (vec![0.0; classes], vec![0.0; classes]);
    for (task, row) in rows.chunks_exact(classes.max(1)).enumerate() {
        votes.fill(0.0);
        rates_for.fill(0.0);
        let (mut n, mut rate, mut squared, mut spread, mut variance) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (who, class) in labels.of(task) {
            votes[class] += 1.0;
            rates_for[class] += rates[who];
            n += 1.0;
            rate += rates[who];
            squared += rates[who] * rates[who];
            spread += deviations[who];
            variance += deviations[who] * deviations[who];
        }
        for (class, probability) in row.iter().enumerate() {
            let errors = n - votes[class];
            let residual = errors - rate;
            let residual_squared = errors - 2.0 * (rate - rates_for[class]) + squared;
            together += probability * (residual * residual - residual_squared);
        }
        scale += spread * spread - variance;
    }
    (scale > 1e-9).then(|| together / scale)
}

/// How often each annotator errs, one answer's worth of the mean added.
fn error_rates(labels: &Labels, rows: &[f64]) -> Vec<f64> {
    let classes = labels.classes().len();
    let mut errors = vec![0.0; labels.annotators().len()];
    for task in 0..labels.tasks().len() {
        labels.of(task).for_each(|(who, class)| errors[who] += 1.0 - rows[task * classes + class]);
    }
    let mean = errors.iter().sum::<f64>() / labels.len().max(1) as f64;
    errors.iter().zip(labels.counts()).map(|(errors, n)| (errors + mean) / (n + 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn two_who_err_together_by_hand() {
        let labels = sketch(&["xx", "xx", "xx", "yy"]);
        // The truth is x in all four tasks: both err in the fourth only. Mean error ¼, so both rates
        // are (1 + ¼) / (4 + 1) = ¼. Residuals: −¼ each in three tasks, ¾ each in one. Products:
        // 3 · 1/16 + 9/16 = ¾; deviations √(3/16) each, products 4 · 3/16 = ¾. Correlation 1.
        let truth = Posterior::new(2, [1.0, 0.0].repeat(4), vec![]);
        assert!((error_correlation(&labels, &truth).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn errors_in_different_tasks_are_not_correlated() {
        let labels = sketch(&["xy", "yx", "xx", "xx"]);
        // Rates ¼ as above; residual products: 2 · (−3/16) + 2 · (1/16) = −¼; scale ¾; −1/3.
        let truth = Posterior::new(2, [1.0, 0.0].repeat(4), vec![]);
        assert!((error_correlation(&labels, &truth).unwrap() + 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(error_correlation(&sketch(&["x", "y"]), &Posterior::new(2, vec![0.5; 4], vec![])), None);
    }
}
