//! Whether confidences mean what they say.
//!
//! `credits` say how right each item turned out: 1 right, 0 wrong, between for partial credit
//! (an accepted near miss counts ½). Confidences and credits lie in 0..=1; anything else gives `None`.

use serde::Serialize;

use super::rank::midranks;

fn valid(confidences: &[f64], credits: &[f64]) -> bool {
    let in_range = |value: &f64| (0.0..=1.0).contains(value);
    !confidences.is_empty()
        && confidences.len() == credits.len()
        && confidences.iter().all(in_range)
        && credits.iter().all(in_range)
}

/// One bar of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Lower edge; confidences equal to it belong to this bin.
    pub lower: f64,
    /// Upper edge; exclusive, but the last bin includes 1.
    pub upper: f64,
    /// Items in the bin.
    pub n: usize,
    /// Their mean confidence; `None` in an empty bin.
    pub confidence: Option<f64>,
    /// Their mean credit; `None` in an empty bin.
    pub accuracy: Option<f64>,
}

/// Expected calibration error with the reliability diagram behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Mean distance of confidence and accuracy over bins, weighted by items; in 0..=1.
    pub expected_calibration_error: f64,
    /// All bins from 0 to 1, empty ones included.
    pub bins: Vec<ReliabilityBin>,
}

/// Expected calibration error over `bins` equal-width bins.
///
/// `None` when there is no item, no bin, lengths differ or a value is outside 0..=1.
///
/// Source: Guo et al., *On calibration of modern neural networks*, ICML 2017.
#[must_use]
pub fn expected_calibration_error(confidences: &[f64], credits: &[f64], bins: usize) -> Option<Calibration> {
    if bins == 0 || !valid(confidences, credits) {
        return None;
    }
    let mut sums = vec![(0_usize, 0.0, 0.0); bins];
    for (confidence, credit) in confidences.iter().zip(credits) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=bins")]
        let bin = ((confidence * bins as f64) as usize).min(bins - 1);
        sums[bin].0 += 1;
        sums[bin].1 += confidence;
        sums[bin].2 += credit;
    }
    let mut error = 0.0;
    let diagram = sums
        .iter()
        .enumerate()
        .map(|(bin, (n, confidence, credit))| {
            error += f64::abs(confidence - credit) / confidences.len() as f64;
            let mean = |sum: f64| (*n > 0).then(|| sum / *n as f64);
            ReliabilityBin {
                lower: bin as f64 / bins as f64,
                upper: (bin + 1) as f64 / bins as f64,
                n: *n,
                confidence: mean(*confidence),
                accuracy: mean(*credit),
            }
        })
        .collect();
    Some(Calibration { expected_calibration_error: error, bins: diagram })
}

/// Mean squared distance of confidence and credit; 0 is perfect, always answering ½ gives ¼ for
/// credits of 0 and 1. `None` when there is no item, lengths differ or a value is outside 0..=1.
///
/// Source: Brier, *Verification of forecasts expressed in terms of probability*, 1950.
#[must_use]
pub fn brier(confidences: &[f64], credits: &[f64]) -> Option<f64> {
    valid(confidences, credits).then(|| {
        let sum: f64 = confidences.iter().zip(credits).map(|(one, other)| (one - other).powi(2)).sum();
        sum / confidences.len() as f64
    })
}

