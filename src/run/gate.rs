//! The way to one endpoint: how many calls at once, when it may be asked again, whether at all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::Breaker;
pub(super) use super::breaker::Verdict;
use super::window::Window;
use crate::provider::FailureKind;

#[derive(Debug)]
struct State {
    opens: Option<Instant>,
    stopped: Option<Arc<str>>,
    window: Window,
    breaker: Breaker,
    in_flight: usize,
}

/// Shared by all calls to one endpoint with one key.
#[derive(Debug)]
pub(super) struct Gate {
    name: String,
    state: Mutex<State>,
    /// Somebody left, or the gate stopped.
    freed: Notify,
}

/// The endpoint is asked no more in this run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stopped(pub(super) Arc<str>);

/// How an attempt ended, as far as its endpoint is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer, after so long.
    Answered(Duration),
    /// The endpoint is there and said no.
    Refused,
    /// The endpoint has too much to do, and says so.
    Overloaded,
    /// Not in time.
    TimedOut,
    /// It failed on its side, was cut, or could not be reached.
    Failed,
}

impl Ended {
    /// What a failure says; `slow` that it took as long as a time limit. A connection that is cut at once says
    /// nothing about how much the endpoint has to do.
    pub(super) fn of(kind: FailureKind, slow: bool) -> Self {
        match kind {
            FailureKind::RateLimited => Self::Overloaded,
            FailureKind::UnknownOutcome if slow => Self::TimedOut,
            FailureKind::NotSent | FailureKind::Transient | FailureKind::UnknownOutcome => Self::Failed,
            FailureKind::RecordRejected | FailureKind::ProviderRejected | FailureKind::Unusable => {
                Self::Refused
            }
        }
    }
}

/// The right to make one attempt, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    gate: &'a Gate,
    call: u64,
    trial: bool,
    _run: SemaphorePermit<'a>,
}

impl Admission<'_> {
    /// Gives the right back and says how the attempt ended.
    pub(super) fn end(self, ended: Ended) -> Verdict {
        let (call, trial) = (self.call, self.trial);
        self.gate.with(|state| {
            match ended {
                Ended::Answered(latency) => state.window.answered(latency),
                Ended::Overloaded | Ended::TimedOut => state.window.overloaded(call),
                Ended::Refused | Ended::Failed => {}
            }
            let verdict = match ended {
                Ended::TimedOut | Ended::Failed => state.breaker.failed(trial),
                Ended::Answered(_) | Ended::Refused | Ended::Overloaded => {
                    state.breaker.answered();
                    Verdict::Carry
                }
            };
            if let Verdict::Open(wait) = verdict {
                state.opens = state.opens.max(Some(Instant::now() + wait));
            }
            verdict
        })
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.gate.with(|state| state.in_flight -= 1);
        self.gate.freed.notify_one();
    }
}

/// What a call at the gate has to do.
enum Entry {
    Enter { call: u64, trial: bool },
    WaitUntil(Instant),
    WaitForOthers,
}

