//! Does divergence tell where the consensus is wrong?
//!
//! Nothing is planted here: the cells are those with gold, and what is judged is the consensus itself. A trait is
//! flagged when enough of its votes dissent, so the flag is a threshold on the dissenting share, and the share says how
//! much the threshold gives away.

use serde::Serialize;

use super::metrics::auroc;
use crate::consensus::TraitConsensus;

/// How well divergence tells that the consensus is wrong, over the gold cells that have a consensus; over several
/// committees the means, with their cells added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FlagScores {
    /// Cells.
    pub n: usize,
    /// Cells whose consensus is wrong; one that is right by half counts ½.
    pub wrong: f64,
    /// AUROC of the yes/no flag, 0..=1: the probability that a wrong consensus is flagged and a right one is not, ties
    /// counting ½. `None` when all are right or all wrong.
    pub flag_auroc: Option<f64>,
    /// AUROC of the share of the votes that dissent.
    pub dissenting_share_auroc: Option<f64>,
}

/// The divergence of every judged cell, and how wrong its consensus is.
#[derive(Clone, Debug, Default)]
pub(super) struct Flagged {
    flags: Vec<f64>,
    shares: Vec<f64>,
    wrong: Vec<f64>,
}

impl Flagged {
    /// Adds a cell, by the credit of its consensus; one without a consensus is left out.
    pub(super) fn add(&mut self, found: Option<&TraitConsensus>, credit: f64) {
        if let Some(found) = found {
            self.push(found.divergent, dissenting_share(found), credit);
        }
    }

    fn push(&mut self, flag: bool, share: f64, credit: f64) {
        self.flags.push(f64::from(u8::from(flag)));
        self.shares.push(share);
        self.wrong.push(1.0 - credit);
    }

    pub(super) fn scores(&self) -> FlagScores {
        FlagScores {
            n: self.wrong.len(),
            wrong: self.wrong.iter().sum(),
            flag_auroc: auroc(&self.flags, &self.wrong),
            dissenting_share_auroc: auroc(&self.shares, &self.wrong),
        }
    }
}

/// The share of the votes outside the consensus value, in 0..=1; of a list, what its items lack of agreement. It is
/// what [`TraitConsensus::divergent`] is a threshold on.
fn dissenting_share(found: &TraitConsensus) -> f64 {
    let agreed = match found.variants.first() {
        Some(first) if found.kind != "list" => first.share,
        _ => found.agreement,
    };
    (1.0 - agreed).clamp(0.0, 1.0)
}

/// The scores of several committees as one.
pub(super) fn together(scores: &[FlagScores]) -> FlagScores {
    let mean = |of: fn(&FlagScores) -> Option<f64>| {
        let known: Vec<f64> = scores.iter().filter_map(of).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    FlagScores {
        n: scores.iter().map(|one| one.n).sum(),
        wrong: scores.iter().map(|one| one.wrong).sum(),
        flag_auroc: mean(|one| one.flag_auroc),
        dissenting_share_auroc: mean(|one| one.dissenting_share_auroc),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flagged(cells: &[(bool, f64, f64)]) -> Flagged {
        let mut flagged = Flagged::default();
        for &(flag, share, credit) in cells {
            flagged.push(flag, share, credit);
        }
        flagged
    }

    #[test]
    fn a_flag_that_rises_with_wrong_answers_is_above_chance() {
        let cells =
            [(true, 0.6, 0.0), (false, 0.2, 0.0), (true, 0.4, 1.0), (false, 0.1, 1.0), (false, 0.0, 1.0)];
        let scores = flagged(&cells).scores();
        // Two wrong, three right: six pairs. The flagged wrong one ties with the flagged right one and beats two: 2.5;
        // the other loses to one and ties with two: 1. 3.5 / 6.
        assert!((scores.flag_auroc.unwrap() - 3.5 / 6.0).abs() < 1e-12, "{scores:?}");
        // By shares .6 beats all three, .2 beats two: 5 / 6.
        assert!((scores.dissenting_share_auroc.unwrap() - 5.0 / 6.0).abs() < 1e-12, "{scores:?}");
        assert_eq!(scores.n, 5);
        assert!((scores.wrong - 2.0).abs() < 1e-12);
    }

    #[test]
    fn without_a_wrong_answer_nothing_can_be_told() {
        let scores = flagged(&[(true, 0.6, 1.0), (false, 0.2, 1.0)]).scores();
        assert_eq!((scores.flag_auroc, scores.dissenting_share_auroc), (None, None));
    }

    #[test]
    fn committees_give_the_mean_of_those_that_can_tell() {
        let (sure, blind) = (flagged(&[(true, 0.6, 0.0), (false, 0.2, 1.0)]), flagged(&[(true, 0.6, 1.0)]));
        let both = together(&[sure.scores(), blind.scores()]);
        assert_eq!((both.n, both.flag_auroc, both.dissenting_share_auroc), (3, Some(1.0), Some(1.0)));
    }
}
