//! The stage `synthesis`: one model writes narratives, and every sentence is held against the consensus.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::artefacts;
use super::material::{Material, failed, said, unanswered};
use super::questions::{Answers, Check, Desk, Question};
use super::review::Reviewed;
use super::walk::Ended;
use crate::consensus::{ConsensusPersona, PersonaKind};
use crate::persona::RecordId;
use crate::prompt::Prompt;
use crate::stages::narrative::{
    Checker, Claim, Narrative, Status, Ungrounded, narrative_prompt, read_narrative, template,
};
use crate::stages::{Statement, statements};

/// Sentences of a narrative at most.
const SENTENCES: usize = 8;

/// A narrative as the gate shows it and the report prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The persona.
    pub persona_id: String,
    /// The model that wrote it; nobody where it was cut from the consensus.
    pub author: Option<String>,
    /// The model whose narrative had not one sentence that a trait supports; this one was cut in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// What is told.
    pub text: String,
    /// Sentence by sentence.
    pub narrative: Narrative,
}

/// Who says it, and what.
type Said = (Option<String>, Vec<Claim>);

/// A persona on its way to a narrative.
struct Subject {
    persona: ConsensusPersona,
    statements: Vec<Statement>,
}

/// Has a narrative written for every consensus persona. One that only one model saw, and one without an answer, gets
/// sentences cut from its traits.
///
/// In `rounds` of two, an author whose first version says what no trait supports is shown those sentences and writes a second one;
/// where nothing was left out, there is nothing to write again.
pub async fn synthesis(material: &Arc<Material>, desk: &Desk, artefact: &str, rounds: u32) -> Ended {
    match asked(material, desk, artefact, rounds).await {
        Ok(ended) => ended,
        Err(error) => failed(error.as_ref()),
    }
}

async fn asked(
    material: &Arc<Material>,
    desk: &Desk,
    artefact: &str,
    rounds: u32,
) -> Result<Ended, Box<dyn std::error::Error>> {
    let guidance = guidance(material, desk.round)?;
    let subjects: Vec<Subject> = material
        .personas()?
        .into_iter()
        .map(|persona| Subject { statements: statements(&persona), persona })
        .collect();
    let subjects = Arc::new(subjects);
    let questions = questions(material, &subjects, |persona| guidance(persona))?;
    let answers = desk.ask(&questions, readable(&subjects)).await?;
    if let Some(ended) = unanswered(&answers, questions.len()) {
        return Ok(ended);
    }
    let mut narratives = told(material, &subjects, &questions, &answers).await?;
    let mut figures = answers.figures.clone();
    let mut made = 1;
    for round in 1..rounds {
        let removed = removed(&narratives);
        if removed.is_empty() {
            break;
        }
        let heed = |persona: &ConsensusPersona| {
            guidance(persona).into_iter().chain(left_out(&removed, &persona.persona_id)).collect()
        };
        let questions = self::questions(material, &subjects, heed)?;
        let wanted = |place: usize| removed.contains_key(questions[place].about.as_str());
        let again = Desk { round: desk.round + round * FURTHER, ..desk.clone() };
        let answers = again.ask_some(&questions, &wanted, readable(&subjects)).await?;
        if let Some(limit) = answers.interrupted {
            return Ok(Ended::Interrupted { limit });
        }
        figures = figures.plus(&answers.figures);
        better(&mut narratives, told(material, &subjects, &questions, &answers).await?);
        made += 1;
    }
    artefacts::put(&material.folder, artefact, &narratives)?;
    let mut output = said(&figures, &answers.missing);
    count(&mut output, &narratives);
    if rounds > 1 {
        output["synthesis_rounds"] = made.into();
    }
    output["file"] = material.shown(artefact).into();
    Ok(Ended::Completed(output))
}

/// Between the numbers of one round and those of the next: a pipeline sends narratives back less often than that.
const FURTHER: u32 = 100;

