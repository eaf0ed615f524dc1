//! A raw value, read by the kind of its trait.

use super::abstention::declines;
use super::level::{LevelSpan, holding, named};
use super::number::{self, Range};
use super::phrase::{Phrase, fold, strip_markers};
use super::place::Place;
use crate::persona::{Comparison, Level, TraitDefinition, TraitKind, TraitValue};

/// What a value means. Values of one trait are compared only within one variant; an open phrase
/// beside a listed level (an answer that the schema does not know) supports nothing but its like.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reading {
    /// Nothing was said. No vote, no value.
    Abstain,
    /// A number or range, of a numeric trait.
    Range(Range),
    /// Levels of an ordinal trait.
    Levels(LevelSpan),
    /// A listed category, by its position in the trait's list.
    Category(usize),
    /// A place.
    Place(Place),
    /// An open phrase: compared by key, and by meaning where the trait allows it.
    Phrase(Phrase),
    /// Items of a list, in the writer's order, no key twice.
    Items(Vec<Phrase>),
    /// Free text.
    Prose(Phrase),
}

/// Reads a value by the kind of its trait.
#[must_use]
pub fn read(value: &TraitValue, definition: &TraitDefinition) -> Reading {
    match &definition.kind {
        TraitKind::List => items(value),
        TraitKind::Text => open(&value.to_string(), Reading::Prose),
        TraitKind::Numeric { min, max, .. } => {
            let reading = match value {
                TraitValue::Number(number) => {
                    Range::new(*number, *number).map_or(Reading::Abstain, Reading::Range)
                }
                _ => numeric(&answer(value, definition)),
            };
            match reading {
                // A year of birth is no age: it stands as the words that it is, and joins no mean.
                Reading::Range(range)
                    if min.is_some_and(|min| range.low() < min)
                        || max.is_some_and(|max| range.high() > max) =>
                {
                    open(&value.to_string(), Reading::Phrase)
                }
                reading => reading,
            }
        }
        TraitKind::Ordinal { levels } => ordinal(&answer(value, definition), levels),
        TraitKind::Categorical { categories, comparison } => {
            categorical(&answer(value, definition), categories, *comparison)
        }
    }
}

/// The text of a value without markers and without the trait's own name before it
/// (`1) Education: In College`).
fn answer(value: &TraitValue, definition: &TraitDefinition) -> String {
    let written = match value {
        TraitValue::List(items) => items.first().cloned().unwrap_or_default(),
        other => other.to_string(),
    };
    let bare = strip_markers(&written);
    match bare.split_once(':') {
        Some((label, rest)) if !rest.trim().is_empty() && fold(label) == fold(&definition.name) => {
            strip_markers(rest).to_owned()
        }
        _ => bare.to_owned(),
    }
}

fn open(text: &str, reading: fn(Phrase) -> Reading) -> Reading {
    let phrase = Phrase::new(text);
    if declines(phrase.shown()) { Reading::Abstain } else { reading(phrase) }
}

fn numeric(text: &str) -> Reading {
    number::parse(text).map_or_else(|| open(text, Reading::Phrase), Reading::Range)
}

fn ordinal(text: &str, levels: &[Level]) -> Reading {
    let found = named(text, levels);
    if let (Some(&lowest), Some(&highest)) = (found.iter().min(), found.iter().max()) {
        return Reading::Levels(LevelSpan::new(lowest, highest));
    }
    let held = number::parse(text)
        .and_then(|range| Some((holding(range.low(), levels)?, holding(range.high(), levels)?, range)));
    match held {
        // A range that straddles levels stands for the level of its middle, as its writer would.
        Some((low, high, range)) => {
            let middle = holding(range.centre(), levels).unwrap_or(low);
            Reading::Levels(if high - low > 1 {
                LevelSpan::new(low, high)
            } else {
                LevelSpan::new(middle, middle)
            })
        }
        None => open(text, Reading::Phrase),
    }
}

fn categorical(text: &str, categories: &[Level], comparison: Comparison) -> Reading {
    if let Some(&first) = named(text, categories).first() {
        return Reading::Category(first);
    }
    if declines(text) {
        return Reading::Abstain;
    }
    match comparison {
        Comparison::Place => Reading::Place(Place::new(text)),
        Comparison::Exact | Comparison::Meaning => open(text, Reading::Phrase),
    }
}

/// Lists as lists; a text given for a list is split at line breaks and semicolons.
fn items(value: &TraitValue) -> Reading {
    let written: Vec<String> = match value {
        TraitValue::List(items) => items.clone(),
        other => other.to_string().split(['\n', ';']).map(str::to_owned).collect(),
    };
    let mut items: Vec<Phrase> = Vec::new();
    for phrase in written.iter().map(|item| Phrase::new(item)) {
        let new = !items.iter().any(|other| other.key() == phrase.key());
        if new && !phrase.key().is_empty() && !declines(phrase.shown()) {
            items.push(phrase);
        }
    }
    if items.is_empty() { Reading::Abstain } else { Reading::Items(items) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::TraitSchema;

    fn reading(name: &str, text: &str) -> Reading {
        let mut draft = crate::persona::Draft::new("r".parse().expect("valid"), "m".parse().expect("valid"));
        draft.traits.insert(name.to_owned(), TraitValue::Text(text.to_owned()));
        let schema = TraitSchema::default_persona().with_inferred([&draft]);
        read(&TraitValue::Text(text.to_owned()), schema.get(name).expect("inferred"))
    }

    #[test]
    fn real_answers_mean_what_their_writers_meant() {
        assert_eq!(
            reading("age", "1. 25-29 years old"),
            Reading::Range(Range::new(25.0, 29.0).expect("finite"))
        );
        assert_eq!(reading("age", "** 1. Late 20s"), reading("age", "late twenties"));
        for impossible in ["born 1990", "-4", "200"] {
            assert!(matches!(reading("age", impossible), Reading::Phrase(_)), "{impossible}");
        }
        assert_eq!(reading("age", "NaN"), Reading::Abstain);
        assert_eq!(reading("education", "Bachelor's degree"), reading("education", "** 1. College Degree"));
        assert_eq!(reading("education", "1) Education: In College"), reading("education", "in college"));
        assert_eq!(reading("sex", "Female 👩"), reading("sex", "1. woman"));
        assert_eq!(reading("income_level", "$50,000-$75,000"), reading("income_level", "Middle class"));
        assert_eq!(
            reading("relationship_status", "Married with children"),
            reading("relationship_status", "married")
        );
    }

    #[test]
    fn unknown_is_an_abstention_for_every_kind() {
        for name in ["age", "education", "sex", "location", "occupation", "goals", "bio"] {
            assert_eq!(reading(name, "N/A"), Reading::Abstain, "{name}");
            assert_eq!(reading(name, "Cannot be determined from the text"), Reading::Abstain, "{name}");
        }
    }

    #[test]
    fn a_text_given_for_a_list_is_split() {
        let Reading::Items(items) = reading("goals", "1. sleep more; 2. earn more;  ; Sleep more") else {
            panic!("no items");
        };
        let shown: Vec<&str> = items.iter().map(Phrase::shown).collect();
        assert_eq!(shown, ["sleep more", "earn more"]);
    }
}
