//! What answers have in common, measured on their claims.

use std::collections::{BTreeMap, BTreeSet};

use linfa::ParamGuard;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::wording::{Relation, Wording};
use super::{Answer, Stance, claims};
use crate::cluster::{AgreementParams, ClusterError, Threshold, Thresholds};
use crate::embed::{EmbedError, Embedder, Ruler, SimilarityMatrix};
use crate::normalise::Phrase;

/// From where on two claims are the same, on the embedder's own scale, where a rewording of a short phrase
/// reaches 0.75. Answers to one question are near each other whatever they say, so that more is asked here. Of
/// the pairs of STS 2016 above it with the static table, people call 57 % the same or nearly so (4 of 5 points) and
/// 78 % alike but for details (3 points), and 68 % of all pairs of 4 points are above it; at 0.75 it is 42, 58 and
/// 91 %.
const SAME: f64 = 0.85;

/// Contradictions that are listed.
const LISTED: usize = 50;

/// A claim in the words of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Statement {
    /// Who says it.
    pub model: String,
    /// On which side.
    pub stance: Stance,
    /// In which words.
    pub text: String,
}

/// A claim, in the words of everybody who makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Claim {
    /// The wording that is most like all others: the medoid.
    pub text: String,
    /// Distinct models behind it; a model that was asked twice counts once.
    pub support: usize,
    /// The sum of their weights: equal to `support` where no model has a weight of its own.
    pub weight: f64,
    /// Every wording, in the order of the answers.
    pub statements: Vec<Statement>,
}

/// Two claims of different answers, one of which denies the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Contradiction {
    /// The claim of the earlier answer.
    pub one: Statement,
    /// The claim of the later one.
    pub other: Statement,
}

/// What answers have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Agreement {
    /// Distinct models that answered.
    pub models: usize,
    /// Mean share of claims that two answers of different models have in common, in 0..=1: the Dice
    /// coefficient `2 |A ∩ B| / (|A| + |B|)` over all such pairs (Dice 1945), each pair with the product of its models'
    /// weights. `null` with one model.
    pub score: Option<f64>,
    /// All claims: those of the greatest weight first, then as they were first made.
    pub claims: Vec<Claim>,
    /// Claims that deny each other, in the order of the answers; at most 50. Found by a rule of words, which
    /// misses many and may be wrong: read both sides.
    pub contradictions: Vec<Contradiction>,
    /// What compared the claims.
    pub embedder: String,
}

/// Why agreement could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgreementError {
    /// The embedder failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The claims could not be matched.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// The model behind an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voter {
    /// Which model, by number: answers of one model, with different stances for instance, have the same number and
    /// together one vote.
    pub model: usize,
    /// How much its vote counts, above 0.
    pub weight: f64,
}

/// One claim with where it comes from.
struct Said {
    answer: usize,
    phrase: Phrase,
    wording: Wording,
    text: String,
    /// Whether the embedder knows what it says; others are the same only where they are equal.
    read: bool,
}

/// What the words of claims say about each other: pairs of places, the smaller one first.
#[derive(Default)]
struct Words {
    /// Never the same claim.
    apart: BTreeSet<(usize, usize)>,
    /// Of different answers, and one denies the other; in order.
    opposed: Vec<(usize, usize)>,
}

/// Measures what the successful answers have in common; `voters[i]` is the model behind answer `i`.
///
/// # Errors
/// [`AgreementError`] when claims cannot be embedded or clustered.
pub fn agreement(
    answers: &[Answer],
    voters: &[Voter],
    embedder: &dyn Embedder,
) -> Result<Agreement, AgreementError> {
    let said = said(answers, embedder);
    let answered = (0..answers.len()).filter(|&place| answers[place].success().is_some());
    let mut measured = Agreement {
        models: distinct(answered, voters).0,
        score: None,
        claims: Vec::new(),
        contradictions: Vec::new(),
        embedder: embedder.name().to_owned(),
    };
    if said.is_empty() {
        return Ok(measured);
    }
    let words = compared(&said);
    let alike = similarities(&said, &words, embedder)?;
    let groups = groups(&said, &alike, &words)?;
    measured.score = score(&said, &groups, answers, voters);
    measured.claims = groups.iter().map(|group| claim(group, &said, &alike, answers, voters)).collect();
    measured.claims.sort_by(|one, other| other.weight.total_cmp(&one.weight));
    let contradiction = |&(one, other): &(usize, usize)| Contradiction {
        one: statement(&said[one], answers),
        other: statement(&said[other], answers),
    };
    measured.contradictions = words.opposed.iter().take(LISTED).map(contradiction).collect();
    Ok(measured)
}

