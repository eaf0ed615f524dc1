//! The way to one endpoint: how many calls at once, when it may be asked again, whether at all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

#[derive(Debug, Default)]
struct State {
    opens: Option<Instant>,
    stopped: Option<Arc<str>>,
}

/// Shared by all calls to one endpoint with one key.
#[derive(Debug)]
pub(super) struct Gate {
    name: String,
    places: Semaphore,
    state: Mutex<State>,
}

/// The endpoint is asked no more in this run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stopped(pub(super) Arc<str>);

/// The right to make one attempt, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    _endpoint: SemaphorePermit<'a>,
    _run: SemaphorePermit<'a>,
}

impl Gate {
    pub(super) fn new(name: String, places: usize) -> Self {
        Self { name, places: Semaphore::new(places), state: Mutex::default() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the endpoint may be asked and there is a place, here and in the whole run.
    pub(super) async fn enter<'a>(&'a self, run: &'a Semaphore) -> Result<Admission<'a>, Stopped> {
        loop {
            self.wait().await?;
            let (Ok(endpoint), Ok(run)) = (self.places.acquire().await, run.acquire().await) else {
                return Err(Stopped("the run has ended".into()));
            };
            // While this call waited for a place, another one may have been told to wait.
            if self.opens_later()?.is_none() {
                return Ok(Admission { _endpoint: endpoint, _run: run });
            }
        }
    }

    async fn wait(&self) -> Result<(), Stopped> {
        while let Some(opens) = self.opens_later()? {
            tokio::time::sleep_until(opens).await;
        }
        Ok(())
    }

    /// When the gate opens, if that is later than now.
    fn opens_later(&self) -> Result<Option<Instant>, Stopped> {
        self.with(|state| match &state.stopped {
            Some(reason) => Err(Stopped(reason.clone())),
            None => Ok(state.opens.filter(|opens| *opens > Instant::now())),
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
        self.with(|state| {
            let first = state.stopped.is_none();
            state.stopped.get_or_insert_with(|| reason.into());
            first
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Both fields are whole after any panic.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_as_long_as_one_was_told_to() {
        let (gate, run) = (Gate::new("p".to_owned(), 2), Semaphore::new(9));
        assert!(gate.close_for(Duration::from_secs(7)));
        assert!(!gate.close_for(Duration::from_secs(3)), "a shorter wait opens nothing earlier");
        let start = Instant::now();
        gate.enter(&run).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_endpoint_lets_nobody_through() {
        let (gate, run) = (Gate::new("p".to_owned(), 1), Semaphore::new(9));
        assert!(gate.stop("wrong key"));
        assert!(!gate.stop("again"));
        assert_eq!(gate.enter(&run).await.unwrap_err(), Stopped("wrong key".into()));
    }
}
