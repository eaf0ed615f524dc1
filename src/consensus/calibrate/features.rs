//! What a decided value shows about itself.

use crate::consensus::TraitConsensus;

/// Number of features.
pub(super) const COUNT: usize = 8;

/// Names of the features, as the calibration file has them.
pub(super) const NAMES: [&str; COUNT] = [
    "share",
    "margin",
    "independent_votes",
    "agreement",
    "reliability",
    "few_variants",
    "evidence",
    "conciseness",
];

/// Label-free features of one decided value, each brought to a spread of about 1 by fixed numbers, so
/// that one strength of shrinkage suits all and files of different data compare.
///
/// Shares are counted over the independent votes with one pseudo-vote of ½ beside them, and agreement over
/// those less one: a lone answer agrees with nobody, whatever its share.
///
/// None of them falls when one more model says the winning value: with coefficients of at least 0
/// ([`super::Calibrator`] checks it) an agreeing model never lowers the probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features(pub(super) [f64; COUNT]);

impl Features {
    /// The features of a decided value; `None` for a list, of which no single value is decided.
    ///
    /// In this order: share of the votes, similarity counted; its lead over the runner-up; logarithm
    /// of the number of independent votes; mean similarity of the answers (1 less dispersion);
    /// reliability of the most reliable supporter; 1 over the number of different values; whether a
    /// passage was cited for the value; how short the shortest wording of it is, in logarithms of characters:
    /// what says more can be wrong in more (the conjunction rule, P(A and B) ≤ P(A)), and the shortest can
    /// only become shorter when another model says the like.
    #[must_use]
    pub fn of(found: &TraitConsensus) -> Option<Self> {
        if found.kind == "list" || found.variants.is_empty() {
            return None;
        }
        let parts = &found.parts;
        let votes = parts.n_eff.max(1.0);
        let share = (parts.share * votes + 0.5) / (votes + 1.0);
        let runner_up = parts.runner_up * votes / (votes + 1.0);
        let agreement = (found.agreement * (votes - 1.0) + 0.5) / votes;
        Some(Self([
            8.0 * (share - 0.7),
            4.0 * (share - runner_up - 0.45),
            votes.ln(),
            6.0 * (agreement - 0.65),
            5.0 * (parts.reliability - 0.6),
            3.0 * (1.0 / found.variants.len() as f64 - 0.6),
            f64::from(u8::from(!found.evidence.is_empty())),
            2.3 - wording_length(found).ln_1p(),
        ]))
    }
}

/// Characters of the shortest wording of the winning value.
fn wording_length(found: &TraitConsensus) -> f64 {
    let said = found.variants[0].said.iter().map(|said| said.value.to_string().trim().chars().count());
    said.min().unwrap_or_default() as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A value with a share, a runner-up and some models behind it.
    pub(in crate::consensus::calibrate) fn value(share: f64, runner_up: f64, n_eff: f64) -> TraitConsensus {
        let variant = |value: &str, share: f64| {
            let said = json!([{"model": "m", "value": value}]);
            json!({"value": value, "representative": "m", "models": ["m"], "share": share, "said": said})
        };
        let mut variants = vec![variant("a", share)];
        if runner_up > 0.0 {
            variants.push(variant("b", runner_up));
        }
        serde_json::from_value(json!({
            "kind": "categorical", "value": "a", "confidence": 0.5, "agreement": share, "support": 1,
            "n_models": 2, "divergent": false, "variants": variants,
            "parts": {"share": share, "runner_up": runner_up, "n_eff": n_eff, "prior_weight": 1.0,
                      "prior_accuracy": 0.5, "reliability": 0.8},
        }))
        .expect("a trait")
    }

    #[test]
    fn features_by_hand() {
        let got = Features::of(&value(0.75, 0.25, 1.0)).expect("no list").0;
        // One vote: share (.75 + .5) / 2 = .625, runner-up .25 / 2 = .125, agreement that of nobody, .5.
        // 8 (.625 − .7), 4 (.5 − .45), ln 1, 6 (.5 − .65), 5 (.8 − .6), 3 (½ − .6), none cited, and of the one
        // letter `a` 2.3 − ln 2 = 1.606853.
        for (got, wanted) in
            got.iter().zip([-0.6, 0.2, 0.0, -0.9, 1.0, -0.3, 0.0, 2.3 - std::f64::consts::LN_2])
        {
            assert!((got - wanted).abs() < 1e-12, "{got} {wanted}");
        }
        assert_eq!(Features::of(&TraitConsensus { kind: "list".to_owned(), ..value(1.0, 0.0, 1.0) }), None);
    }
}
