//! Units are asked about: concurrently, bounded, in the order of the panel, and every answer is stored.
//!
//! The executor keeps counts only. Drafts and results are read from the store afterwards
//! ([`super::derive`]), so that a run of a million records needs no more memory than a run of a
//! thousand, and so that who answered first can change nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batching::{Desk, PLACES, UNITS, seats_at_desks};
use super::endpoints::Reserve;
use super::event::{Drafted, Event, Events};
use super::gate::Gate;
use super::interpreter::{Interpreter, RenderError};
use super::patience::{Patience, Patiences};
use super::plan::Unit;
use super::report::{RunOutcome, RunReport};
use super::retry::{RetryBudget, RetryPolicy};
use super::spending::{Budget, Spending};
use super::study::{Mode, PanelMember, Quorum, Study};
use super::tally::Tally;
use super::unit::ask_unit;
use super::window::START;
use crate::persona::{ModelName, RecordId};
use crate::provider::Provider;
use crate::store::{Money, Slot, Store, StoreError};

/// Calls in flight per endpoint when nothing is configured, unless the panel has more members there.
const PER_ENDPOINT: usize = 3;

/// Calls in flight over all endpoints at most, when nothing is configured.
const OVERALL: usize = 64;

/// How a panel is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The strategy.
    pub mode: Mode,
    /// When answers are enough.
    pub quorum: Quorum,
    /// What follows a failed attempt.
    pub retry: RetryPolicy,
    /// Calls in flight at most, over all endpoints.
    pub concurrency: Option<usize>,
    /// Never exceeded.
    pub max_cost: Option<Money>,
    /// The seed of the jitter between attempts.
    pub seed: u64,
}

impl Default for Settings {
    /// What a study has that says nothing about it.
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            quorum: Quorum::default(),
            retry: RetryPolicy::default(),
            concurrency: None,
            max_cost: None,
            seed: 0,
        }
    }
}

impl From<&Study> for Settings {
    fn from(study: &Study) -> Self {
        Self {
            mode: study.mode,
            quorum: study.quorum,
            retry: study.retry,
            concurrency: study.concurrency,
            max_cost: study.limits.max_cost,
            seed: study.seed,
        }
    }
}

/// A run that cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A question cannot be rendered.
    #[error("the question about `{record}` cannot be put: {reason}")]
    Render {
        /// Which record.
        record: RecordId,
        /// What is wrong.
        reason: RenderError,
    },
    /// A limit that cannot be kept.
    #[error(
        "`{member}` has no price, so the limit of {limit} cannot be kept; give its price or drop the limit"
    )]
    Unpriced {
        /// Who has no price.
        member: String,
        /// The limit.
        limit: Money,
    },
    /// A member that is to be asked in batches, by a provider that has none.
    #[error(
        "`{member}` cannot be asked in batches: its provider has none; drop `batch`, and give the usual price"
    )]
    NoBatches {
        /// Whose provider.
        member: String,
    },
    /// Sampling options without a JSON form.
    #[error("the options of `{member}` have no JSON form")]
    Options {
        /// Whose options.
        member: String,
        /// What is wrong with them.
        source: serde_json::Error,
    },
}

/// Whoever can be asked, by whom, and through which of the run's gates.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) member: PanelMember,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) gate: usize,
    /// How long its answers are awaited, where that is learned from them.
    pub(super) patience: Option<Arc<Mutex<Patience>>>,
}

/// A panel being asked.
#[derive(Debug)]
pub struct Run {
    pub(super) settings: Settings,
    pub(super) panel: Vec<PanelMember>,
    /// One per panel member, then those who stand in for them.
    pub(super) seats: Vec<Seat>,
    /// Per panel member the seats to be asked in turn: its own first.
    pub(super) chains: Vec<Vec<usize>>,
    /// Per panel member the sample from which the models that stand in for it are asked before it.
    others_from: Vec<u32>,
    pub(super) interpreter: Arc<dyn Interpreter>,
    pub(super) store: Arc<Store>,
    pub(super) gates: Vec<Gate>,
    pub(super) places: Semaphore,
    /// Places of calls in batches, which take none of the others.
    pub(super) in_batches: Semaphore,
    /// One per seat that is asked in batches, or has been.
    pub(super) desks: Vec<Option<Arc<Desk>>>,
    pub(super) spending: Arc<Spending>,
    budget: Mutex<RetryBudget>,
    pub(super) events: Events,
    pub(super) drafted: Option<UnboundedSender<Drafted>>,
    /// No new call once it is cancelled.
    pub(super) halt: CancellationToken,
    limit_reached: AtomicBool,
    pub(super) window: usize,
}