/// The claims of the successful answers, in order; what an answer says twice counts once.
fn said(answers: &[Answer], embedder: &dyn Embedder) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    for (answer, content) in
        answers.iter().enumerate().filter_map(|(place, one)| Some((place, one.success()?)))
    {
        let mut known = BTreeSet::new();
        for text in claims(content) {
            let phrase = Phrase::new(&text);
            if known.insert(phrase.key().to_owned()) {
                let (wording, read) = (Wording::new(&text), embedder.reads(&text));
                said.push(Said { answer, phrase, wording, text, read });
            }
        }
    }
    said
}

/// Holds the words of all claims of different answers against each other.
fn compared(said: &[Said]) -> Words {
    let mut words = Words::default();
    for (one, earlier) in said.iter().enumerate() {
        for (other, later) in said.iter().enumerate().skip(one + 1) {
            if earlier.answer == later.answer || earlier.phrase.key() == later.phrase.key() {
                continue;
            }
            let relation = earlier.wording.against(&later.wording);
            if relation == Relation::Opposed {
                words.opposed.push((one, other));
            }
            let unread = relation == Relation::Open && !(earlier.read && later.read);
            if matches!(relation, Relation::Different | Relation::Opposed) || unread {
                words.apart.insert((one, other));
            }
        }
    }
    words
}

/// How alike claims are, on the embedder's own scale; those that their words keep apart are not alike at all.
fn similarities(
    said: &[Said],
    words: &Words,
    embedder: &dyn Embedder,
) -> Result<SimilarityMatrix, AgreementError> {
    let ruler = Ruler::measure(embedder)?;
    let texts: Vec<&str> = said.iter().map(|claim| claim.text.as_str()).collect();
    let rows = embedder.embed(&texts)?;
    let mut alike = Array2::<f32>::zeros((said.len(), said.len()));
    for row in 0..said.len() {
        for column in 0..row {
            let (here, there) = (&said[row], &said[column]);
            let value =
                if here.phrase.key() == there.phrase.key() || here.wording.is_verdict_of(&there.wording) {
                    1.0
                } else if words.apart.contains(&(column, row)) {
                    -1.0
                } else {
                    ruler.grade(rows.cosine(row, column))
                };
            alike[[row, column]] = value;
            alike[[column, row]] = value;
        }
    }
    SimilarityMatrix::new(alike).map_err(|error| ClusterError::from(error).into())
}

/// The claims that are one claim, by the order in which they were first made.
fn groups(said: &[Said], alike: &SimilarityMatrix, words: &Words) -> Result<Vec<Vec<usize>>, ClusterError> {
    let sittings: Vec<usize> = said.iter().map(|claim| claim.answer).collect();
    let same = Threshold::Fixed(Thresholds { duplicate: None, ..Thresholds::fixed(SAME) });
    let outcome = AgreementParams::new().threshold(same).check()?.fit_similarities(alike, &sittings)?;
    let mut groups: Vec<Vec<usize>> =
        outcome.assignment.members().iter().flat_map(|group| without_foes(group, words)).collect();
    groups.sort_unstable();
    Ok(groups)
}

/// A group cut where its words keep members apart: two claims may be near to a third one and not the same as each other.
fn without_foes(group: &[usize], words: &Words) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for &claim in group {
        let fits = |part: &&mut Vec<usize>| {
            part.iter().all(|&other| !words.apart.contains(&(claim.min(other), claim.max(other))))
        };
        match parts.iter_mut().find(fits) {
            Some(part) => part.push(claim),
            None => parts.push(vec![claim]),
        }
    }
    parts
}

