//! Votes weighted by how often their owners side with the winner.

use super::labels::Labels;
use super::plurality::vote_shares;
use super::posterior::Posterior;

/// A weight that moves less has come to rest.
const TOLERANCE: f64 = 1e-9;
const MOST_ITERATIONS: usize = 50;
/// Within this a class ties with the winner.
const TIE: f64 = 1e-9;

/// Each annotator weighs as much as the share of own answers that won, to the power given, until that
/// repeats itself. Ties are shared: siding with one of two winners counts ½.
///
/// Power 0 is [`super::plurality`]; the default engine uses up to 2, which is near the weight that an
/// annotator's error variance would give. Reliability is the share of answers that won.
///
/// Source: "Wawa" (worker agreement with aggregate) of Appen, as in Ustalov et al., *Learning from
/// Crowds with Crowd-Kit*, 2024; repeated here to a fixed point.
#[must_use]
pub fn agreement_weighted(labels: &Labels, power: f64) -> Posterior {
    let mut weights = vec![1.0; labels.annotators().len()];
    let mut shares = vote_shares(labels, &weights);
    let mut agreement = agreement_with_winner(labels, &shares);
    for _ in 0..MOST_ITERATIONS {
        // A floor: someone who never won still breaks a tie between two like them.
        let mut next: Vec<f64> =
            agreement.iter().map(|share| share.unwrap_or(0.0).max(1e-6).powf(power)).collect();
        let known = agreement.iter().flatten().count().max(1) as f64;
        let mean =
            next.iter().zip(&agreement).filter(|pair| pair.1.is_some()).map(|pair| pair.0).sum::<f64>();
        for weight in &mut next {
            *weight *= known / mean.max(f64::MIN_POSITIVE);
        }
        let moved = next.iter().zip(&weights).zip(&agreement).filter(|pair| pair.1.is_some());
        let moved = moved.map(|((new, old), _)| (new - old).abs()).fold(0.0, f64::max);
        weights = next;
        shares = vote_shares(labels, &weights);
        agreement = agreement_with_winner(labels, &shares);
        if moved < TOLERANCE {
            break;
        }
    }
    Posterior::new(labels.classes().len(), shares, agreement)
}

fn agreement_with_winner(labels: &Labels, shares: &[f64]) -> Vec<Option<f64>> {
    let classes = labels.classes().len();
    let mut won = vec![0.0; labels.annotators().len()];
    for (task, row) in shares.chunks_exact(classes.max(1)).enumerate() {
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let winners = row.iter().filter(|share| **share >= most - TIE).count() as f64;
        for (who, class) in labels.of(task) {
            won[who] += if row[class] >= most - TIE { 1.0 / winners } else { 0.0 };
        }
    }
    won.iter().zip(labels.counts()).map(|(won, n)| (n > 0.0).then(|| won / n)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn weights_by_hand() {
        // x wins tasks 0 and 1 by 2:1, task 2 by 3:0. a is always with it; b and c two times of three.
        let labels = sketch(&["xxy", "xyx", "xxx"]);
        let found = agreement_weighted(&labels, 1.0);
        // Weights 1 : 2/3 : 2/3, so x gets (1 + 2/3) / (7/3) = 5/7 in task 0.
        assert!((found.task(0)[0] - 5.0 / 7.0).abs() < 1e-12, "{:?}", found.task(0));
        let mut shares: Vec<f64> = found.reliability().iter().flatten().copied().collect();
        shares.sort_by(f64::total_cmp);
        assert_eq!(shares, [2.0 / 3.0, 2.0 / 3.0, 1.0]);
        // Squared: 1 : 4/9 : 4/9, x gets (13/9) / (17/9).
        assert!((agreement_weighted(&labels, 2.0).task(0)[0] - 13.0 / 17.0).abs() < 1e-12);
    }
}
