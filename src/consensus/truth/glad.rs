//! Annotators have ability, tasks have difficulty.

use super::em::EmSettings;
use super::labels::Labels;
use super::plurality::{plurality, vote_shares};
use super::posterior::{Posterior, soften};
use crate::consensus::calibrate::fit::sigmoid;

/// Newton steps per round for abilities and difficulties.
const STEPS: usize = 3;
/// Range of the logarithm of a task's ease, so that no task becomes infinitely hard.
const MOST_EASE: f64 = 3.0;

/// GLAD: annotator j is right about task t with probability σ(αⱼ eᵇᵗ), otherwise any other class is as
/// likely. α has the prior N(1, 1), b the prior N(0, 1); all classes are equally likely beforehand.
///
/// Reliability is σ(α), the probability of being right about a task of middling difficulty. With fewer
/// than two classes votes are counted.
///
/// Source: Whitehill et al., *Whose vote should count more: optimal integration of labels from labelers
/// of unknown expertise*, NIPS 2009. The maximisation takes damped Newton steps on one coordinate at a
/// time in place of conjugate gradients.
#[must_use]
pub fn glad(labels: &Labels, settings: &EmSettings) -> Posterior {
    let classes = labels.classes().len();
    if classes < 2 {
        return plurality(labels);
    }
    let people = labels.annotators().len();
    let mut rows = vote_shares(labels, &vec![1.0; people]);
    let mut model = Model { ability: vec![1.0; people], ease: vec![0.0; labels.tasks().len()] };
    for _ in 0..settings.iterations {
        for _ in 0..STEPS {
            model.climb(labels, &rows, classes);
        }
        let next = model.posterior(labels, classes);
        let moved = next.iter().zip(&rows).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
        rows = next;
        if moved < settings.tolerance {
            break;
        }
    }
    let reliability = model
        .ability
        .iter()
        .zip(labels.counts())
        .map(|(ability, n)| (n > 0.0).then(|| sigmoid(*ability)))
        .collect();
    Posterior::new(classes, rows, reliability)
}

struct Model {
    ability: Vec<f64>,
    ease: Vec<f64>,
}

impl Model {
    /// One step up the expected log posterior: d/dα = Σ (p − σ) eᵇ − (α − 1), d/db = Σ (p − σ) α eᵇ − b,
    /// each over 1 + the expected curvature, p being the probability that the answer is right.
    fn climb(&mut self, labels: &Labels, rows: &[f64], classes: usize) {
        let mut steps: Vec<(f64, f64)> = self.ability.iter().map(|ability| (1.0 - ability, 1.0)).collect();
        for (task, ease) in self.ease.iter_mut().enumerate() {
            let scale = ease.exp();
            let (mut slope, mut curvature) = (-*ease, 1.0);
            for (who, class) in labels.of(task) {
                let strength = self.ability[who] * scale;
                let right = sigmoid(strength);
                let surplus = rows[task * classes + class] - right;
                let spread = right * (1.0 - right);
                slope += surplus * strength;
                curvature += spread * strength * strength;
                steps[who].0 += surplus * scale;
                steps[who].1 += spread * scale * scale;
            }
            *ease = (*ease + 0.5 * slope / curvature).clamp(-MOST_EASE, MOST_EASE);
        }
        for (ability, (slope, curvature)) in self.ability.iter_mut().zip(steps) {
            *ability += 0.5 * slope / curvature;
        }
    }

    fn posterior(&self, labels: &Labels, classes: usize) -> Vec<f64> {
        let mut rows = vec![0.0; self.ease.len() * classes];
        for (task, row) in rows.chunks_exact_mut(classes).enumerate() {
            let scale = self.ease[task].exp();
            for (who, class) in labels.of(task) {
                // ln of σ(x) over (1 − σ(x)) / (K − 1) is x + ln(K − 1).
                row[class] += self.ability[who] * scale + ((classes - 1) as f64).ln();
            }
            soften(row);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::sketch;
    use super::*;

    #[test]
    fn the_posterior_by_hand() {
        // Abilities 1, middling ease, classes x and y: odds of e for every vote.
        let labels = sketch(&["xxy", "x.."]);
        let model = Model { ability: vec![1.0; 3], ease: vec![0.0; 2] };
        let rows = model.posterior(&labels, 2);
        let e = 1.0_f64.exp();
        assert!((rows[0] - e * e / (e * e + e)).abs() < 1e-12 && (rows[2] - e / (e + 1.0)).abs() < 1e-12);
    }

    #[test]
    fn the_first_step_by_hand() {
        // One task, one annotator who is surely right: p − σ(1) = 0.268941, σ(1)(1 − σ(1)) = 0.196612.
        let labels = sketch(&["x"]);
        let mut model = Model { ability: vec![1.0], ease: vec![0.0] };
        model.climb(&labels, &[1.0, 0.0], 2);
        assert!(
            (model.ability[0] - (1.0 + 0.5 * 0.268_941 / 1.196_612)).abs() < 1e-5,
            "{}",
            model.ability[0]
        );
        assert!((model.ease[0] - 0.5 * 0.268_941 / 1.196_612).abs() < 1e-5, "{}", model.ease[0]);
    }

    #[test]
    fn disputed_tasks_are_harder_and_the_lone_voice_less_able() {
        let labels = sketch(&["xxxy", "yyyy", "xxxy", "yyyx", "xxxx"]);
        let found = glad(&labels, &EmSettings::default());
        let lone = labels.annotators().iter().position(|name| name == "d").unwrap();
        let others = (0..4).filter(|place| *place != lone);
        let worst = others.map(|place| found.reliability()[place].unwrap()).fold(1.0, f64::min);
        assert!(found.reliability()[lone].unwrap() < worst, "{:?}", found.reliability());
        assert!(found.best(1).unwrap().1 > found.best(0).unwrap().1);
    }
}
