//! What the stages that ask a model will ask about, before anybody has been asked.

use serde::Serialize;

use crate::persona::ModelName;
use crate::prompt;
use crate::provider::Usage;
use crate::run::study::{PanelMember, StagePlan};
use crate::run::{MemberPlan, PlanSummary, Study};
use crate::stages::pipeline::{Kind, Stage};
use crate::store::Money;

/// Tokens of a consensus persona in a question, about: twelve traits with their votes.
const PERSONA_TOKENS: u64 = 700;
/// Tokens of the instructions around it.
const INSTRUCTION_TOKENS: u64 = 500;
/// Tokens of an answer, about: a review, or a narrative of eight sentences with what each rests on.
const ANSWER_TOKENS: u64 = 600;

/// What one stage will ask, at most, if every record gives as many personas as the study asks for and nothing is sent back. Asking
/// again for want of certainty counts with the stage `consensus`, with every round that the rules allow.
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

/// The stages of a study that ask a model: a review asks once for every record, a synthesis once for every persona, and
/// the rules about uncertainty every member once a round for each of the records that they may ask about again.
#[must_use]
pub fn estimates(study: &Study, stages: &StagePlan, plan: &PlanSummary) -> Vec<StageEstimate> {
    let personas = u64::from(study.personas.max);
    let records = match (study.input.unit, &study.workstreams) {
        (prompt::Unit::Record, _) => plan.units,
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
    let mut all: Vec<StageEstimate> = stages.pipeline.stages().iter().filter_map(of).collect();
    all.extend(again(study, stages, plan, records));
    all
}

/// What the rules about uncertainty ask of each member, at most: a further sample a round for each of the records.
fn again(study: &Study, stages: &StagePlan, plan: &PlanSummary, records: u64) -> Vec<StageEstimate> {
    let consensus = stages.pipeline.stages().iter().find(|stage| stage.kind == Kind::Consensus);
    let Some((rules, stage)) = stages.pipeline.adaptive().zip(consensus) else { return Vec::new() };
    let of = |(member, plan): (&PanelMember, &MemberPlan)| {
        // The parts of a corpus are asked about together; a stream's own members about its own records.
        let of_one = plan.calls.div_ceil(u64::from(member.samples).max(1)).div_ceil(records.max(1));
        let asked = (rules.ask_again_at_most as u64).min(records);
        let calls = u64::from(rules.ask_again_rounds) * asked * of_one;
        let each = |tokens: u64| calls * tokens.div_ceil(plan.calls.max(1));
        let (input_tokens, output_tokens) = (each(plan.input_tokens), each(plan.output_tokens));
        let usage = Usage { input_tokens, cached_input_tokens: 0, output_tokens };
        // Who stands in for a member is asked before it; the dearer of the two is counted.
        let prices = std::iter::once(member).chain(&member.fallbacks).map(|one| one.price);
        let costs: Option<Vec<Money>> = prices.map(|price| price.map(|price| price.of(usage))).collect();
        StageEstimate {
            stage: stage.name.clone(),
            model: member.name.clone(),
            calls,
            input_tokens,
            output_tokens,
            cost: costs.and_then(|costs| costs.into_iter().max()),
        }
    };
    study.panel.iter().zip(&plan.members).map(of).filter(|one| one.calls > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A plan of so many questions to one member, of 100 tokens each and answers of 50.
    fn planned(units: u64) -> PlanSummary {
        let member = MemberPlan {
            model: ModelName::new("scripted:a").expect("valid"),
            calls: units,
            input_tokens: 100 * units,
            output_tokens: 50 * units,
            cost: None,
        };
        PlanSummary {
            units,
            calls: units,
            cost: Money::default(),
            unpriced: Vec::new(),
            members: vec![member],
        }
    }

    #[test]
    fn p10_asking_again_is_in_the_estimate_with_every_round_that_is_allowed() {
        let text = "
name: x
input: {path: x.csv, unit: record}
panel:
  - {model: 'scripted:a', price: {input: 1, output: 2}}
stages:
  stage_order: [panel, consensus]
  adaptive: {ask_again_at_most: 4, ask_again_rounds: 3}
";
        let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let study = Study::parse(text, Path::new("s.yaml"), &read).expect("a study");
        let of = |units| estimates(&study, study.stages.as_ref().expect("stages"), &planned(units));
        // Three rounds of four of the ten records; 12 × (100 × 1 + 50 × 2) millionths.
        let found = of(10);
        assert_eq!((found.len(), found[0].stage.as_str(), found[0].calls), (1, "consensus", 12));
        assert_eq!(found[0].cost, Some(Money::from_amount(0.0024)));
        assert_eq!(of(2)[0].calls, 6, "no more than there are");
    }

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
        let found = estimates(&study, stages, &planned(10));
        let calls: Vec<(&str, u64)> = found.iter().map(|one| (one.stage.as_str(), one.calls)).collect();
        assert_eq!(calls, [("review", 10), ("synthesis", 20)]);
        // 10 × (500 + 2 × 700) tokens in and 10 × 600 out: 19,000 × 1 + 6,000 × 2 millionths.
        assert_eq!(found[0].cost, Some(Money::from_amount(0.031)));
    }
}