/// A question for every persona that a model is to tell of.
fn questions(
    material: &Material,
    subjects: &[Subject],
    heed: impl Fn(&ConsensusPersona) -> Vec<String>,
) -> Result<Vec<Question>, Box<dyn std::error::Error>> {
    let question = material.study.question.as_deref();
    let mut questions = Vec::new();
    for Subject { persona, statements } in subjects.iter().filter(|one| one.is_told()) {
        let prompt = narrative_prompt(question, statements, &heed(persona), SENTENCES)?;
        questions.push(Question { about: RecordId::new(&persona.persona_id)?, prompt });
    }
    Ok(questions)
}

impl Subject {
    /// Whether a model is to tell of it.
    fn is_told(&self) -> bool {
        self.persona.kind == PersonaKind::Consensus && !self.statements.is_empty()
    }
}

/// Whether an answer is a narrative about what was asked.
fn readable(subjects: &Arc<Vec<Subject>>) -> Check {
    let subjects = Arc::clone(subjects);
    Box::new(move |place, text| {
        let subject = subjects.iter().filter(|one| one.is_told()).nth(place);
        let known = subject.map(|subject| subject.statements.as_slice()).unwrap_or_default();
        let read = read_narrative(text, false, known);
        read.err().map(|error| error.to_string()).into_iter().collect()
    })
}

/// The narratives of all personas, every sentence held against the consensus.
async fn told(
    material: &Arc<Material>,
    subjects: &Arc<Vec<Subject>>,
    questions: &[Question],
    answers: &Answers,
) -> Result<Vec<Told>, Box<dyn std::error::Error>> {
    let claims = claims(subjects, questions, answers)?;
    let (material, subjects) = (Arc::clone(material), Arc::clone(subjects));
    Ok(tokio::task::spawn_blocking(move || checked(&material, &subjects, claims)).await??)
}

/// The sentences that models wrote and no trait supports, by persona.
fn removed(narratives: &[Told]) -> BTreeMap<String, Vec<String>> {
    let by_model = narratives.iter().filter(|told| told.of_a_model().is_some());
    let sentences = by_model.map(|told| {
        let removed = told.narrative.removed.iter().map(|sentence| sentence.text.clone());
        (told.persona_id.clone(), removed.collect::<Vec<String>>())
    });
    sentences.filter(|(_, removed)| !removed.is_empty()).collect()
}

/// What an author is told about the first version.
fn left_out(removed: &BTreeMap<String, Vec<String>>, persona: &str) -> Vec<String> {
    let sentence = |text: &String| {
        format!(
            "An earlier version said «{text}», which no trait supports: leave it out, or say what a trait says."
        )
    };
    removed.get(persona).map(|all| all.iter().map(sentence).collect()).unwrap_or_default()
}

/// Takes a second version where a model wrote one and no more of it had to be left out.
fn better(narratives: &mut [Told], second: Vec<Told>) {
    for (first, second) in narratives.iter_mut().zip(second) {
        let left = |told: &Told| told.narrative.removed.len();
        let kept = !second.narrative.sentences.is_empty();
        if second.author.is_some() && kept && left(&second) <= left(first) {
            *first = second;
        }
    }
}

/// What the reviewer, and in a later round the quality check, says about a persona's narrative.
fn guidance(
    material: &Material,
    round: u32,
) -> Result<impl Fn(&ConsensusPersona) -> Vec<String> + use<>, Box<dyn std::error::Error>> {
    let reviews: Vec<Reviewed> = match material.artefact("review")? {
        Value::Null => Vec::new(),
        reviews => serde_json::from_value(reviews)?,
    };
    let quality = if round > 0 { material.artefact("quality")? } else { Value::Null };
    let findings: Vec<Value> = quality["findings"].as_array().cloned().unwrap_or_default();
    Ok(move |persona: &ConsensusPersona| {
        let of_record = reviews.iter().filter(|one| one.record == persona.record);
        let about = |finding: &&Value| {
            let id = &finding["persona_id"];
            finding["check"] == "narrative" && (id.is_null() || *id == *persona.persona_id)
        };
        let sent_back = findings.iter().filter(about).filter_map(|finding| finding["reason"].as_str());
        let sent_back = sent_back.map(|reason| format!("An earlier version was sent back: {reason}."));
        of_record.flat_map(|one| one.review.guidance.clone()).chain(sent_back).collect()
    })
}