impl Gate {
    /// A gate that lets `start` calls in to begin with, and never more than `places`.
    pub(super) fn new(name: String, start: usize, places: usize) -> Self {
        let (window, breaker) = (Window::new(start, places), Breaker::default());
        let state = State { opens: None, stopped: None, window, breaker, in_flight: 0 };
        Self { name, state: Mutex::new(state), freed: Notify::new() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the endpoint may be asked and there is a place, here and in the whole run.
    pub(super) async fn enter<'a>(&'a self, run: &'a Semaphore) -> Result<Admission<'a>, Stopped> {
        loop {
            // A place that becomes free between the look and the wait is remembered by the notification.
            let freed = self.freed.notified();
            match self.ask(false)? {
                Entry::WaitUntil(opens) => tokio::time::sleep_until(opens).await,
                Entry::WaitForOthers => freed.await,
                Entry::Enter { .. } => {
                    let Ok(permit) = run.acquire().await else {
                        return Err(Stopped("the run has ended".into()));
                    };
                    // While this call waited for a place in the run, another one may have come first.
                    if let Entry::Enter { call, trial } = self.ask(true)? {
                        // Whoever leaves wakes one; whoever enters wakes the next while there is room.
                        self.freed.notify_one();
                        return Ok(Admission { gate: self, call, trial, _run: permit });
                    }
                }
            }
        }
    }

    /// Whether a call may enter now; takes the place when told to.
    fn ask(&self, take: bool) -> Result<Entry, Stopped> {
        self.with(|state| {
            if let Some(reason) = &state.stopped {
                return Err(Stopped(reason.clone()));
            }
            if let Some(opens) = state.opens.filter(|opens| *opens > Instant::now()) {
                return Ok(Entry::WaitUntil(opens));
            }
            let trial = state.breaker.is_half_open();
            let places = if trial { 1 } else { state.window.size() };
            if state.in_flight >= places {
                return Ok(Entry::WaitForOthers);
            }
            if !take {
                return Ok(Entry::Enter { call: 0, trial });
            }
            state.in_flight += 1;
            Ok(Entry::Enter { call: state.window.begin(), trial })
        })
    }

    /// Holds every call back for a while; `false` when it already is held back for longer.
    pub(super) fn close_for(&self, duration: Duration) -> bool {
        let opens = Instant::now() + duration;
        self.with(|state| {
            let later = state.opens.is_none_or(|known| known < opens);
            if later {
                state.opens = Some(opens);
            }
            later
        })
    }

    /// Lets no call through any more; `false` when that was so already.
    pub(super) fn stop(&self, reason: &str) -> bool {
        let first = self.with(|state| {
            let first = state.stopped.is_none();
            state.stopped.get_or_insert_with(|| reason.into());
            first
        });
        self.freed.notify_waiters();
        first
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Every change is whole after any panic.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_as_long_as_one_was_told_to() {
        let (gate, run) = (Gate::new("p".to_owned(), 2, 2), Semaphore::new(9));
        assert!(gate.close_for(Duration::from_secs(7)));
        assert!(!gate.close_for(Duration::from_secs(3)), "a shorter wait opens nothing earlier");
        let start = Instant::now();
        gate.enter(&run).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_endpoint_lets_nobody_through() {
        let (gate, run) = (Gate::new("p".to_owned(), 1, 1), Semaphore::new(9));
        let held = gate.enter(&run).await.unwrap();
        let mut waiting = Box::pin(gate.enter(&run));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(gate.stop("wrong key"));
        assert!(!gate.stop("again"));
        assert_eq!(waiting.await.unwrap_err(), Stopped("wrong key".into()));
        drop(held);
        assert_eq!(gate.enter(&run).await.unwrap_err(), Stopped("wrong key".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_fails_in_a_row_is_tried_by_one_call_after_a_while() {
        let (gate, run) = (Gate::new("p".to_owned(), 8, 8), Semaphore::new(9));
        let mut calls = Vec::new();
        for _ in 0..8 {
            calls.push(gate.enter(&run).await.unwrap());
        }
        let verdicts: Vec<Verdict> = calls.into_iter().map(|call| call.end(Ended::Failed)).collect();
        assert_eq!(verdicts[7], Verdict::Open(Duration::from_secs(1)));
        let start = Instant::now();
        let trial = gate.enter(&run).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        let mut second = Box::pin(gate.enter(&run));
        assert!(second.as_mut().now_or_never().is_none(), "one call tries");
        assert_eq!(trial.end(Ended::Answered(Duration::ZERO)), Verdict::Carry);
        let second = second.await.unwrap();
        gate.enter(&run).await.expect("it is closed again");
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_narrows_the_gate_and_answers_widen_it() {
        let (gate, run) = (Gate::new("p".to_owned(), 4, 4), Semaphore::new(9));
        gate.enter(&run).await.unwrap().end(Ended::Overloaded);
        let held = [gate.enter(&run).await.unwrap(), gate.enter(&run).await.unwrap()];
        assert!(gate.enter(&run).now_or_never().is_none(), "2 of 4 places are left");
        for call in held {
            call.end(Ended::Answered(Duration::ZERO));
        }
        // 2 + 1/2 + 1/2.5 = 2.9; one more: 2.9 + 1/2.9 = 3.24.
        gate.enter(&run).await.unwrap().end(Ended::Answered(Duration::ZERO));
        let held = [
            gate.enter(&run).await.unwrap(),
            gate.enter(&run).await.unwrap(),
            gate.enter(&run).await.unwrap(),
        ];
        assert!(gate.enter(&run).now_or_never().is_none());
        drop(held);
    }
}
