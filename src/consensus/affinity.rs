//! How much one answer supports another, in 0..=1: similarity votes, not equality.

use std::collections::BTreeMap;

use crate::embed::{EmbedError, Embedder, FeatureMatrix, Ruler, half_life};
use crate::normalise::{Phrase, Reading, contradict};
use crate::persona::{Comparison, TraitDefinition, TraitKind};

/// How much neighbouring levels of an ordinal trait support each other: by half, like two numbers
/// one tolerance apart.
const LEVEL_TOLERANCE: f64 = 1.0;

/// What the likeness of two names counts where neither place is known to lie in the other: names of
/// different places sound alike without being near.
const OTHER_PLACE: f64 = 0.2;

/// Phrases that are less alike than this support each other hardly, whether or not they contradict.
const NEAR: f64 = 0.3;

/// Vectors of the phrases of one record.
#[derive(Debug)]
pub(super) struct PhraseVectors {
    /// The rows of the answers that a phrase names, by its words: taken apart once, compared often.
    rows: BTreeMap<String, Vec<usize>>,
    matrix: Option<FeatureMatrix>,
    ruler: Ruler,
}

impl PhraseVectors {
    /// Embeds every phrase that some comparison may need, each once.
    pub(super) fn embed<'a>(
        readings: impl IntoIterator<Item = &'a Reading>,
        embedder: &dyn Embedder,
        ruler: Ruler,
    ) -> Result<Self, EmbedError> {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for reading in readings {
            let phrases: &[Phrase] = match reading {
                Reading::Phrase(phrase) | Reading::Prose(phrase) => std::slice::from_ref(phrase),
                Reading::Place(place) => std::slice::from_ref(place.phrase()),
                Reading::Items(items) => items,
                _ => &[],
            };
            for phrase in phrases {
                if keys.contains_key(phrase.shown()) {
                    continue;
                }
                let parts = atoms(phrase);
                keys.insert(phrase.shown().to_owned(), parts.iter().map(|(key, _)| key.clone()).collect());
                for (key, shown) in parts {
                    texts.entry(key).or_insert(shown);
                }
            }
        }
        let list: Vec<&str> = texts.values().map(String::as_str).collect();
        let matrix = if list.is_empty() { None } else { Some(embedder.embed(&list)?) };
        let place: BTreeMap<&str, usize> =
            texts.keys().enumerate().map(|(row, key)| (key.as_str(), row)).collect();
        let rows = keys.into_iter().map(|(shown, keys)| {
            let rows = keys.iter().filter_map(|key| place.get(key.as_str()).copied()).collect();
            (shown, rows)
        });
        let rows = rows.collect();
        Ok(Self { rows, matrix, ruler })
    }

    /// How near two phrases are in meaning, from unrelated (0) to the same words (1).
    pub(super) fn meaning(&self, one: &Phrase, other: &Phrase) -> f64 {
        if one.key() == other.key() {
            return 1.0;
        }
        let (Some(ones), Some(others)) = (self.rows.get(one.shown()), self.rows.get(other.shown())) else {
            return 0.0;
        };
        let best = |from: &[usize], to: &[usize]| -> f64 {
            let sum: f64 = from
                .iter()
                .map(|one| to.iter().map(|other| self.cosine(*one, *other)).fold(0.0, f64::max))
                .sum();
            sum / from.len() as f64
        };
        // "Writer/Journalist" backs "Journalist" fully one way and by half the other.
        let cosine = f64::midpoint(best(ones, others), best(others, ones));
        #[expect(clippy::cast_possible_truncation, reason = "a cosine needs no more digits")]
        let meaning = f64::from(self.ruler.grade(cosine as f32));
        // "Likes cold weather" and "hates cold weather" are neighbours in every embedding.
        if meaning >= NEAR && contradict(one, other) { 0.0 } else { meaning }
    }

    /// How far two lists have items in common, without matching them one to one: the mean, both
    /// ways, of every item's best likeness in the other list.
    pub(super) fn overlap(&self, these: &[Phrase], those: &[Phrase]) -> f64 {
        let best = |from: &[Phrase], to: &[Phrase]| -> f64 {
            let sum: f64 = from
                .iter()
                .map(|item| to.iter().map(|other| self.meaning(item, other)).fold(0.0, f64::max))
                .sum();
            sum / from.len().max(1) as f64
        };
        f64::midpoint(best(these, those), best(those, these))
    }

    fn cosine(&self, one: usize, other: usize) -> f64 {
        match &self.matrix {
            _ if one == other => 1.0,
            Some(matrix) => f64::from(matrix.view().row(one).dot(&matrix.view().row(other))),
            None => 0.0,
        }
    }
}

