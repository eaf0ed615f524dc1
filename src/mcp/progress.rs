//! Work with an eye on the caller: progress goes out, a cancellation comes in.

use std::future::Future;
use std::pin::pin;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::answer::{Outcome, Refusal};
use crate::run::Event;
use crate::store::SlotStatus;

/// Does work whose events are told to the caller, one step for every call that ends out of `total`. When the caller
/// cancels, the work is dropped, and with it every call that is on its way.
pub(super) async fn watched<T, W>(
    context: &RequestContext<RoleServer>,
    total: usize,
    work: impl FnOnce(UnboundedSender<Event>) -> W,
) -> Outcome<T>
where
    W: Future<Output = Outcome<T>>,
{
    let (sender, mut events) = unbounded_channel();
    let mut told = Told { context, token: context.meta.get_progress_token(), ended: 0, total };
    let mut work = pin!(work(sender));
    let outcome = loop {
        tokio::select! {
            biased;
            () = context.ct.cancelled() => return Err(Refusal::new("cancelled")),
            Some(event) = events.recv() => told.tell(&event).await,
            outcome = &mut work => break outcome,
        }
    };
    told.rest(&mut events).await;
    outcome
}

/// Work without events that can be abandoned.
pub(super) async fn abandonable<T>(
    context: &RequestContext<RoleServer>,
    work: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    tokio::select! {
        biased;
        () = context.ct.cancelled() => Err(Refusal::new("cancelled")),
        outcome = work => outcome,
    }
}

/// What the caller has been told.
struct Told<'a> {
    context: &'a RequestContext<RoleServer>,
    token: Option<ProgressToken>,
    ended: usize,
    total: usize,
}

impl Told<'_> {
    async fn tell(&mut self, event: &Event) {
        let Event::Finished { call, status, reason, .. } = event else { return };
        self.ended += 1;
        let Some(token) = self.token.clone() else { return };
        let message = match (status, reason) {
            (SlotStatus::Answered, _) => format!("{} answered", call.model),
            (_, Some(reason)) => format!("{}: {reason}", call.model),
            (status, None) => format!("{}: {}", call.model, status.name()),
        };
        let progress = ProgressNotificationParam::new(token, self.ended as f64)
            .with_total(self.total.max(self.ended) as f64)
            .with_message(message);
        // A caller that has gone is told nothing; the answer will find that out.
        let _ = self.context.peer.notify_progress(progress).await;
    }

    /// Everything that happened before the answer is told before the answer.
    async fn rest(&mut self, events: &mut UnboundedReceiver<Event>) {
        while let Ok(event) = events.try_recv() {
            self.tell(&event).await;
        }
    }
}