impl Run {
    /// Seats a panel, each member beside the provider that asks it.
    ///
    /// Members with the same endpoint share its rate limits and its concurrency: what they configure,
    /// else three calls at once or one per member and sample, whichever is more.
    ///
    /// # Errors
    /// [`RunError::Unpriced`] for a limit with a member without price, [`RunError::NoBatches`], [`RunError::Store`].
    pub fn new(
        settings: Settings,
        panel: Vec<(PanelMember, Arc<dyn Provider>)>,
        interpreter: Arc<dyn Interpreter>,
        store: Arc<Store>,
    ) -> Result<Self, RunError> {
        let spent = store.spend()?.iter().map(|member| member.cost).sum();
        let run = Self {
            chains: (0..panel.len()).map(|place| vec![place]).collect(),
            others_from: vec![u32::MAX; panel.len()],
            panel: panel.iter().map(|(member, _)| member.clone()).collect(),
            seats: Vec::new(),
            gates: Vec::new(),
            interpreter,
            store,
            places: Semaphore::new(0),
            in_batches: Semaphore::new(PLACES),
            desks: Vec::new(),
            spending: Arc::new(Spending::new(settings.max_cost, spent)),
            budget: Mutex::default(),
            events: Events::default(),
            drafted: None,
            halt: CancellationToken::new(),
            limit_reached: AtomicBool::new(false),
            window: 0,
            settings,
        };
        run.seated(panel)
    }

    /// With models that stand in where a member gives no usable answer, in the order in which they are asked.
    ///
    /// # Errors
    /// As [`Run::new`].
    pub fn with_reserves(mut self, reserves: Vec<Reserve>) -> Result<Self, RunError> {
        let mut taken: Vec<_> =
            self.seats.iter().map(|seat| (seat.member.clone(), Arc::clone(&seat.provider))).collect();
        for Reserve { place, member, provider } in reserves {
            self.chains[place].push(taken.len());
            taken.push((member, provider));
        }
        self.seated(taken)
    }

    /// Asks the models that stand in for a member before the member itself, from so many samples of each member on: who is
    /// asked once more should hear another voice, where there is one.
    #[must_use]
    pub fn with_others_from(mut self, samples: Vec<u32>) -> Self {
        self.others_from = samples;
        self
    }

    /// The seats that are asked for a call, in turn.
    pub(super) fn chain(&self, slot: &Slot) -> Vec<usize> {
        let place = slot.place as usize;
        let mut chain = self.chains[place].clone();
        if self.others_from.get(place).is_some_and(|from| slot.sample >= *from) {
            chain.rotate_left(1);
        }
        chain
    }

    /// Why a seat is asked before the member itself, where it is.
    pub(super) fn note_of_another(&self, slot: &Slot, seat: usize) -> Option<String> {
        let place = slot.place as usize;
        let from = self.others_from.get(place)?;
        let another = slot.sample >= *from && seat != place;
        another.then(|| format!("{} is asked as another model", self.seats[seat].member.reference()))
    }

