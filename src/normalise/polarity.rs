//! Statements that are near in any embedding and far in meaning: the same thing affirmed and denied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::Phrase;

/// Words that say nothing by themselves.
const FILLERS: [&str; 24] = [
    "a", "an", "the", "to", "of", "in", "on", "at", "and", "or", "is", "are", "was", "be", "does", "do",
    "did", "has", "have", "very", "really", "quite", "any", "his",
];

/// The share of the words of both statements that must be the same before one denies the other.
const SAME_TOPIC: f64 = 0.5;

/// Longer texts say many things; one of them turned round makes no contradiction of the whole.
const LONGEST: usize = 16;

/// Words that turn statements round, and pairs of opposites (`data/polarity.json`).
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Opposition {
    pub(crate) negations: BTreeSet<String>,
    pub(crate) antonyms: Vec<(String, String)>,
    /// What stands in answers to a question beyond what describes people.
    pub(crate) answers: OfAnswers,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct OfAnswers {
    pub(crate) yes: BTreeSet<String>,
    pub(crate) no: BTreeSet<String>,
    pub(crate) negations: BTreeSet<String>,
    /// Irregular forms of verbs, with the plain one.
    pub(crate) irregular: BTreeMap<String, String>,
    pub(crate) antonyms: Vec<(String, String)>,
}

/// A test holds that the file can be read.
pub(crate) static OPPOSITION: LazyLock<Opposition> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../data/polarity.json")).unwrap_or_default());

/// Whether two short statements about the same thing say the opposite: one denies what the other
/// affirms, or they differ by a pair of opposites (`data/polarity.json`). Never for one statement and itself.
///
/// A rule of words, made for short statements about people, and to fire too seldom rather than wrongly: statements whose
/// contradiction shows only to who knows the world are not found.
#[must_use]
pub fn contradict(one: &Phrase, other: &Phrase) -> bool {
    if one.key() == other.key() {
        return false;
    }
    let (here, there) = (Statement::new(one.key()), Statement::new(other.key()));
    if here.length > LONGEST || there.length > LONGEST {
        return false;
    }
    match here.opposites(&there) {
        // "Likes cats" and "does not dislike cats" are no contradiction.
        Some(pair) => here.negated == there.negated && here.is_about_the_same(&there, &pair),
        None => here.negated != there.negated && here.is_about_the_same(&there, &[]),
    }
}

/// Whether two statements that are known to be about the same thing say the opposite of each other: the rule
/// of [`contradict`] without its limits, for who has compared their words already.
pub(crate) fn turns_round(one: &Phrase, other: &Phrase) -> bool {
    let here = Statement::new(one.key()).with_third_person();
    let there = Statement::new(other.key()).with_third_person();
    match here.opposites(&there) {
        Some(_) => here.negated == there.negated,
        None => here.negated != there.negated,
    }
}

/// Whether a statement denies something: it has an odd number of negations.
pub(crate) fn denies(statement: &Phrase) -> bool {
    Statement::new(statement.key()).negated
}

/// The opposites of every word that has some.
static OPPOSITES: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut opposites: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (one, other) in &OPPOSITION.antonyms {
        opposites.entry(one).or_default().push(other);
        opposites.entry(other).or_default().push(one);
    }
    opposites
});

struct Statement<'a> {
    /// An odd number of negations.
    negated: bool,
    /// What is left of the words.
    words: BTreeSet<&'a str>,
    length: usize,
}

impl<'a> Statement<'a> {
    fn new(key: &'a str) -> Self {
        let mut negations = 0;
        let (mut words, mut length) = (BTreeSet::new(), 0);
        for word in key.split(' ') {
            length += 1;
            if OPPOSITION.negations.contains(word) {
                negations += 1;
            } else if !FILLERS.contains(&word) {
                words.insert(word);
            }
        }
        Self { negated: negations % 2 == 1, words, length }
    }

    /// `like` is looked up as `likes` too: opposites are listed as personas have them.
    fn with_third_person(mut self) -> Self {
        let known =
            |word: &&str| OPPOSITES.get_key_value(format!("{word}s").as_str()).map(|(listed, _)| *listed);
        let more: Vec<&str> = self.words.iter().filter_map(known).collect();
        self.words.extend(more);
        self
    }

    /// A word of this statement and its opposite in the other, neither of which stands in both.
    fn opposites(&self, other: &Self) -> Option<[&'a str; 2]> {
        self.words.iter().filter(|word| !other.words.contains(*word)).find_map(|word| {
            let mut opposites = OPPOSITES.get(word)?.iter();
            let opposite = opposites.find(|one| other.words.contains(*one) && !self.words.contains(*one))?;
            Some([*word, *opposite])
        })
    }

    /// Whether what is left without some words is mostly the same; where nothing is left, it is.
    fn is_about_the_same(&self, other: &Self, without: &[&str]) -> bool {
        let stems = |statement: &Self| -> BTreeSet<String> {
            let kept = statement.words.iter().filter(|word| !without.contains(word));
            kept.map(|word| word.strip_suffix('s').unwrap_or(word).to_owned()).collect()
        };
        let (here, there) = (stems(self), stems(other));
        let all = here.union(&there).count();
        if all == 0 {
            // Only "introvert" and "extrovert", or "no" and "yes": opposites without a topic.
            return !without.is_empty();
        }
        here.intersection(&there).count() as f64 / all as f64 >= SAME_TOPIC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contradicting(one: &str, other: &str) -> bool {
        let (one, other) = (Phrase::new(one), Phrase::new(other));
        assert_eq!(contradict(&one, &other), contradict(&other, &one), "both ways the same");
        contradict(&one, &other)
    }

    #[test]
    fn the_same_thing_affirmed_and_denied_is_a_contradiction() {
        assert!(contradicting("Likes cold weather", "Hates cold weather"));
        assert!(contradicting("Introvert", "extrovert"));
        assert!(contradicting("Drinks alcohol", "Does not drink alcohol"));
        assert!(contradicting("Trusts online payments", "Doesn't trust online payments"));
        assert!(contradicting("Shops in the morning", "Shops in the evening"));
        assert!(contradicting("never shops online", "always shops online"));
    }

    #[test]
    fn statements_about_the_same_turn_round_however_long_they_are() {
        let turned = |one: &str, other: &str| turns_round(&Phrase::new(one), &Phrase::new(other));
        assert!(turned("trusts machines", "Does not trust the machines at the desk with her card"));
        assert!(turned("she likes noise", "Dislikes crowds and noise"));
        assert!(!turned("She doesn't like noise", "Dislikes crowds and noise"));
        assert!(!turned("is a nurse", "Hospital nurse"));
    }

    #[test]
    fn different_things_and_other_words_for_the_same_are_none() {
        assert!(!contradicting("Likes cold weather", "Enjoys cold weather"));
        assert!(!contradicting("Likes cats", "Hates loud music"));
        assert!(!contradicting("Does not dislike cats", "Likes cats"));
        assert!(!contradicting("Not fond of parties", "Works night shifts"));
        assert!(!contradicting("Nurse", "Nurse"));
        assert!(!contradicting("Teacher", "Baker"));
        assert!(OPPOSITION.antonyms.len() > 100 && OPPOSITION.negations.len() > 20);
    }

    #[test]
    fn the_lists_are_there() {
        assert!(OPPOSITION.answers.antonyms.len() > 150 && OPPOSITION.antonyms.len() > 100);
        assert!(OPPOSITION.answers.yes.contains("yes") && OPPOSITION.negations.contains("not"));
    }
}
