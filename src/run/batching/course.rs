//! The way of one batch: sent once, found again where its number is not known, awaited, collected.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join, try_join_all};
use serde_json::Value;
use tokio::sync::mpsc;

use super::desk::{Desk, Item, Outcome};
use crate::provider::batch::{BatchEndpoint, BatchLine, BatchState, Found, NewBatch, SubmitError, Wanted};
use crate::provider::{Completion, FailureKind, ProviderError};
use crate::run::charging::{charge, ended};
use crate::run::event::{BatchName, Event};
use crate::run::executor::{Run, RunError};
use crate::run::status::now_ms;
use crate::store::{AttemptStart, BatchStart, Money, OpenBatch, OpenCall};

/// How often a batch is sent at most, when it is certain each time that there is none.
const SUBMISSIONS: u32 = 10;

/// How often results are read in which answers are missing, before those count as lost.
const READINGS: u32 = 3;

/// Answers that are stored together.
const TOGETHER: usize = 256;

/// How many looks long a batch that was perhaps sent is looked for: the vendor may list it a while after it came.
const LOOKS: u32 = 10;

/// Batches that were made so much earlier than ours was meant are not ours, however wrong a clock is.
const A_DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// One batch on its way.
pub(super) struct Course<'a> {
    desk: &'a Desk,
    run: &'a Run,
    endpoint: &'a dyn BatchEndpoint,
    batch: OpenBatch,
    /// Calls without an end, by their places.
    open: BTreeMap<u64, OpenCall>,
    /// Whether an earlier sitting sent it; then nobody here holds what is set aside for its calls.
    earlier: bool,
    /// When it was perhaps sent last, in milliseconds since 1970; for one of an earlier sitting the start of this one.
    sent_ms: u64,
    /// What was last told of its troubles.
    told: String,
}

/// What a search for a batch without a number came to.
enum Search {
    Found(String),
    Nobody,
    Left,
}

impl<'a> Course<'a> {
    /// Sends a batch and follows it.
    pub(super) async fn begin(desk: &'a Desk, run: &'a Run, items: Vec<Item>) -> Result<(), RunError> {
        // Whoever no longer waits need not be asked for, and after a halt nobody is.
        let items: Vec<Item> =
            items.into_iter().filter(|item| !item.answer.is_closed() && !run.halt.is_cancelled()).collect();
        let Some(endpoint) = desk.endpoint().filter(|_| !items.is_empty()) else { return Ok(()) };
        let (mut starts, mut entries): (Vec<AttemptStart>, Vec<Value>) = (Vec::new(), Vec::new());
        for item in items {
            desk.await_by((item.start.key, item.start.repair), item.answer);
            starts.push(item.start);
            entries.push(item.entry);
        }
        let start = BatchStart {
            tag: format!("{:032x}", rand::random::<u128>()),
            member: desk.member.name.to_string(),
            address: desk.member.address(),
            model: desk.member.model.clone(),
            intended_ms: now_ms(),
            calls: starts,
        };
        let sending = desk.begin_sending();
        let batch = run.store.begin_batch(start).await?;
        let new = NewBatch { tag: batch.tag.clone(), entries };
        let mut course = Self::new(desk, run, endpoint, batch, false);
        let named = course.send(&new).await;
        drop((new, sending));
        match named? {
            Some(id) => {
                tokio::time::sleep(desk.settings.poll).await;
                course.collect(&id).await
            }
            None => Ok(()),
        }
    }

    /// Follows a batch of an earlier sitting.
    pub(super) async fn follow(desk: &'a Desk, run: &'a Run, batch: OpenBatch) -> Result<(), RunError> {
        let Some(endpoint) = desk.endpoint() else { return Ok(()) };
        let mut course = Self::new(desk, run, endpoint, batch, true);
        let id = match course.batch.vendor_id.clone() {
            Some(id) => id,
            None => match course.search().await? {
                Search::Found(id) => id,
                Search::Nobody => return course.void().await,
                Search::Left => return Ok(()),
            },
        };
        let reserved = course.open.values().map(|call| call.reserved).sum();
        course.tell(|batch| Event::BatchAwaited { batch, reserved }, &id);
        course.collect(&id).await
    }

    fn new(
        desk: &'a Desk,
        run: &'a Run,
        endpoint: &'a dyn BatchEndpoint,
        mut batch: OpenBatch,
        earlier: bool,
    ) -> Self {
        let calls = std::mem::take(&mut batch.calls);
        let open = calls.into_iter().map(|call| (call.place, call)).collect();
        Self { desk, run, endpoint, batch, open, earlier, sent_ms: now_ms(), told: String::new() }
    }

