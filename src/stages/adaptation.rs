//! Rules that adapt a study to how complex it is, how uncertain its personas are, and how little there is to spend.
//!
//! | rule | when | what |
//! |---|---|---|
//! | complex | complexity above 80 | 2 calls at once, time limits × 1.5, two rounds of synthesis where the first left something out |
//! | uncertain | uncertainty of a persona above 70 | its record is asked about again, in another sample of every member, or of the model that stands in for it; the quality check looks at the persona's evidence too, and what is assumed is written down |
//! | constrained | the study says so | one call at a time, optional stages skipped; answers that are stored come first anyway |
//!
//! All numbers are settings ([`AdaptiveRules`]); the scores are those of [`super::uncertainty`]. Where two rules speak about
//! one thing, the more careful one wins: the fewer calls, the longer time limit. Asking again ends when
//! nobody is uncertain any more, when a round did not help, when the rounds are used up or the money is
//! ([`Rounds`]). Here it is only decided; who is asked, and what it cost, the executor knows.

use serde::{Deserialize, Serialize};

use super::uncertainty::{COMPLEX, PersonaUncertainty, Score, UNCERTAIN, ask_again};

/// When rules apply, and what they do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptiveRules {
    /// The complexity above which a study counts as complex, 0..=100.
    pub complex_above: f64,
    /// Calls at once in a complex study.
    pub complex_concurrency: usize,
    /// What time limits are multiplied by in a complex study.
    pub complex_timeouts: f64,
    /// Rounds of synthesis in a complex study.
    pub complex_rounds: u32,
    /// The uncertainty above which a persona is asked about again, 0..=100.
    pub uncertain_above: f64,
    /// Personas that are asked about again in one round, at most.
    pub ask_again_at_most: usize,
    /// Rounds of asking again, at most.
    pub ask_again_rounds: u32,
    /// Whether there is little to spend.
    pub constrained: bool,
}

impl Default for AdaptiveRules {
    fn default() -> Self {
        Self {
            complex_above: COMPLEX,
            complex_concurrency: 2,
            complex_timeouts: 1.5,
            complex_rounds: 2,
            uncertain_above: UNCERTAIN,
            ask_again_at_most: 20,
            ask_again_rounds: 2,
            constrained: false,
        }
    }
}

/// What the rules come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adaptation {
    /// Calls at once, where a rule limits them.
    pub concurrency: Option<usize>,
    /// What time limits are multiplied by.
    pub timeouts: f64,
    /// Rounds of synthesis.
    pub synthesis_rounds: u32,
    /// The personas to ask about again, the most uncertain first, each with the traits in question.
    pub ask_again: Vec<PersonaUncertainty>,
    /// Whether optional stages are left out.
    pub skip_optional: bool,
    /// Why, a sentence for every rule that applied.
    pub because: Vec<String>,
    /// What is taken for granted about the uncertain personas, to be written beside the result.
    pub assumptions: Vec<String>,
}

/// Applies the rules.
#[must_use]
pub fn adapt(rules: &AdaptiveRules, complexity: &Score, personas: &[PersonaUncertainty]) -> Adaptation {
    let mut found = Adaptation {
        concurrency: None,
        timeouts: 1.0,
        synthesis_rounds: 1,
        ask_again: Vec::new(),
        skip_optional: rules.constrained,
        because: Vec::new(),
        assumptions: Vec::new(),
    };
    if complexity.value > rules.complex_above {
        found.concurrency = Some(rules.complex_concurrency);
        found.timeouts = rules.complex_timeouts;
        found.synthesis_rounds = rules.complex_rounds;
        found.because.push(format!("complexity {:.0} is above {:.0}", complexity.value, rules.complex_above));
    }
    let uncertain = ask_again(personas, rules.uncertain_above, rules.ask_again_at_most);
    if !uncertain.is_empty() {
        found.because.push(format!(
            "uncertainty is above {:.0} for {}",
            rules.uncertain_above,
            uncertain.iter().map(|one| one.persona_id.as_str()).collect::<Vec<_>>().join(", ")
        ));
        let assumption = |one: &&PersonaUncertainty| {
            let traits =
                if one.traits.is_empty() { "all of its traits".to_owned() } else { one.traits.join(", ") };
            format!("{}: the consensus is taken for right in {traits}", one.persona_id)
        };
        found.assumptions = uncertain.iter().map(assumption).collect();
        found.ask_again = uncertain.into_iter().cloned().collect();
    }
    if rules.constrained {
        found.concurrency = Some(1);
        found.because.push("there is little to spend".to_owned());
    }
    found
}