    /// Gives everybody a seat; nobody has been asked yet.
    fn seated(mut self, everyone: Vec<(PanelMember, Arc<dyn Provider>)>) -> Result<Self, RunError> {
        if let Some(limit) = self.settings.max_cost
            && let Some((member, _)) = everyone.iter().find(|(member, _)| member.price.is_none())
        {
            return Err(RunError::Unpriced { member: member.reference(), limit });
        }
        let unable = |(member, provider): &&(PanelMember, Arc<dyn Provider>)| {
            member.batch.is_some() && provider.batches().is_none()
        };
        if let Some((member, _)) = everyone.iter().find(unable) {
            return Err(RunError::NoBatches { member: member.reference() });
        }
        let batched = everyone.iter().any(|(member, _)| member.batch.is_some());
        let (seats, gates) = seat(everyone);
        let places: usize = gates.iter().filter(|gate| !gate.batched).map(|gate| gate.places).sum();
        let places = self.settings.concurrency.unwrap_or_else(|| places.clamp(1, OVERALL)).min(descriptors());
        self.desks = seats_at_desks(&seats, &self.store.open_batches()?);
        self.seats = seats;
        self.gates = gates.into_iter().map(|gate| Gate::new(gate.name, gate.start, gate.places)).collect();
        self.places = Semaphore::new(places);
        // Twice as many units as calls, so that a slow member does not leave the others idle at once.
        // A batch is gathered from as many units as there are.
        self.window = (2 * places).max(if batched { UNITS } else { 0 });
        Ok(self)
    }

    /// Tells everything that happens, in order.
    #[must_use]
    pub fn with_events(mut self, events: UnboundedSender<Event>) -> Self {
        self.events = Events(Some(events));
        self
    }

    /// Hands over the drafts of every answer of this sitting as soon as it is read.
    #[must_use]
    pub fn with_drafts(mut self, drafted: UnboundedSender<Drafted>) -> Self {
        self.drafted = Some(drafted);
        self
    }

    /// Shares its limit with other runs; what it has spent before is part of what the budget has.
    #[must_use]
    pub fn with_budget(mut self, budget: &Budget) -> Self {
        self.spending = Arc::clone(&budget.0);
        self
    }

    /// Goes on with what earlier runs have learned about how long answers take, and leaves there what it learns. Last of
    /// all, for whoever is seated later has an own.
    #[must_use]
    pub(crate) fn with_patience(mut self, known: &Patiences) -> Self {
        for seat in &mut self.seats {
            seat.patience = seat.member.adaptive_timeout.then(|| known.of(&seat.member));
        }
        self
    }

    /// Stops when the token is cancelled: no new call is made, calls in flight are awaited and stored.
    #[must_use]
    pub fn with_cancellation(mut self, token: &CancellationToken) -> Self {
        self.halt = token.child_token();
        self
    }

    /// Asks about every unit, in order; answers that are stored already are not asked for again.
    ///
    /// # Errors
    /// [`RunError`] when the run cannot go on. That a model does not answer is no error: it is
    /// in the report and in the results.
    pub async fn execute(&self, units: impl IntoIterator<Item = Unit>) -> Result<RunReport, RunError> {
        self.store.recover().await?;
        self.take_up_batches()?;
        let mut units = units.into_iter();
        let (least, most) = units.size_hint();
        self.announce((Some(least) == most).then_some(least as u64 * self.calls_per_unit()));
        let started = Instant::now();
        let mut tally = Tally::new(&self.panel, self.settings.quorum);
        let asked = std::iter::from_fn(|| if self.halt.is_cancelled() { None } else { units.next() });
        // In the order of completion, for these are only counted: one slow unit holds up no other.
        let mut endings = stream::iter(asked)
            .map(|unit| async move { ask_unit(self, &unit).await })
            .buffer_unordered(self.window);
        self.beside_batches(async {
            while let Some(ended) = endings.try_next().await? {
                tally.add(&ended);
            }
            Ok(())
        })
        .await?;
        drop(endings);
        let outstanding = tally.outstanding + units.map(|_| self.calls_per_unit()).sum::<u64>();
        let enough = self.settings.quorum.holds(tally.turnout);
        Ok(self.report(tally, enough, outstanding, started))
    }

