//! The batches of a run go their ways while its calls wait.

use std::convert::Infallible;
use std::pin::pin;

use futures::future::{BoxFuture, join_all, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use super::course::Course;
use super::desk::{Desk, Item};
use crate::run::executor::{Run, RunError};

/// Bytes of questions in one batch at most: well below what either vendor takes (200 and 256 MB), because the body is
/// held in memory more than once while it is sent.
const BYTES: usize = 64 << 20;

/// Calls that wait for their batch.
#[derive(Default)]
struct Gathered {
    items: Vec<Item>,
    bytes: usize,
}

impl Gathered {
    /// Adds a call; answers the batch that has no room for it.
    fn add(&mut self, item: Item, most: usize) -> Option<Vec<Item>> {
        let full = !self.items.is_empty() && (self.items.len() >= most || self.bytes + item.size > BYTES);
        let batch = full.then(|| self.take());
        self.bytes += item.size;
        self.items.push(item);
        batch
    }

    fn take(&mut self) -> Vec<Item> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

impl Desk {
    /// Gathers calls into batches and follows each of them; ends only with an error.
    async fn drive(&self, run: &Run) -> Result<Infallible, RunError> {
        let mut queue = self.queue.lock().await;
        let mut courses: FuturesUnordered<BoxFuture<'_, Result<(), RunError>>> = FuturesUnordered::new();
        for batch in self.earlier() {
            courses.push(Box::pin(Course::follow(self, run, batch)));
        }
        let mut gathered = Gathered::default();
        let mut flush = Instant::now();
        loop {
            tokio::select! {
                biased;
                Some(ended) = courses.next(), if !courses.is_empty() => ended?,
                Some(item) = queue.recv() => {
                    if let Some(batch) = gathered.add(item, self.settings.max_requests) {
                        courses.push(Box::pin(Course::begin(self, run, batch)));
                    }
                    // Whoever fills a batch need not wait for others.
                    let full = gathered.items.len() >= self.settings.max_requests;
                    flush = Instant::now() + if full { std::time::Duration::ZERO } else { self.settings.linger };
                }
                () = sleep_until(flush), if !gathered.items.is_empty() => {
                    courses.push(Box::pin(Course::begin(self, run, gathered.take())));
                }
            }
        }
    }
}

impl Run {
    /// Takes up the batches that earlier sittings left on their way. What they can cost is set aside, not spent.
    pub(in crate::run) fn take_up_batches(&self) -> Result<(), RunError> {
        if self.desks().next().is_none() {
            return Ok(());
        }
        let open = self.store.open_batches()?;
        for desk in self.desks() {
            self.spending.take_up(desk.take_up(&open));
        }
        Ok(())
    }

    /// Works while the batches go their ways. A batch that is being sent is seen to its number first.
    ///
    /// # Errors
    /// Those of the work, and those of the batches.
    pub(in crate::run) async fn beside_batches<T>(
        &self,
        work: impl Future<Output = Result<T, RunError>>,
    ) -> Result<T, RunError> {
        let mut driving = pin!(async {
            try_join_all(self.desks().map(|desk| desk.drive(self))).await?;
            // Nobody has a desk.
            std::future::pending::<Result<Infallible, RunError>>().await
        });
        let done = tokio::select! {
            biased;
            done = work => done?,
            failed = &mut driving => match failed? {},
        };
        tokio::select! {
            biased;
            _ = join_all(self.desks().map(Desk::all_sent)) => Ok(done),
            failed = &mut driving => match failed? {},
        }
    }

    fn desks(&self) -> impl Iterator<Item = &Desk> {
        self.desks.iter().flatten().map(AsRef::as_ref)
    }
}
