//! What statements say, cut into pieces that a part of a sentence can be held against.

use std::collections::BTreeSet;

use crate::normalise::Phrase;
use crate::persona::key_of;
use crate::stages::Statement;
use crate::stages::words::{content, numbers};

/// One sentence of one wording of a statement.
#[derive(Debug)]
pub(super) struct Piece {
    /// The statement's place.
    pub(super) statement: usize,
    pub(super) phrase: Phrase,
    /// Its words, and those of the trait's name.
    pub(super) words: BTreeSet<String>,
    /// Whether it is what other models say instead of the consensus.
    pub(super) other_side: bool,
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
            let held = statement.wordings.iter().chain(&statement.passages).map(|text| (text, false));
            let others = statement.other_sides.iter().map(|text| (text, true));
            for (text, other_side) in held.chain(others) {
                found.numbers.extend(numbers(text).into_iter().map(|number| (place, number)));
                for sentence in text.split(['.', '!', '?', '\n', ';']).filter(|part| !part.trim().is_empty())
                {
                    let mut words = content(sentence);
                    words.extend(label.iter().cloned());
                    found.all.push(Piece {
                        statement: place,
                        phrase: Phrase::new(sentence),
                        words,
                        other_side,
                    });
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
