//! Evidence: which consensus values stand in the source, and which are only said.
//!
//! The passages were looked for when the consensus was formed ([`crate::consensus::grounding`]); here is
//! counted what that came to, per persona, with the names of the traits that nothing in the source
//! backs. A value without backing is not wrong: it may be an echo of what the models were trained on.

use serde::{Deserialize, Serialize};

use crate::consensus::ConsensusPersona;
use crate::consensus::grounding::Basis;

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
    /// Traits for which nobody cites anything, or for which there was no source to look in.
    pub uncited: Vec<String>,
}

/// What all personas' values rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceCheck {
    /// In the order given.
    pub personas: Vec<Backed>,
    /// Share of the traits with a source to look in that evidence backs, 0..=1; `None` without any.
    pub share: Option<f64>,
}

/// Counts what values rest on.
#[must_use]
pub fn evidence(personas: &[ConsensusPersona]) -> EvidenceCheck {
    let personas: Vec<Backed> = personas.iter().map(backed).collect();
    let count = |of: fn(&Backed) -> usize| personas.iter().map(of).sum::<usize>();
    let found = count(|one| one.evidence.len());
    let looked = found + count(|one| one.echo.len() + one.unsupported.len());
    EvidenceCheck { share: (looked > 0).then(|| found as f64 / looked as f64), personas }
}

fn backed(persona: &ConsensusPersona) -> Backed {
    let of = |basis: Option<Basis>| -> Vec<String> {
        let traits = persona.traits.iter();
        let with = traits.filter(|(_, found)| found.backing.map(|backing| backing.basis) == basis);
        with.map(|(name, _)| name.clone()).collect()
    };
    Backed {
        persona_id: persona.persona_id.clone(),
        evidence: of(Some(Basis::Evidence)),
        echo: of(Some(Basis::Echo)),
        unsupported: of(Some(Basis::Unsupported)),
        uncited: of(None),
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
        let said = |basis: Option<&str>| {
            let mut said = json!({
                "kind": "text", "value": "x", "confidence": 0.5, "parts": parts, "agreement": 1.0,
                "support": 1, "n_models": 2, "divergent": false, "variants": [],
            });
            if let Some(basis) = basis {
                said["backing"] = json!({"basis": basis, "rows": 1, "models": 1});
            }
            said
        };
        let traits: Value = json!({
            "age": said(Some("evidence")), "job": said(Some("echo")), "town": said(Some("unsupported")), "bio": said(None),
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
            (&one.unsupported[..], &one.uncited[..]),
            (&["town".to_owned()][..], &["bio".to_owned()][..])
        );
        assert_eq!(evidence(&[]).share, None);
    }
}
