//! What the words of two claims say about each other, whatever an embedder thinks of them.
//!
//! An embedder that takes the mean of its words puts «rise» beside «fall», and «not» weighs nothing in a sentence of
//! twenty words. Answers to one question differ in just these words. So they are read before anything is compared:
//! a claim that has another number of negations, an opposite, other numbers, another name, or its two nouns the other way
//! round is another claim, at any length. It contradicts only where the rest is the same, which is asked for more
//! strictly than in personas: «do not hire Anna» and «hire Peter» go together well.
//!
//! Not seen: opposites that stand in no list, and whatever only who knows the world can see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::normalise::{NumberWord, OPPOSITION, fold, number_word, stem};

/// Words that say nothing by themselves.
const FILLERS: [&str; 66] = [
    "a", "an", "the", "to", "of", "in", "on", "at", "and", "or", "by", "as", "with", "is", "are", "was",
    "were", "be", "been", "being", "am", "does", "do", "did", "has", "have", "had", "will", "would", "can",
    "could", "should", "must", "may", "might", "shall", "very", "really", "quite", "any", "his", "her",
    "their", "our", "your", "my", "its", "it", "this", "that", "these", "those", "they", "them", "we", "us",
    "i", "you", "he", "she", "there", "so", "also", "just", "then", "even",
];

/// The share of the words of both claims that must be the same before one contradicts the other.
const SAME_TOPIC: f64 = 0.5;

/// The same where both have words that the other has not: then they may speak of two things.
const SAME_TOPIC_BOTH: f64 = 0.75;

/// Letters that must be left of a stem without its `un`, and without the other prefixes that turn a word round.
const AFTER_UN: usize = 3;
const AFTER_PREFIX: usize = 5;

/// The opposites of every stem that has some.
static OPPOSITES: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
    let mut opposites: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (one, other) in OPPOSITION.antonyms.iter().chain(&OPPOSITION.answers.antonyms) {
        let (one, other) = (stem(one), stem(other));
        opposites.entry(one.clone()).or_default().insert(other.clone());
        opposites.entry(other).or_default().insert(one);
    }
    opposites
});

/// The stems of the words that turn a statement round.
static NEGATIONS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let words = OPPOSITION.negations.iter().chain(&OPPOSITION.answers.negations);
    // «Neither … nor» is one negation.
    words.filter(|word| *word != "nor").map(|word| stem(word)).collect()
});

/// How two claims stand to each other, by their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Nothing in the words keeps them apart.
    Open,
    /// They are not the same claim.
    Different,
    /// One denies the other.
    Opposed,
}

/// The words of a claim.
#[derive(Clone, Debug)]
pub(super) struct Wording {
    /// The claim is «yes» or «no» and nothing else.
    verdict: Option<bool>,
    negations: usize,
    numbers: BTreeSet<String>,
    /// Stems without fillers, negations and numbers.
    stems: BTreeSet<String>,
    /// What is said in order, negations and numbers too, and whether it is written as a name.
    sequence: Vec<(String, bool)>,
}

impl Wording {
    pub(super) fn new(text: &str) -> Self {
        let mut wording = Self {
            verdict: verdict(text),
            negations: 0,
            numbers: BTreeSet::new(),
            stems: BTreeSet::new(),
            sequence: Vec::new(),
        };
        let words: Vec<&str> = words(text).collect();
        for (place, word) in words.iter().enumerate() {
            let named = place > 0 && word.starts_with(char::is_uppercase);
            wording.take(word, words.get(place + 1).copied().unwrap_or_default(), named);
        }
        wording
    }

    fn take(&mut self, word: &str, next: &str, named: bool) {
        if let Some(number) = number(word) {
            self.numbers.insert(number.clone());
            self.sequence.push((number, false));
            return;
        }
        for folded in fold(word).split(' ') {
            if folded.is_empty() || FILLERS.contains(&folded) {
                continue;
            }
            let stem = stem(folded);
            if NEGATIONS.contains(&stem) {
                if !says_nothing(folded, next) {
                    self.negations += 1;
                    self.sequence.push(("not".to_owned(), false));
                }
                continue;
            }
            self.stems.insert(stem.clone());
            self.sequence.push((stem, named));
        }
    }

