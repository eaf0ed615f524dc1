//! Long texts are compared by their rare words.
//!
//! The vector of a long text is a mean over so many words that all long texts look alike (measured on
//! the reasons of SynthPAI's 1,385 documents, 170 words each: best reachable ARI .79 with the static
//! table, .89 with rare words alone). Two models that describe one person share the words that
//! matter: places, jobs, hobbies. So texts from [`LONG`] words on are compared by TF-IDF, the
//! frequencies taken from the drafts at hand.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::mask::Names;
use crate::embed::wordpiece::WordHasher;

/// Words from which a text is long.
const LONG: usize = 50;

/// The cosine of rare words that is read as "the same": two of three such pairs in SynthPAI (dev) are
/// of one person from .2 on.
const SAME: f32 = 0.4;

type Words = HashMap<u64, f32, BuildHasherDefault<WordHasher>>;

/// The words of long texts, weighted.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    /// Terms with their weight, ascending, of unit length; empty for short texts.
    texts: Vec<Vec<(u64, f32)>>,
}

impl Lexicon {
    /// Takes a text as folded words, without names; gives its number.
    pub(super) fn add(&mut self, key: &str, names: &Names) -> usize {
        let mut counts = Words::default();
        let mut total = 0;
        for word in key.split(' ').filter(|word| !names.hold(word)) {
            let mut hasher = WordHasher::default();
            hasher.write(word.as_bytes());
            *counts.entry(hasher.finish()).or_default() += 1.0;
            total += 1;
        }
        let mut terms: Vec<(u64, f32)> = if total < LONG { Vec::new() } else { counts.into_iter().collect() };
        terms.sort_unstable_by_key(|(term, _)| *term);
        self.texts.push(terms);
        self.texts.len() - 1
    }

    /// Turns counts into unit vectors of (1 + ln count) × (1 + ln ((1 + n) / (1 + texts with the word))).
    pub(super) fn weigh(&mut self) {
        let mut found = Words::default();
        let long = self.texts.iter().filter(|terms| !terms.is_empty()).count() as f32;
        for (term, _) in self.texts.iter().flatten() {
            *found.entry(*term).or_default() += 1.0;
        }
        for terms in &mut self.texts {
            for (term, weight) in terms.iter_mut() {
                let texts = found.get(term).copied().unwrap_or(1.0);
                *weight = (1.0 + weight.ln()) * (1.0 + ((1.0 + long) / (1.0 + texts)).ln());
            }
            let length = terms.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            for (_, weight) in terms {
                *weight /= length;
            }
        }
    }

    /// From 0 (no word shared) to 1, or `None` when a text is short.
    pub(super) fn compare(&self, one: usize, other: usize) -> Option<f32> {
        let (one, other) = (&self.texts[one], &self.texts[other]);
        if one.is_empty() || other.is_empty() {
            return None;
        }
        let (mut cosine, mut place) = (0.0, 0);
        for (term, weight) in one {
            while place < other.len() && other[place].0 < *term {
                place += 1;
            }
            if place < other.len() && other[place].0 == *term {
                cosine += weight * other[place].1;
            }
        }
        Some((cosine / SAME).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_alike_by_their_rare_words() {
        let common =
            "the person says that the work is hard and that there is no time for the family ".repeat(4);
        let mut lexicon = Lexicon::default();
        for rare in ["glasgow bakery flour", "glasgow bakery oven", "oslo harbour crane"] {
            lexicon.add(&format!("{common}{rare}"), &Names::default());
        }
        let short = lexicon.add("glasgow bakery flour", &Names::default());
        lexicon.weigh();
        let near = lexicon.compare(0, 1).expect("long");
        let far = lexicon.compare(0, 2).expect("long");
        assert!(near >= far, "{near} {far}");
        assert_eq!(lexicon.compare(0, short), None);
    }
}
