//! How complex a study is and how uncertain its personas are, as numbers from 0 to 100.
//!
//! Both are made of documented parts in 0..=1, so that a rule such as *above 80* can be traced; neither is a
//! probability. Parts are put together as chances are, 100 · (1 − Π (1 − weight · part)): each of them raises the score,
//! whatever the others are, and one that cannot be there (a panel of three has no *few votes*) lowers nothing. A mean
//! would not do: its top is out of reach as soon as one part stays low.
//!
//! **Complexity**, of a study before anybody has answered; every part has the weight 1:
//!
//! | part | formula |
//! |---|---|
//! | records | log₁₀(1 + records) / 5: a hundred thousand are 1 |
//! | tokens | log₂(1 + tokens of a call / 1000) / 8: 255,000 are 1 |
//! | traits | traits / 80 |
//! | members | members / 20 |
//!
//! each cut off at 1. Two thousand interviews of 8,000 tokens, asked of four models about thirteen traits, are 86; the demo (twelve notes
//! in one call, three models) is 56.
//!
//! **Uncertainty**, of a persona:
//!
//! | part | formula | weight |
//! |---|---|---|
//! | confidence | 1 − mean confidence of its traits | 1 |
//! | divergence | share of its traits on which the models disagree | ½ |
//! | missing | share of the schema's traits that it lacks | ¼ |
//! | few votes | 1 with one model behind it, ½ with two, 0 with three or more | ¼ |
//!
//! Three models that agree on everything (confidence 0.83) leave 17; three that agree on nothing (confidence 0.44) make
//! 1 − 0.44 · ½ = 78. Traits of weight 0 (names, quotes) do not count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::consensus::{ConsensusPersona, TraitConsensus};
use crate::persona::TraitSchema;

/// Above this complexity the adaptive rules slow down (P10).
pub const COMPLEX: f64 = 80.0;
/// Above this uncertainty personas are asked about again (P10).
pub const UNCERTAIN: f64 = 70.0;

/// A trait below this confidence is worth asking about again.
const UNSURE: f64 = 0.5;

/// What a study's complexity is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Records that are asked about.
    pub records: usize,
    /// Input tokens of the largest call.
    pub tokens: u64,
    /// Traits of the schema.
    pub traits: usize,
    /// Members of the panel.
    pub members: usize,
}

/// A score with its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// 0..=100.
    pub value: f64,
    /// What it is made of, 0..=1 each, by name.
    pub parts: BTreeMap<String, f64>,
}

/// The complexity of a study before anybody has answered.
#[must_use]
pub fn complexity(load: &Load) -> Score {
    score(&[
        ("records", (1.0 + load.records as f64).log10() / 5.0, 1.0),
        ("tokens", (1.0 + load.tokens as f64 / 1000.0).log2() / 8.0, 1.0),
        ("traits", load.traits as f64 / 80.0, 1.0),
        ("members", load.members as f64 / 20.0, 1.0),
    ])
}

