//! Evidence or echo: what of a consensus stands in the source, and what the models would have said anyway.
//!
//! A model that cites a passage may have made it up. Every cited passage is looked for in the rows that the
//! record was made of: word by word, then with small differences (`quote`), then by meaning. A
//! value that several models give and for which no passage is found is marked as an echo: their agreement
//! may come from what they were trained on. Whether nothing was cited for it or what was cited is not there is kept
//! apart ([`Citations`]): the first is silence, the second an invention.
//!
//! A list rests on evidence item by item (`items`): a passage that was cited for an item that the panel dropped
//! says nothing for those that it kept. Words that a persona is said to have spoken (the trait `quotes`) are looked
//! up themselves.

mod items;
mod quote;
mod source;

use serde::{Deserialize, Serialize};

pub use source::{Source, SourceRow};

use super::{CitedEvidence, ConsensusPersona, TraitConsensus};
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
    /// At least one passage that was cited for it stands in the source; of a list, for an item that it has.
    Evidence,
    /// Several models say it, and no passage for it stands in the source: see [`Backing::citations`] for why.
    Echo,
    /// One model says it, and no passage for it stands in the source.
    Unsupported,
}

/// What came of looking for the passages that were cited for a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Citations {
    /// At least one stands in the source.
    Found,
    /// Passages were cited, and none of them stands in the source.
    NotFound,
    /// Nothing was cited for it.
    #[default]
    Nothing,
}

/// How many items of a list have a passage of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedItems {
    /// Items for which a passage was found.
    pub found: usize,
    /// Items that the list has.
    pub of: usize,
}

/// What stands behind a consensus value in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backing {
    /// What the value rests on.
    pub basis: Basis,
    /// What came of looking for what was cited for it.
    #[serde(default)]
    pub citations: Citations,
    /// Distinct source rows in which a passage was found.
    pub rows: usize,
    /// Distinct models that cite a passage that was found.
    pub models: usize,
    /// Of a list: how many of its items have a passage of their own that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<BackedItems>,
}

