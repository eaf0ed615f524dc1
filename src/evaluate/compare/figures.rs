//! What a run came to, in numbers, and what was set differently.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::RunResult;
use crate::consensus::PersonaKind;
use crate::consensus::grounding::Basis;

/// The figures of one run; what its files do not tell is missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The run as the user named it.
    pub run: String,
    /// The study's name.
    pub study: Option<String>,
    /// The panel, in order.
    pub panel: Vec<String>,
    /// Personas.
    pub personas: usize,
    /// Of these, personas that two or more models described.
    pub consensus: usize,
    /// Traits of all personas.
    pub traits: usize,
    /// Traits on which the models disagree.
    pub divergent: usize,
    /// Mean confidence of all traits, in 0..=1.
    pub mean_confidence: Option<f64>,
    /// Of the values of consensus personas that were looked for in the source, the share that several models give and for which no
    /// passage was found.
    pub echo_share: Option<f64>,
    /// Calls.
    pub calls: Option<u64>,
    /// Attempts, with those that failed.
    pub attempts: Option<u64>,
    /// What the calls cost.
    pub cost: Option<f64>,
    /// How long the last sitting took, in milliseconds.
    pub wall_ms: Option<u64>,
}

impl Figures {
    pub(super) fn of(run: &RunResult) -> Self {
        let traits = || run.personas.iter().flat_map(|persona| persona.traits.values());
        let count = traits().count();
        let confidence: f64 = traits().map(|found| found.confidence).sum();
        let of_consensus = run.personas.iter().filter(|one| one.kind == PersonaKind::Consensus);
        let looked_for: Vec<Basis> = of_consensus
            .flat_map(|persona| persona.traits.values())
            .filter_map(|found| Some(found.backing?.basis))
            .collect();
        let echoes = looked_for.iter().filter(|basis| **basis == Basis::Echo).count();
        Self {
            run: run.name.clone(),
            study: run.summary["asked"]["study"].as_str().map(str::to_owned),
            panel: panel(&run.summary),
            personas: run.personas.len(),
            consensus: run.personas.iter().filter(|one| one.kind == PersonaKind::Consensus).count(),
            traits: count,
            divergent: traits().filter(|found| found.divergent).count(),
            mean_confidence: (count > 0).then(|| confidence / count as f64),
            echo_share: (!looked_for.is_empty()).then(|| echoes as f64 / looked_for.len() as f64),
            calls: run.metrics["calls"].as_u64(),
            attempts: run.metrics["attempts"].as_u64(),
            // Of a run with stages, theirs too.
            cost: run.summary["pipeline"]["cost"].as_f64().or_else(|| run.metrics["cost"].as_f64()),
            wall_ms: run.metrics["wall_ms"].as_u64(),
        }
    }
}

fn panel(summary: &Value) -> Vec<String> {
    let members = summary["panel"].as_array().map(Vec::as_slice).unwrap_or_default();
    members.iter().filter_map(|member| member["model"].as_str().map(str::to_owned)).collect()
}

/// Something that was set or asked differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where it stands, such as `settings.variant_similarity`.
    pub what: String,
    /// In the first run; null where it was not set.
    pub before: Value,
    /// In the second run; null where it was not set.
    pub after: Value,
}

/// The places of a summary that tell what was asked and how it was computed, and do not follow from it.
const SET: [&str; 12] = [
    "asked.study",
    "asked.question",
    "asked.mode",
    "asked.prompt_version",
    "asked.units",
    "asked.stages",
    "embedder",
    "seed",
    "calibration.name",
    "product.version",
    "settings",
    "schema",
];

/// What was set differently, panel first, then by name. Summaries that are not there tell nothing.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    if before.is_null() || after.is_null() {
        return differences;
    }
    let mut tell = |what: &str, before: Value, after: Value| {
        if before != after {
            differences.push(Difference { what: what.to_owned(), before, after });
        }
    };
    tell("panel", panel(before).into(), panel(after).into());
    let (before, after) = (set(before), set(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let of = |side: &BTreeMap<String, Value>| side.get(name).cloned().unwrap_or_default();
        tell(name, of(&before), of(&after));
    }
    differences
}

fn set(summary: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for place in SET {
        let value = place.split('.').fold(summary, |value, name| &value[name]);
        match place {
            "schema" => {
                let traits = value["traits"].as_array().map(Vec::as_slice).unwrap_or_default();
                for one in traits {
                    let name = one["name"].as_str().unwrap_or_default();
                    flatten(&format!("schema.{name}"), one, &mut found);
                }
            }
            _ => flatten(place, value, &mut found),
        }
    }
    found
}

fn flatten(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&format!("{path}.{name}"), value, found);
            }
        }
        value => {
            found.insert(path.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_set_differently_is_named_and_what_follows_from_it_is_not() {
        let summary = |similarity: f64, models: &[&str]| {
            let panel: Vec<Value> = models.iter().map(|model| json!({"model": model, "drafts": 3})).collect();
            json!({
                "panel": panel, "seed": 1, "counts": {"personas": models.len()},
                "settings": {"algorithm": {"agreement": {"x": similarity}}, "seed": 1},
                "schema": {"traits": [{"name": "age", "kind": "numeric", "weight": similarity}]},
            })
        };
        let found = differences(&summary(0.5, &["a", "b"]), &summary(0.6, &["a"]));
        let told: Vec<(&str, String)> =
            found.iter().map(|one| (one.what.as_str(), format!("{} {}", one.before, one.after))).collect();
        assert_eq!(
            told,
            [
                ("panel", "[\"a\",\"b\"] [\"a\"]".to_owned()),
                ("schema.age.weight", "0.5 0.6".to_owned()),
                ("settings.algorithm.agreement.x", "0.5 0.6".to_owned()),
            ]
        );
        assert!(differences(&Value::Null, &summary(0.5, &["a"])).is_empty());
    }
}
