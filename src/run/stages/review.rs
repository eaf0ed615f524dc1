//! The stage `review`: one model reads the personas of a record with their conflicts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::artefacts;
use super::material::{Material, by_record, failed, said, unanswered};
use super::questions::{Check, Desk, Question};
use super::walk::Ended;
use crate::persona::{ModelName, RecordId};
use crate::prompt::Prompt;
use crate::stages::review::{Review, read_review, review_prompt, without_model};

/// The review of one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reviewed {
    /// The record.
    pub record: RecordId,
    /// Who reviewed it; nobody where it was done by rule.
    pub reviewer: Option<ModelName>,
    /// The review.
    pub review: Review,
}

/// What a model is told before anything about a record: another wording makes other reviews.
#[must_use]
pub fn wording(question: Option<&str>) -> Option<Prompt> {
    review_prompt(question, &[]).ok()
}

/// Has every record reviewed. A record without an answer is reviewed by rule, and named as missing.
pub async fn review(material: &Material, desk: &Desk, artefact: &str) -> Ended {
    match asked(material, desk, artefact).await {
        Ok(ended) => ended,
        Err(error) => failed(error.as_ref()),
    }
}

async fn asked(
    material: &Material,
    desk: &Desk,
    artefact: &str,
) -> Result<Ended, Box<dyn std::error::Error>> {
    let groups = by_record(material.personas()?);
    let question = material.study.question.as_deref();
    let mut questions = Vec::new();
    for (record, personas) in &groups {
        questions.push(Question { about: record.clone(), prompt: review_prompt(question, personas)? });
    }
    let known = groups.clone();
    let check: Check = Box::new(move |place, text| {
        let read = read_review(text, false, &known[place].1);
        read.err().map(|error| error.to_string()).into_iter().collect()
    });
    let answers = desk.ask(&questions, check).await?;
    // A study that can do without a reviewer is reviewed by rule where the answers cannot be used.
    let by_rule = desk.settings.optional && answers.interrupted.is_none();
    if let Some(ended) = unanswered(&answers, questions.len()).filter(|_| !by_rule) {
        return Ok(ended);
    }
    let mut reviews = Vec::new();
    for ((record, personas), answer) in groups.iter().zip(&answers.answers) {
        let (reviewer, review) = match answer {
            Some(answer) => (Some(answer.model.clone()), read_review(&answer.content, false, personas)?),
            None => (None, without_model(personas, &material.study.schema)),
        };
        reviews.push(Reviewed { record: record.clone(), reviewer, review });
    }
    artefacts::put(&material.folder, artefact, &reviews)?;
    let mut output = said(&answers.figures, &answers.missing);
    output["reviews"] = reviews.len().into();
    output["conflicts"] = reviews.iter().map(|one| one.review.conflicts.len()).sum::<usize>().into();
    output["to_collect"] = reviews.iter().map(|one| one.review.missing.len()).sum::<usize>().into();
    output["summary"] = reviews.first().map_or(Value::Null, |one| one.review.summary.clone().into());
    output["file"] = material.shown(artefact).into();
    Ok(Ended::Completed(output))
}
