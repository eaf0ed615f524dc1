//! The life of one call: from a question to a settled answer, or to the reason why there is none.

mod batched;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batching::Desk;
use super::charging::{charge, ended};
use super::event::{CallName, Drafted, Event};
use super::executor::{Run, RunError};
use super::gate::{Admission, Ended, Gate, Stopped, Verdict};
use super::interpreter::{Owed, Reading, in_one_line, owed};
use super::patience::Patience;
use super::plan::PlannedCall;
use super::retry::{Failures, Step, next_step};
use super::spending::{LimitReached, Reservation};
use super::study::PanelMember;
use crate::persona::Draft;
use crate::prompt::Prompt;
use crate::provider::{Call, Completion, FailureKind, Provider, ProviderError};
use crate::store::{AttemptStart, Money, SlotStatus, StoredReply, StoredSlot};

/// Longer than the provider's own total limit, which names the cause better and should come first.
const GRACE: Duration = Duration::from_secs(1);

/// Why a laggard has no answer.
const LATE: &str = "not awaited any longer: as many others as the study asks for had answered";

/// How one call ended in this run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// With drafts.
    Answered(Vec<Draft>),
    /// Without, and why.
    Failed(SlotStatus, String),
    /// Not at all: the run was stopped before.
    Outstanding,
}

/// How often a call was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effort {
    pub(super) retries: u64,
    pub(super) repairs: u64,
    pub(super) busy: Duration,
}

/// Whether an attempt may be made, was, and what came of it.
enum Attempted {
    Replied(Completion, Duration),
    Failed(ProviderError),
    Refused(Refused),
}

/// Whose turn it is to answer for a member.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// The seat that is asked.
    pub(super) seat: usize,
    /// Whether nobody comes after.
    pub(super) last: bool,
    /// Why another model is asked than the member itself.
    pub(super) note: Option<String>,
}

/// Why no attempt was made.
enum Refused {
    /// The endpoint is asked no more.
    Stopped(Stopped),
    /// The run is asked to stop.
    Halted,
    /// Enough others have answered.
    Late,
}

impl Effort {
    /// Adds that of another turn.
    pub(super) fn add(&mut self, other: Self) {
        self.retries += other.retries;
        self.repairs += other.repairs;
        self.busy += other.busy;
    }
}

