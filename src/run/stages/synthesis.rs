//! The stage `synthesis`: one model writes narratives, and every sentence is held against the consensus.

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
pub async fn synthesis(material: &Arc<Material>, desk: &Desk, artefact: &str) -> Ended {
    match asked(material, desk, artefact).await {
        Ok(ended) => ended,
        Err(error) => failed(error.as_ref()),
    }
}

async fn asked(
    material: &Arc<Material>,
    desk: &Desk,
    artefact: &str,
) -> Result<Ended, Box<dyn std::error::Error>> {
    let guidance = guidance(material, desk.round)?;
    let subjects: Vec<Subject> = material
        .personas()?
        .into_iter()
        .map(|persona| Subject { statements: statements(&persona), persona })
        .collect();
    let told =
        |subject: &&Subject| subject.persona.kind == PersonaKind::Consensus && !subject.statements.is_empty();
    let asked: Vec<&Subject> = subjects.iter().filter(told).collect();
    let mut questions = Vec::new();
    for subject in &asked {
        let heed = guidance(&subject.persona);
        let question = material.study.question.as_deref();
        let prompt = narrative_prompt(question, &subject.statements, &heed, SENTENCES)?;
        questions.push(Question { about: RecordId::new(&subject.persona.persona_id)?, prompt });
    }
    let known: Vec<Vec<Statement>> = asked.iter().map(|subject| subject.statements.clone()).collect();
    let check: Check = Box::new(move |place, text| {
        let read = read_narrative(text, false, &known[place]);
        read.err().map(|error| error.to_string()).into_iter().collect()
    });
    let answers = desk.ask(&questions, check).await?;
    if let Some(ended) = unanswered(&answers, questions.len()) {
        return Ok(ended);
    }
    let claims = claims(&subjects, &questions, &answers)?;
    let shared = Arc::clone(material);
    let narratives = tokio::task::spawn_blocking(move || checked(&shared, &subjects, claims)).await??;
    artefacts::put(&material.folder, artefact, &narratives)?;
    let mut output = said(&answers.figures, &answers.missing);
    count(&mut output, &narratives);
    output["file"] = material.shown(artefact).into();
    Ok(Ended::Completed(output))
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