/// Probability that a right item has a higher confidence than a wrong one; ties count ½.
///
/// An item of credit c counts as c of a right and 1 − c of a wrong item, never compared with
/// itself. `None` when either class is missing, or as for [`brier`].
///
/// Source: Hanley and `McNeil`, *The meaning and use of the area under a ROC curve*, 1982.
#[must_use]
pub fn auroc(confidences: &[f64], credits: &[f64]) -> Option<f64> {
    if !valid(confidences, credits) {
        return None;
    }
    let mut order: Vec<usize> = (0..confidences.len()).collect();
    order.sort_by(|one, other| confidences[*one].total_cmp(&confidences[*other]));
    let ranks = midranks(confidences);
    let (mut won, mut wrong_below, mut start) = (0.0, 0.0, 0);
    while start < order.len() {
        #[expect(clippy::float_cmp, reason = "ranks are equal only where values are")]
        let tied = order[start..].iter().take_while(|item| ranks[**item] == ranks[order[start]]).count();
        let group = &order[start..start + tied];
        let right: f64 = group.iter().map(|item| credits[*item]).sum();
        let wrong: f64 = group.iter().map(|item| 1.0 - credits[*item]).sum();
        let own: f64 = group.iter().map(|item| credits[*item] * (1.0 - credits[*item])).sum();
        won += right * wrong_below + (right * wrong - own) / 2.0;
        wrong_below += wrong;
        start += tied;
    }
    let right: f64 = credits.iter().sum();
    let own: f64 = credits.iter().map(|credit| credit * (1.0 - credit)).sum();
    let compared = right * wrong_below - own;
    (compared > 1e-12).then(|| (won / compared).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-12
    }

    #[test]
    fn calibration_error_by_hand() {
        let got = expected_calibration_error(&[0.95, 0.85, 1.0, 0.15], &[1.0, 0.0, 1.0, 0.5], 10).unwrap();
        // Bin 9 holds .95 and 1.0: |1.95 − 2| = .05. Bin 8: |.85 − 0| = .85. Bin 1: |.15 − .5| = .35.
        // (.05 + .85 + .35) / 4.
        assert!(close(got.expected_calibration_error, 1.25 / 4.0));
        assert_eq!(got.bins.len(), 10);
        assert_eq!((got.bins[9].n, got.bins[9].accuracy), (2, Some(1.0)));
        assert!(close(got.bins[9].confidence.unwrap(), 0.975));
        assert_eq!((got.bins[0].n, got.bins[0].accuracy), (0, None));
    }

    #[test]
    fn brier_by_hand() {
        // (.2² + .9² + 0²) / 3 = (.04 + .81) / 3.
        assert!(close(brier(&[0.8, 0.9, 1.0], &[1.0, 0.0, 1.0]).unwrap(), 0.85 / 3.0));
    }

    #[test]
    fn auroc_by_hand_with_ties_and_half_credits() {
        // Right {.9, .5}, wrong {.5, .1}: .9 beats both, .5 ties one and beats one: 3.5 / 4.
        assert!(close(auroc(&[0.9, 0.5, 0.5, 0.1], &[1.0, 1.0, 0.0, 0.0]).unwrap(), 3.5 / 4.0));
        // Right: 1 at .9, ½ at .5. Wrong: ½ at .5, 1 at .1. Pairs: 1·½ + 1·1 won, ½·1 won,
        // the item at .5 is not compared with itself: 2 / 2.
        assert!(close(auroc(&[0.9, 0.5, 0.1], &[1.0, 0.5, 0.0]).unwrap(), 1.0));
    }

    #[test]
    fn no_number_where_none_is_right() {
        assert_eq!(auroc(&[0.4, 0.6], &[1.0, 1.0]), None);
        assert_eq!(auroc(&[0.4], &[0.5]), None);
        assert_eq!(brier(&[], &[]), None);
        assert_eq!(brier(&[1.5], &[1.0]), None);
        assert_eq!(brier(&[f64::NAN], &[1.0]), None);
        assert_eq!(expected_calibration_error(&[0.5], &[1.0], 0), None);
    }

    proptest! {
        #[test]
        fn auroc_is_the_share_of_pairs_won(
            items in proptest::collection::vec((0_u8..8, any::<bool>()), 1..40),
        ) {
            let confidences: Vec<f64> = items.iter().map(|item| f64::from(item.0) / 8.0).collect();
            let credits: Vec<f64> = items.iter().map(|item| f64::from(u8::from(item.1))).collect();
            let (mut won, mut compared) = (0.0, 0.0);
            for (right, _) in items.iter().filter(|item| item.1) {
                for (wrong, _) in items.iter().filter(|item| !item.1) {
                    compared += 1.0;
                    won += f64::from(u8::from(right > wrong)) + f64::from(u8::from(right == wrong)) / 2.0;
                }
            }
            match auroc(&confidences, &credits) {
                None => prop_assert!(compared == 0.0),
                Some(got) => prop_assert!(close(got, won / compared)),
            }
        }
    }
}
