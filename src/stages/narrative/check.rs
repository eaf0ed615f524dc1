//! Every sentence against the statements: what is said, which numbers, and whether it is the opposite.
//!
//! A sentence is cut into clauses ([`clauses`]); each must be said by one statement, one of its wordings or
//! one of its passages that were found in the source:
//!
//! - *Words*: the share of the clause's words that claim something ([`content`]) that stand in one wording. The
//!   persona's name does not count.
//! - *Meaning*: where at least one such word is shared, the clause denies nothing, and it is the wording in other words
//!   as far as the embedder can tell (`Ruler`), its likeness on that scale.
//!
//! The support of a clause is the larger of the two, and must reach [`SUPPORTED`]. A wording that turns the clause
//! round (denied, an antonym, `fails to`, `nobody`, `logged in` for `logs out`, a comparison the other way) supports nothing;
//! what counts is the part of the wording that has the clause's words. Every number must stand in the statement that
//! supports its clause; an age, in a numeric one. What the consensus has as a goal and a sentence tells as a fact is
//! uncertain. The rule is strict: a true sentence in words that no model used is not supported, and one with a few words of
//! its author's own, which no statement and no passage has, is uncertain and says which they are. Who does what to whom
//! it does not see: `children read to her` has the words of `reads with children`.

use std::collections::BTreeSet;

use super::piece::{Origin, Piece, Pieces};
use super::wish::{is_goal, may_be_wanted, wants};
use super::{Claim, Doubt, Narrative, Sentence, Status, Ungrounded};
use crate::embed::{EmbedError, Embedder, FeatureMatrix, Ruler};
use crate::normalise::{Phrase, contradict, denies, turns_round};
use crate::stages::Statement;
use crate::stages::words::{clauses, content, numbers, tells_age, unknown};

/// The support from which on a clause counts as said: two of three words, or the like in meaning.
pub const SUPPORTED: f64 = 2.0 / 3.0;

/// Holds sentences against statements.
#[derive(Debug)]
pub struct Checker<'a> {
    embedder: &'a dyn Embedder,
    ruler: Ruler,
}

/// What is found about one clause.
enum Found {
    Nothing,
    Said { statement: usize, support: f64, uncertain: bool, as_fact: bool, own_words: Vec<String> },
    Not { doubt: Doubt, support: f64 },
}

impl<'a> Checker<'a> {
    /// Measures the embedder's scale, once for many personas.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn new(embedder: &'a dyn Embedder) -> Result<Self, EmbedError> {
        Ok(Self { embedder, ruler: Ruler::measure(embedder)? })
    }

    /// Checks the sentences of one persona, in order. `author` is the model that wrote them.
    ///
    /// # Errors
    /// [`EmbedError`] of the embedder.
    pub fn check(
        &self,
        persona_id: &str,
        author: Option<String>,
        claims: &[Claim],
        statements: &[Statement],
        ungrounded: Ungrounded,
    ) -> Result<Narrative, EmbedError> {
        let pieces = Pieces::of(statements);
        let parts: Vec<Vec<String>> = claims.iter().map(|claim| clauses(&claim.text)).collect();
        let mut texts: Vec<&str> = pieces.all.iter().map(|piece| piece.phrase.shown()).collect();
        texts.extend(parts.iter().flatten().map(String::as_str));
        let rows = if texts.is_empty() { None } else { Some(self.embedder.embed(&texts)?) };
        let mut row = pieces.all.len();
        let (mut sentences, mut removed) = (Vec::new(), Vec::new());
        for (claim, parts) in claims.iter().zip(&parts) {
            let (text, rows) = (claim.text.as_str(), rows.as_ref());
            let judge = Judge { ruler: self.ruler, pieces: &pieces, statements, text, rows, row };
            let sentence = judge.sentence(claim, parts);
            row += parts.len();
            let leaves = sentence.status == Status::Unsupported && ungrounded == Ungrounded::Remove;
            if leaves { &mut removed } else { &mut sentences }.push(sentence);
        }
        Ok(Narrative { persona_id: persona_id.to_owned(), author, sentences, removed })
    }
}

/// What the clauses of a sentence come to.
struct Verdict {
    /// Places of the statements that support it.
    said: BTreeSet<usize>,
    /// Of the weakest clause.
    support: f64,
    /// Why some clause is not supported.
    refused: Option<Doubt>,
    uncertain: bool,
    /// The place of a goal that is told as a fact.
    as_fact: Option<usize>,
    own_words: Vec<String>,
}

