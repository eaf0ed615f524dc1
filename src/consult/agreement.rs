//! What answers have in common, measured on their claims.

use std::collections::BTreeSet;

use linfa::ParamGuard;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{Answer, Stance, claims};
use crate::cluster::{AgreementParams, ClusterError, Threshold, Thresholds};
use crate::embed::{EmbedError, Embedder, Ruler, SimilarityMatrix};
use crate::normalise::{Phrase, contradict};

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
    /// coefficient `2 |A ∩ B| / (|A| + |B|)` over all such pairs (Dice 1945). `null` with one model.
    pub score: Option<f64>,
    /// All claims: best supported first, then as they were first made.
    pub claims: Vec<Claim>,
    /// Claims that deny each other, in the order of the answers; at most 50. Found by a rule of words that
    /// is right where it fires and does not find everything.
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

/// One claim with where it comes from.
struct Said {
    answer: usize,
    phrase: Phrase,
    text: String,
}

/// Measures what the successful answers have in common.
///
/// `voters[i]` says which model gave answer `i`: answers of one model, with different stances for instance,
/// have the same number and together one vote.
///
/// # Errors
/// [`AgreementError`] when claims cannot be embedded or clustered.
pub fn agreement(
    answers: &[Answer],
    voters: &[usize],
    embedder: &dyn Embedder,
) -> Result<Agreement, AgreementError> {
    let said = said(answers);
    let mut measured = Agreement {
        models: distinct((0..answers.len()).filter(|&place| answers[place].success().is_some()), voters),
        score: None,
        claims: Vec::new(),
        contradictions: Vec::new(),
        embedder: embedder.name().to_owned(),
    };
    if said.is_empty() {
        return Ok(measured);
    }
    let opposed = opposed(&said);
    let alike = similarities(&said, &opposed, embedder)?;
    let groups = groups(&said, &alike)?;
    measured.score = score(&said, &groups, answers, voters);
    measured.claims = groups.iter().map(|group| claim(group, &said, &alike, answers, voters)).collect();
    measured.claims.sort_by_key(|claim| std::cmp::Reverse(claim.support));
    measured.contradictions = opposed
        .iter()
        .take(LISTED)
        .map(|&(one, other)| Contradiction {
            one: statement(&said[one], answers),
            other: statement(&said[other], answers),
        })
        .collect();
    Ok(measured)
}

/// The claims of the successful answers, in order; what an answer says twice counts once.
fn said(answers: &[Answer]) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    for (answer, content) in
        answers.iter().enumerate().filter_map(|(place, one)| Some((place, one.success()?)))
    {
        let mut known = BTreeSet::new();
        for text in claims(content) {
            let phrase = Phrase::new(&text);
            if known.insert(phrase.key().to_owned()) {
                said.push(Said { answer, phrase, text });
            }
        }
    }
    said
}

/// Pairs of claims of different answers that contradict each other.
fn opposed(said: &[Said]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (other, later) in said.iter().enumerate() {
        for (one, earlier) in said[..other].iter().enumerate() {
            if earlier.answer != later.answer && contradict(&earlier.phrase, &later.phrase) {
                pairs.push((one, other));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

/// How alike claims are, on the embedder's own scale; claims that contradict each other are not alike at all.
fn similarities(
    said: &[Said],
    opposed: &[(usize, usize)],
    embedder: &dyn Embedder,
) -> Result<SimilarityMatrix, AgreementError> {
    let ruler = Ruler::measure(embedder)?;
    let texts: Vec<&str> = said.iter().map(|claim| claim.text.as_str()).collect();
    let rows = embedder.embed(&texts)?;
    let mut alike = Array2::<f32>::zeros((said.len(), said.len()));
    for row in 0..said.len() {
        for column in 0..row {
            let equal = said[row].phrase.key() == said[column].phrase.key();
            let value = if equal { 1.0 } else { ruler.grade(rows.cosine(row, column)) };
            alike[[row, column]] = value;
            alike[[column, row]] = value;
        }
    }
    for &(one, other) in opposed {
        alike[[one, other]] = -1.0;
        alike[[other, one]] = -1.0;
    }
    SimilarityMatrix::new(alike).map_err(|error| ClusterError::from(error).into())
}

/// The claims that are one claim, by the order in which they were first made.
fn groups(said: &[Said], alike: &SimilarityMatrix) -> Result<Vec<Vec<usize>>, ClusterError> {
    let sittings: Vec<usize> = said.iter().map(|claim| claim.answer).collect();
    let same = Threshold::Fixed(Thresholds { duplicate: None, ..Thresholds::fixed(SAME) });
    let outcome = AgreementParams::new().threshold(same).check()?.fit_similarities(alike, &sittings)?;
    Ok(outcome.assignment.members())
}

fn claim(
    group: &[usize],
    said: &[Said],
    alike: &SimilarityMatrix,
    answers: &[Answer],
    voters: &[usize],
) -> Claim {
    let closeness = |claim: usize| group.iter().map(|&other| f64::from(alike.get(claim, other))).sum::<f64>();
    let medoid = group
        .iter()
        .copied()
        .reduce(|best, claim| if closeness(claim) > closeness(best) { claim } else { best });
    Claim {
        text: said[medoid.unwrap_or_default()].text.clone(),
        support: distinct(group.iter().map(|&claim| said[claim].answer), voters),
        statements: group.iter().map(|&claim| statement(&said[claim], answers)).collect(),
    }
}

fn statement(claim: &Said, answers: &[Answer]) -> Statement {
    let answer = &answers[claim.answer];
    Statement { model: answer.model.clone(), stance: answer.stance, text: claim.text.clone() }
}

/// Distinct models behind some answers.
fn distinct(answers: impl Iterator<Item = usize>, voters: &[usize]) -> usize {
    answers.map(|answer| voters[answer]).collect::<BTreeSet<usize>>().len()
}

/// The mean Dice coefficient over pairs of answers of different models that claim something.
fn score(said: &[Said], groups: &[Vec<usize>], answers: &[Answer], voters: &[usize]) -> Option<f64> {
    let makes = |answer: usize, group: &[usize]| group.iter().any(|&claim| said[claim].answer == answer);
    let size = |answer: usize| groups.iter().filter(|group| makes(answer, group)).count();
    let (mut sum, mut pairs) = (0.0, 0_u32);
    for other in 0..answers.len() {
        for one in (0..other).filter(|&one| voters[one] != voters[other]) {
            let sizes = (size(one), size(other));
            if sizes.0 > 0 && sizes.1 > 0 {
                let common = groups.iter().filter(|group| makes(one, group) && makes(other, group)).count();
                sum += 2.0 * common as f64 / (sizes.0 + sizes.1) as f64;
                pairs += 1;
            }
        }
    }
    (pairs > 0).then(|| sum / f64::from(pairs))
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

    fn measure(answers: &[Answer], voters: &[usize]) -> Agreement {
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
