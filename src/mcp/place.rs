//! Places for calls at work: so many at once, and a share of them for each session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{Outcome, Refusal};

/// Tool calls at work at once, over all sessions.
const AT_ONCE: usize = 16;

/// Of them, those of one session over HTTP at most: one caller leaves places for others.
const SHARE: usize = 4;

/// How long a place is waited for before the caller is told that the server is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The places of a session, and of all sessions together.
#[derive(Clone, Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// A place at work; free again when the last clone of it is dropped.
#[derive(Clone, Debug)]
pub(super) struct Place(
    #[expect(dead_code, reason = "held, and never looked at")] Arc<[OwnedSemaphorePermit; 2]>,
);

impl Places {
    /// All places, for the only session that there is.
    pub(super) fn new() -> Self {
        let all = Arc::new(Semaphore::new(AT_ONCE));
        Self { own: Arc::new(Semaphore::new(AT_ONCE)), all }
    }

    /// The places of one more session.
    pub(super) fn of_session(&self) -> Self {
        Self { all: Arc::clone(&self.all), own: Arc::new(Semaphore::new(SHARE)) }
    }

    /// Waits for a place: as long as it takes behind the session's own calls, for some time behind those of others.
    pub(super) async fn take(&self) -> Outcome<Place> {
        let own = Arc::clone(&self.own).acquire_owned().await?;
        let all = tokio::time::timeout(PATIENCE, Arc::clone(&self.all).acquire_owned()).await;
        let all = all.map_err(|_| {
            Refusal::new(format!(
                "the server is busy: {AT_ONCE} calls of other sessions have been at work for {} s; ask again later",
                PATIENCE.as_secs()
            ))
        })?;
        Ok(Place(Arc::new([own, all?])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn c10_one_session_leaves_places_for_others_and_a_full_server_says_so() {
        let server = Places::new();
        let greedy = server.of_session();
        let mut held: Vec<Place> = Vec::new();
        for _ in 0..SHARE {
            held.push(greedy.take().await.unwrap());
        }
        assert!(greedy.take().now_or_never().is_none(), "it has its share");
        for _ in SHARE..AT_ONCE {
            held.push(server.of_session().take().now_or_never().expect("a place is free").unwrap());
        }
        assert!(server.of_session().take().await.is_err(), "it is told after a while, and not left waiting");
        held.pop();
        assert!(server.of_session().take().now_or_never().is_some());
    }
}