/// Parts with their weights, each part cut to 0..=1, put together as chances are, times a hundred.
fn score(parts: &[(&str, f64, f64)]) -> Score {
    let left: f64 = parts.iter().map(|(_, part, weight)| 1.0 - part.clamp(0.0, 1.0) * weight).product();
    Score {
        value: 100.0 * (1.0 - left),
        parts: parts.iter().map(|(name, part, _)| ((*name).to_owned(), part.clamp(0.0, 1.0))).collect(),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// How uncertain one persona is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonaUncertainty {
    /// The persona.
    pub persona_id: String,
    /// 0..=100, with its parts.
    pub score: Score,
    /// The traits to ask about again: divergent, below a confidence of one half, or missing; by name.
    pub traits: Vec<String>,
}

/// The uncertainty of a persona under the schema that it was asked by.
#[must_use]
pub fn uncertainty(persona: &ConsensusPersona, schema: &TraitSchema) -> PersonaUncertainty {
    let counts = |name: &str| schema.get(name).is_none_or(|definition| definition.weight > 0.0);
    let told: Vec<(&String, &TraitConsensus)> =
        persona.traits.iter().filter(|(name, _)| counts(name)).collect();
    let asked: Vec<&str> =
        schema.definitions().iter().filter(|one| one.weight > 0.0).map(|one| one.name.as_str()).collect();
    let missing: Vec<&str> =
        asked.iter().filter(|name| !persona.traits.contains_key(**name)).copied().collect();
    let share = |count: usize, of: usize| if of == 0 { 0.0 } else { count as f64 / of as f64 };
    let divergent = told.iter().filter(|(_, found)| found.divergent).count();
    let confidence = mean(told.iter().map(|(_, found)| found.confidence)).unwrap_or(0.0);
    let few_votes = match persona.support {
        0 | 1 => 1.0,
        2 => 0.5,
        _ => 0.0,
    };
    let doubtful = told.iter().filter(|(_, found)| found.divergent || found.confidence < UNSURE);
    let mut traits: Vec<String> = doubtful.map(|(name, _)| (*name).clone()).collect();
    traits.extend(missing.iter().map(|name| (*name).to_owned()));
    traits.sort();
    PersonaUncertainty {
        persona_id: persona.persona_id.clone(),
        score: score(&[
            ("confidence", 1.0 - confidence, 1.0),
            ("divergence", share(divergent, told.len()), 0.5),
            ("missing", share(missing.len(), asked.len()), 0.25),
            ("few_votes", few_votes, 0.25),
        ]),
        traits,
    }
}

/// The personas to ask about again: those above `threshold`, the most uncertain first, of equals by id, and at
/// most `most` of them.
#[must_use]
pub fn ask_again(all: &[PersonaUncertainty], threshold: f64, most: usize) -> Vec<&PersonaUncertainty> {
    let mut chosen: Vec<&PersonaUncertainty> = all.iter().filter(|one| one.score.value > threshold).collect();
    chosen.sort_by(|one, other| {
        other.score.value.total_cmp(&one.score.value).then_with(|| one.persona_id.cmp(&other.persona_id))
    });
    chosen.truncate(most);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{about, personas};
    use crate::persona::TraitDefinition;
    use proptest::prelude::*;

    fn schema(names: &[&str]) -> TraitSchema {
        let known = TraitSchema::default_persona();
        let of = |name: &&str| known.get(name).cloned().expect("known");
        TraitSchema::new(names.iter().map(of).collect::<Vec<TraitDefinition>>()).expect("valid")
    }

    #[test]
    fn p10_complexity_grows_with_each_of_its_parts_as_chances_add_up() {
        let load = Load { records: 99, tokens: 7_000, traits: 20, members: 5 };
        // log₁₀ 100 / 5 = .4; log₂ 8 / 8 = .375; 20 / 80 = .25; 5 / 20 = .25:
        // 1 − .6 · .625 · .75 · .75 = 1 − .2109375 = .7890625.
        let found = complexity(&load);
        assert!((found.value - 78.906_25).abs() < 1e-9, "{found:?}");
        let huge = Load { records: 1 << 40, tokens: 1 << 40, traits: 1000, members: 1000 };
        assert!((complexity(&huge).value - 100.0).abs() < 1e-9, "every part is cut off at 1");
        assert!(complexity(&Load::default()).value.abs() < 1e-9, "nothing is not complex");
    }

    #[test]
    fn p10_two_thousand_interviews_are_complex_and_the_demo_is_not() {
        let interviews = Load { records: 2_000, tokens: 8_000, traits: 13, members: 4 };
        let demo = Load { records: 12, tokens: 2_000, traits: 13, members: 3 };
        // .66025, .39624, .1625, .2: 1 − .33975 · .60376 · .8375 · .8 = .86257;
        // .22279, .19812, .1625, .15: 1 − .77721 · .80188 · .8375 · .85 = .55634.
        assert!((complexity(&interviews).value - 86.26).abs() < 0.01, "{:?}", complexity(&interviews));
        assert!((complexity(&demo).value - 55.63).abs() < 0.01, "{:?}", complexity(&demo));
    }

    #[test]
    fn uncertainty_is_made_of_confidence_divergence_gaps_and_votes() {
        let mut all = personas(&[
            about("x", "a", &[("occupation", "nurse"), ("age", "30")]),
            about("x", "b", &[("occupation", "plumber"), ("age", "30")]),
        ]);
        let traits = &mut all[0].traits;
        traits.get_mut("occupation").expect("said").confidence = 0.4;
        traits.get_mut("age").expect("said").confidence = 0.8;
        assert!(traits["occupation"].divergent && !traits["age"].divergent);
        let found = uncertainty(&all[0], &schema(&["name", "age", "occupation", "location", "goals"]));
        // 1 − .6 (mean confidence) · (1 − ½ · 1/2) · (1 − ¼ · 2/4, location and goals; a name does not count) ·
        // (1 − ¼ · ½, two models) = 1 − .6 · .75 · .875 · .875 = 1 − .34453125 = .65546875.
        assert!((found.score.value - 65.546_875).abs() < 1e-9, "{found:?}");
        assert_eq!(found.traits, ["goals", "location", "occupation"]);
    }

    #[test]
    fn p10_a_panel_of_three_that_agrees_on_nothing_is_uncertain_and_one_that_agrees_is_not() {
        let panel = |jobs: [&str; 3], towns: [&str; 3]| {
            let drafts: Vec<_> = ["a", "b", "c"]
                .iter()
                .enumerate()
                .map(|(place, model)| {
                    about("x", model, &[("occupation", jobs[place]), ("location", towns[place])])
                })
                .collect();
            uncertainty(&personas(&drafts)[0], &schema(&["occupation", "location"])).score.value
        };
        let torn = panel(["plumber", "violinist", "judge"], ["Rome", "Oslo", "Lima"]);
        let agreed = panel(["nurse"; 3], ["Paris"; 3]);
        assert!(torn > UNCERTAIN, "{torn}");
        assert!(agreed < UNCERTAIN / 2.0, "{agreed}");
    }

    #[test]
    fn the_most_uncertain_are_asked_about_first_and_no_more_than_wanted() {
        let one = |id: &str, value: f64, traits: &[&str]| PersonaUncertainty {
            persona_id: id.to_owned(),
            score: Score { value, parts: BTreeMap::new() },
            traits: traits.iter().map(|name| (*name).to_owned()).collect(),
        };
        let all = [
            one("a", 75.0, &["age"]),
            one("b", 90.0, &["age"]),
            one("c", 70.0, &["age"]),
            one("d", 99.0, &[]),
            one("e", 75.0, &["age"]),
        ];
        let ids = |most| -> Vec<&str> {
            ask_again(&all, UNCERTAIN, most).into_iter().map(|found| found.persona_id.as_str()).collect()
        };
        assert_eq!(ids(9), ["d", "b", "a", "e"], "all above the threshold, also where no trait stands out");
        assert_eq!(ids(1), ["d"]);
    }

    proptest! {
        #[test]
        fn more_of_anything_is_no_less_complex(
            records in 0_usize..1_000_000, tokens in 0_u64..1_000_000, traits in 0_usize..100, members in 0_usize..50,
        ) {
            let load = Load { records, tokens, traits, members };
            let more = Load { records: records + 1, tokens: tokens + 1, traits: traits + 1, members: members + 1 };
            let (one, other) = (complexity(&load).value, complexity(&more).value);
            prop_assert!((0.0..=100.0).contains(&one) && other >= one);
        }
    }
}
