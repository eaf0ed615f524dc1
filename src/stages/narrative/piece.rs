//! What statements say, cut into pieces that a part of a sentence can be held against.

use std::collections::BTreeSet;

use crate::normalise::{Phrase, turns_round};
use crate::persona::key_of;
use crate::stages::Statement;
use crate::stages::words::{content, numbers, reverses, scopes};

/// Where a piece comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The consensus, in the words of one of the models behind it.
    Wording,
    /// A passage that was found in the source; of a list, of any of its items.
    Passage,
    /// What other models say instead.
    OtherSide,
}

/// One sentence of one wording of a statement.
#[derive(Debug)]
pub(super) struct Piece {
    /// The statement's place.
    pub(super) statement: usize,
    pub(super) phrase: Phrase,
    /// Its words, and those of the trait's name.
    pub(super) words: BTreeSet<String>,
    pub(super) origin: Origin,
    /// Its parts that are affirmed or denied by themselves, with their words.
    scopes: Vec<(Phrase, BTreeSet<String>)>,
}

impl Piece {
    fn new(statement: usize, text: &str, label: &BTreeSet<String>, origin: Origin) -> Self {
        let mut words = content(text);
        words.extend(label.iter().cloned());
        let scopes = scopes(text).iter().map(|part| (Phrase::new(part), content(part))).collect();
        Self { statement, phrase: Phrase::new(text), words, origin, scopes }
    }

    /// Whether it says the opposite of what is claimed, in the part that has most of the claimed words: what is denied
    /// elsewhere in the same sentence turns nothing round.
    pub(super) fn turns_round(&self, claim: &Phrase, claimed: &BTreeSet<String>) -> bool {
        if reverses(claimed, &self.words) {
            return true;
        }
        let shared = |words: &BTreeSet<String>| words.intersection(claimed).count();
        let most = self.scopes.iter().map(|(_, words)| shared(words)).max().unwrap_or(0);
        if most == 0 {
            return turns_round(claim, &self.phrase);
        }
        let mut nearest = self.scopes.iter().filter(|(_, words)| shared(words) == most);
        nearest.all(|(part, _)| turns_round(claim, part))
    }
}

/// Everything that a persona's statements say.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) all: Vec<Piece>,
    /// Words of the persona's name: they say who, not what.
    pub(super) name: BTreeSet<String>,
    /// All words of all pieces.
    pub(super) words: BTreeSet<String>,
    numbers: Vec<(usize, f64)>,
    intervals: Vec<(usize, [f64; 2])>,
}

impl Pieces {
    pub(super) fn of(statements: &[Statement]) -> Self {
        let mut found = Self {
            all: Vec::new(),
            name: BTreeSet::new(),
            words: BTreeSet::new(),
            numbers: Vec::new(),
            intervals: Vec::new(),
        };
        for (place, statement) in statements.iter().enumerate() {
            let label = content(&statement.name.replace('_', " "));
            if key_of(&statement.name) == "name" {
                found.name.extend(content(&statement.value));
            }
            found.intervals.extend(statement.interval.map(|interval| (place, interval)));
            let wordings = statement.wordings.iter().map(|text| (text, Origin::Wording));
            let passages = statement.passages.iter().map(|text| (text, Origin::Passage));
            let others = statement.other_sides.iter().map(|text| (text, Origin::OtherSide));
            for (text, origin) in wordings.chain(passages).chain(others) {
                found.numbers.extend(numbers(text).into_iter().map(|number| (place, number)));
                for sentence in text.split(['.', '!', '?', '\n', ';']).filter(|part| !part.trim().is_empty())
                {
                    let piece = Piece::new(place, sentence, &label, origin);
                    found.words.extend(piece.words.iter().cloned());
                    found.all.push(piece);
                }
            }
        }
        found
    }

    /// The first statement that has a number, or whose range holds it.
    pub(super) fn with_number(&self, number: f64) -> Option<usize> {
        let same = self.numbers.iter().find(|(_, one)| (one - number).abs() < 1e-9).map(|(place, _)| *place);
        let held = || self.intervals.iter().find(|(_, [low, high])| (*low..=*high).contains(&number));
        same.or_else(|| held().map(|(place, _)| *place))
    }
}
