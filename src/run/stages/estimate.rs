//! What the stages that ask a model will ask about, before anybody has been asked.

use serde::Serialize;

use crate::persona::ModelName;
use crate::prompt;
use crate::provider::Usage;
use crate::run::Study;
use crate::run::study::StagePlan;
use crate::stages::pipeline::{Kind, Stage};
use crate::store::Money;

/// Tokens of a consensus persona in a question, about: twelve traits with their votes.
const PERSONA_TOKENS: u64 = 700;
/// Tokens of the instructions around it.
const INSTRUCTION_TOKENS: u64 = 500;
/// Tokens of an answer, about: a review, or a narrative of eight sentences with what each rests on.
const ANSWER_TOKENS: u64 = 600;

/// What one stage will ask, at most, if every record gives as many personas as the study asks for and nothing is sent back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageEstimate {
    /// The stage.
    pub stage: String,
    /// Who is asked.
    pub model: ModelName,
    /// Calls, retries and fallbacks not counted.
    pub calls: u64,
    /// Tokens of the questions.
    pub input_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// What that costs, where a price is given.
    pub cost: Option<Money>,
}

/// The stages of a study that ask a model: a review asks once for every record, a synthesis once for every persona.
#[must_use]
pub fn estimates(study: &Study, stages: &StagePlan, units: u64) -> Vec<StageEstimate> {
    let personas = u64::from(study.personas.max);
    let records = match (study.input.unit, &study.workstreams) {
        (prompt::Unit::Record, _) => units,
        (prompt::Unit::Corpus, None) => 1,
        (prompt::Unit::Corpus, Some(section)) => section.streams.len() as u64,
    };
    let of = |stage: &Stage| {
        let member = study.model(stage.settings.model.as_deref()?)?;
        let (calls, shown) = match stage.kind {
            Kind::Review => (records, personas),
            Kind::Synthesis => (records * personas, 1),
            _ => return None,
        };
        let input_tokens = calls * (INSTRUCTION_TOKENS + shown * PERSONA_TOKENS);
        let output_tokens = calls * ANSWER_TOKENS.min(member.max_output_tokens().into());
        let usage = Usage { input_tokens, cached_input_tokens: 0, output_tokens };
        Some(StageEstimate {
            stage: stage.name.clone(),
            model: member.name.clone(),
            calls,
            input_tokens,
            output_tokens,
            cost: member.price.map(|price| price.of(usage)),
        })
    };
    stages.pipeline.stages().iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_review_is_one_call_a_record_and_a_synthesis_one_a_persona() {
        let text = "
name: x
input: {path: x.csv}
personas: {min: 1, max: 2}
panel:
  - {model: 'scripted:a', price: {input: 1, output: 2}}
stages: default
";
        let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let study = Study::parse(text, Path::new("s.yaml"), &read).expect("a study");
        let stages = study.stages.as_ref().expect("stages");
        let found = estimates(&study, stages, 10);
        let calls: Vec<(&str, u64)> = found.iter().map(|one| (one.stage.as_str(), one.calls)).collect();
        assert_eq!(calls, [("review", 10), ("synthesis", 20)]);
        // 10 × (500 + 2 × 700) tokens in and 10 × 600 out: 19,000 × 1 + 6,000 × 2 millionths.
        assert_eq!(found[0].cost, Some(Money::from_amount(0.031)));
    }
}
