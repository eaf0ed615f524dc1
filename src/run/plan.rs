//! Which calls a study needs, and what they will cost about.

use std::sync::Arc;

use serde::Serialize;

use super::study::{Input, PanelMember};
use crate::dataset::Record;
use crate::persona::{ModelName, RecordId};
use crate::prompt::{self, Prompt, estimate_tokens};
use crate::store::{CallKey, Money, Slot};

/// The record id of a study whose unit is the whole corpus.
const CORPUS: &str = "corpus";

/// What one question is about: a record, or a part of the corpus.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its place in the input, from 0.
    pub number: u64,
    /// What its personas are filed under.
    pub record: RecordId,
    /// Which part of the corpus, from 0.
    pub part: u32,
    /// The records that are shown.
    pub records: Vec<Record>,
    /// Who is asked, and for how much.
    pub scope: Scope,
}

/// Who is asked about a unit, and for how much: the whole panel for what the study says, where nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Places in the panel; everybody where nothing is said.
    pub members: Option<Arc<[usize]>>,
    /// Personas at most, where fewer are wanted than the study asks for.
    pub personas: Option<u32>,
}

impl Scope {
    /// Some of the panel.
    #[must_use]
    pub fn of(members: &[usize]) -> Self {
        Self { members: Some(members.into()), personas: None }
    }

    /// Whether a member is asked.
    #[must_use]
    pub fn asks(&self, place: usize) -> bool {
        self.members.as_ref().is_none_or(|members| members.contains(&place))
    }
}

/// Records as units, in order: each by itself, or the corpus in parts of `records_per_call`.
pub fn units<'a, I>(records: I, input: &'a Input) -> impl Iterator<Item = Unit> + use<'a, I>
where
    I: IntoIterator<Item = Record> + 'a,
{
    let mut records = records.into_iter().take(input.limit.unwrap_or(usize::MAX));
    let (size, whole) = match input.unit {
        prompt::Unit::Record => (1, None),
        prompt::Unit::Corpus => (input.records_per_call.max(1), RecordId::new(CORPUS).ok()),
    };
    (0_u64..).map_while(move |number| {
        let records: Vec<Record> = records.by_ref().take(size).collect();
        let first = records.first()?.id.clone();
        let part = if whole.is_some() { u32::try_from(number).unwrap_or(u32::MAX) } else { 0 };
        let record = whole.clone().unwrap_or(first);
        Some(Unit { number, record, part, records, scope: Scope::default() })
    })
}

/// The planned calls of one unit: panel order, then samples.
#[must_use]
pub fn slots(unit: &Unit, panel: &[PanelMember]) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (place, member) in (0_u32..).zip(panel) {
        if !unit.scope.asks(place as usize) {
            continue;
        }
        for sample in 0..member.samples {
            slots.push(Slot {
                unit: unit.number,
                place,
                sample,
                part: unit.part,
                record: unit.record.clone(),
                member: member.name.clone(),
            });
        }
    }
    slots
}

/// A planned call and the identity of its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCall {
    /// Its place in the run.
    pub slot: Slot,
    /// The identity of what is asked.
    pub key: CallKey,
}

/// What one panel member will be asked, and what that costs about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberPlan {
    /// The panel member.
    pub model: ModelName,
    /// Calls, retries and repairs not counted.
    pub calls: u64,
    /// Tokens of the prompts, as [`estimate_tokens`] counts them.
    pub input_tokens: u64,
    /// Tokens of the answers, estimated at 600 per persona asked for.
    pub output_tokens: u64,
    /// What that costs, where a price is given.
    pub cost: Option<Money>,
}

/// A plan in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanSummary {
    /// Records, or parts of the corpus.
    pub units: u64,
    /// Calls over all members.
    pub calls: u64,
    /// Per panel member, in order.
    pub members: Vec<MemberPlan>,
    /// The cost of the members whose price is given.
    pub cost: Money,
    /// The members whose price is not given.
    pub unpriced: Vec<ModelName>,
}

/// Tokens of one persona in an answer, about: eleven traits with a reason each.
const ANSWER_TOKENS: u64 = 600;

