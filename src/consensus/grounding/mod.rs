//! Evidence or echo: what of a consensus stands in the source, and what the models would have said anyway.
//!
//! A model that cites a passage may have made it up. Every cited passage is looked for in the rows that the
//! record was made of: word by word, then with small differences (`quote`), then by meaning. A
//! value that several models give and for which no passage is found is marked as an echo: their agreement
//! may come from what they were trained on.

mod quote;
mod source;

use serde::{Deserialize, Serialize};

pub use source::{Source, SourceRow};

use super::{ConsensusPersona, TraitConsensus};
use crate::embed::{EmbedError, Embedder, Ruler};

/// How a cited passage was found in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// Word by word; case, punctuation and white space aside.
    Exact,
    /// With at most a quarter of its words changed, left out or put in.
    Fuzzy,
    /// A sentence of the source says the same in other words, as far as the embedder can tell.
    Meaning,
    /// Not at all.
    Nothing,
}

/// Where a cited passage stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// How it was found.
    pub by: FoundBy,
    /// How well, in 0..=1: the share of words that agree, or the likeness in meaning.
    pub score: f64,
    /// The row that it stands in, where it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

/// What a consensus value rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// At least one cited passage stands in the source.
    Evidence,
    /// Several models say it and no passage that they cite stands in the source.
    Echo,
    /// One model says it, and no passage stands in the source.
    Unsupported,
}

/// What stands behind a consensus value in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backing {
    /// What the value rests on.
    pub basis: Basis,
    /// Distinct source rows in which a passage was found.
    pub rows: usize,
    /// Distinct models that cite a passage that was found.
    pub models: usize,
}

/// Looks for the passages of a persona in the source that it was drafted from.
#[derive(Debug)]
pub struct Grounding<'a> {
    embedder: &'a dyn Embedder,
    ruler: Ruler,
}

impl<'a> Grounding<'a> {
    /// Measures the embedder's scale, once for many personas.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn new(embedder: &'a dyn Embedder) -> Result<Self, EmbedError> {
        Ok(Self { embedder, ruler: Ruler::measure(embedder)? })
    }

    /// Says of every cited passage whether it was found, and of every trait what it rests on. A persona
    /// for which nobody cites anything stays as it is: there is nothing that could be checked.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn check(&self, persona: &mut ConsensusPersona, source: &Source) -> Result<(), EmbedError> {
        if persona.traits.values().all(|found| found.evidence.is_empty()) {
            return Ok(());
        }
        for found in persona.traits.values_mut() {
            for cited in &mut found.evidence {
                cited.found = Some(self.find(&cited.quote, cited.row.as_deref(), source)?);
            }
            found.backing = Some(backing(found));
        }
        Ok(())
    }

    /// Where a passage stands; the row that was named for it is looked at first.
    fn find(&self, quote: &str, row: Option<&str>, source: &Source) -> Result<Found, EmbedError> {
        let by_words = quote::find(quote, row, source);
        if by_words.by != FoundBy::Nothing {
            return Ok(by_words);
        }
        let sentences = source.likely_sentences(quote);
        if sentences.is_empty() {
            return Ok(by_words);
        }
        let mut texts = vec![quote];
        texts.extend(sentences.iter().map(|(_, sentence)| *sentence));
        let rows = self.embedder.embed(&texts)?;
        let (place, cosine) = (1..texts.len())
            .map(|place| (place, rows.cosine(0, place)))
            .fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best });
        if !self.ruler.is_reworded(cosine) {
            return Ok(by_words);
        }
        let row = place.checked_sub(1).map(|place| sentences[place].0.to_owned());
        Ok(Found { by: FoundBy::Meaning, score: f64::from(self.ruler.grade(cosine)), row })
    }
}

fn backing(found: &TraitConsensus) -> Backing {
    let (mut rows, mut models) = (Vec::new(), Vec::new());
    for cited in &found.evidence {
        if let Some(Found { row: Some(row), by, .. }) = &cited.found
            && *by != FoundBy::Nothing
        {
            rows.push(row.as_str());
            models.push(&cited.model);
        }
    }
    rows.sort_unstable();
    rows.dedup();
    models.sort_unstable();
    models.dedup();
    let basis = match (rows.is_empty(), found.support) {
        (false, _) => Basis::Evidence,
        (true, 2..) => Basis::Echo,
        (true, _) => Basis::Unsupported,
    };
    Backing { basis, rows: rows.len(), models: models.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{embedder, personas, said};
    use crate::persona::{Draft, Evidence};

    /// Each of the models says the value of the trait and cites the passage.
    fn persona(cited: &[(&str, &str, &str)]) -> ConsensusPersona {
        let draft = |(place, (name, value, quote)): (usize, &(&str, &str, &str))| {
            let mut draft = said(&format!("m{place}"), &[(*name, *value)]);
            if !quote.is_empty() {
                let cited = Evidence { quote: (*quote).to_owned(), row: None };
                draft.evidence.insert((*name).to_owned(), vec![cited]);
            }
            draft
        };
        let drafts: Vec<Draft> = cited.iter().enumerate().map(draft).collect();
        personas(&drafts).remove(0)
    }

    fn checked(said: &[(&str, &str, &str)]) -> (TraitConsensus, Backing) {
        let source = Source::new([
            ("row 1", "I work nights at the hospital, so I only shop online. My children sleep then."),
            ("row 2", "Delivery slots are a nightmare!"),
        ]);
        let mut persona = persona(said);
        Grounding::new(embedder()).expect("measures").check(&mut persona, &source).expect("checks");
        let found = persona.traits.remove("occupation").expect("decided");
        let backing = found.backing.expect("checked");
        (found, backing)
    }

    #[test]
    fn rows_and_models_behind_a_value_are_counted() {
        let (found, backing) = checked(&[
            ("occupation", "Nurse", "“I work nights at the hospital”"),
            ("occupation", "Nurse", "work night at hospital so I only shop"),
            ("occupation", "Nurse", "I adore my seven parrots in Brazil"),
        ]);
        let how: Vec<FoundBy> =
            found.evidence.iter().filter_map(|cited| Some(cited.found.as_ref()?.by)).collect();
        assert_eq!(how, [FoundBy::Exact, FoundBy::Fuzzy, FoundBy::Nothing]);
        assert_eq!(backing, Backing { basis: Basis::Evidence, rows: 1, models: 2 });
    }

    #[test]
    fn agreement_on_what_nobody_finds_in_the_source_is_an_echo() {
        let made_up = "as a nurse I never have time";
        let (_, backing) = checked(&[
            ("occupation", "Nurse", made_up),
            ("occupation", "Nurse", ""),
            ("occupation", "Nurse", ""),
        ]);
        assert_eq!(backing, Backing { basis: Basis::Echo, rows: 0, models: 0 });
        let (_, backing) = checked(&[("occupation", "Nurse", made_up)]);
        assert_eq!(backing.basis, Basis::Unsupported);
    }

    #[test]
    fn where_nobody_cites_anything_nothing_is_claimed() {
        let mut silent = persona(&[("occupation", "Nurse", ""), ("occupation", "Nurse", "")]);
        let before = silent.clone();
        let source = Source::new([("row 1", "text")]);
        Grounding::new(embedder()).expect("measures").check(&mut silent, &source).expect("checks");
        assert_eq!(silent, before);
    }
}