/// The alternatives that one answer names at once, `Writer/Journalist`, as (key, text).
fn atoms(phrase: &Phrase) -> Vec<(String, String)> {
    let whole = || vec![(phrase.key().to_owned(), phrase.shown().to_owned())];
    if phrase.shown().len() > 80 {
        return whole();
    }
    let bare = phrase.shown().split('(').next().unwrap_or_default();
    let parts: Vec<(String, String)> = bare
        .split('/')
        .flat_map(|part| part.split(" or "))
        .map(Phrase::new)
        .filter(|part| !part.key().is_empty())
        .map(|part| (part.key().to_owned(), part.shown().to_owned()))
        .collect();
    if parts.is_empty() { whole() } else { parts }
}

/// Similarity of two readings of one trait, in 0..=1, the same both ways, 1 for equals.
pub(super) fn between(
    one: &Reading,
    other: &Reading,
    definition: &TraitDefinition,
    vectors: &PhraseVectors,
) -> f64 {
    match (one, other) {
        (Reading::Range(here), Reading::Range(there)) => {
            let tolerance = match definition.kind {
                TraitKind::Numeric { tolerance, .. } => tolerance,
                _ => 1.0,
            };
            f64::from(half_life(here.distance(there) / tolerance))
        }
        (Reading::Levels(here), Reading::Levels(there)) => {
            f64::from(half_life(here.distance(there) / LEVEL_TOLERANCE))
        }
        (Reading::Category(here), Reading::Category(there)) => f64::from(u8::from(here == there)),
        (Reading::Place(here), Reading::Place(there)) => {
            let meaning = || vectors.meaning(here.phrase(), there.phrase());
            match here.similarity(there) {
                known if known > 0.0 => known,
                _ if here.is_description() && there.is_description() => meaning(),
                _ => OTHER_PLACE * meaning(),
            }
        }
        (Reading::Phrase(here), Reading::Phrase(there)) => match definition.kind {
            TraitKind::Categorical { comparison: Comparison::Meaning, .. } => vectors.meaning(here, there),
            _ => f64::from(u8::from(here.key() == there.key())),
        },
        (Reading::Prose(here), Reading::Prose(there)) => vectors.meaning(here, there),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashingEmbedder;
    use crate::normalise::read;
    use crate::persona::{TraitSchema, TraitValue};

    fn similarity(name: &str, one: &str, other: &str) -> f64 {
        let schema = TraitSchema::default_persona();
        let definition = schema.get(name).expect("in the default schema");
        let reading = |text: &str| read(&TraitValue::Text(text.to_owned()), definition);
        let (one, other) = (reading(one), reading(other));
        let embedder = HashingEmbedder::default();
        let ruler = Ruler::measure(&embedder).expect("hashing never fails");
        let vectors = PhraseVectors::embed([&one, &other], &embedder, ruler).expect("hashing never fails");
        let there = between(&one, &other, definition, &vectors);
        assert!((there - between(&other, &one, definition, &vectors)).abs() < 1e-12, "both ways the same");
        there
    }

    #[test]
    fn near_values_support_each_other_in_proportion() {
        assert!((similarity("age", "28", "28 years old") - 1.0).abs() < 1e-12);
        // Tolerance 4 years: 28 and 32 are one tolerance apart, 28 and 36 two: 2^-1 and 2^-4.
        assert!((similarity("age", "28", "32") - 0.5).abs() < 1e-12);
        assert!((similarity("age", "28", "36") - 0.0625).abs() < 1e-12);
        // One level apart: 2^-1.
        assert!((similarity("education", "Bachelor's degree", "Master's Degree") - 0.5).abs() < 1e-12);
        assert!(similarity("location", "London, UK", "London") > 0.8);
        assert!(similarity("location", "Outskirts of the town", "On the outskirts of town") > 0.5);
        assert!(similarity("name", "Ada", "Adam") < 0.5, "names are equal or not");
    }

    #[test]
    fn what_denies_the_other_does_not_support_it() {
        assert!(similarity("bio", "She likes very cold weather", "She likes cold weather") > 0.5);
        assert!(similarity("bio", "She hates cold weather", "She likes cold weather").abs() < 1e-12);
    }

    #[test]
    fn an_answer_that_names_two_things_backs_both() {
        let both = similarity("occupation", "Writer/Journalist", "Journalist");
        let neither = similarity("occupation", "Nurse", "Journalist");
        assert!(both > 0.5 && both < 1.0 && neither < 0.2, "{both} {neither}");
    }
}