    /// Sends the batch, again only when there is none for certain; `None` when that failed and is stored.
    async fn send(&mut self, new: &NewBatch) -> Result<Option<String>, RunError> {
        let mut last = ProviderError::new(FailureKind::NotSent, "the batch was never sent");
        for _ in 0..SUBMISSIONS {
            self.sent_ms = now_ms();
            match self.endpoint.submit(new).await {
                Ok(id) => {
                    self.run.store.name_batch(self.batch.id, &id).await?;
                    self.tell(|batch| Event::BatchSent { batch }, &id);
                    return Ok(Some(id));
                }
                Err(SubmitError::Unknown(error)) => {
                    self.tell_trouble(&error);
                    match self.search().await? {
                        Search::Found(id) => return Ok(Some(id)),
                        Search::Left => return Ok(None),
                        Search::Nobody => last = ProviderError { kind: FailureKind::Transient, ..error },
                    }
                }
                Err(SubmitError::Refused(error)) if !passes(&error) => {
                    // What is wrong with one question is not wrong with all: no record is rejected for it.
                    last = ProviderError { kind: FailureKind::ProviderRejected, ..error };
                    break;
                }
                Err(SubmitError::Refused(error)) => {
                    self.tell_trouble(&error);
                    last = error;
                    if !self.pause(last.retry_after).await {
                        break;
                    }
                }
            }
        }
        self.fail_all(&last).await?;
        Ok(None)
    }

    /// Looks for the batch at the vendor's until it is found or certainly not there.
    async fn search(&mut self) -> Result<Search, RunError> {
        loop {
            let wanted = Wanted {
                tag: self.batch.tag.clone(),
                entries: self.batch.size,
                since_ms: self.batch.intended_ms.saturating_sub(A_DAY_MS),
                known: self.run.store.known_batches()?,
            };
            let began = now_ms();
            let mut after = None;
            match self.endpoint.find(&wanted).await {
                Ok(Found::Ours(id)) => {
                    self.run.store.name_batch(self.batch.id, &id).await?;
                    return Ok(Search::Found(id));
                }
                Ok(Found::Nobody) if began >= self.settled_ms() => return Ok(Search::Nobody),
                Ok(Found::Nobody | Found::Undecided) => {}
                Err(error) if is_final(&error) => {
                    let why = format!("it cannot be known whether its batch was made: {}", error.message);
                    self.leave(&why);
                    return Ok(Search::Left);
                }
                Err(error) => {
                    self.tell_trouble(&error);
                    after = error.retry_after;
                }
            }
            if !self.pause(after).await {
                // The next sitting goes on looking.
                return Ok(Search::Left);
            }
        }
    }

    /// From when on a batch that is not listed is not there; milliseconds since 1970.
    fn settled_ms(&self) -> u64 {
        let looks = self.desk.settings.poll.saturating_mul(LOOKS);
        self.sent_ms.saturating_add(u64::try_from(looks.as_millis()).unwrap_or(u64::MAX))
    }

    /// Waits for the end of the batch and takes its answers.
    async fn collect(&mut self, id: &str) -> Result<(), RunError> {
        let mut readings = 0;
        loop {
            let trouble = match self.endpoint.look(id).await {
                Ok(BatchState::Working) => None,
                Ok(BatchState::Invalid { entries, error }) => return self.refused(&entries, error).await,
                Ok(BatchState::Ended { results }) => match self.read(&results).await? {
                    Ok(()) => {
                        readings += 1;
                        if self.open.is_empty() || readings == READINGS {
                            self.tell(|batch| Event::BatchEnded { batch }, id);
                            return self.lost(id).await;
                        }
                        None
                    }
                    Err(error) if is_final(&error) || error.kind == FailureKind::Unusable => {
                        self.leave(&format!(
                            "the results of the batch {id} cannot be read: {}",
                            error.message
                        ));
                        return Ok(());
                    }
                    Err(error) => Some(error),
                },
                Err(error) if is_final(&error) => {
                    let why = "is it the key of the account that sent it?";
                    self.leave(&format!("the batch {id} cannot be asked about: {}; {why}", error.message));
                    return Ok(());
                }
                Err(error) => Some(error),
            };
            let told = trouble.as_ref().and_then(|error| error.retry_after).unwrap_or_default();
            if let Some(error) = &trouble {
                self.tell_trouble(error);
            }
            tokio::time::sleep(self.desk.settings.poll.max(told)).await;
        }
    }

    /// Reads results to their end, storing what comes; the inner error says that they did not come whole.
    async fn read(&mut self, results: &[String]) -> Result<Result<(), ProviderError>, RunError> {
        let (sender, mut lines) = mpsc::channel(TOGETHER);
        let tag = self.batch.tag.clone();
        let fetching = self.endpoint.fetch(&tag, results, sender);
        let storing = async {
            let mut together = Vec::with_capacity(TOGETHER);
            while lines.recv_many(&mut together, TOGETHER).await > 0 {
                self.store(together.drain(..)).await?;
            }
            // With this the reader learns that nobody reads on, should storing have failed.
            drop(lines);
            Ok::<(), RunError>(())
        };
        let (fetched, stored) = join(fetching, storing).await;
        stored?;
        Ok(fetched)
    }

