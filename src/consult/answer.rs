//! What a consultation gives back.

use serde::{Deserialize, Serialize};

use super::{Agreement, ContinuationId, Stance};

/// Whether there is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There is.
    Success,
    /// There is none.
    Error,
}

/// What one model answered. The field names are an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Answer {
    /// The model, as the caller named it.
    pub model: String,
    /// The side that it was asked to take.
    pub stance: Stance,
    /// Whether it answered.
    pub status: Status,
    /// Its answer, verbatim.
    pub content: Option<String>,
    /// Why there is none.
    pub error_message: Option<String>,
    /// How long its last attempt took, in milliseconds.
    pub latency_ms: u64,
}

/// What a provider told about one call, and what it cost; beside the answers, whose fields are fixed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct AnswerMetadata {
    /// The model, as the caller named it.
    pub model: String,
    /// The side that it was asked to take.
    pub stance: Stance,
    /// Who was asked, in the word before the colon: the model's own provider, or that of the model that stood in.
    pub provider: String,
    /// The model that answered, as the provider names it; `null` where it does not say.
    pub response_model: Option<String>,
    /// Why the answer ended: `stop`, `length`, or the provider's word; `null` without an answer.
    pub finish_reason: Option<String>,
    /// Tokens of the prompt; `null` where the provider does not say.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: Option<u64>,
    /// What all attempts cost; `null` where no price is known.
    pub cost: Option<f64>,
    /// Attempts, failed ones included.
    pub attempts: u32,
    /// How long the last one took, in milliseconds.
    pub latency_ms: u64,
}

/// A model that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct AnswerError {
    /// The model, as the caller named it.
    pub model: String,
    /// The side that it was asked to take.
    pub stance: Stance,
    /// Why there is no answer.
    pub error_message: String,
}

/// All answers in one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Synthesis {
    /// The model that wrote it; `null` where it consists of the models' own sentences.
    pub by: Option<String>,
    /// The text.
    pub text: String,
}

/// The outcome of one turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Consultation {
    /// Success when at least one model answered.
    pub status: Status,
    /// What every model said, in the order in which they were named.
    pub results: Vec<Answer>,
    /// When no model answered: why not, each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<AnswerError>,
    /// Models that are missing from the synthesis, and other things that its reader must know.
    pub note: Option<String>,
    /// The successful answers in one text; `null` when there are none.
    pub synthesis: Option<Synthesis>,
    /// What the answers have in common, as measured; `null` when there are none.
    pub agreement: Option<Agreement>,
    /// What the providers told, in the order of `results`; last, where a model was asked for the synthesis, about that.
    #[serde(default)]
    pub metadata: Vec<AnswerMetadata>,
    /// What everything cost, the synthesis too, in the currency of the prices; `null` where a price is not known.
    #[serde(default)]
    pub cost: Option<f64>,
    /// Give it back to ask on.
    pub continuation_id: Option<ContinuationId>,
}

impl Answer {
    /// The answer, where there is one.
    #[must_use]
    pub fn success(&self) -> Option<&str> {
        self.content.as_deref().filter(|_| self.status == Status::Success)
    }
}

impl Consultation {
    /// Puts answers together, without agreement and synthesis.
    ///
    /// `remarks` are added to the note that names the models that failed.
    #[must_use]
    pub fn of_answers(results: Vec<Answer>, remarks: &[String]) -> Self {
        let failed: Vec<&Answer> = results.iter().filter(|answer| answer.success().is_none()).collect();
        let all = failed.len() == results.len();
        let error = |answer: &&Answer| AnswerError {
            model: answer.model.clone(),
            stance: answer.stance,
            error_message: answer.error_message.clone().unwrap_or_default(),
        };
        let errors = if all { failed.iter().map(error).collect() } else { Vec::new() };
        let mut notes: Vec<String> = Vec::new();
        if !failed.is_empty() {
            let named = failed.iter().map(|answer| format!("{} ({})", answer.model, answer.stance));
            notes.push(format!("No answer from {}.", named.collect::<Vec<_>>().join(", ")));
        }
        notes.extend_from_slice(remarks);
        Self {
            status: if all { Status::Error } else { Status::Success },
            errors,
            note: (!notes.is_empty()).then(|| notes.join(" ")),
            synthesis: None,
            agreement: None,
            metadata: Vec::new(),
            cost: None,
            continuation_id: None,
            results,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(model: &str, content: Option<&str>) -> Answer {
        Answer {
            model: model.to_owned(),
            stance: Stance::For,
            status: if content.is_some() { Status::Success } else { Status::Error },
            content: content.map(str::to_owned),
            error_message: content.is_none().then(|| "too slow".to_owned()),
            latency_ms: 7,
        }
    }

    #[test]
    fn c2_an_answer_has_these_fields_and_no_others() {
        let expected = json!({
            "model": "a", "stance": "for", "status": "success", "content": "yes", "error_message": null,
            "latency_ms": 7
        });
        assert_eq!(serde_json::to_value(answer("a", Some("yes"))).ok(), Some(expected));
        let expected = json!({
            "model": "a", "stance": "for", "status": "error", "content": null, "error_message": "too slow",
            "latency_ms": 7
        });
        assert_eq!(serde_json::to_value(answer("a", None)).ok(), Some(expected));
    }

    #[test]
    fn c3_one_success_is_enough_and_failed_models_are_named() {
        let some = Consultation::of_answers(vec![answer("a", None), answer("b", Some("x"))], &[]);
        assert_eq!((some.status, some.errors.len()), (Status::Success, 0));
        assert_eq!(some.note.as_deref(), Some("No answer from a (for)."));
        let none = Consultation::of_answers(vec![answer("a", None)], &[]);
        assert_eq!((none.status, none.synthesis), (Status::Error, None));
        assert_eq!(none.errors[0].error_message, "too slow");
        let all = Consultation::of_answers(vec![answer("b", Some("x"))], &[]);
        assert_eq!(all.note, None);
    }
}
