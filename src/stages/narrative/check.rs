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
//! round (denied, an antonym, `fails to`, `nobody`) supports nothing; what counts is the part of the wording that has the
//! clause's words. Every number must stand in a statement or lie in the range of a numeric one. The rule is strict: a true
//! sentence in words that no model used is not supported, and one with a few words of its author's own, which no
//! statement and no passage has, is uncertain and says which they are.

use std::collections::BTreeSet;

use super::piece::{Origin, Piece, Pieces};
use super::{Claim, Doubt, Narrative, Sentence, Status, Ungrounded};
use crate::embed::{EmbedError, Embedder, FeatureMatrix, Ruler};
use crate::normalise::{Phrase, contradict, denies, turns_round};
use crate::stages::Statement;
use crate::stages::words::{clauses, content, numbers, unknown};

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
    Said { statement: usize, support: f64, uncertain: bool, own_words: Vec<String> },
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
            let judge = Judge { ruler: self.ruler, pieces: &pieces, statements, rows: rows.as_ref(), row };
            let sentence = judge.sentence(claim, parts);
            row += parts.len();
            let leaves = sentence.status == Status::Unsupported && ungrounded == Ungrounded::Remove;
            if leaves { &mut removed } else { &mut sentences }.push(sentence);
        }
        Ok(Narrative { persona_id: persona_id.to_owned(), author, sentences, removed })
    }
}

/// What a sentence is judged with.
struct Judge<'a> {
    ruler: Ruler,
    pieces: &'a Pieces,
    statements: &'a [Statement],
    rows: Option<&'a FeatureMatrix>,
    /// The row of the sentence's first clause.
    row: usize,
}