fn claim(
    group: &[usize],
    said: &[Said],
    alike: &SimilarityMatrix,
    answers: &[Answer],
    voters: &[Voter],
) -> Claim {
    let closeness = |claim: usize| group.iter().map(|&other| f64::from(alike.get(claim, other))).sum::<f64>();
    let medoid = group
        .iter()
        .copied()
        .reduce(|best, claim| if closeness(claim) > closeness(best) { claim } else { best });
    let (support, weight) = distinct(group.iter().map(|&claim| said[claim].answer), voters);
    Claim {
        text: said[medoid.unwrap_or_default()].text.clone(),
        support,
        weight,
        statements: group.iter().map(|&claim| statement(&said[claim], answers)).collect(),
    }
}

fn statement(claim: &Said, answers: &[Answer]) -> Statement {
    let answer = &answers[claim.answer];
    Statement { model: answer.model.clone(), stance: answer.stance, text: claim.text.clone() }
}

/// Distinct models behind some answers, and the sum of their weights.
fn distinct(answers: impl Iterator<Item = usize>, voters: &[Voter]) -> (usize, f64) {
    let models: BTreeMap<usize, f64> =
        answers.map(|answer| (voters[answer].model, voters[answer].weight)).collect();
    (models.len(), models.values().sum())
}

