//! Which records are shown: all while they fit, then the most divergent.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::consensus::{ConsensusPersona, DissentKind};

/// Records that are shown, at most.
const MOST_RECORDS: usize = 120;
/// Bytes of HTML that their cards may take, roughly: the file stays far under 5 MB.
const MOST_BYTES: usize = 3_000_000;
/// The longest text that is shown, in characters.
pub(super) const LONGEST: usize = 600;

/// The order in which records stay: by how much models disagree about them, then as they came.
type Place = (Reverse<usize>, usize);

/// Keeps the most divergent records.
#[derive(Debug, Default)]
pub(super) struct Sample {
    kept: BTreeMap<Place, (usize, Vec<ConsensusPersona>)>,
    bytes: usize,
    pub(super) records: usize,
}

impl Sample {
    /// Takes the personas of one more record, and lets go of the least divergent when there are too many.
    pub(super) fn add(&mut self, personas: Vec<ConsensusPersona>) {
        let place = (Reverse(divergence(&personas)), self.records);
        self.records += 1;
        if self.kept.len() >= MOST_RECORDS
            && self.kept.last_key_value().is_some_and(|(last, _)| *last < place)
        {
            return;
        }
        let bytes = personas.iter().map(weight).sum();
        self.bytes += bytes;
        self.kept.insert(place, (bytes, personas));
        while self.kept.len() > 1 && (self.kept.len() > MOST_RECORDS || self.bytes > MOST_BYTES) {
            let Some((_, (bytes, _))) = self.kept.pop_last() else { break };
            self.bytes -= bytes;
        }
    }

    /// Whether there are records that are not shown.
    pub(super) fn is_partial(&self) -> bool {
        self.kept.len() < self.records
    }

    /// The records: as they came where all are shown, else the most divergent first.
    pub(super) fn records(&self) -> Vec<&[ConsensusPersona]> {
        let mut kept: Vec<(&Place, &[ConsensusPersona])> =
            self.kept.iter().map(|(place, (_, personas))| (place, personas.as_slice())).collect();
        if !self.is_partial() {
            kept.sort_by_key(|(place, _)| place.1);
        }
        kept.into_iter().map(|(_, personas)| personas).collect()
    }
}

/// Traits on which the models disagree; a contradiction counts twice.
fn divergence(personas: &[ConsensusPersona]) -> usize {
    let traits = personas.iter().flat_map(|persona| persona.traits.values());
    traits
        .map(|found| {
            let contradicted = found.dissent.iter().any(|one| one.kind == DissentKind::Contradiction);
            usize::from(found.divergent) + usize::from(contradicted)
        })
        .sum()
}

/// Bytes of HTML that a persona takes, roughly.
fn weight(persona: &ConsensusPersona) -> usize {
    let traits = persona.traits.values().map(|found| {
        let disputed = found.divergent || !found.dissent.is_empty();
        let said = found.variants.iter().flat_map(|variant| &variant.said).filter(|_| disputed);
        let said: usize = said.map(|said| 110 + long(&said.value.to_string())).sum();
        let otherwise: usize = found.dissent.iter().map(|one| 150 + long(&one.value.to_string())).sum();
        let cited: usize = found.evidence.iter().map(|cited| 220 + long(&cited.quote)).sum();
        900 + 2 * long(&found.value.to_string()) + said + otherwise + cited
    });
    900 + traits.sum::<usize>()
}

/// Bytes that a text takes when it is cut and escaped.
fn long(text: &str) -> usize {
    let bytes = |c: char| if matches!(c, '<' | '>' | '&' | '"' | '\'' | '/') { 6 } else { c.len_utf8() };
    text.chars().take(LONGEST).map(bytes).sum()
}