/// The trait whose values are words of the source themselves.
const VERBATIM: &str = "quotes";

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

    /// Says of every cited passage of a record's personas whether it was found, those of dissenters included, and
    /// of every trait what it rests on. Where nobody cites anything about the record, only the words of `quotes` are
    /// looked up: of the rest there is nothing that could be checked.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn check(&self, personas: &mut [ConsensusPersona], source: &Source) -> Result<(), EmbedError> {
        let cites = |found: &TraitConsensus| passages(found).next().is_some();
        let anybody = personas.iter().any(|persona| persona.traits.values().any(cites));
        for (name, found) in personas.iter_mut().flat_map(|persona| &mut persona.traits) {
            if name == VERBATIM {
                items::own_words(found, source);
            } else if anybody {
                self.look(found, source)?;
            }
        }
        Ok(())
    }

    fn look(&self, found: &mut TraitConsensus, source: &Source) -> Result<(), EmbedError> {
        let of_variants = found.variants.iter_mut().flat_map(|variant| &mut variant.evidence);
        for cited in found.evidence.iter_mut().chain(of_variants) {
            cited.found = Some(self.find(&cited.quote, cited.row.as_deref(), source)?);
        }
        items::assign(found, self.embedder)?;
        found.backing = Some(items::backing(found));
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

/// Every passage that was cited for the trait, whatever value it was cited for.
pub(crate) fn passages(found: &TraitConsensus) -> impl Iterator<Item = &CitedEvidence> {
    found.evidence.iter().chain(found.variants.iter().flat_map(|variant| &variant.evidence))
}

/// What came of looking for the passages of one item of a list.
#[must_use]
pub fn of_item(found: &TraitConsensus, item: &str) -> Citations {
    items::citations(found.evidence.iter().filter(|cited| cited.item.as_deref() == Some(item)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{embedder, personas, said};
    use crate::persona::{Draft, Evidence, TraitValue};

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
        let all = std::slice::from_mut(&mut persona);
        Grounding::new(embedder()).expect("measures").check(all, &source).expect("checks");
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
        let wanted =
            Backing { basis: Basis::Evidence, citations: Citations::Found, rows: 1, models: 2, items: None };
        assert_eq!(backing, wanted);
    }

    #[test]
    fn agreement_on_what_nobody_finds_in_the_source_is_an_echo() {
        let made_up = "as a nurse I never have time";
        let (_, backing) = checked(&[
            ("occupation", "Nurse", made_up),
            ("occupation", "Nurse", ""),
            ("occupation", "Nurse", ""),
        ]);
        assert_eq!((backing.basis, backing.citations, backing.rows), (Basis::Echo, Citations::NotFound, 0));
        let (_, backing) = checked(&[("occupation", "Nurse", made_up)]);
        assert_eq!(backing.basis, Basis::Unsupported);
    }

    /// The trait of the first persona, with what it rests on in a source of one row.
    fn looked_up(said: &[(&str, &str, &str)], row: &str, name: &str) -> TraitConsensus {
        let mut personas = [persona(said)];
        let grounding = Grounding::new(embedder()).expect("measures");
        grounding.check(&mut personas, &Source::new([("n08", row)])).expect("checks");
        personas[0].traits.remove(name).expect("decided")
    }

    const GROUP: &str = "We meet in the group room on Mondays and I stay until they close.";

    #[test]
    fn a_passage_of_an_item_that_was_dropped_backs_none_that_was_kept() {
        let (stays, group) = ("Stays until closing time", "Does problem sheets in a group");
        let both = format!("{group}; {stays}");
        let said = |quote| {
            [("behaviours", both.as_str(), quote), ("behaviours", stays, ""), ("behaviours", stays, "")]
        };
        let found = looked_up(&said("We meet in the group room on Mondays"), GROUP, "behaviours");
        assert_eq!(found.value, TraitValue::List(vec![stays.to_owned()]));
        let backing = found.backing.expect("checked");
        assert_eq!(found.evidence[0].item.as_deref(), Some(group));
        assert_eq!(found.evidence[0].found.as_ref().map(|found| found.by), Some(FoundBy::Exact));
        assert_eq!((backing.basis, backing.citations, backing.rows), (Basis::Echo, Citations::Nothing, 0));
        assert_eq!(backing.items, Some(BackedItems { found: 0, of: 1 }));
        let found = looked_up(&said("I stay until they close"), GROUP, "behaviours");
        let backing = found.backing.expect("checked");
        assert_eq!((backing.basis, backing.items), (Basis::Evidence, Some(BackedItems { found: 1, of: 1 })));
        assert_eq!(of_item(&found, stays), Citations::Found);
        assert_eq!(of_item(&found, group), Citations::Nothing);
    }

    #[test]
    fn words_that_a_persona_is_said_to_have_spoken_are_looked_up_themselves() {
        let found = looked_up(
            &[("quotes", "Please do not close at ten", "")],
            "He said: please do not close at TEN!",
            "quotes",
        );
        assert_eq!(found.backing.expect("checked").basis, Basis::Evidence);
        assert_eq!(found.evidence[0].found.as_ref().and_then(|found| found.row.as_deref()), Some("n08"));
        // A passage beside it does not make invented words true.
        let invented = [("quotes", "Shut the doors at nine every day", "please do not close at ten")];
        let found = looked_up(&invented, "He said: please do not close at ten!", "quotes");
        let backing = found.backing.expect("checked");
        assert_eq!((backing.basis, backing.citations), (Basis::Unsupported, Citations::NotFound));
    }

    #[test]
    fn passages_of_dissenters_stand_with_their_value() {
        let said = [
            ("occupation", "Nurse", ""),
            ("occupation", "Nurse", ""),
            ("occupation", "Baker", "I bake bread"),
        ];
        let found = looked_up(&said, "All night I bake bread.", "occupation");
        assert_eq!((found.value.to_string().as_str(), found.evidence.len()), ("Nurse", 0));
        let backing = found.backing.expect("checked");
        assert_eq!((backing.basis, backing.citations), (Basis::Echo, Citations::Nothing));
        let cited = &found.variants[1].evidence[0];
        assert_eq!(
            (cited.model.as_str(), cited.found.as_ref().map(|found| found.by)),
            ("m2", Some(FoundBy::Exact))
        );
    }

    #[test]
    fn a_persona_for_which_its_model_cites_nothing_is_looked_at_beside_others() {
        let cited = persona(&[("occupation", "Nurse", "I work nights"), ("occupation", "Nurse", "")]);
        let mut personas = [cited, persona(&[("occupation", "Baker", "")])];
        let grounding = Grounding::new(embedder()).expect("measures");
        grounding.check(&mut personas, &Source::new([("1", "I work nights.")])).expect("checks");
        let backing = personas[1].traits["occupation"].backing.expect("checked");
        assert_eq!((backing.basis, backing.citations), (Basis::Unsupported, Citations::Nothing));
    }

    #[test]
    fn where_nobody_cites_anything_nothing_is_claimed() {
        let mut silent = persona(&[("occupation", "Nurse", ""), ("occupation", "Nurse", "")]);
        let before = silent.clone();
        let source = Source::new([("row 1", "text")]);
        let all = std::slice::from_mut(&mut silent);
        Grounding::new(embedder()).expect("measures").check(all, &source).expect("checks");
        assert_eq!(silent, before);
    }
}