/// The mean Dice coefficient over pairs of answers of different models that claim something, each pair with the product
/// of its models' weights.
fn score(said: &[Said], groups: &[Vec<usize>], answers: &[Answer], voters: &[Voter]) -> Option<f64> {
    let makes = |answer: usize, group: &[usize]| group.iter().any(|&claim| said[claim].answer == answer);
    let size = |answer: usize| groups.iter().filter(|group| makes(answer, group)).count();
    let (mut sum, mut weights) = (0.0, 0.0);
    for other in 0..answers.len() {
        for one in (0..other).filter(|&one| voters[one].model != voters[other].model) {
            let sizes = (size(one), size(other));
            if sizes.0 > 0 && sizes.1 > 0 {
                let common = groups.iter().filter(|group| makes(one, group) && makes(other, group)).count();
                let weight = voters[one].weight * voters[other].weight;
                sum += weight * 2.0 * common as f64 / (sizes.0 + sizes.1) as f64;
                weights += weight;
            }
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consult::Status;
    use crate::embed::StaticEmbedder;

    fn answer(model: &str, stance: Stance, content: &str) -> Answer {
        Answer {
            model: model.to_owned(),
            stance,
            status: Status::Success,
            content: Some(content.to_owned()),
            error_message: None,
            latency_ms: 0,
        }
    }

    fn measure(answers: &[Answer], models: &[usize]) -> Agreement {
        let voters: Vec<Voter> = models.iter().map(|&model| Voter { model, weight: 1.0 }).collect();
        weighed(answers, &voters)
    }

    fn weighed(answers: &[Answer], voters: &[Voter]) -> Agreement {
        agreement(answers, voters, &StaticEmbedder::embedded().unwrap()).unwrap()
    }

    #[test]
    fn agreement_is_the_share_of_claims_that_models_have_in_common() {
        let answers = [
            answer("a", Stance::Neutral, "Remote work saves commuting time. New people learn more slowly."),
            answer("b", Stance::Neutral, "Remote work saves commuting time. Offices are expensive."),
        ];
        let measured = measure(&answers, &[0, 1]);
        // One of two claims each is shared: 2 × 1 / (2 + 2) = 0.5.
        assert_eq!(measured.score, Some(0.5));
        let first = &measured.claims[0];
        assert_eq!((first.text.as_str(), first.support), ("Remote work saves commuting time", 2));
        assert_eq!(measured.claims.len(), 3);
    }

    #[test]
    fn the_same_in_other_words_is_the_same_claim() {
        let answers = [
            answer("a", Stance::Neutral, "The library should stay open late in the evening."),
            answer("b", Stance::Neutral, "The library should be open until late in the evening."),
            answer("c", Stance::Neutral, "Heating costs too much in winter."),
        ];
        let measured = measure(&answers, &[0, 1, 2]);
        assert_eq!(measured.claims[0].support, 2, "{:?}", measured.claims);
        // Pairs: 1, 0 and 0.
        assert_eq!(measured.score.map(|score| (score * 3.0).round()), Some(1.0));
    }

    #[test]
    fn two_claims_about_the_same_thing_are_not_the_same_claim() {
        let answers = [
            answer(
                "a",
                Stance::For,
                "The extra staff cost is small compared with the rent of a second branch.",
            ),
            answer(
                "b",
                Stance::Against,
                "Two members of staff must be present for safety, and that cost is large.",
            ),
        ];
        assert_eq!(measure(&answers, &[0, 1]).score, Some(0.0));
    }

    /// Two answers, their agreement times 100, and how many contradictions are found.
    const PAIRS: [(&str, &str, u32, usize); 29] = [
        ("Yes, ship it on Friday.", "No, do not ship it on Friday.", 0, 2),
        // The answers share one of one and two claims: 2 × 1 / 3.
        ("No, do not ship it on Friday.", "Do not ship it on Friday.", 67, 0),
        ("Yes.", "No.", 0, 1),
        ("Yes.", "Yeah!", 100, 0),
        ("Ship it on Friday.", "Don't ship it on Friday.", 0, 1),
        ("Ship it on Friday.", "Ship it on Monday.", 0, 0),
        ("Do not ship it on Friday.", "Ship it on Monday.", 0, 0),
        ("We should open the library on Sundays.", "We should close the library on Sundays.", 0, 1),
        ("We should open the library.", "We should not close the library.", 0, 0),
        ("I recommend approving the merger.", "I recommend rejecting the merger.", 0, 1),
        ("Prices will rise next year.", "Prices will fall next year.", 0, 1),
        ("The tax should be raised to 20 percent.", "The tax should be raised to 90 percent.", 0, 0),
        ("The tax should be raised to 20 percent.", "The tax should be raised to twenty percent.", 100, 0),
        ("The company should buy the supplier.", "The supplier should buy the company.", 0, 0),
        ("Remote work is better than office work.", "Office work is better than remote work.", 0, 1),
        ("It is true that vaccines are safe.", "It is false that vaccines are safe.", 0, 1),
        ("Vaccines are safe.", "Vaccines are unsafe.", 0, 1),
        ("It must be done before launch.", "It must be done after launch.", 0, 1),
        ("Nobody opposes the plan.", "Everybody opposes the plan.", 0, 1),
        ("Nobody opposes the plan.", "Everybody supports the plan.", 0, 0),
        ("The evidence supports it.", "The evidence refutes it.", 0, 1),
        ("The patient should take aspirin daily.", "The patient should avoid taking aspirin daily.", 0, 1),
        ("Hire Anna for the role.", "Do not hire Peter for the role.", 0, 0),
        ("Use Postgres for the database.", "Use MySQL for the database.", 0, 0),
        ("図書館は開けるべきです。", "猫は魚が好きです。", 0, 0),
        ("図書館は開けるべきです。", "図書館は開けるべきです。", 100, 0),
        ("Библиотеку нужно открыть.", "Кошки любят рыбу.", 0, 0),
        (
            "The library should open on Sundays because readers need quiet space in the evening and the cost is low \
             compared with new branches.",
            "The library should not open on Sundays because readers need quiet space in the evening and the cost is \
             low compared with new branches.",
            0,
            1,
        ),
        // What only who knows the world can see is not seen.
        ("It costs too much.", "The price is excessive.", 0, 0),
    ];

    #[test]
    fn opposite_answers_are_no_agreement_and_agreeing_ones_no_contradiction() {
        let mut wrong = Vec::new();
        for (one, other, expected, contradictions) in PAIRS {
            for (one, other) in [(one, other), (other, one)] {
                let answers = [answer("a", Stance::Neutral, one), answer("b", Stance::Neutral, other)];
                let measured = measure(&answers, &[0, 1]);
                let score = measured.score.map(|score| (score * 100.0).round());
                if (score, measured.contradictions.len()) != (Some(f64::from(expected)), contradictions) {
                    wrong.push((one, other, score, measured.contradictions.len()));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_words_keep_apart_is_not_joined_by_a_third_claim() {
        let texts = ["Buses are late at night.", "Buses run late at night.", "Buses are not late at night."];
        let answers = texts.map(|text| answer(text, Stance::Neutral, text));
        for claim in measure(&answers, &[0, 1, 2]).claims {
            let says = |text: &str| claim.statements.iter().any(|one| one.model == text);
            assert!(!(says(texts[0]) && says(texts[2])), "{claim:?}");
        }
    }

    #[test]
    fn c9_a_models_weight_weighs_in_the_score_and_in_the_order_of_the_claims() {
        let answers = [
            answer("a", Stance::Neutral, "Trains are late."),
            answer("b", Stance::Neutral, "Trains are late."),
            answer("c", Stance::Neutral, "Bikes are cheap."),
        ];
        let voter = |model, weight| Voter { model, weight };
        let measured = weighed(&answers, &[voter(0, 1.0), voter(1, 2.0), voter(2, 4.0)]);
        // Pairs ab, ac, bc share 1, 0, 0 and weigh 2, 4, 8: 2 / 14 = 1 / 7.
        assert!(measured.score.is_some_and(|score| (score - 1.0 / 7.0).abs() < 1e-12), "{measured:?}");
        let claims: Vec<(&str, usize, f64)> =
            measured.claims.iter().map(|claim| (claim.text.as_str(), claim.support, claim.weight)).collect();
        assert_eq!(claims, [("Bikes are cheap", 1, 4.0), ("Trains are late", 2, 3.0)]);
    }

    #[test]
    fn m6_a_model_that_argues_both_sides_has_one_vote() {
        let same = "Remote work saves commuting time.";
        let answers = [answer("a", Stance::For, same), answer("a", Stance::Against, same)];
        let measured = measure(&answers, &[0, 0]);
        assert_eq!((measured.models, measured.claims[0].support, measured.score), (1, 1, None));
    }

    #[test]
    fn contradicting_claims_are_listed_and_never_support_each_other() {
        let answers = [
            answer("a", Stance::For, "The users trust the bank."),
            answer("b", Stance::Against, "The users distrust the bank."),
        ];
        let measured = measure(&answers, &[0, 1]);
        assert_eq!(measured.contradictions.len(), 1, "{measured:?}");
        assert!(measured.claims.iter().all(|claim| claim.support == 1));
        assert_eq!(measured.score, Some(0.0));
    }

    #[test]
    fn answers_that_claim_nothing_agree_on_nothing() {
        let measured =
            measure(&[answer("a", Stance::Neutral, "?"), answer("b", Stance::Neutral, "")], &[0, 1]);
        assert_eq!((measured.models, measured.score, measured.claims.len()), (2, None, 0));
    }

    #[test]
    fn the_order_of_the_answers_changes_no_figure() {
        let mut answers = vec![
            answer("a", Stance::Neutral, "Trains are late. Buses are full. Bikes are cheap."),
            answer("b", Stance::Neutral, "Buses are full. Trains are late."),
            answer("c", Stance::Neutral, "Bikes are cheap. Cars are loud."),
        ];
        let figures = |measured: Agreement| {
            let mut support: Vec<usize> = measured.claims.iter().map(|claim| claim.support).collect();
            support.sort_unstable();
            (measured.score.map(|score| (score * 1e9).round()), support)
        };
        let forwards = figures(measure(&answers, &[0, 1, 2]));
        answers.reverse();
        assert_eq!(figures(measure(&answers, &[0, 1, 2])), forwards);
    }
}