/// What a model is told before anything about a persona: another wording makes other narratives.
#[must_use]
pub fn wording(question: Option<&str>) -> Option<Prompt> {
    narrative_prompt(question, &[], &[], SENTENCES).ok()
}

/// Who says what about each persona, in their order.
fn claims(
    subjects: &[Subject],
    questions: &[Question],
    answers: &Answers,
) -> Result<Vec<Said>, Box<dyn std::error::Error>> {
    let answer = |id: &str| {
        let place = questions.iter().position(|question| question.about.as_str() == id)?;
        answers.answers[place].as_ref()
    };
    subjects
        .iter()
        .map(|subject| match answer(&subject.persona.persona_id) {
            Some(answer) => {
                let claims = read_narrative(&answer.content, false, &subject.statements)?;
                Ok((Some(answer.model.to_string()), claims))
            }
            None => Ok((None, template(&subject.statements))),
        })
        .collect()
}

fn checked(
    material: &Material,
    subjects: &[Subject],
    claims: Vec<Said>,
) -> Result<Vec<Told>, crate::embed::EmbedError> {
    let checker = Checker::new(material.embedder.as_ref())?;
    let told = |(subject, (author, claims)): (&Subject, Said)| {
        let id = &subject.persona.persona_id;
        let check = |author: Option<String>, claims: &[Claim]| {
            checker.check(id, author, claims, &subject.statements, Ungrounded::Remove)
        };
        let mut narrative = check(author.clone(), &claims)?;
        let replaced = author.filter(|_| narrative.sentences.is_empty());
        if replaced.is_some() {
            // Nothing is told under the name of a model of whose words nothing is left.
            let cut = check(None, &template(&subject.statements))?;
            narrative = Narrative { removed: narrative.removed, ..cut };
        }
        let author = narrative.author.clone();
        Ok(Told { persona_id: id.clone(), author, replaced, text: narrative.text(), narrative })
    };
    subjects.iter().zip(claims).map(told).collect()
}

impl Told {
    /// Of the sentences that a model wrote: those that stay, and all of them; nothing where none wrote.
    pub(super) fn of_a_model(&self) -> Option<(usize, usize)> {
        let removed = self.narrative.removed.len();
        let kept = match (&self.author, &self.replaced) {
            (Some(_), _) => self.narrative.sentences.len(),
            (None, Some(_)) => 0,
            (None, None) => return None,
        };
        (kept + removed > 0).then_some((kept, kept + removed))
    }
}

fn count(output: &mut Value, narratives: &[Told]) {
    let by_model: Vec<&Told> = narratives.iter().filter(|told| told.author.is_some()).collect();
    let (kept, all) = narratives
        .iter()
        .filter_map(Told::of_a_model)
        .fold((0, 0), |(kept, all), (own, of)| (kept + own, all + of));
    let removed = all - kept;
    let status = |told: &&Told, status| {
        told.narrative.sentences.iter().filter(|sentence| sentence.status == status).count()
    };
    let uncertain: usize = by_model.iter().map(|told| status(told, Status::Uncertain)).sum();
    output["narratives"] = narratives.len().into();
    output["by_model"] = by_model.len().into();
    output["replaced"] = narratives.iter().filter(|told| told.replaced.is_some()).count().into();
    output["sentences"] = all.into();
    output["removed"] = removed.into();
    output["uncertain"] = uncertain.into();
    // Of what models wrote; what was cut from the consensus is grounded by its making.
    output["grounded"] = if all > 0 { ((all - removed) as f64 / all as f64).into() } else { Value::Null };
}

#[cfg(test)]
#[path = "synthesis_tests.rs"]
mod tests;