impl Judge<'_> {
    fn sentence(&self, claim: &Claim, parts: &[String]) -> Sentence {
        let whole = self.whole(&claim.text);
        let found: Vec<Found> = match whole {
            Some(found) => vec![found],
            None => (self.row..).zip(parts).map(|(row, part)| self.clause(part, row)).collect(),
        };
        let (mut said, mut uncertain, mut support, mut doubt) = (BTreeSet::new(), false, f64::INFINITY, None);
        let mut own_words = Vec::new();
        for one in found {
            match one {
                Found::Nothing => {}
                Found::Said { statement, support: own, uncertain: doubtful, own_words: more } => {
                    said.insert(statement);
                    uncertain |= doubtful;
                    support = support.min(own);
                    own_words.extend(more);
                }
                Found::Not { doubt: why, support: own } => {
                    doubt = doubt.or(Some(why));
                    support = support.min(own);
                }
            }
        }
        if said.is_empty() && doubt.is_none() {
            doubt = Some(Doubt::SaysNothing);
        }
        let status = match (&doubt, uncertain || !own_words.is_empty()) {
            (Some(_), _) => Status::Unsupported,
            (None, true) => Status::Uncertain,
            (None, false) => Status::Supported,
        };
        if doubt.is_none() && !own_words.is_empty() {
            doubt = Some(Doubt::OwnWords { words: own_words });
        }
        let of = |place: &usize| &self.statements[*place];
        let traits: BTreeSet<&str> = said.iter().map(|place| of(place).name.as_str()).collect();
        Sentence {
            text: claim.text.clone(),
            traits: traits.into_iter().map(str::to_owned).collect(),
            statements: said.iter().map(|place| of(place).number).collect(),
            cited: claim.cited.clone(),
            support: if support.is_finite() { support } else { 0.0 },
            status,
            doubt,
            other_sides: said.iter().flat_map(|place| of(place).other_sides.iter().cloned()).collect(),
        }
    }

    /// A sentence all of whose words stand in one wording needs no cutting: `dislikes crowds and noise`.
    fn whole(&self, text: &str) -> Option<Found> {
        let (words, phrase) = (self.claimed(text), Phrase::new(text));
        if words.is_empty()
            || numbers(text).into_iter().any(|number| self.pieces.with_number(number).is_none())
        {
            return None;
        }
        let says = |piece: &&Piece| words.is_subset(&piece.words) && !piece.turns_round(&phrase, &words);
        let piece = self.pieces.all.iter().find(says)?;
        Some(self.said(piece, 1.0, &self.opposites(&phrase), Vec::new()))
    }

    fn clause(&self, part: &str, row: usize) -> Found {
        let numbers = numbers(part);
        for &number in &numbers {
            if self.pieces.with_number(number).is_none() {
                return Found::Not { doubt: Doubt::Number { number }, support: 0.0 };
            }
        }
        let (words, phrase) = (self.claimed(part), Phrase::new(part));
        if words.is_empty() {
            let statement = numbers.first().and_then(|number| self.pieces.with_number(*number));
            return statement.map_or(Found::Nothing, |statement| Found::Said {
                statement,
                support: 1.0,
                uncertain: self.statements[statement].divergent,
                own_words: Vec::new(),
            });
        }
        let (best, opposites) = self.best(&phrase, &words, row);
        match (best, opposites.first()) {
            (Some((piece, support)), _) if support >= SUPPORTED => {
                self.said(piece, support, &opposites, unknown(part, &self.pieces.words))
            }
            (best, Some(statement)) => Found::Not {
                doubt: Doubt::Contradicts { statement: self.statements[*statement].number },
                support: best.map_or(0.0, |(_, support)| support),
            },
            (best, None) => Found::Not {
                doubt: Doubt::NoStatement { part: part.to_owned() },
                support: best.map_or(0.0, |(_, support)| support),
            },
        }
    }

    /// The piece that supports a clause best, how well, and the statements that say the opposite of it.
    fn best(
        &self,
        phrase: &Phrase,
        words: &BTreeSet<String>,
        row: usize,
    ) -> (Option<(&Piece, f64)>, Vec<usize>) {
        let (mut best, mut opposites): (Option<(&Piece, f64)>, Vec<usize>) = (None, self.opposites(phrase));
        let denies = denies(phrase);
        for (place, piece) in self.pieces.all.iter().enumerate() {
            let shared = words.intersection(&piece.words).count();
            let mut support = shared as f64 / words.len() as f64;
            // A denial is near in meaning to what it denies.
            if shared > 0
                && !denies
                && let Some(rows) = self.rows
            {
                let cosine = rows.cosine(place, row);
                if self.ruler.is_reworded(cosine) {
                    support = support.max(f64::from(self.ruler.grade(cosine)));
                }
            }
            if support >= SUPPORTED && piece.turns_round(phrase, words) {
                opposites.extend((piece.origin == Origin::Wording).then_some(piece.statement));
            } else if best.is_none_or(|(_, most)| support > most) {
                best = Some((piece, support));
            }
        }
        (best, opposites)
    }

    /// What is said is uncertain when the models disagree about it, or when another statement about the same
    /// trait says the opposite. Different traits may well: what somebody lacks is what they want.
    fn said(&self, piece: &Piece, support: f64, opposites: &[usize], own_words: Vec<String>) -> Found {
        let own = &self.statements[piece.statement];
        let opposed = opposites
            .iter()
            .any(|other| *other != piece.statement && self.statements[*other].name == own.name);
        let uncertain = opposed || piece.origin == Origin::OtherSide || own.divergent;
        Found::Said { statement: piece.statement, support, uncertain, own_words }
    }

    /// The statements whose consensus says the opposite, in the words of one of the models behind it.
    fn opposites(&self, phrase: &Phrase) -> Vec<usize> {
        let held = self.pieces.all.iter().filter(|piece| piece.origin == Origin::Wording);
        held.filter(|piece| contradict(phrase, &piece.phrase) && turns_round(phrase, &piece.phrase))
            .map(|piece| piece.statement)
            .collect()
    }

    fn claimed(&self, text: &str) -> BTreeSet<String> {
        content(text).difference(&self.pieces.name).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{embedder, personas, said};
    use crate::stages::narrative::template;
    use crate::stages::statements;
    use proptest::prelude::*;

    fn marta() -> Vec<Statement> {
        let all = personas(&[
            said(
                "a",
                &[
                    ("name", "Marta"),
                    ("age", "35"),
                    ("occupation", "Hospital nurse on rotating shifts"),
                    ("goals", "Complete her specialist certificate; Find an hour of quiet after the shift"),
                    ("pain_points", "Does not trust the machines with her card; Dislikes crowds and noise"),
                    ("tech_savviness", "low"),
                ],
            ),
            said(
                "b",
                &[
                    ("name", "Marta"),
                    ("age", "Mid-30s"),
                    ("occupation", "Nurse in a hospital, shift work"),
                    ("goals", "Finish the specialist certificate; A quiet hour after the shift"),
                    ("pain_points", "Does not trust machines with her card; Dislikes crowds and noise"),
                    ("tech_savviness", "high"),
                ],
            ),
        ]);
        statements(&all[0])
    }

    fn check(texts: &[&str], ungrounded: Ungrounded) -> Narrative {
        let claims: Vec<Claim> =
            texts.iter().map(|text| Claim { text: (*text).to_owned(), cited: vec![1] }).collect();
        let checker = Checker::new(embedder()).expect("measures");
        checker.check("r/1", None, &claims, &marta(), ungrounded).expect("embeds")
    }

    fn status(text: &str) -> (Status, Option<Doubt>) {
        let sentence = check(&[text], Ungrounded::Mark).sentences.remove(0);
        (sentence.status, sentence.doubt)
    }

    #[test]
    fn what_the_statements_say_stands() {
        for text in [
            "Marta, 35, is a hospital nurse who works rotating shifts.",
            "She is in her mid-thirties and wants to complete her specialist certificate.",
            "After the shift she wants an hour of quiet.",
            "Marta does not trust the machines with her card.",
            "She doesn't like crowds and noise.",
        ] {
            let (found, doubt) = status(text);
            assert_eq!(found, Status::Supported, "{text}: {doubt:?}");
        }
    }

    #[test]
    fn p5_what_no_statement_says_does_not_stand_however_it_is_cited() {
        for text in [
            "Marta loves her seven parrots.",
            "She is a hospital nurse who sails on weekends.",
            "She is a retired engineer.",
            "She is a hospital plumber.",
            "The certificate will make her rich and famous.",
        ] {
            let (found, doubt) = status(text);
            assert_eq!(found, Status::Unsupported, "{text}");
            assert!(
                matches!(doubt, Some(Doubt::NoStatement { .. } | Doubt::Number { .. })),
                "{text}: {doubt:?}"
            );
        }
        assert_eq!(status("This is who she is."), (Status::Unsupported, Some(Doubt::SaysNothing)));
    }

    #[test]
    fn a_number_must_stand_in_a_statement() {
        assert_eq!(
            status("Marta is a 41-year-old hospital nurse."),
            (Status::Unsupported, Some(Doubt::Number { number: 41.0 }))
        );
        assert_eq!(status("Marta has 2 certificates.").1, Some(Doubt::Number { number: 2.0 }));
        assert_eq!(status("Marta is 35.").0, Status::Supported);
    }

    #[test]
    fn the_opposite_of_a_statement_is_no_support_for_it() {
        for text in ["She trusts the machines with her card.", "She likes crowds and noise."] {
            let (found, doubt) = status(text);
            assert_eq!(found, Status::Unsupported, "{text}");
            assert!(matches!(doubt, Some(Doubt::Contradicts { .. })), "{text}: {doubt:?}");
        }
    }

    #[test]
    fn what_reverses_a_statement_is_no_support_however_much_else_is_denied() {
        for text in [
            "She is not a hospital nurse.",
            "She is no longer a hospital nurse.",
            "She is a former hospital nurse.",
            "She fails her specialist certificate.",
            "Nobody wants to complete the specialist certificate.",
            "She hates an hour of quiet after the shift.",
            "She never works rotating shifts.",
        ] {
            let (found, doubt) = status(text);
            assert_eq!(found, Status::Unsupported, "{text}: {doubt:?}");
        }
        assert_eq!(status("She hates crowds and noise.").0, Status::Supported);
    }

    #[test]
    fn p5_a_word_of_the_authors_own_is_marked() {
        let sentence = check(&["She is a hospital nurse on moonlit rotating shifts."], Ungrounded::Remove);
        assert_eq!(sentence.sentences[0].status, Status::Uncertain, "{sentence:?}");
        assert!(sentence.text().ends_with("[in words of its own: moonlit]"), "{}", sentence.text());
        let owned = check(&["She owns a specialist certificate."], Ungrounded::Remove);
        assert!(
            owned.text().is_empty() || owned.text().ends_with("[in words of its own: owns]"),
            "{owned:?}"
        );
    }

    #[test]
    fn where_models_disagree_either_side_is_uncertain_and_both_are_kept() {
        for text in ["Her tech savviness is low.", "Her tech savviness is high."] {
            let sentence = check(&[text], Ungrounded::Mark).sentences.remove(0);
            assert_eq!(
                (sentence.status, sentence.other_sides.len()),
                (Status::Uncertain, 1),
                "{text}: {sentence:?}"
            );
        }
    }

    #[test]
    fn a_wording_of_the_same_statement_or_a_want_is_no_contradiction() {
        let all = personas(&[
            said(
                "a",
                &[("pain_points", "No quiet place to study at home"), ("goals", "A quiet place to study")],
            ),
            said("b", &[("pain_points", "Has no quiet place to study"), ("goals", "A quiet place to study")]),
        ]);
        let statements = statements(&all[0]);
        let claim = Claim { text: "She has no quiet place to study.".to_owned(), cited: Vec::new() };
        let checker = Checker::new(embedder()).expect("measures");
        let told = checker.check("r/1", None, &[claim], &statements, Ungrounded::Mark).expect("embeds");
        assert_eq!(told.sentences[0].status, Status::Supported, "{told:?}");
        assert_eq!(told.sentences[0].traits, ["pain_points"]);
    }

    #[test]
    fn p5_unsupported_sentences_are_taken_out_or_marked() {
        let texts = ["Marta is 35.", "She owns a yacht."];
        let removed = check(&texts, Ungrounded::Remove);
        assert_eq!((removed.sentences.len(), removed.removed.len(), removed.grounded()), (1, 1, Some(0.5)));
        assert_eq!(removed.text(), "Marta is 35.");
        let marked = check(&texts, Ungrounded::Mark);
        assert_eq!(marked.text(), "Marta is 35. She owns a yacht. [not supported]");
        assert_eq!(marked.sentences[0].traits, ["age"]);
        assert_eq!(marked.sentences[1].cited, [1], "kept, and worth nothing");
    }

    #[test]
    fn what_is_cut_from_the_statements_passes_the_check() {
        let statements = marta();
        let checker = Checker::new(embedder()).expect("measures");
        let told = checker
            .check("r/1", None, &template(&statements), &statements, Ungrounded::Mark)
            .expect("embeds");
        let refused: Vec<&Sentence> =
            told.sentences.iter().filter(|sentence| sentence.status == Status::Unsupported).collect();
        assert!(refused.is_empty() && told.sentences.len() >= 5, "{refused:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_text_is_judged_and_support_stays_in_range(text in ".{0,80}") {
            let told = check(&[&text], Ungrounded::Mark);
            prop_assert!((0.0..=1.0).contains(&told.sentences[0].support));
        }
    }
}
