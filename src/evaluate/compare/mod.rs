//! Two runs side by side: which personas and traits changed, and at what price.
//!
//! Personas of one record in one run are matched with those of the same record in the other, one to one, so
//! that the sum of their similarities is largest; a pair stands when the evidence of its traits speaks for the
//! same persona rather than for two (similarity above 0 on the scale of
//! [`crate::embed::EncodedDrafts::similarities`]), or when it is all that both runs say about the record. What is left
//! over vanished or appeared. Values of matched personas are compared by what they mean, so that `28` and
//! `28 years old` are no change.
//!
//! Nothing here says which run is better; that takes gold.

mod figures;
mod pairing;
mod traits;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

pub use figures::{Difference, Figures};
pub use traits::{Change, TraitChange};

use crate::consensus::ConsensusPersona;
use crate::embed::{EmbedError, Embedder};
use crate::persona::{Draft, ModelName, RecordId, TraitSchema};

/// What a run folder holds.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// As the user named it.
    pub name: String,
    /// The personas, in order.
    pub personas: Vec<ConsensusPersona>,
    /// `summary.json`; null where there is none.
    pub summary: Value,
    /// `metrics.json`; null where there is none.
    pub metrics: Value,
}

/// A persona that is in one run only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unmatched {
    /// Its record.
    pub record: RecordId,
    /// Its id in its run.
    pub persona_id: String,
    /// What it is called, where it has a name.
    pub name: Option<String>,
    /// How sure its run is, in 0..=1.
    pub confidence: f64,
    /// Models behind it.
    pub support: usize,
}

/// A persona that is in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Matched {
    /// Its record.
    pub record: RecordId,
    /// Its id in the first run.
    pub before: String,
    /// Its id in the second run.
    pub after: String,
    /// What it is called in the second run, where it has a name.
    pub name: Option<String>,
    /// How alike the two are, in -1..=1; above 0 unless each is all that its run says about the record.
    pub similarity: f64,
    /// Confidence in the first and in the second run.
    pub confidence: [f64; 2],
    /// Traits that appeared, vanished or changed, by name.
    pub traits: Vec<TraitChange>,
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The runs' figures, first and second.
    pub runs: [Figures; 2],
    /// What was set or asked differently.
    pub settings: Vec<Difference>,
    /// Personas in both, in the order of the first run.
    pub matched: Vec<Matched>,
    /// Personas of the first run only, in its order.
    pub vanished: Vec<Unmatched>,
    /// Personas of the second run only, in its order.
    pub appeared: Vec<Unmatched>,
}

/// Compares two runs.
///
/// # Errors
/// [`EmbedError`] of the embedder.
pub fn compare_runs(
    before: &RunResult,
    after: &RunResult,
    embedder: &dyn Embedder,
) -> Result<Comparison, EmbedError> {
    let drafts = [drafts(before, "before"), drafts(after, "after")];
    let schema = schema([before, after]).with_inferred(drafts.iter().flatten());
    let pairs = pairing::pairs(&schema, embedder, &drafts)?;
    let mut matched: Vec<Matched> = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let (one, other) = (&before.personas[pair.before], &after.personas[pair.after]);
        matched.push(Matched {
            record: other.record.clone(),
            before: one.persona_id.clone(),
            after: other.persona_id.clone(),
            name: name(other).or_else(|| name(one)),
            similarity: pair.similarity,
            confidence: [one.confidence, other.confidence],
            traits: traits::changes(one, other, &schema),
        });
    }
    traits::measure(&mut matched, embedder)?;
    let before_taken: BTreeSet<usize> = pairs.iter().map(|pair| pair.before).collect();
    let after_taken: BTreeSet<usize> = pairs.iter().map(|pair| pair.after).collect();
    let left = |personas: &[ConsensusPersona], taken: &dyn Fn(usize) -> bool| -> Vec<Unmatched> {
        (0..personas.len()).filter(|place| !taken(*place)).map(|place| unmatched(&personas[place])).collect()
    };
    Ok(Comparison {
        runs: [Figures::of(before), Figures::of(after)],
        settings: figures::differences(&before.summary, &after.summary),
        vanished: left(&before.personas, &|place| before_taken.contains(&place)),
        appeared: left(&after.personas, &|place| after_taken.contains(&place)),
        matched,
    })
}

