//! Attempts that stand in a batch, or are to.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Asking, Attempted, Refused, Stopped};
use crate::prompt::Prompt;
use crate::provider::Completion;
use crate::run::batching::{Desk, Outcome};
use crate::run::event::Event;
use crate::store::Money;

/// What waiting for a batch came to.
enum Waited {
    Ended(Attempted, Money),
    /// It never left: it may be asked.
    Void,
    Refused(Refused),
}

impl Asking<'_> {
    /// The attempt that is on its way already, else one in the next batch; `None` for a member that is not asked in
    /// batches (any more) and of whose question no attempt is on its way.
    pub(super) async fn in_batch(&mut self, desk: &Desk, prompt: &Prompt, repair: bool) -> Option<Attempted> {
        if let Some(answer) = desk.claim(self.planned.key, repair) {
            match self.wait(answer).await {
                // What it can cost is set aside by the batch, which no process of ours holds.
                Waited::Ended(attempted, charged) => return Some(self.told(attempted, charged, repair)),
                Waited::Refused(refused) => return Some(Attempted::Refused(refused)),
                Waited::Void => {}
            }
        }
        self.member.batch?;
        loop {
            if let Some(attempted) = self.in_next_batch(desk, prompt, repair).await {
                return Some(attempted);
            }
        }
    }

    /// One attempt in the next batch; `None` when that never left.
    async fn in_next_batch(&mut self, desk: &Desk, prompt: &Prompt, repair: bool) -> Option<Attempted> {
        let (price, most) = (self.member.price, self.member.max_output_tokens());
        let bound = price.map_or(Money::ZERO, |price| price.bound(prompt, most));
        let (admission, reservation) = match self.admit(bound).await {
            Ok(admitted) => admitted,
            Err(refused) => return Some(Attempted::Refused(refused)),
        };
        let call = self.call(prompt);
        let (name, attempt) = (self.name(), call.attempt);
        let answer = desk.hand_in(self.start(repair, reservation.amount()), &call);
        self.run.events.send(|| Event::Started { call: name, attempt, repair });
        let waited = self.wait(answer).await;
        // Whether the endpoint bears more calls cannot be learned from how long a batch takes.
        drop(admission);
        match waited {
            Waited::Ended(attempted, charged) => {
                reservation.spend(charged);
                self.attempts += 1;
                self.effort.repairs += u64::from(repair);
                Some(self.told(attempted, charged, repair))
            }
            Waited::Refused(refused) => {
                if matches!(refused, Refused::Stopped(_)) {
                    // It is on its way, and nobody can say what it will cost.
                    reservation.spend(bound);
                }
                Some(Attempted::Refused(refused))
            }
            Waited::Void => {
                // It has a number in the database all the same.
                self.attempts += 1;
                None
            }
        }
    }

    /// Waits for a batch, unless the run is asked to stop: a batch does not need us.
    async fn wait(&self, answer: oneshot::Receiver<Outcome>) -> Waited {
        tokio::select! {
            biased;
            outcome = answer => match outcome {
                Ok(Outcome::Ended { answer, charged, latency }) => {
                    let attempted = match answer {
                        Ok(completion) => Attempted::Replied(completion, latency),
                        Err(error) => Attempted::Failed(error),
                    };
                    Waited::Ended(attempted, charged)
                }
                Ok(Outcome::Void) => Waited::Void,
                Ok(Outcome::Left(reason)) => Waited::Refused(Refused::Stopped(Stopped(reason.into()))),
                // No batch is sent any more.
                Err(_) => Waited::Refused(Refused::Halted),
            },
            () = self.run.halt.cancelled() => Waited::Refused(Refused::Halted),
        }
    }

    /// Tells those who watch what came of an attempt; it is stored already.
    fn told(&self, attempted: Attempted, charged: Money, repair: bool) -> Attempted {
        match &attempted {
            Attempted::Replied(completion, latency) => {
                self.tell_stored(completion, *latency, charged, repair);
            }
            Attempted::Failed(error) => self.trace(&Err(error.clone()), Duration::ZERO, charged, repair),
            Attempted::Refused(_) => {}
        }
        attempted
    }

    fn tell_stored(&self, completion: &Completion, latency: Duration, charged: Money, repair: bool) {
        self.trace(&Ok(completion.clone()), latency, charged, repair);
        let (call, usage, cost) = (self.name(), completion.usage, self.run.spending.spent());
        self.run.events.send(|| Event::Stored { call, latency, usage, charged, cost });
    }
}
