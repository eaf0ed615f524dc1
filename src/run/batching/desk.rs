//! Where calls of one member are handed in, and their answers given out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::provider::batch::BatchEndpoint;
use crate::provider::{Call, Completion, Provider, ProviderError};
use crate::run::executor::Seat;
use crate::run::study::{Batching, PanelMember};
use crate::store::{AttemptStart, CallKey, Money, OpenBatch};

/// What came of a call in a batch.
#[derive(Debug)]
pub(in crate::run) enum Outcome {
    /// It ended, and that is stored.
    Ended { answer: Result<Completion, ProviderError>, charged: Money, latency: Duration },
    /// It never left, for certain: it may be asked again.
    Void,
    /// It may be on its way, and cannot be asked about now: it must not be asked again.
    Left(String),
}

/// A call that waits for its batch.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) start: AttemptStart,
    pub(super) entry: Value,
    /// Bytes of the entry.
    pub(super) size: usize,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// A question, and whether its repair is meant: of each at most one attempt is on its way.
pub(super) type Question = (CallKey, bool);

/// Who waits for a call that is on its way.
#[derive(Debug)]
enum Awaited {
    ByNobody,
    By(oneshot::Sender<Outcome>),
    /// It has come before anybody asked.
    Come(Outcome),
}

/// The desk of one seat.
#[derive(Debug)]
pub(in crate::run) struct Desk {
    pub(super) member: PanelMember,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) settings: Batching,
    inbox: mpsc::UnboundedSender<Item>,
    pub(super) queue: tokio::sync::Mutex<mpsc::UnboundedReceiver<Item>>,
    awaited: Mutex<BTreeMap<Question, Awaited>>,
    /// Batches of earlier sittings that nobody follows yet.
    earlier: Mutex<Vec<OpenBatch>>,
    sending: AtomicUsize,
    sent: Notify,
}

/// The right to send: as long as it is held, the run does not end.
#[derive(Debug)]
pub(super) struct Sending<'a>(&'a Desk);

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.sending.fetch_sub(1, Ordering::SeqCst);
        self.0.sent.notify_waiters();
    }
}

/// A desk for every seat that asks in batches, or of which a batch is on its way; in the order of the seats.
pub(in crate::run) fn seats_at_desks(seats: &[Seat], open: &[OpenBatch]) -> Vec<Option<Arc<Desk>>> {
    let desk = |seat: &Seat| {
        let wanted = seat.member.batch.is_some() || open.iter().any(|batch| is_of(batch, &seat.member));
        let able = seat.provider.batches().is_some();
        (wanted && able).then(|| Arc::new(Desk::new(seat.member.clone(), Arc::clone(&seat.provider))))
    };
    seats.iter().map(desk).collect()
}

/// Whether a member is who is asked in a batch; with what key it is asked plays no part.
fn is_of(batch: &OpenBatch, member: &PanelMember) -> bool {
    batch.member == member.name.as_str() && batch.address == member.address() && batch.model == member.model
}

impl Desk {
    fn new(member: PanelMember, provider: Arc<dyn Provider>) -> Self {
        let (inbox, queue) = mpsc::unbounded_channel();
        Self {
            settings: member.batch.unwrap_or_default(),
            member,
            provider,
            inbox,
            queue: tokio::sync::Mutex::new(queue),
            awaited: Mutex::default(),
            earlier: Mutex::default(),
            sending: AtomicUsize::new(0),
            sent: Notify::new(),
        }
    }

    /// The way to the vendor. A desk is made only where there is one.
    pub(super) fn endpoint(&self) -> Option<&dyn BatchEndpoint> {
        self.provider.batches()
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeMap<Question, Awaited>> {
        // Every change is whole after any panic.
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the batches of this seat that earlier sittings left on their way; answers what their calls can cost.
    pub(in crate::run) fn take_up(&self, open: &[OpenBatch]) -> Money {
        let own: Vec<OpenBatch> = open.iter().filter(|batch| is_of(batch, &self.member)).cloned().collect();
        let calls = || own.iter().flat_map(|batch| &batch.calls);
        let reserved = calls().map(|call| call.reserved).sum();
        self.awaited().extend(calls().map(|call| ((call.key, call.repair), Awaited::ByNobody)));
        *self.earlier.lock().unwrap_or_else(PoisonError::into_inner) = own;
        reserved
    }

    pub(super) fn earlier(&self) -> Vec<OpenBatch> {
        std::mem::take(&mut *self.earlier.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for a call that is on its way already; `None` where none is.
    pub(in crate::run) fn claim(&self, key: CallKey, repair: bool) -> Option<oneshot::Receiver<Outcome>> {
        let mut awaited = self.awaited();
        let known = awaited.remove(&(key, repair))?;
        let (sender, receiver) = oneshot::channel();
        match known {
            // A new receiver is there.
            Awaited::Come(outcome) => drop(sender.send(outcome)),
            Awaited::ByNobody | Awaited::By(_) => {
                awaited.insert((key, repair), Awaited::By(sender));
            }
        }
        Some(receiver)
    }

    /// Hands in a call for the next batch.
    pub(in crate::run) fn hand_in(&self, start: AttemptStart, call: &Call) -> oneshot::Receiver<Outcome> {
        let (answer, receiver) = oneshot::channel();
        let entry = self.endpoint().map(|endpoint| endpoint.entry(call)).unwrap_or_default();
        let size = entry.to_string().len();
        // The desk has its own queue, so there is somebody at the other end.
        let _ = self.inbox.send(Item { start, entry, size, answer });
        receiver
    }

    /// Notes who waits for a call that is about to be sent.
    pub(super) fn await_by(&self, question: Question, answer: oneshot::Sender<Outcome>) {
        self.awaited().insert(question, Awaited::By(answer));
    }

    /// Gives out what came of a call.
    pub(super) fn deliver(&self, question: Question, outcome: Outcome) {
        let mut awaited = self.awaited();
        match awaited.remove(&question) {
            // Whoever no longer waits finds it in the database.
            Some(Awaited::By(answer)) => drop(answer.send(outcome)),
            Some(Awaited::ByNobody) => drop(awaited.insert(question, Awaited::Come(outcome))),
            Some(Awaited::Come(_)) | None => {}
        }
    }

    pub(super) fn begin_sending(&self) -> Sending<'_> {
        self.sending.fetch_add(1, Ordering::SeqCst);
        Sending(self)
    }

    /// Waits until no batch is being sent whose number is not stored yet.
    pub(in crate::run) async fn all_sent(&self) {
        loop {
            // Registered before the count is read, so that no end is missed.
            let sent = self.sent.notified();
            if self.sending.load(Ordering::SeqCst) == 0 {
                return;
            }
            sent.await;
        }
    }
}