impl Verdict {
    fn of(found: Vec<Found>) -> Self {
        let (said, support, own_words) = (BTreeSet::new(), f64::INFINITY, Vec::new());
        let mut all = Self { said, support, refused: None, uncertain: false, as_fact: None, own_words };
        for one in found {
            match one {
                Found::Nothing => {}
                Found::Said { statement, support, uncertain, as_fact, own_words } => {
                    all.said.insert(statement);
                    all.support = all.support.min(support);
                    all.uncertain |= uncertain;
                    all.as_fact = all.as_fact.or(as_fact.then_some(statement));
                    all.own_words.extend(own_words);
                }
                Found::Not { doubt, support } => {
                    all.refused = all.refused.or(Some(doubt));
                    all.support = all.support.min(support);
                }
            }
        }
        if all.said.is_empty() && all.refused.is_none() {
            all.refused = Some(Doubt::SaysNothing);
        }
        all
    }

    fn status(&self) -> Status {
        if self.refused.is_some() {
            Status::Unsupported
        } else if self.uncertain || self.as_fact.is_some() || !self.own_words.is_empty() {
            Status::Uncertain
        } else {
            Status::Supported
        }
    }

    fn doubt(self, statements: &[Statement]) -> Option<Doubt> {
        let goal = self.as_fact.map(|place| Doubt::GoalAsFact { statement: statements[place].number });
        let words = (!self.own_words.is_empty()).then_some(Doubt::OwnWords { words: self.own_words });
        self.refused.or(words).or(goal)
    }
}

/// What a sentence is judged with.
struct Judge<'a> {
    ruler: Ruler,
    pieces: &'a Pieces,
    statements: &'a [Statement],
    /// The whole sentence.
    text: &'a str,
    rows: Option<&'a FeatureMatrix>,
    /// The row of the sentence's first clause.
    row: usize,
}

