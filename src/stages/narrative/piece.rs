//! What statements say, cut into pieces that a part of a sentence can be held against.

use std::collections::BTreeSet;

use crate::normalise::Phrase;
use crate::persona::key_of;
use crate::stages::Statement;
use crate::stages::words::{content, numbers};

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
}

/// Everything that a persona's statements say.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) all: Vec<Piece>,
    /// Words of the persona's name: they say who, not what.
    pub(super) name: BTreeSet<String>,
    numbers: Vec<(usize, f64)>,
    intervals: Vec<(usize, [f64; 2])>,
}

impl Pieces {
    pub(super) fn of(statements: &[Statement]) -> Self {
        let mut found =
            Self { all: Vec::new(), name: BTreeSet::new(), numbers: Vec::new(), intervals: Vec::new() };
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
                    let mut words = content(sentence);
                    words.extend(label.iter().cloned());
                    found.all.push(Piece { statement: place, phrase: Phrase::new(sentence), words, origin });
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