    /// Says how a run ended, and whether `enough` answered.
    pub(super) fn report(&self, tally: Tally, enough: bool, outstanding: u64, started: Instant) -> RunReport {
        let outcome = if outstanding > 0 && self.limit_reached.load(Ordering::Relaxed) {
            RunOutcome::LimitReached { outstanding }
        } else if outstanding > 0 {
            RunOutcome::Interrupted { outstanding }
        } else if enough {
            RunOutcome::Complete
        } else {
            RunOutcome::TooFewModels
        };
        let report = tally.report(outcome, self.spending.spent(), started.elapsed());
        tracing::debug!(
            "consensus aggregation success={} error={}",
            report.turnout.answered,
            report.turnout.calls - report.turnout.answered
        );
        self.events.send(|| Event::Ended { outcome: report.outcome });
        report
    }

    /// Tells how many calls the run needs, where that is known.
    pub(super) fn announce(&self, calls: Option<u64>) {
        let models: Vec<_> = self.panel.iter().map(|member| member.name.clone()).collect();
        let names: Vec<&str> = models.iter().map(ModelName::as_str).collect();
        tracing::debug!("consensus dispatch models=[{}]", names.join(", "));
        self.events.send(|| Event::Planned { calls, models });
    }

    fn calls_per_unit(&self) -> u64 {
        self.panel.iter().map(|member| u64::from(member.samples)).sum()
    }

    /// The members that are asked through a gate, or in whose name somebody is.
    pub(super) fn members_at(&self, gate: usize) -> Vec<ModelName> {
        let asked = |chain: &Vec<usize>| chain.iter().any(|&seat| self.seats[seat].gate == gate);
        let members = self.panel.iter().zip(&self.chains).filter(|(_, chain)| asked(chain));
        members.map(|(member, _)| member.name.clone()).collect()
    }

    /// Counts a call that is made for the first time.
    pub(super) fn count_call(&self) {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).call();
    }

    /// Takes one retry out of the run's budget; `false` when there is none left.
    pub(super) fn take_retry(&self) -> bool {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).take(&self.settings.retry)
    }

    /// Stops the run because the next call could overshoot the limit.
    pub(super) fn reach_limit(&self) {
        self.limit_reached.store(true, Ordering::Relaxed);
        self.halt.cancel();
    }
}

/// Connections that the process may have open, without those that files and the rest need; at least one.
fn descriptors() -> usize {
    #[cfg(unix)]
    {
        /// For standard streams, the database, the results, the data and name resolution.
        const KEPT: u64 = 64;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        if let Some(limit) = limit {
            return usize::try_from(limit.saturating_sub(KEPT).max(1)).unwrap_or(usize::MAX);
        }
    }
    usize::MAX
}

/// An endpoint before it has a gate.
struct Door {
    /// Its provider.
    name: String,
    /// Calls at once to begin with: one question goes to everybody at once (C1).
    start: usize,
    /// Calls at once at most.
    places: usize,
    /// Whether calls wait for batches behind it.
    batched: bool,
}

/// Gives everybody the gate of their endpoint.
fn seat(everyone: Vec<(PanelMember, Arc<dyn Provider>)>) -> (Vec<Seat>, Vec<Door>) {
    let mut by_endpoint: BTreeMap<String, usize> = BTreeMap::new();
    let mut doors: Vec<Door> = Vec::new();
    let mut configured: Vec<Option<usize>> = Vec::new();
    let mut seats = Vec::new();
    for (member, provider) in everyone {
        let batched = member.batch.is_some();
        let gate = *by_endpoint.entry(member.gate()).or_insert(doors.len());
        if gate == doors.len() {
            doors.push(Door { name: member.provider.clone(), start: 0, places: 0, batched });
            configured.push(None);
        }
        doors[gate].start += member.samples as usize;
        configured[gate] = configured[gate].max(member.concurrency);
        let patience = member.adaptive_timeout.then(Arc::default);
        seats.push(Seat { member, provider, gate, patience });
    }
    for (door, configured) in doors.iter_mut().zip(configured) {
        if door.batched {
            (door.start, door.places) = (PLACES, PLACES);
            continue;
        }
        door.places = configured.unwrap_or(door.start.clamp(PER_ENDPOINT, OVERALL));
        door.start = door.start.max(START);
    }
    (seats, doors)
}