impl Judge<'_> {
    fn sentence(&self, claim: &Claim, parts: &[String]) -> Sentence {
        let found: Vec<Found> = match self.whole(&claim.text) {
            Some(found) => vec![found],
            None => (self.row..).zip(parts).map(|(row, part)| self.clause(part, row)).collect(),
        };
        let verdict = Verdict::of(found);
        let of = |place: &usize| &self.statements[*place];
        let traits: BTreeSet<&str> = verdict.said.iter().map(|place| of(place).name.as_str()).collect();
        Sentence {
            text: claim.text.clone(),
            traits: traits.into_iter().map(str::to_owned).collect(),
            statements: verdict.said.iter().map(|place| of(place).number).collect(),
            cited: claim.cited.clone(),
            support: if verdict.support.is_finite() { verdict.support } else { 0.0 },
            status: verdict.status(),
            other_sides: verdict
                .said
                .iter()
                .flat_map(|place| of(place).other_sides.iter().cloned())
                .collect(),
            doubt: verdict.doubt(self.statements),
        }
    }

    /// A sentence all of whose words stand in one wording needs no cutting: `dislikes crowds and noise`.
    fn whole(&self, text: &str) -> Option<Found> {
        let (words, phrase) = (self.claimed(text), Phrase::new(text));
        if words.is_empty() {
            return None;
        }
        let says = |piece: &&Piece| {
            words.is_subset(&piece.words)
                && self.counted(text, piece.statement).is_some()
                && piece.can_compare(text)
                && !piece.turns_round(&phrase, &words)
        };
        let piece = self.pieces.all.iter().find(says)?;
        Some(self.said(piece, 1.0, &self.opposites(&phrase, &words), text, Vec::new()))
    }

    fn clause(&self, part: &str, row: usize) -> Found {
        let numbers = numbers(part);
        if let Some(&number) = numbers.iter().find(|number| !self.pieces.has_number(**number)) {
            return Found::Not { doubt: Doubt::Number { number }, support: 0.0 };
        }
        let (words, phrase) = (self.claimed(part), Phrase::new(part));
        if words.is_empty() {
            return self.bare(&numbers);
        }
        let (best, opposites) =
            self.best(&phrase, &words, row, |piece| self.counted(part, piece.statement).is_some());
        let support = best.map_or(0.0, |(_, support)| support);
        if let Some((piece, support)) = best
            && support >= SUPPORTED
        {
            return self.said(piece, support, &opposites, part, unknown(part, &self.pieces.words));
        }
        let doubt = match (opposites.first(), numbers.first()) {
            (Some(statement), _) => Doubt::Contradicts { statement: self.statements[*statement].number },
            // The words are said by a statement that does not have the number.
            (None, Some(&number)) => Doubt::Number { number },
            (None, None) => Doubt::NoStatement { part: part.to_owned() },
        };
        Found::Not { doubt, support }
    }

    /// A clause that claims nothing but numbers, `Marta is 35`: each must be the value of a numeric statement.
    fn bare(&self, numbers: &[f64]) -> Found {
        let held = numbers.iter().map(|&number| self.pieces.numeric(number).ok_or(number));
        match held.collect::<Result<Vec<_>, f64>>() {
            Err(number) => Found::Not { doubt: Doubt::Number { number }, support: 0.0 },
            Ok(held) => held.first().map_or(Found::Nothing, |&(statement, _)| Found::Said {
                statement,
                support: 1.0,
                uncertain: self.statements[statement].divergent || held.iter().any(|(_, sure)| !sure),
                as_fact: false,
                own_words: Vec::new(),
            }),
        }
    }

    /// Whether a statement has all numbers of a text, an age aside, which a numeric statement must have; and whether
    /// for sure. Nothing where one is missing.
    fn counted(&self, text: &str, statement: usize) -> Option<bool> {
        let age = tells_age(text);
        let held = |number: f64| {
            let elsewhere = || self.pieces.numeric(number).filter(|_| age).map(|(_, sure)| sure);
            self.pieces.holds(statement, number).or_else(elsewhere)
        };
        numbers(text).into_iter().try_fold(true, |sure, number| Some(sure & held(number)?))
    }

    /// The piece that supports a clause best, how well, and the statements that say the opposite of it. A statement one of
    /// whose wordings turns the clause round, with more of its words, supports it by no other wording.
    fn best(
        &self,
        phrase: &Phrase,
        words: &BTreeSet<String>,
        row: usize,
        may: impl Fn(&Piece) -> bool,
    ) -> (Option<(&Piece, f64)>, Vec<usize>) {
        let (mut best, mut opposites): (Option<(&Piece, f64)>, Vec<usize>) =
            (None, self.opposites(phrase, words));
        let denies = denies(phrase);
        let shared = |piece: &Piece| words.intersection(&piece.words).count();
        let turned = |statement: usize| {
            let own = self.pieces.all.iter().filter(|piece| piece.statement == statement);
            own.filter(|piece| piece.turns_round(phrase, words)).map(shared).max().unwrap_or(0)
        };
        for (place, piece) in self.pieces.all.iter().enumerate() {
            let own = shared(piece);
            if own == 0 || !may(piece) || !piece.can_compare(phrase.shown()) {
                continue;
            }
            let mut support = own as f64 / words.len() as f64;
            // A denial is near in meaning to what it denies.
            if !denies && let Some(rows) = self.rows {
                let cosine = rows.cosine(place, row);
                if self.ruler.is_reworded(cosine) {
                    support = support.max(f64::from(self.ruler.grade(cosine)));
                }
            }
            if support >= SUPPORTED && (piece.turns_round(phrase, words) || turned(piece.statement) > own) {
                opposites.extend((piece.origin == Origin::Wording).then_some(piece.statement));
            } else if best.is_none_or(|(_, most)| support > most) {
                best = Some((piece, support));
            }
        }
        (best, opposites)
    }

    /// What is said is uncertain when the models disagree about it, when another statement says the opposite, or when
    /// only some models have its number. What somebody wants denies nothing of what they lack.
    fn said(
        &self,
        piece: &Piece,
        support: f64,
        opposites: &[usize],
        part: &str,
        own_words: Vec<String>,
    ) -> Found {
        let own = &self.statements[piece.statement];
        let is_wanted = wants(self.text, &piece.words);
        let opposes =
            |other: &Statement| other.name == own.name || !(is_wanted || may_be_wanted(&other.name));
        let opposed =
            opposites.iter().any(|other| *other != piece.statement && opposes(&self.statements[*other]));
        let sure = self.counted(part, piece.statement).unwrap_or(true);
        let uncertain = opposed || !sure || piece.origin == Origin::OtherSide || own.divergent;
        // A passage may tell that the goal was reached.
        let told_as_wish = piece.origin == Origin::Passage || is_wanted;
        let as_fact = is_goal(&own.name) && !told_as_wish;
        Found::Said { statement: piece.statement, support, uncertain, as_fact, own_words }
    }

    /// The statements whose consensus says the opposite, in the words of one of the models behind it: a contradiction, or
    /// what has most of the claimed words and turns them round.
    fn opposites(&self, phrase: &Phrase, words: &BTreeSet<String>) -> Vec<usize> {
        let has_most = |piece: &Piece| {
            words.intersection(&piece.words).count() as f64 >= SUPPORTED * words.len() as f64
                && piece.turns_round(phrase, words)
        };
        let contradicts =
            |piece: &Piece| contradict(phrase, &piece.phrase) && turns_round(phrase, &piece.phrase);
        let held = self.pieces.all.iter().filter(|piece| piece.origin == Origin::Wording);
        held.filter(|piece| contradicts(piece) || has_most(piece)).map(|piece| piece.statement).collect()
    }

    fn claimed(&self, text: &str) -> BTreeSet<String> {
        content(text).difference(&self.pieces.name).cloned().collect()
    }
}
