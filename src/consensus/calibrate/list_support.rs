//! How much support list items need, so that few wrong ones are kept.

use serde::{Deserialize, Serialize};

/// A list of which it is known which items are right.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledList {
    /// Of every item its share of the votes, and how right it is: 1 right, 0 wrong.
    pub items: Vec<(f64, f64)>,
    /// How much the list counts. One that several committees decided counts 1 over all of them.
    pub weight: f64,
}

impl LabelledList {
    /// The share of the list's items that are kept from this support and wrong: never grows with the support.
    fn loss(&self, support: f64) -> f64 {
        let wrong = self.items.iter().filter(|(share, _)| *share >= support).map(|(_, credit)| 1.0 - credit);
        wrong.sum::<f64>() / self.items.len().max(1) as f64
    }
}

/// The least support at which the expected share of wrong items stays at a risk asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSupport {
    /// Labelled lists behind it.
    pub lists: usize,
    /// Pairs of a risk and the support that holds it, by risk. Risks that so few lists cannot promise are
    /// missing.
    pub supports: Vec<(f64, f64)>,
}

/// Risks of which supports are kept, in percent.
const RISKS: std::ops::RangeInclusive<u32> = 1..=50;

impl ListSupport {
    /// The supports from labelled lists; `lists` is what the weights add up to.
    ///
    /// The support of a risk α is the smallest share λ with `n / (n + 1) · R(λ) + 1 / (n + 1) ≤ α`, R the
    /// weighted mean of the losses, each at most 1: the expected loss of a further list is then at most α.
    ///
    /// Source: Angelopoulos, Bates, Fisch, Lei and Schuster, *Conformal risk control*, 2022, theorem 1.
    #[must_use]
    pub fn new(labelled: &[LabelledList], lists: usize) -> Self {
        let mut shares: Vec<f64> =
            labelled.iter().flat_map(|list| list.items.iter().map(|(share, _)| *share)).collect();
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let total: f64 = labelled.iter().map(|list| list.weight).sum();
        let n = lists as f64;
        let risk = |support: f64| {
            let losses = labelled.iter().map(|list| list.weight * list.loss(support)).sum::<f64>();
            (n * losses / total + 1.0) / (n + 1.0)
        };
        let risks: Vec<(f64, f64)> = shares.into_iter().map(|support| (support, risk(support))).collect();
        let supports = RISKS.filter_map(|percent| {
            let wanted = f64::from(percent) / 100.0;
            let reached = risks.iter().find(|(_, risk)| *risk <= wanted + 1e-12);
            reached.map(|(support, _)| (wanted, *support))
        });
        Self { lists, supports: if total > 0.0 { supports.collect() } else { Vec::new() } }
    }

    /// The support that holds this risk: that of the next smaller risk kept; `None` where none is.
    #[must_use]
    pub fn support(&self, risk: f64) -> Option<f64> {
        self.supports.iter().rev().find(|(kept, _)| *kept <= risk + 1e-9).map(|(_, support)| *support)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(items: &[(f64, f64)]) -> LabelledList {
        LabelledList { items: items.to_vec(), weight: 1.0 }
    }

    #[test]
    fn supports_by_hand() {
        // Nine lists alike, of four items: from .25 on one of four is wrong, from .5 on none.
        let lists = vec![list(&[(0.25, 0.0), (0.5, 1.0), (0.75, 1.0), (1.0, 1.0)]); 9];
        let found = ListSupport::new(&lists, 9);
        // (9 · .25 + 1) / 10 = .325 at .25; (9 · 0 + 1) / 10 = .1 at .5.
        assert_eq!(found.support(0.33), Some(0.25));
        assert_eq!(found.support(0.32), Some(0.5));
        assert_eq!(found.support(0.1), Some(0.5));
        assert_eq!(found.support(0.09), None, "nine lists cannot promise 9 %");
    }

    #[test]
    fn no_lists_promise_nothing() {
        assert_eq!(ListSupport::new(&[], 0), ListSupport::default());
    }

    proptest! {
        /// The promise itself: on average over which list is the new one, its loss is within the risk.
        #[test]
        fn a_list_left_out_keeps_the_risk_on_average(
            lists in proptest::collection::vec(
                proptest::collection::vec((0.0..=1.0_f64, prop_oneof![Just(0.0), Just(1.0)]), 1..6), 12..40),
        ) {
            let lists: Vec<LabelledList> = lists.iter().map(|items| list(items)).collect();
            let risk = 0.2;
            let losses: f64 = (0..lists.len())
                .map(|out| {
                    let mut rest = lists.clone();
                    let new = rest.remove(out);
                    let support = ListSupport::new(&rest, rest.len()).support(risk);
                    support.map_or(0.0, |support| new.loss(support))
                })
                .sum();
            prop_assert!(losses / lists.len() as f64 <= risk + 1e-9);
        }
    }
}
