//! One unit is put to the whole panel, round by round.

use futures::future::try_join_all;

use super::asking::{Asking, Effort, Ending};
use super::event::Event;
use super::executor::{Run, RunError};
use super::mode::Round;
use super::plan::{PlannedCall, Unit, outstanding, slots};

use crate::persona::{Draft, RecordId};
use crate::prompt::Prompt;
use crate::provider::Endpoint;
use crate::run::interpreter::{Reading, in_one_line};
use crate::store::{CallIdentity, Slot, SlotStatus, StoredSlot};

/// How one call of a unit ended.
#[derive(Debug)]
pub(super) struct EndedCall {
    pub(super) place: usize,
    pub(super) ending: Ending,
    pub(super) reused: bool,
    pub(super) effort: Effort,
}

/// How all calls of a unit ended, in the order of the panel.
#[derive(Debug)]
pub(super) struct EndedUnit {
    pub(super) number: u64,
    pub(super) record: RecordId,
    pub(super) calls: Vec<EndedCall>,
}

impl EndedUnit {
    /// Distinct members that answered.
    pub(super) fn models(&self) -> u32 {
        let mut places: Vec<usize> = self
            .calls
            .iter()
            .filter(|call| matches!(call.ending, Ending::Answered(_)))
            .map(|call| call.place)
            .collect();
        places.dedup();
        u32::try_from(places.len()).unwrap_or(u32::MAX)
    }
}

/// Puts a unit to the panel: rounds one after the other, the calls of a round all at once.
pub(super) async fn ask_unit(run: &Run, unit: &Unit) -> Result<EndedUnit, RunError> {
    let slots = slots(unit, &run.panel);
    let mut ended = EndedUnit { number: unit.number, record: unit.record.clone(), calls: Vec::new() };
    let mut earlier: Vec<Draft> = Vec::new();
    let rounds = run.settings.mode.strategy().rounds(run.panel.len());
    let shown = rounds.iter().any(|round| round.sees_earlier);
    for round in rounds {
        let seen: &[Draft] = if round.sees_earlier { &earlier } else { &[] };
        let calls = ask_round(run, unit, &slots, &round, (seen, shown)).await?;
        for call in &calls {
            if let Ending::Answered(drafts) = &call.ending {
                earlier.extend_from_slice(drafts);
            }
        }
        ended.calls.extend(calls);
    }
    let models = ended.models();
    run.events.send(|| Event::UnitFinished { unit: unit.number, record: unit.record.clone(), models });
    Ok(ended)
}

async fn ask_round(
    run: &Run,
    unit: &Unit,
    slots: &[Slot],
    round: &Round,
    (earlier, shown): (&[Draft], bool),
) -> Result<Vec<EndedCall>, RunError> {
    let mut questions = Vec::new();
    for slot in slots.iter().filter(|slot| round.members.contains(&(slot.place as usize))) {
        questions.push(question(run, unit, slot, earlier)?);
    }
    let stored = run.store.slots(unit.number..unit.number + 1)?;
    let planned: Vec<PlannedCall> = questions.iter().map(|(planned, _)| planned.clone()).collect();
    let owed: Vec<Slot> = outstanding(&planned, &stored).into_iter().map(|call| call.slot.clone()).collect();
    let calls = questions.iter().map(|(planned, prompt)| {
        let kept = stored.iter().find(|stored| stored.slot == planned.slot);
        let kept = kept.filter(|_| !owed.contains(&planned.slot));
        async move {
            match kept {
                Some(kept) => Ok(reuse(run, kept, shown)),
                None => ask(run, planned, prompt).await,
            }
        }
    });
    try_join_all(calls).await
}

fn question(
    run: &Run,
    unit: &Unit,
    slot: &Slot,
    earlier: &[Draft],
) -> Result<(PlannedCall, Prompt), RunError> {
    let member = &run.panel[slot.place as usize];
    let prompt = run
        .interpreter
        .prompt(unit, member, earlier)
        .map_err(|reason| RunError::Render { record: unit.record.clone(), reason })?;
    let identity = CallIdentity {
        provider: &member.provider,
        base_url: member.endpoint.as_ref().map(Endpoint::base_url),
        model: &member.model,
        options: &member.options,
        prompt_version: run.interpreter.version(),
        prompt: &prompt,
        record: &slot.record,
        part: slot.part,
        sample: slot.sample,
        twin: member.twin,
    };
    let key =
        identity.key().map_err(|source| RunError::Options { member: member.name.to_string(), source })?;
    Ok((PlannedCall { slot: slot.clone(), key }, prompt))
}

async fn ask(run: &Run, planned: &PlannedCall, prompt: &Prompt) -> Result<EndedCall, RunError> {
    let place = planned.slot.place as usize;
    let mut asking = Asking::new(run, planned, prompt);
    let ending = asking.settle().await?;
    Ok(EndedCall { place, ending, reused: false, effort: asking.effort })
}

/// A call that an earlier sitting has settled. A usable answer is read again only where others are `shown` its
/// drafts: a resumed run has thousands of them, and answers that are on their way should not wait for that.
fn reuse(run: &Run, kept: &StoredSlot, shown: bool) -> EndedCall {
    let reason = || kept.reason.clone().unwrap_or_default();
    let ending = match &kept.reply {
        Some(_) if kept.status == SlotStatus::Answered && !shown => Ending::Answered(Vec::new()),
        Some(reply) => match run.interpreter.read(&kept.slot, reply) {
            Reading::Usable(drafts) => Ending::Answered(drafts),
            Reading::Unusable(problems) => Ending::Failed(SlotStatus::Unusable, in_one_line(&problems)),
        },
        None => Ending::Failed(kept.status, reason()),
    };
    let (status, reason) = match &ending {
        Ending::Failed(status, reason) => (*status, Some(reason.clone())),
        _ => (SlotStatus::Answered, None),
    };
    let call = (&kept.slot).into();
    run.events.send(|| Event::Finished { call, status, reason, reused: true });
    EndedCall { place: kept.slot.place as usize, ending, reused: true, effort: Effort::default() }
}
