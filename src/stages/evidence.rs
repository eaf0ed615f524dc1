//! Evidence: which consensus values stand in the source, and which are only said.
//!
//! The passages were looked for when the consensus was formed ([`crate::consensus::grounding`]); here is
//! counted what that came to, per persona, with the names of the traits that nothing in the source
//! backs. A value without backing is not wrong: it may be an echo of what the models were trained on.

use serde::{Deserialize, Serialize};

use crate::consensus::grounding::{Basis, Citations, FoundBy, passages};
use crate::consensus::{ConsensusPersona, PersonaKind};

/// What one persona's values rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backed {
    /// The persona.
    pub persona_id: String,
    /// Traits with a passage that was found, by name.
    pub evidence: Vec<String>,
    /// Traits that several models give and no passage backs.
    pub echo: Vec<String>,
    /// Traits of one model that no passage backs.
    pub unsupported: Vec<String>,
    /// Of `echo` and `unsupported`, those for which passages were cited that do not stand in the source.
    #[serde(default)]
    pub not_found: Vec<String>,
    /// Traits for which nobody cites anything (those of `echo` and `unsupported` too), or for which there was no
    /// source to look in.
    pub uncited: Vec<String>,
}

/// What all personas' values rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceCheck {
    /// In the order given.
    pub personas: Vec<Backed>,
    /// Share of the values of consensus personas with a source to look in that evidence backs, 0..=1; `None` without
    /// any.
    pub share: Option<f64>,
    /// Those that evidence backs.
    pub backed: usize,
    /// Those with a source to look in.
    pub values: usize,
    /// Passages cited for them or against them that stand in the source.
    pub passages_found: usize,
    /// All of these passages.
    pub passages: usize,
}

/// Counts what values rest on.
#[must_use]
pub fn evidence(personas: &[ConsensusPersona]) -> EvidenceCheck {
    let of_consensus = personas.iter().filter(|persona| persona.kind == PersonaKind::Consensus);
    let looked_for: Vec<_> = of_consensus
        .flat_map(|persona| persona.traits.values())
        .filter(|found| found.backing.is_some())
        .collect();
    let rests = |basis: Option<Basis>| basis == Some(Basis::Evidence);
    let backed = looked_for.iter().filter(|found| rests(found.backing.map(|backing| backing.basis))).count();
    let cited: Vec<_> = looked_for.iter().flat_map(|found| passages(found)).collect();
    let there =
        cited.iter().filter_map(|cited| cited.found.as_ref()).filter(|found| found.by != FoundBy::Nothing);
    EvidenceCheck {
        share: (!looked_for.is_empty()).then(|| backed as f64 / looked_for.len() as f64),
        backed,
        values: looked_for.len(),
        passages_found: there.count(),
        passages: cited.len(),
        personas: personas.iter().map(self::backed).collect(),
    }
}

fn backed(persona: &ConsensusPersona) -> Backed {
    let of = |basis: Option<Basis>| -> Vec<String> {
        let traits = persona.traits.iter();
        let with = traits.filter(|(_, found)| found.backing.map(|backing| backing.basis) == basis);
        with.map(|(name, _)| name.clone()).collect()
    };
    let citing = |citations: Citations| -> Vec<String> {
        let traits = persona.traits.iter();
        let with = traits.filter(|(_, found)| {
            found.backing.map_or(Citations::Nothing, |backing| backing.citations) == citations
        });
        with.map(|(name, _)| name.clone()).collect()
    };
    Backed {
        persona_id: persona.persona_id.clone(),
        evidence: of(Some(Basis::Evidence)),
        echo: of(Some(Basis::Echo)),
        unsupported: of(Some(Basis::Unsupported)),
        not_found: citing(Citations::NotFound),
        uncited: citing(Citations::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn values_are_told_apart_by_what_they_rest_on() {
        let parts =
            json!({"share": 1.0, "runner_up": 0.0, "n_eff": 1.0, "prior_weight": 1.0, "prior_accuracy": 0.5});
        let said = |basis: Option<&str>, citations: &str| {
            let mut said = json!({
                "kind": "text", "value": "x", "confidence": 0.5, "parts": parts, "agreement": 1.0,
                "support": 1, "n_models": 2, "divergent": false, "variants": [],
            });
            if let Some(basis) = basis {
                said["backing"] = json!({"basis": basis, "citations": citations, "rows": 1, "models": 1});
            }
            said
        };
        let traits: Value = json!({
            "age": said(Some("evidence"), "found"), "job": said(Some("echo"), "not_found"),
            "town": said(Some("unsupported"), "nothing"), "bio": said(None, ""),
        });
        let persona = serde_json::from_value(json!({
            "record": "r", "persona_id": "r/1", "kind": "consensus", "confidence": 0.5, "support": 2,
            "n_models": 2, "models": ["a", "b"], "traits": traits,
        }))
        .unwrap();
        let check = evidence(&[persona]);
        // One of the three traits with a source to look in.
        assert!((check.share.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        let one = &check.personas[0];
        assert_eq!((&one.evidence[..], &one.echo[..]), (&["age".to_owned()][..], &["job".to_owned()][..]));
        assert_eq!(
            (&one.unsupported[..], &one.not_found[..]),
            (&["town".to_owned()][..], &["job".to_owned()][..])
        );
        assert_eq!(one.uncited, ["bio", "town"], "no source, and nothing cited");
        assert_eq!((check.backed, check.values), (1, 3));
        assert_eq!(evidence(&[]).share, None);
    }
}