fn unmatched(persona: &ConsensusPersona) -> Unmatched {
    Unmatched {
        record: persona.record.clone(),
        persona_id: persona.persona_id.clone(),
        name: name(persona),
        confidence: persona.confidence,
        support: persona.support,
    }
}

fn name(persona: &ConsensusPersona) -> Option<String> {
    persona.traits.get("name").map(|found| found.value.to_string())
}

/// The schema that the runs read traits by; the second one's where both have one.
fn schema(runs: [&RunResult; 2]) -> TraitSchema {
    let kept = |run: &RunResult| TraitSchema::from_json(&run.summary.get("schema")?.to_string()).ok();
    let [before, after] = runs;
    kept(after).or_else(|| kept(before)).unwrap_or_else(TraitSchema::default_persona)
}

/// Every persona as one draft of a model that is its run: personas of one run are different from each other.
fn drafts(run: &RunResult, side: &str) -> Vec<Draft> {
    let Ok(model) = ModelName::new(side) else { return Vec::new() };
    let draft = |persona: &ConsensusPersona| {
        let values = persona.traits.iter().map(|(name, found)| (name.clone(), found.value.clone()));
        Draft { traits: values.collect(), ..Draft::new(persona.record.clone(), model.clone()) }
    };
    run.personas.iter().map(draft).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{about, embedder, personas};
    use crate::persona::Draft;

    fn run(name: &str, drafts: &[Draft]) -> RunResult {
        RunResult {
            name: name.to_owned(),
            personas: personas(drafts),
            summary: Value::Null,
            metrics: Value::Null,
        }
    }

    fn nurse(record: &str, age: &str, occupation: &str) -> Draft {
        about(record, "a", &[("age", age), ("occupation", occupation), ("location", "Oslo")])
    }

    #[test]
    fn a_run_compared_with_itself_has_no_change() {
        let one = run("one", &[nurse("x", "30", "nurse"), nurse("y", "60", "bus driver")]);
        let found = compare_runs(&one, &one, embedder()).expect("embeds");
        assert_eq!(found.matched.len(), 2, "{found:?}");
        assert!(found.matched.iter().all(|pair| pair.traits.is_empty() && pair.before == pair.after));
        assert!(found.vanished.is_empty() && found.appeared.is_empty() && found.settings.is_empty());
    }

    #[test]
    fn changes_are_told_with_both_values_and_other_wordings_are_none() {
        let before =
            run("b", &[about("x", "a", &[("age", "30"), ("occupation", "nurse"), ("location", "Oslo")])]);
        let after = run(
            "a",
            &[about("x", "a", &[("age", "30 years old"), ("occupation", "plumber"), ("education", "PhD")])],
        );
        let found = compare_runs(&before, &after, embedder()).expect("embeds");
        // An age in more words is the same age, if not as sure.
        let values = found.matched[0].traits.iter().filter(|change| change.change != Change::Confidence);
        let told: Vec<(&str, Change)> = values.map(|change| (change.name.as_str(), change.change)).collect();
        assert_eq!(
            told,
            [
                ("education", Change::Appeared),
                ("location", Change::Vanished),
                ("occupation", Change::Changed)
            ]
        );
        let job = found.matched[0].traits.iter().find(|change| change.name == "occupation").expect("told");
        assert_eq!((job.before.as_deref(), job.after.as_deref()), (Some("nurse"), Some("plumber")));
    }

    #[test]
    fn personas_of_one_record_only_vanish_and_appear() {
        let before = run("b", &[nurse("x", "30", "nurse"), nurse("gone", "50", "baker")]);
        let after = run("a", &[nurse("new", "70", "pilot"), nurse("x", "31", "nurse")]);
        let found = compare_runs(&before, &after, embedder()).expect("embeds");
        assert_eq!(found.matched.len(), 1);
        assert_eq!(found.vanished[0].record.as_str(), "gone");
        assert_eq!(found.appeared[0].record.as_str(), "new");
        let back = compare_runs(&after, &before, embedder()).expect("embeds");
        assert_eq!((back.vanished, back.appeared), (found.appeared, found.vanished), "the other way round");
    }
}