    /// Ends the calls that some lines are about. Lines about others, or about a call a second time, change nothing.
    async fn store(&mut self, lines: impl Iterator<Item = BatchLine>) -> Result<(), RunError> {
        let mut ends = Vec::new();
        let (mut foreign, mut unreadable) = (0_u64, 0_u64);
        for line in lines {
            match line {
                BatchLine::Answer { place, answer } => match self.open.remove(&place) {
                    Some(call) => ends.push((call, answer)),
                    None => foreign += 1,
                },
                BatchLine::Foreign => foreign += 1,
                BatchLine::Unreadable => unreadable += 1,
            }
        }
        if foreign + unreadable > 0 {
            tracing::warn!(batch = self.batch.tag, foreign, unreadable, "lines of the results are left out");
        }
        try_join_all(ends.into_iter().map(|(call, answer)| self.end(call, answer))).await.map(drop)
    }

    /// Stores how a call ended and gives it out.
    async fn end(&self, call: OpenCall, answer: Result<Completion, ProviderError>) -> Result<(), RunError> {
        let (charged, certain) = charge(self.desk.member.price, &answer, call.reserved);
        let latency = Duration::from_millis(now_ms().saturating_sub(call.started_ms));
        self.run.store.end(call.attempt, ended(&answer), charged, certain, latency).await?;
        if self.earlier {
            self.run.spending.settle(call.reserved, charged);
        }
        self.desk.deliver((call.key, call.repair), Outcome::Ended { answer, charged, latency });
        Ok(())
    }

    /// The batch has ended, and these calls have no answer in it: whether they were paid is not known.
    async fn lost(&mut self, id: &str) -> Result<(), RunError> {
        let message =
            format!("the batch {id} has ended, and no line of its results that can be read is about it");
        self.fail_all(&ProviderError::new(FailureKind::UnknownOutcome, message)).await
    }

    /// The vendor refused the batch before anybody was asked. Where single questions are at fault, the others go on.
    async fn refused(
        &mut self,
        entries: &BTreeMap<u64, String>,
        error: ProviderError,
    ) -> Result<(), RunError> {
        let at_fault: Vec<OpenCall> = entries.keys().filter_map(|place| self.open.remove(place)).collect();
        if at_fault.is_empty() {
            return self.fail_all(&error).await;
        }
        for call in at_fault {
            let said = entries.get(&call.place).cloned().unwrap_or_default();
            self.end(call, Err(ProviderError::new(FailureKind::RecordRejected, said))).await?;
        }
        self.void().await
    }

    /// Nothing was sent, for certain: the calls may be asked again.
    async fn void(&mut self) -> Result<(), RunError> {
        let never = ProviderError::new(FailureKind::NotSent, "the batch was never made; it is asked again");
        let open = std::mem::take(&mut self.open);
        try_join_all(open.into_values().map(|call| self.never(call, &never))).await.map(drop)
    }

    async fn never(&self, call: OpenCall, error: &ProviderError) -> Result<(), RunError> {
        let end = ended(&Err(error.clone()));
        self.run.store.end(call.attempt, end, Money::ZERO, true, Duration::ZERO).await?;
        if self.earlier {
            self.run.spending.settle(call.reserved, Money::ZERO);
        }
        self.desk.deliver((call.key, call.repair), Outcome::Void);
        Ok(())
    }

    /// Ends every call with the same failure.
    async fn fail_all(&mut self, error: &ProviderError) -> Result<(), RunError> {
        let open = std::mem::take(&mut self.open);
        try_join_all(open.into_values().map(|call| self.end(call, Err(error.clone())))).await.map(drop)
    }

    /// Leaves the calls on their way: nobody asks about them in this sitting, and nobody asks them again.
    fn leave(&mut self, why: &str) {
        for call in std::mem::take(&mut self.open).into_values() {
            if self.earlier {
                self.run.spending.settle(call.reserved, call.reserved);
            }
            self.desk.deliver((call.key, call.repair), Outcome::Left(why.to_owned()));
        }
    }

    /// Waits a look long, or as told; `false` when the run is asked to stop.
    async fn pause(&self, told: Option<Duration>) -> bool {
        tokio::select! {
            biased;
            () = self.run.halt.cancelled() => false,
            () = tokio::time::sleep(self.desk.settings.poll.max(told.unwrap_or_default())) => true,
        }
    }

    fn tell(&self, event: impl FnOnce(BatchName) -> Event, id: &str) {
        let (provider, model) = (self.desk.member.provider.clone(), self.desk.member.name.clone());
        let name = || BatchName { id: id.to_owned(), provider, model, calls: self.batch.size };
        self.run.events.send(|| event(name()));
    }

    /// Says what is wrong, once.
    fn tell_trouble(&mut self, error: &ProviderError) {
        if self.told != error.message {
            self.told.clone_from(&error.message);
            let (provider, reason) = (self.desk.member.provider.clone(), error.message.clone());
            let (models, after) = (vec![self.desk.member.name.clone()], self.desk.settings.poll);
            self.run.events.send(|| Event::Waiting { provider, models, after, reason });
        }
    }
}

/// Whether the same batch may be taken later.
fn passes(error: &ProviderError) -> bool {
    matches!(error.kind, FailureKind::NotSent | FailureKind::RateLimited | FailureKind::Transient)
}

/// Whether asking again with the same key leads nowhere.
fn is_final(error: &ProviderError) -> bool {
    matches!(error.kind, FailureKind::ProviderRejected | FailureKind::RecordRejected)
}
