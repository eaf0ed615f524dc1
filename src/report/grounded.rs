//! What all values of a result rest on, counted.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::wording::counted;
use crate::consensus::TraitConsensus;
use crate::consensus::grounding::{Basis, Citations, FoundBy, passages};

/// Counts of what stands in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroundingCounts {
    /// Values with a cited passage that was found.
    pub evidence: usize,
    /// Values that several models give and for which no cited passage was found.
    pub echo: usize,
    /// Of these, values for which passages were cited; for the others nothing was.
    #[serde(default)]
    pub echo_not_found: usize,
    /// Values of one model for which no cited passage was found.
    pub unsupported: usize,
    /// Of these, values for which passages were cited; for the others nothing was.
    #[serde(default)]
    pub unsupported_not_found: usize,
    /// Passages that were cited, by those who say otherwise too, and words that personas are said to have spoken.
    pub passages: usize,
    /// Of these, found word by word.
    pub exact: usize,
    /// Found with small differences.
    pub fuzzy: usize,
    /// Found by meaning.
    pub meaning: usize,
}

impl GroundingCounts {
    /// Values that were looked for.
    #[must_use]
    pub fn values(&self) -> usize {
        self.evidence + self.echo + self.unsupported
    }

    /// Passages that stand in the source.
    #[must_use]
    pub fn found(&self) -> usize {
        self.exact + self.fuzzy + self.meaning
    }

    pub(super) fn add(&mut self, found: &TraitConsensus) {
        let Some(backing) = found.backing else { return };
        let invented = usize::from(backing.citations == Citations::NotFound);
        match backing.basis {
            Basis::Evidence => self.evidence += 1,
            Basis::Echo => {
                self.echo += 1;
                self.echo_not_found += invented;
            }
            Basis::Unsupported => {
                self.unsupported += 1;
                self.unsupported_not_found += invented;
            }
        }
        for cited in passages(found) {
            self.passages += 1;
            let Some(found) = &cited.found else { continue };
            match found.by {
                FoundBy::Exact => self.exact += 1,
                FoundBy::Fuzzy => self.fuzzy += 1,
                FoundBy::Meaning => self.meaning += 1,
                FoundBy::Nothing => {}
            }
        }
    }
}

/// What values rest on; the words are those that stand beside the values.
pub(super) fn source_line(f: &mut fmt::Formatter<'_>, whose: &str, found: &GroundingCounts) -> fmt::Result {
    let GroundingCounts { evidence, echo, echo_not_found, unsupported, unsupported_not_found, .. } = *found;
    let mut said = vec![format!("{evidence} rest on cited passages that stand in it")];
    if echo > 0 {
        let why = without(echo, echo_not_found);
        said.push(format!("{echo} on none although several models agree, an echo ({why})"));
    }
    if unsupported > 0 {
        let why = without(unsupported, unsupported_not_found);
        said.push(format!("{unsupported} on one model's word ({why})"));
    }
    if found.passages > 0 {
        said.push(format!("{} of {} found", found.found(), counted(found.passages, "passage")));
    }
    let values = counted(found.values(), "value");
    writeln!(f, "Source, {values} of {whose} personas: {}.", said.join("; "))
}

/// Why values have no passage: nothing was cited, or what was is not there.
fn without(values: usize, not_found: usize) -> String {
    match values - not_found {
        0 => "cited, not found".to_owned(),
        all if all == values => "uncited".to_owned(),
        uncited => format!("{uncited} uncited, {not_found} cited and not found"),
    }
}