    /// Whether both are the same verdict, in whatever language.
    pub(super) fn is_verdict_of(&self, other: &Self) -> bool {
        self.verdict.is_some() && self.verdict == other.verdict
    }

    /// How this claim stands to another; the same both ways.
    pub(super) fn against(&self, other: &Self) -> Relation {
        match (self.verdict, other.verdict) {
            (Some(one), Some(other)) if one == other => return Relation::Open,
            (Some(_), Some(_)) => return Relation::Opposed,
            (None, None) => {}
            _ => return Relation::Different,
        }
        let pairs = self.opposites(other);
        let other_numbers =
            !self.numbers.is_empty() && !other.numbers.is_empty() && self.numbers != other.numbers;
        let changed = self.changed(other);
        let renamed = matches!(changed[..], [one] if self.sequence[one].1 && other.sequence[one].1);
        let swap = self.swap(other, &changed);
        let flips = pairs.len() + self.negations + other.negations;
        if !other_numbers && !renamed && flips % 2 == 1 && self.is_about_the_same(other, &pairs)
            || swap == Some(Swap::Comparison)
        {
            return Relation::Opposed;
        }
        if other_numbers
            || renamed
            || swap.is_some()
            || !pairs.is_empty()
            || self.negations != other.negations
        {
            return Relation::Different;
        }
        Relation::Open
    }

    /// Words of this claim with their opposites in the other, none of which stands in both.
    fn opposites<'a>(&'a self, other: &'a Self) -> Vec<[&'a str; 2]> {
        let mut free: Vec<&str> = other.stems.difference(&self.stems).map(String::as_str).collect();
        let mut pairs = Vec::new();
        for word in self.stems.difference(&other.stems) {
            if let Some(place) = free.iter().position(|one| are_opposites(word, one)) {
                pairs.push([word.as_str(), free.remove(place)]);
            }
        }
        pairs
    }

    /// Whether what is left without some words is the same, or nearly.
    fn is_about_the_same(&self, other: &Self, without: &[[&str; 2]]) -> bool {
        let left = |wording: &Self| -> BTreeSet<String> {
            let kept = wording.stems.iter().filter(|stem| !without.iter().flatten().any(|word| word == stem));
            kept.cloned().collect()
        };
        let (here, there) = (left(self), left(other));
        let all = here.union(&there).count();
        if all == 0 {
            return true;
        }
        let share = here.intersection(&there).count() as f64 / all as f64;
        let least =
            if here.is_subset(&there) || there.is_subset(&here) { SAME_TOPIC } else { SAME_TOPIC_BOTH };
        share >= least
    }

    /// The places at which two claims of equal length say something else; nothing for others.
    fn changed(&self, other: &Self) -> Vec<usize> {
        if self.sequence.len() != other.sequence.len() {
            return Vec::new();
        }
        let differs = |place: &usize| self.sequence[*place].0 != other.sequence[*place].0;
        (0..self.sequence.len()).filter(differs).collect()
    }

    /// Whether two words have changed places around what stands between them, as in «A should buy B».
    fn swap(&self, other: &Self, changed: &[usize]) -> Option<Swap> {
        let [one, two] = changed else { return None };
        let word = |wording: &Self, place: usize| wording.sequence[place].0.clone();
        let crossed =
            word(self, *one) == word(other, *two) && word(self, *two) == word(other, *one) && two - one > 1;
        let compares = self.sequence[one + 1..*two].iter().any(|(stem, _)| stem == "than");
        crossed.then_some(if compares { Swap::Comparison } else { Swap::Other })
    }
}

/// What stands between two words that have changed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Swap {
    /// «… than …»: the one says the opposite of the other.
    Comparison,
    /// Anything else: both may be true.
    Other,
}