/// One round of asking again: what it cost and what it gained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Personas that were asked about.
    pub personas: usize,
    /// Calls that were made.
    pub calls: u64,
    /// What they cost.
    pub cost: f64,
    /// Mean uncertainty of those personas before, 0..=100.
    pub before: f64,
    /// The same after.
    pub after: f64,
}

/// Why asking again ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nobody is uncertain any more.
    Certain,
    /// The last round made nobody surer.
    NoGain,
    /// As many rounds as allowed.
    Rounds,
    /// Another round like the last would cost more than there is.
    Budget,
}

/// The rounds of asking again, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rounds(pub Vec<Round>);

impl Rounds {
    /// Whether to stop before another round, and why. `uncertain` personas are left; `money` is what may still
    /// be spent, where there is a limit. A round is expected to cost a persona what the last one did.
    #[must_use]
    pub fn ending(&self, rules: &AdaptiveRules, uncertain: usize, money: Option<f64>) -> Option<Ending> {
        if uncertain == 0 {
            return Some(Ending::Certain);
        }
        if self.0.len() >= rules.ask_again_rounds as usize {
            return Some(Ending::Rounds);
        }
        let last = self.0.last()?;
        if last.after >= last.before {
            return Some(Ending::NoGain);
        }
        let price = last.cost / last.personas.max(1) as f64 * uncertain as f64;
        money.is_some_and(|money| price > money).then_some(Ending::Budget)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn score(value: f64) -> Score {
        Score { value, parts: BTreeMap::new() }
    }

    fn persona(id: &str, value: f64) -> PersonaUncertainty {
        PersonaUncertainty { persona_id: id.to_owned(), score: score(value), traits: vec!["age".to_owned()] }
    }

    #[test]
    fn a_complex_study_goes_slower_and_an_uncertain_persona_is_asked_about_again() {
        let rules = AdaptiveRules::default();
        let calm = adapt(&rules, &score(80.0), &[persona("a", 70.0)]);
        assert_eq!(
            (calm.concurrency, calm.because.len(), calm.ask_again.len()),
            (None, 0, 0),
            "above, not at"
        );
        let found = adapt(&rules, &score(81.0), &[persona("a", 10.0), persona("b", 71.0)]);
        assert_eq!((found.concurrency, found.synthesis_rounds), (Some(2), 2));
        assert!((found.timeouts - 1.5).abs() < 1e-12);
        assert_eq!(found.because, ["complexity 81 is above 80", "uncertainty is above 70 for b"]);
        assert_eq!(found.assumptions, ["b: the consensus is taken for right in age"]);
        let poor = adapt(&AdaptiveRules { constrained: true, ..rules }, &score(81.0), &[]);
        assert_eq!((poor.concurrency, poor.skip_optional), (Some(1), true));
    }

    #[test]
    fn asking_again_ends_when_it_is_done_useless_or_too_dear() {
        let rules = AdaptiveRules { ask_again_rounds: 3, ..AdaptiveRules::default() };
        let round = |before, after| Round { personas: 4, calls: 8, cost: 2.0, before, after };
        let ending =
            |rounds: &[Round], uncertain, money| Rounds(rounds.to_vec()).ending(&rules, uncertain, money);
        assert_eq!(ending(&[], 0, None), Some(Ending::Certain));
        assert_eq!(ending(&[], 4, Some(0.0)), None, "nobody knows yet what a round costs");
        assert_eq!(ending(&[round(80.0, 80.0)], 4, None), Some(Ending::NoGain));
        // 2.00 for four personas is 0.50 each; three more are 1.50.
        assert_eq!(ending(&[round(80.0, 75.0)], 3, Some(1.49)), Some(Ending::Budget));
        assert_eq!(ending(&[round(80.0, 75.0)], 3, Some(1.5)), None);
        assert_eq!(ending(&[round(80.0, 75.0); 3], 4, None), Some(Ending::Rounds));
    }

    #[test]
    fn rules_are_settings_and_unknown_ones_are_refused() {
        let rules: AdaptiveRules = serde_json::from_str(r#"{"uncertain_above": 50}"#).expect("a rule");
        assert!((rules.uncertain_above - 50.0).abs() < 1e-12 && rules.complex_concurrency == 2);
        assert!(serde_json::from_str::<AdaptiveRules>(r#"{"uncertain": 50}"#).is_err());
    }
}
