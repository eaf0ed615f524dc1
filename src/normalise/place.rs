//! Places, smallest part first; a place said more fully is the same place.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::phrase::{Phrase, fold};

/// Names of one place, the first of them the one that is compared.
static SAME: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let groups: Vec<Vec<String>> =
        serde_json::from_str(include_str!("../../data/places.json")).unwrap_or_default();
    let mut same = BTreeMap::new();
    for group in groups {
        for name in &group {
            same.insert(fold(name), fold(&group[0]));
        }
    }
    same
});

/// A place as its parts, from the smallest to the largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    phrase: Phrase,
    parts: Vec<String>,
}

impl Place {
    /// Splits a place at its commas; parentheses and remarks after ` - ` are left out.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let phrase = Phrase::new(text);
        let bare = phrase.shown().split(['(', ';']).next().unwrap_or_default();
        let bare = bare.split(" - ").next().unwrap_or_default();
        let mut parts: Vec<String> = bare.split(',').map(fold).filter(|part| !part.is_empty()).collect();
        for part in &mut parts {
            let trimmed = part.strip_prefix("the ").unwrap_or(part);
            *part = SAME.get(trimmed).cloned().unwrap_or_else(|| trimmed.to_owned());
        }
        parts.dedup();
        Self { phrase, parts }
    }

    /// The place as it is shown.
    #[must_use]
    pub fn phrase(&self) -> &Phrase {
        &self.phrase
    }

    /// The parts, smallest first, each under the name that is compared.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether the place is described rather than named: one part with a small word in it, such as
    /// "on the outskirts of town".
    #[must_use]
    pub fn is_description(&self) -> bool {
        const SMALL_WORDS: [&str; 12] =
            ["a", "an", "the", "of", "in", "on", "near", "from", "with", "to", "at", "by"];
        matches!(self.parts.as_slice(), [only] if only.split(' ').any(|word| SMALL_WORDS.contains(&word)))
    }

    /// How alike two places are, in 0..=1: 1 for the same place, 0.9 where one only says it more
    /// fully (`London` and `London, UK`), 0.5 where one names a larger place around the other
    /// (`Italy` and `Rome, Italy`), 0.2 for two places in one larger one, else 0.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f64 {
        let (Some(here), Some(there)) = (self.parts.first(), other.parts.first()) else {
            return 0.0;
        };
        if self.parts == other.parts {
            return 1.0;
        }
        if here == there {
            let clash = match (self.parts.last(), other.parts.last()) {
                (Some(one), Some(two)) => self.parts.len() > 1 && other.parts.len() > 1 && one != two,
                _ => false,
            };
            // Portland, Oregon and Portland, Maine; New York, NY and New York, USA stay one.
            let shares = self.parts[1..].iter().any(|part| other.parts[1..].contains(part));
            return if clash && !shares && self.parts.len() == other.parts.len() { 0.6 } else { 0.9 };
        }
        if other.parts[1..].contains(here) || self.parts[1..].contains(there) {
            return 0.5;
        }
        let shared = self.parts[1..].iter().any(|part| other.parts[1..].contains(part));
        if shared { 0.2 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_told_from_names() {
        assert!(Place::new("Outskirts of the town").is_description());
        for name in ["New York City", "Rio de Janeiro", "London, UK", "Isle of Man, UK"] {
            assert!(!Place::new(name).is_description(), "{name}");
        }
    }

    fn similarity(one: &str, other: &str) -> f64 {
        let (one, other) = (Place::new(one), Place::new(other));
        assert!((one.similarity(&other) - other.similarity(&one)).abs() < f64::EPSILON, "both ways the same");
        one.similarity(&other)
    }

    #[test]
    fn a_place_said_more_fully_is_the_same_place() {
        for (one, other, expected) in [
            ("London, UK", "London, United Kingdom", 1.0),
            ("London, UK", "London", 0.9),
            ("1. New York City, USA", "New York, NY, United States", 0.9),
            ("Kiev, Ukraine", "Kyiv, Ukraine", 1.0),
            ("Italy", "Rome, Italy", 0.5),
            ("Rome, Italy", "Milan, Italy", 0.2),
            ("Portland, Maine", "Portland, Oregon", 0.6),
            ("Rome, Italy", "Oslo, Norway", 0.0),
            ("Toronto, Canada - As one of the largest cities in Canada, it", "Toronto, Canada", 1.0),
        ] {
            let found = similarity(one, other);
            assert!((found - expected).abs() < 1e-12, "{one} / {other}: {found}");
        }
    }
}