/// A text that begins with «yes» or «no», cut into that word and the rest; the mark between them is in neither.
pub(super) fn split_verdict(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(['*', '_', ' ', '"', '-', '•', '–']);
    let end = text.find(|c: char| !c.is_alphabetic() && c != '\'').unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let after = after.trim_start_matches(['*', '_']);
    verdict(word)?;
    let spaced = after.trim_start();
    let marked = spaced.starts_with([',', '.', ';', ':', '!', '—', '–', '、', '。', '，'])
        || spaced.starts_with("- ")
        || spaced.is_empty();
    let rest = spaced.trim_start_matches(|c: char| !c.is_alphanumeric());
    // «No. 5 is the best» is a number.
    let counts = word.eq_ignore_ascii_case("no") && rest.starts_with(|c: char| c.is_ascii_digit());
    (marked && !counts).then_some((word, rest))
}

/// The verdict that a text is, where it is nothing else.
fn verdict(text: &str) -> Option<bool> {
    let word = text.trim().to_lowercase();
    match (OPPOSITION.answers.yes.contains(&word), OPPOSITION.answers.no.contains(&word)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Words and numbers; `3.5`, `1,000` and `don't` are one each.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '.' | ',')));
    parts.map(|word| word.trim_matches(['\'', '’', '.', ','])).filter(|word| !word.is_empty())
}

/// A number in digits, or in words but for `one`, which is a pronoun too.
fn number(word: &str) -> Option<String> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let groups: Vec<&str> = word.split(',').collect();
        let thousands = groups[1..].iter().all(|group| group.len() == 3);
        return Some(groups.join(if thousands { "" } else { "." }).to_lowercase());
    }
    match number_word(&word.to_lowercase())? {
        NumberWord::Number(value) if value > 1.0 => Some(value.to_string()),
        NumberWord::Hundred => Some("hundred".to_owned()),
        _ => None,
    }
}

/// «Not only» and «no doubt» deny nothing.
fn says_nothing(negation: &str, next: &str) -> bool {
    match negation {
        "not" => ["only", "just", "merely", "simply"].contains(&next.to_lowercase().as_str()),
        "no" | "without" => next.eq_ignore_ascii_case("doubt"),
        _ => false,
    }
}

fn are_opposites(one: &str, other: &str) -> bool {
    OPPOSITES.get(one).is_some_and(|opposites| opposites.contains(other))
        || is_turned_round(one, other)
        || is_turned_round(other, one)
}

/// Whether a word is another one with a prefix that says the opposite.
fn is_turned_round(word: &str, plain: &str) -> bool {
    let rest = |prefix: &str, least: usize| {
        word.strip_prefix(prefix).is_some_and(|rest| rest == plain && rest.len() >= least)
    };
    rest("un", AFTER_UN)
        || rest("dis", AFTER_UN)
        || ["in", "im", "il", "ir", "non"].iter().any(|prefix| rest(prefix, AFTER_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(one: &str, other: &str) -> Relation {
        let (one, other) = (Wording::new(one), Wording::new(other));
        assert_eq!(one.against(&other), other.against(&one), "both ways the same");
        one.against(&other)
    }

    #[test]
    fn what_words_cannot_tell_is_left_to_the_embedder() {
        for (one, other) in [
            ("The library should stay open late.", "The library should be open until late."),
            ("It is not only cheap but also quick.", "It is cheap and quick."),
            ("No doubt it works.", "It works."),
            ("Neither trains nor buses run.", "Trains and buses do not run."),
            ("It costs 1,000 euros.", "It costs 1000 euros."),
            ("It costs 3.5 days.", "It costs days."),
            ("Trains and buses are late.", "Buses and trains are late."),
        ] {
            assert_eq!(relation(one, other), Relation::Open, "{one} / {other}");
        }
    }

    #[test]
    fn two_negations_are_not_none() {
        for (one, other) in [
            ("Do not ship it, it is not ready.", "Ship it, it is ready."),
            ("It is not unsafe.", "It is safe."),
            ("Ship on Friday, not on Monday.", "Ship on Monday, not on Friday."),
        ] {
            assert_eq!(relation(one, other), Relation::Different, "{one} / {other}");
        }
    }
}
