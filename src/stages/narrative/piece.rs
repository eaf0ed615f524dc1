//! What statements say, cut into pieces that a part of a sentence can be held against.

use std::collections::BTreeSet;

use crate::normalise::{Phrase, denies, turns_round};
use crate::persona::key_of;
use crate::stages::Statement;
use crate::stages::words::{
    clauses, compared, content, numbers, particles_differ, reversed_beside, reverses, scopes, tells_age,
};

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
    scopes: Vec<Part>,
    /// Its clauses: who denies something must find it denied in one of them.
    clauses: Vec<Part>,
}

/// A part of a piece with its words.
type Part = (Phrase, BTreeSet<String>);

impl Piece {
    fn new(statement: usize, text: &str, label: &BTreeSet<String>, origin: Origin) -> Self {
        let mut words = content(text);
        words.extend(label.iter().cloned());
        let parts = |texts: Vec<String>| -> Vec<Part> {
            texts.iter().map(|part| (Phrase::new(part), content(part))).collect()
        };
        let (scopes, clauses) = (parts(scopes(text)), parts(clauses(text)));
        Self { statement, phrase: Phrase::new(text), words, origin, scopes, clauses }
    }

    /// Whether it says the opposite of what is claimed, in the part that has most of the claimed words: what is denied
    /// elsewhere in the same sentence turns nothing round.
    pub(super) fn turns_round(&self, claim: &Phrase, claimed: &BTreeSet<String>) -> bool {
        let (told, said) = (self.phrase.shown(), claim.shown());
        let affirms = !denies(claim);
        // A denial of the opposite agrees: `does not like` what is disliked.
        let opposed = affirms && (reversed_beside(told, claimed) || particles_differ(said, told));
        if opposed || reverses(claimed, &self.words) || self.swaps_sides(said) {
            return true;
        }
        let shared = |words: &BTreeSet<String>| words.intersection(claimed).count();
        // `by borrowing money` affirms what `without borrowing money` denies, whatever else both have.
        let denied = |(part, words): &Part| denies(part) && 2 * shared(words) > words.len();
        if affirms && self.scopes.iter().any(denied) {
            return true;
        }
        let parts = if affirms { &self.scopes } else { &self.clauses };
        let most = parts.iter().map(|(_, words)| shared(words)).max().unwrap_or(0);
        if most == 0 {
            return turns_round(claim, &self.phrase);
        }
        let mut nearest = parts.iter().filter(|(_, words)| shared(words) == most);
        nearest.all(|(part, _)| turns_round(claim, part))
    }

    /// Whether both compare, and what stands here on one side stands there on the other.
    fn swaps_sides(&self, claim: &str) -> bool {
        let (Some([one, other]), Some([first, second])) = (compared(claim), compared(self.phrase.shown()))
        else {
            return false;
        };
        let shared = |here: &BTreeSet<String>, there: &BTreeSet<String>| here.intersection(there).count();
        shared(&one, &second) + shared(&other, &first) > shared(&one, &first) + shared(&other, &second)
    }

    /// Whether it can say what a claim compares: only what compares too.
    pub(super) fn can_compare(&self, claim: &str) -> bool {
        compared(claim).is_none() || compared(self.phrase.shown()).is_some()
    }
}

/// A number that a statement has.
#[derive(Clone, Copy, Debug)]
struct Figure {
    statement: usize,
    number: f64,
    /// Not only the number of some of the models behind a numeric value.
    sure: bool,
}

/// Everything that a persona's statements say.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) all: Vec<Piece>,
    /// Words of the persona's name: they say who, not what.
    pub(super) name: BTreeSet<String>,
    /// All words of all pieces.
    pub(super) words: BTreeSet<String>,
    figures: Vec<Figure>,
    intervals: Vec<(usize, [f64; 2])>,
    /// Statements that are nothing but a number: an age.
    numeric: BTreeSet<usize>,
}

impl Pieces {
    pub(super) fn of(statements: &[Statement]) -> Self {
        let mut found = Self {
            all: Vec::new(),
            name: BTreeSet::new(),
            words: BTreeSet::new(),
            figures: Vec::new(),
            intervals: Vec::new(),
            numeric: BTreeSet::new(),
        };
        for (place, statement) in statements.iter().enumerate() {
            let label = content(&statement.name.replace('_', " "));
            if key_of(&statement.name) == "name" {
                found.name.extend(content(&statement.value));
            }
            found.intervals.extend(statement.interval.map(|interval| (place, interval)));
            let is_number = content(&statement.value).is_empty() && !numbers(&statement.value).is_empty();
            if statement.interval.is_some() || is_number {
                found.numeric.insert(place);
            }
            let wordings = statement.wordings.iter().map(|text| (text, Origin::Wording));
            let passages = statement.passages.iter().map(|text| (text, Origin::Passage));
            let others = statement.other_sides.iter().map(|text| (text, Origin::OtherSide));
            for (text, origin) in wordings.chain(passages).chain(others) {
                let is_plain = statement.interval.is_some() && !tells_age(text);
                let sure = origin != Origin::OtherSide && (*text == statement.value || !is_plain);
                let figure = |number| Figure { statement: place, number, sure };
                found.figures.extend(numbers(text).into_iter().map(figure));
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

    /// Whether a statement has a number, or a range that holds it; and whether that is what it says, not only what
    /// some of the models behind it do.
    pub(super) fn holds(&self, statement: usize, number: f64) -> Option<bool> {
        let own = self.figures.iter().filter(|figure| figure.statement == statement);
        let same = own.filter(|figure| (figure.number - number).abs() < 1e-9).map(|figure| figure.sure).max();
        let ranges = || self.intervals.iter().filter(|(place, _)| *place == statement);
        same.or_else(|| ranges().any(|(_, [low, high])| (*low..=*high).contains(&number)).then_some(false))
    }

    /// The statement that is nothing but this number, the one that says it for sure first; and whether it does.
    pub(super) fn numeric(&self, number: f64) -> Option<(usize, bool)> {
        let held = self.numeric.iter().filter_map(|&place| Some((place, self.holds(place, number)?)));
        held.min_by_key(|(place, sure)| (!sure, *place))
    }

    /// Whether any statement has a number.
    pub(super) fn has_number(&self, number: f64) -> bool {
        let mut places =
            self.figures.iter().map(|figure| figure.statement).chain(self.numeric.iter().copied());
        places.any(|place| self.holds(place, number).is_some())
    }
}
