//! One unit is put to the whole panel, round by round.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::asking::{Asking, Effort, Ending, Turn, is_late};
use super::event::Event;
use super::executor::{Run, RunError};
use super::mode::Round;
use super::plan::{PlannedCall, Unit, slots};
use super::study::Laggards;
use crate::persona::{Draft, RecordId};
use crate::prompt::Prompt;
use crate::provider::Endpoint;
use crate::run::interpreter::{Reading, in_one_line};
use crate::store::{CallIdentity, Slot, SlotStatus, StoredSlot};

/// How one call of a unit ended.
#[derive(Debug)]
pub(super) struct EndedCall {
    pub(super) place: usize,
    pub(super) sample: u32,
    pub(super) ending: Ending,
    pub(super) reused: bool,
    pub(super) effort: Effort,
}

impl EndedCall {
    fn of(slot: &Slot, ending: Ending, reused: bool, effort: Effort) -> Self {
        Self { place: slot.place as usize, sample: slot.sample, ending, reused, effort }
    }

    /// One that an earlier sitting has ended, as it is stored.
    pub(super) fn stored(kept: &StoredSlot) -> Self {
        let ending = match kept.status {
            SlotStatus::Answered => Ending::Answered(Vec::new()),
            status => Ending::Failed(status, kept.reason.clone().unwrap_or_default()),
        };
        Self::of(&kept.slot, ending, true, Effort::default())
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.ending, Ending::Answered(_))
    }
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
        let mut places: Vec<usize> =
            self.calls.iter().filter(|call| call.is_answered()).map(|call| call.place).collect();
        places.dedup();
        u32::try_from(places.len()).unwrap_or(u32::MAX)
    }

    /// Puts what came of asking again in the place of what was there before; the effort of both is kept.
    pub(super) fn again(&mut self, later: Self) {
        for mut call in later.calls {
            let same = |old: &&mut EndedCall| (old.place, old.sample) == (call.place, call.sample);
            match self.calls.iter_mut().find(same) {
                Some(old) => {
                    call.effort.add(old.effort);
                    *old = call;
                }
                None => self.calls.push(call),
            }
        }
        self.calls.sort_by_key(|call| (call.place, call.sample));
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
    let stored = run.store.slots(unit.number..unit.number + 1)?;
    let wait = Wait::new(run.settings.quorum.laggards);
    let asked = slots.iter().filter(|slot| round.members.contains(&(slot.place as usize)));
    let calls = asked.map(|slot| {
        let kept = stored.iter().find(|stored| stored.slot == *slot && stored.status.is_settled());
        let (wait, asker) = (&wait, Asker { run, unit, slot, earlier, shown });
        async move {
            let ended = asker.ask(kept, &wait.late).await?;
            if ended.is_answered() {
                wait.answered(ended.place);
            }
            Ok(ended)
        }
    });
    let everybody = try_join_all(calls);
    tokio::select! {
        biased;
        ended = everybody => ended,
        never = wait.for_laggards() => match never {},
    }
}

/// How long those are awaited who have not answered, once enough others have.
struct Wait {
    rule: Option<Laggards>,
    places: Mutex<BTreeSet<usize>>,
    models: Semaphore,
    late: CancellationToken,
}

impl Wait {
    fn new(rule: Option<Laggards>) -> Self {
        let late = CancellationToken::new();
        Self { rule, places: Mutex::default(), models: Semaphore::new(0), late }
    }

    /// A member has answered; its further samples count no more.
    fn answered(&self, place: usize) {
        if self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(place) {
            self.models.add_permits(1);
        }
    }

    /// Cuts the laggards when their time is over; then it is for them to end.
    async fn for_laggards(&self) -> Infallible {
        if let Some(rule) = self.rule
            && self.models.acquire_many(rule.after_models).await.is_ok()
        {
            tokio::time::sleep(rule.wait).await;
            self.late.cancel();
        }
        std::future::pending().await
    }
}

/// One planned call: its member, and who stands in for it, in turn.
#[derive(Clone, Copy)]
struct Asker<'a> {
    run: &'a Run,
    unit: &'a Unit,
    slot: &'a Slot,
    earlier: &'a [Draft],
    shown: bool,
}

impl Asker<'_> {
    /// Asks until somebody answers for the member; what an earlier sitting has `kept` is not asked again.
    async fn ask(self, kept: Option<&StoredSlot>, late: &CancellationToken) -> Result<EndedCall, RunError> {
        let chain = self.run.chain(self.slot);
        let mut next = 0;
        if let Some(kept) = kept
            && let Some(place) = self.position(&chain, kept)?
        {
            let last = place + 1 == chain.len();
            if last || kept.status == SlotStatus::Answered || is_late(kept) {
                return Ok(reuse(self.run, kept, self.shown));
            }
            next = place + 1;
        }
        let (mut effort, mut note) = (Effort::default(), self.run.note_of_another(self.slot, chain[next]));
        loop {
            let turn = Turn { seat: chain[next], last: next + 1 == chain.len(), note };
            let (ending, more) = self.turn(turn, late).await?;
            effort.add(more);
            next += 1;
            match (&ending, chain.get(next)) {
                (Ending::Failed(_, reason), Some(&seat)) if !late.is_cancelled() => {
                    let stand_in = self.run.seats[seat].member.reference();
                    note =
                        (seat != self.slot.place as usize).then(|| format!("{stand_in} stands in: {reason}"));
                }
                _ => return Ok(EndedCall::of(self.slot, ending, false, effort)),
            }
        }
    }

    /// Whose answer, or whose failure, is stored.
    fn position(self, chain: &[usize], kept: &StoredSlot) -> Result<Option<usize>, RunError> {
        for (place, &seat) in chain.iter().enumerate() {
            if question(self.run, self.unit, self.slot, seat, self.earlier)?.0.key == kept.key {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    async fn turn(self, turn: Turn, late: &CancellationToken) -> Result<(Ending, Effort), RunError> {
        let (planned, prompt) = question(self.run, self.unit, self.slot, turn.seat, self.earlier)?;
        let mut asking = Asking::new(self.run, (&planned, &prompt), turn, late);
        let ending = asking.settle().await?;
        Ok((ending, asking.effort))
    }
}

fn question(
    run: &Run,
    unit: &Unit,
    slot: &Slot,
    seat: usize,
    earlier: &[Draft],
) -> Result<(PlannedCall, Prompt), RunError> {
    let member = &run.seats[seat].member;
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
    EndedCall::of(&kept.slot, ending, true, Effort::default())
}