/// Adds up a plan; `prompt` renders the question of a unit for a member, `personas` is how many are asked for at most.
///
/// # Errors
/// What `prompt` fails with.
pub fn summarise<E>(
    units: impl IntoIterator<Item = Unit>,
    panel: &[PanelMember],
    personas: u32,
    prompt: impl Fn(&Unit, &PanelMember) -> Result<Prompt, E>,
) -> Result<PlanSummary, E> {
    let mut members: Vec<MemberPlan> = panel.iter().map(nothing).collect();
    let mut count = 0;
    for unit in units {
        count += 1;
        for (place, (plan, member)) in members.iter_mut().zip(panel).enumerate() {
            if !unit.scope.asks(place) {
                continue;
            }
            let samples = u64::from(member.samples);
            let answer = (ANSWER_TOKENS * u64::from(personas)).min(member.max_output_tokens().into());
            plan.calls += samples;
            plan.input_tokens += samples * estimate_tokens(&prompt(&unit, member)?);
            plan.output_tokens += samples * answer;
        }
    }
    for (plan, member) in members.iter_mut().zip(panel) {
        plan.cost = member.price.map(|price| price.of(plan.usage()));
    }
    Ok(PlanSummary {
        units: count,
        calls: members.iter().map(|plan| plan.calls).sum(),
        cost: members.iter().filter_map(|plan| plan.cost).sum(),
        unpriced: members.iter().filter(|plan| plan.cost.is_none()).map(|plan| plan.model.clone()).collect(),
        members,
    })
}

fn nothing(member: &PanelMember) -> MemberPlan {
    MemberPlan { model: member.name.clone(), calls: 0, input_tokens: 0, output_tokens: 0, cost: None }
}

impl MemberPlan {
    fn usage(&self) -> crate::provider::Usage {
        crate::provider::Usage {
            input_tokens: self.input_tokens,
            cached_input_tokens: 0,
            output_tokens: self.output_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::study::Study;
    use std::path::Path;

    fn study(extra: &str) -> Study {
        let text = format!(
            "name: x\ninput: {{path: a, {extra}}}\npanel:\n  - {{model: 'scripted:a', samples: 2, price: {{input: 1, output: 2}}}}\n  - model: 'openai:b'"
        );
        Study::parse(&text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap()
    }

    fn records(count: usize) -> Vec<Record> {
        (0..count)
            .map(|place| Record {
                id: RecordId::new(&format!("r{place}")).unwrap(),
                fields: serde_json::Map::new(),
                origin: String::new(),
            })
            .collect()
    }

    #[test]
    fn a_corpus_too_long_for_one_call_is_asked_about_in_parts() {
        let study = study("unit: corpus, records_per_call: 2");
        let units: Vec<Unit> = units(records(5), &study.input).collect();
        let sizes: Vec<usize> = units.iter().map(|unit| unit.records.len()).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert_eq!(units.iter().map(|unit| unit.part).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(units.iter().all(|unit| unit.record.as_str() == "corpus"));
    }

    #[test]
    fn calls_stand_in_the_order_of_the_panel() {
        let study = study("limit: 1");
        let units: Vec<Unit> = units(records(5), &study.input).collect();
        assert_eq!(units.len(), 1);
        let slots = slots(&units[0], &study.panel);
        let order: Vec<(u32, u32)> = slots.iter().map(|slot| (slot.place, slot.sample)).collect();
        assert_eq!(order, [(0, 0), (0, 1), (1, 0)]);
    }

    #[test]
    fn a_plan_adds_up() {
        let study = study("unit: record");
        let prompt = Prompt { system: "x".repeat(4_000), messages: Vec::new(), schema: None };
        let plan =
            summarise(units(records(3), &study.input), &study.panel, 2, |_, _| Ok::<_, ()>(prompt.clone()));
        let plan = plan.unwrap();
        assert_eq!((plan.units, plan.calls), (3, 9));
        // Six calls of 4000 / 4 + 4 = 1004 tokens in and 2 × 600 out: 6024 × 1 + 7200 × 2 millionths.
        assert_eq!(plan.cost, Money::from_amount(0.020_424));
        assert_eq!(plan.unpriced, [study.panel[1].name.clone()]);
    }
}