/// One call on its way.
pub(super) struct Asking<'a> {
    run: &'a Run,
    member: &'a PanelMember,
    provider: &'a dyn Provider,
    gate: &'a Gate,
    gate_number: usize,
    patience: Option<Arc<Mutex<Patience>>>,
    /// Where it is asked in batches, or has been.
    desk: Option<&'a Desk>,
    turn: Turn,
    late: &'a CancellationToken,
    planned: &'a PlannedCall,
    prompt: &'a Prompt,
    failures: Failures,
    attempts: u32,
    jitter: Xoshiro256Plus,
    pub(super) effort: Effort,
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        run: &'a Run,
        (planned, prompt): (&'a PlannedCall, &'a Prompt),
        turn: Turn,
        late: &'a CancellationToken,
    ) -> Self {
        let seat = &run.seats[turn.seat];
        // Each call has its own source of jitter, so that waits do not depend on who came first.
        let jitter = Xoshiro256Plus::seed_from_u64(run.settings.seed ^ planned.key.seed());
        Self {
            run,
            member: &seat.member,
            provider: seat.provider.as_ref(),
            gate: &run.gates[seat.gate],
            gate_number: seat.gate,
            patience: seat.patience.clone(),
            desk: run.desks[turn.seat].as_deref(),
            turn,
            late,
            planned,
            prompt,
            failures: Failures::default(),
            attempts: 0,
            jitter,
            effort: Effort::default(),
        }
    }

    fn name(&self) -> CallName {
        CallName::from(&self.planned.slot)
    }

    /// Asks until the call is settled, given up, or the run is stopped.
    pub(super) async fn settle(&mut self) -> Result<Ending, RunError> {
        let stored = self.run.store.call(self.planned.key)?;
        self.attempts = stored.attempts;
        let read = |reply: &StoredReply| self.run.interpreter.read(&self.planned.slot, reply);
        match owed(stored, self.run.settings.retry.repair, read) {
            Owed::Answered(drafts) => self.finish(Ending::Answered(drafts), true).await,
            Owed::Discarded(status, reason) => self.finish(Ending::Failed(status, reason), true).await,
            Owed::Repair(reply, problems) => self.repair(&reply, &problems).await,
            Owed::Ask => self.ask().await,
        }
    }

    async fn ask(&mut self) -> Result<Ending, RunError> {
        self.run.count_call();
        let prompt = self.prompt;
        let (completion, reading) = match self.persist(prompt, false).await? {
            Ok(answer) => answer,
            Err(ending) => return self.finish(ending, false).await,
        };
        match reading {
            Reading::Usable(drafts) => self.finish(Ending::Answered(drafts), false).await,
            Reading::Unusable(problems) if self.run.settings.retry.repair => {
                self.repair(&completion, &problems).await
            }
            Reading::Unusable(problems) => {
                self.finish(Ending::Failed(SlotStatus::Unusable, in_one_line(&problems)), false).await
            }
        }
    }

    async fn repair(&mut self, reply: &Completion, problems: &[String]) -> Result<Ending, RunError> {
        let prompt = self
            .run
            .interpreter
            .repair(self.prompt, reply, problems)
            .map_err(|reason| RunError::Render { record: self.planned.slot.record.clone(), reason })?;
        let ending = match self.persist(&prompt, true).await? {
            Ok((_, Reading::Usable(drafts))) => Ending::Answered(drafts),
            Ok((_, Reading::Unusable(problems))) => {
                Ending::Failed(SlotStatus::Unusable, in_one_line(&problems))
            }
            Err(ending) => ending,
        };
        self.finish(ending, false).await
    }

    /// Makes attempts until one is answered or there are to be no more.
    async fn persist(
        &mut self,
        prompt: &Prompt,
        repair: bool,
    ) -> Result<Result<(Completion, Reading), Ending>, RunError> {
        loop {
            let error = match self.attempt(prompt, repair).await? {
                Attempted::Replied(completion, latency) => {
                    let reply = StoredReply { key: self.planned.key, repair, completion, latency };
                    let reading = self.run.interpreter.read(&self.planned.slot, &reply);
                    return Ok(Ok((reply.completion, reading)));
                }
                Attempted::Refused(Refused::Halted) => return Ok(Err(Ending::Outstanding)),
                Attempted::Refused(Refused::Late) => return Ok(Err(too_late())),
                Attempted::Refused(Refused::Stopped(Stopped(reason))) => {
                    return Ok(Err(Ending::Failed(SlotStatus::Failed, reason.to_string())));
                }
                Attempted::Failed(error) => error,
            };
            if let Some(ending) = self.after(&error).await {
                return Ok(Err(ending));
            }
            self.effort.retries += 1;
        }
    }

    /// Waits as the policy says, or ends the call.
    async fn after(&mut self, error: &ProviderError) -> Option<Ending> {
        self.failures.add(error.kind);
        let policy = &self.run.settings.retry;
        let jitter = self.jitter.r#gen();
        let failed = |reason: String| Some(Ending::Failed(SlotStatus::Failed, reason));
        match next_step(policy, error.kind, error.retry_after, self.failures, jitter) {
            Step::Retry { after, shared: true } => {
                if self.gate.close_for(after) {
                    self.tell_waiting(after, &error.message);
                }
                None
            }
            Step::Retry { after, shared: false } => {
                if !self.run.take_retry() {
                    return failed(format!("{} (the run's budget of retries is used up)", error.message));
                }
                let (call, reason) = (self.name(), error.message.clone());
                self.run.events.send(|| Event::Retrying { call, after, reason });
                tokio::select! {
                    () = tokio::time::sleep(after) => None,
                    () = self.run.halt.cancelled() => Some(Ending::Outstanding),
                    () = self.late.cancelled() => Some(too_late()),
                }
            }
            Step::GiveUp => failed(error.message.clone()),
            Step::Reject => Some(Ending::Failed(SlotStatus::Rejected, error.message.clone())),
            Step::StopProvider => {
                self.stop_provider(&error.message);
                failed(error.message.clone())
            }
        }
    }

    /// Says that every call to the provider waits.
    fn tell_waiting(&self, after: Duration, reason: &str) {
        let (provider, reason) = (self.gate.name().to_owned(), reason.to_owned());
        let models = self.run.members_at(self.gate_number);
        self.run.events.send(|| Event::Waiting { provider, models, after, reason });
    }

    /// Asks the provider no more in this run.
    fn stop_provider(&self, reason: &str) {
        if self.gate.stop(reason) {
            let (provider, reason) = (self.gate.name().to_owned(), reason.to_owned());
            let models = self.run.members_at(self.gate_number);
            self.run.events.send(|| Event::Stopped { provider, models, reason });
        }
    }

    /// Tells the gate how an attempt ended, and the watchers what the gate makes of it.
    fn judge(&self, admission: Admission<'_>, answer: &Result<Completion, ProviderError>, latency: Duration) {
        let limits = &self.member.timeouts;
        let slow = latency >= limits.first_byte().min(limits.idle()).min(limits.total());
        let ended = match answer {
            Ok(_) => Ended::Answered(latency),
            Err(error) => Ended::of(error.kind, slow),
        };
        match admission.end(ended) {
            Verdict::Carry => {}
            Verdict::Open(after) => {
                self.tell_waiting(after, "too many failures in a row; one call will try whether it is back");
            }
            Verdict::Dead => self.stop_provider("it failed again and again, also after long waits"),
        }
    }

    /// A place at the endpoint and the money, or the reason why no attempt is to be made.
    async fn admit(&self, bound: Money) -> Result<(Admission<'a>, Reservation<'a>), Refused> {
        let run = self.run;
        let admitted = async {
            let places = if self.member.batch.is_some() { &run.in_batches } else { &run.places };
            let admission = self.gate.enter(places).await.map_err(Refused::Stopped)?;
            let reservation = run.spending.reserve(bound).await.map_err(|LimitReached| {
                run.reach_limit();
                Refused::Halted
            })?;
            Ok((admission, reservation))
        };
        tokio::select! {
            // Whoever may go must not, once the run is stopped.
            biased;
            () = run.halt.cancelled() => Err(Refused::Halted),
            () = self.late.cancelled() => Err(Refused::Late),
            admitted = admitted => admitted,
        }
    }

    /// One attempt: a place, a reservation, the intent stored, the call, what came of it stored.
    async fn attempt(&mut self, prompt: &Prompt, repair: bool) -> Result<Attempted, RunError> {
        if let Some(desk) = self.desk
            && let Some(attempted) = self.in_batch(desk, prompt, repair).await
        {
            return Ok(attempted);
        }
        let (run, member) = (self.run, self.member);
        let bound = member.price.map_or(Money::ZERO, |price| price.bound(prompt, member.max_output_tokens()));
        let (admission, reservation) = match self.admit(bound).await {
            Ok(admitted) => admitted,
            Err(refused) => return Ok(Attempted::Refused(refused)),
        };
        let call = self.call(prompt);
        let attempt = run.store.begin(self.start(repair, reservation.amount())).await?;
        self.attempts += 1;
        let name = self.name();
        run.events.send(|| Event::Started { call: name, attempt: call.attempt, repair });
        self.effort.repairs += u64::from(repair);
        let started = Instant::now();
        let answer = tokio::select! {
            biased;
            answer = self.complete(&call) => answer,
            () = self.late.cancelled() => Err(ProviderError::new(FailureKind::UnknownOutcome, LATE)),
        };
        let cut = answer.is_err() && self.late.is_cancelled();
        let latency = started.elapsed();
        self.effort.busy += latency;
        let (charged, certain) = charge(member.price, &answer, bound);
        reservation.spend(charged);
        // Whoever is cut says nothing about the endpoint.
        if !cut {
            self.judge(admission, &answer, latency);
        }
        run.store.end(attempt, ended(&answer), charged, certain, latency).await?;
        self.trace(&answer, latency, charged, repair);
        Ok(match answer {
            Ok(completion) => {
                let (call, usage, cost) = (self.name(), completion.usage, run.spending.spent());
                run.events.send(|| Event::Stored { call, latency, usage, charged, cost });
                Attempted::Replied(completion, latency)
            }
            Err(_) if cut => Attempted::Refused(Refused::Late),
            Err(error) => Attempted::Failed(error),
        })
    }

    /// One structured line per attempt, under OpenTelemetry's names for generative AI where it has one.
    fn trace(
        &self,
        answer: &Result<Completion, ProviderError>,
        latency: Duration,
        charged: Money,
        repair: bool,
    ) {
        let completion = answer.as_ref().ok();
        let usage = match answer {
            Ok(completion) => completion.usage,
            Err(error) => error.usage,
        };
        tracing::debug!(
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = self.member.provider,
            gen_ai.request.model = self.member.model,
            gen_ai.request.max_tokens = self.member.options.max_output_tokens,
            gen_ai.request.temperature = self.member.options.temperature,
            gen_ai.response.model = completion.and_then(|completion| completion.response_model.as_deref()),
            gen_ai.response.id = completion.and_then(|completion| completion.response_id.as_deref()),
            gen_ai.usage.input_tokens = usage.map(|usage| usage.input_tokens),
            gen_ai.usage.output_tokens = usage.map(|usage| usage.output_tokens),
            gen_ai.client.operation.duration = latency.as_secs_f64(),
            error.type = answer.as_ref().err().map(|error| format!("{:?}", error.kind)),
            consona.member = self.member.name.as_str(),
            consona.record = self.planned.slot.record.as_str(),
            consona.attempt = self.attempts,
            consona.repair = repair,
            consona.answer.bytes = completion.map(|completion| completion.content.len() as u64),
            consona.cost = charged.to_string(),
            "call"
        );
    }

    async fn complete(&self, call: &Call) -> Result<Completion, ProviderError> {
        let most = self.member.timeouts.total() + GRACE;
        let patience = self.patience.as_ref().map(|it| it.lock().unwrap_or_else(PoisonError::into_inner));
        let limit = patience.map_or(most, |patience| patience.limit(most));
        let started = Instant::now();
        let answer = tokio::time::timeout(limit, self.provider.complete(call)).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", limit.as_secs());
            Err(ProviderError::new(FailureKind::UnknownOutcome, message))
        });
        if let Some(patience) = &self.patience {
            let mut patience = patience.lock().unwrap_or_else(PoisonError::into_inner);
            match &answer {
                Ok(_) => patience.answered(started.elapsed()),
                Err(_) if started.elapsed() >= limit => patience.cut(),
                Err(_) => {}
            }
        }
        answer
    }

    fn call(&self, prompt: &Prompt) -> Call {
        let (slot, member) = (&self.planned.slot, self.member);
        Call {
            record: slot.record.clone(),
            member: slot.member.clone(),
            model: member.model.clone(),
            sample: slot.sample,
            part: slot.part,
            attempt: self.attempts,
            prompt: prompt.clone(),
            options: member.options.clone(),
        }
    }

    fn start(&self, repair: bool, reserved: Money) -> AttemptStart {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        AttemptStart {
            slot: self.planned.slot.clone(),
            key: self.planned.key,
            number: self.attempts,
            repair,
            reserved,
            started_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Stores how the call stands and tells about it.
    async fn finish(&self, ending: Ending, reused: bool) -> Result<Ending, RunError> {
        let (status, reason) = match &ending {
            Ending::Answered(_) => (SlotStatus::Answered, self.turn.note.clone()),
            Ending::Failed(status, reason) => (*status, Some(reason.clone())),
            Ending::Outstanding => return Ok(ending),
        };
        let slot = self.planned.slot.clone();
        self.run.store.settle(slot, self.planned.key, status, reason.clone()).await?;
        if let (Some(drafted), Ending::Answered(drafts)) = (&self.run.drafted, &ending) {
            let (unit, record, drafts) =
                (self.planned.slot.unit, self.planned.slot.record.clone(), drafts.clone());
            // Whoever no longer looks changes nothing for the run.
            let _ = drafted.send(Drafted { unit, record, drafts });
        }
        tracing::debug!(
            "consensus model={} status={} latency={}",
            self.planned.slot.member,
            if status == SlotStatus::Answered { "success" } else { "error" },
            self.effort.busy.as_millis()
        );
        if status == SlotStatus::Answered || self.turn.last {
            self.run.events.send(|| Event::Finished { call: self.name(), status, reason, reused });
        }
        Ok(ending)
    }
}

/// Whether a stored call was given up as a laggard.
pub(super) fn is_late(kept: &StoredSlot) -> bool {
    kept.status == SlotStatus::Rejected && kept.reason.as_deref() == Some(LATE)
}

/// A call that is not awaited any more. It counts as done with: a continued run does not pay for it again.
fn too_late() -> Ending {
    Ending::Failed(SlotStatus::Rejected, LATE.to_owned())
}
