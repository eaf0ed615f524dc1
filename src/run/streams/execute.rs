//! Streams are asked about together, each in its turn.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::course::{Course, Next};
use super::report::{StreamReport, StreamStatus, streams};
use super::workload::{Part, Workload};
use crate::run::event::Event;
use crate::run::executor::{Run, RunError};
use crate::run::plan::Unit;
use crate::run::quorum::Turnout;
use crate::run::report::RunReport;
use crate::run::status::now_ms;
use crate::run::tally::Tally;
use crate::run::unit::{EndedCall, EndedUnit, ask_unit};
use crate::stages::workstreams::Alarm;
use crate::store::{Note, StoreError};

/// How often it is looked whether a stream is stuck or late.
const LOOK: Duration = Duration::from_secs(1);

impl Run {
    /// Works on the streams of a study; answers that are stored already are not asked for again.
    ///
    /// # Errors
    /// [`RunError`] when the run cannot go on. That a stream fails is no error: it is in its report.
    pub async fn execute_streams(
        &self,
        load: &Workload<'_>,
    ) -> Result<(RunReport, Vec<StreamReport>), RunError> {
        self.store.recover().await?;
        self.take_up_batches()?;
        let started = Instant::now();
        let mut works = Works::new(self, load)?;
        self.announce(Some(works.rows.iter().map(|row| row.calls).sum()));
        works.begin().await?;
        let mut clock = interval(LOOK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flying = FuturesUnordered::new();
        self.beside_batches(async {
            loop {
                while flying.len() < self.window
                    && !self.halt.is_cancelled()
                    && let Some((stream, index, unit)) = works.next()
                {
                    flying.push(async move { (stream, index, ask_unit(self, &unit).await) });
                }
                if flying.is_empty() {
                    return Ok(());
                }
                tokio::select! {
                    Some((stream, index, ended)) = flying.next() => works.ended(stream, index, ended?).await?,
                    _ = clock.tick() => works.look().await?,
                }
            }
        })
        .await?;
        drop(flying);
        Ok(works.finish(started))
    }
}

/// When something last happened to a stream, and what was told about it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    began: Instant,
    last: Instant,
    stuck: bool,
    late: bool,
}

/// All streams of a run.
struct Works<'a> {
    run: &'a Run,
    load: &'a Workload<'a>,
    /// One per stream, in the order of the study.
    rows: Vec<StreamReport>,
    /// Those that have begun and not ended.
    courses: BTreeMap<usize, (Course<'a>, Seen)>,
    tally: Tally,
    /// Of the streams that have ended or will never begin.
    turnout: Turnout,
    /// The stream whose turn it is.
    turn: usize,
}

impl<'a> Works<'a> {
    /// Takes the streams up as the run database has them.
    fn new(run: &'a Run, load: &'a Workload<'a>) -> Result<Self, StoreError> {
        let kept = streams(&run.store)?;
        let tally = Tally::new(&run.panel, run.settings.quorum);
        let mut works = Self {
            run,
            load,
            rows: Vec::new(),
            courses: BTreeMap::new(),
            tally,
            turnout: Turnout::default(),
            turn: 0,
        };
        for part in &load.parts {
            let fresh = fresh(load, part);
            let known = kept.iter().find(|row| row.fingerprint == fresh.fingerprint);
            let row = known.map_or(fresh.clone(), |known| taken_up(known, fresh));
            if row.status.is_done() {
                works.recount(part)?;
            }
            works.rows.push(row);
        }
        Ok(works)
    }

    /// Counts a stream that an earlier sitting has done, as it is stored.
    fn recount(&mut self, part: &Part) -> Result<(), StoreError> {
        for index in 0..self.load.units_of(part) {
            let number = part.number(index);
            let kept = self.run.store.slots(number..number + 1)?;
            let own = kept.iter().filter(|kept| {
                let place = kept.slot.place as usize;
                part.members.contains(&place) || part.fallbacks.contains(&place)
            });
            let calls: Vec<EndedCall> = own.map(EndedCall::stored).collect();
            let Some(first) = kept.first() else { continue };
            let unit = EndedUnit { number, record: first.slot.record.clone(), calls };
            self.turnout.add(self.load.turnout(part, &unit));
            self.tally.add(&unit);
        }
        Ok(())
    }

    /// Begins every stream that waits for nobody any more, and tells those that wait in vain.
    async fn begin(&mut self) -> Result<(), StoreError> {
        // Once per stream is enough: whoever is told in one pass may be what another waits for.
        for _ in 0..self.rows.len() {
            for place in 0..self.rows.len() {
                if self.rows[place].status != StreamStatus::Waiting {
                    continue;
                }
                let part = &self.load.parts[place];
                let status = |other: &usize| self.rows[*other].status;
                let in_vain = |status| matches!(status, StreamStatus::Failed | StreamStatus::Blocked);
                if let Some(&failed) = part.waits_for.iter().find(|other| in_vain(status(other))) {
                    self.block(place, self.rows[failed].stream.name.clone());
                } else if part.waits_for.iter().all(|other| status(other).is_done()) {
                    self.start(place, part);
                }
            }
        }
        self.keep().await
    }

    fn start(&mut self, place: usize, part: &'a Part) {
        let now = Instant::now();
        let seen = Seen { began: now, last: now, stuck: false, late: false };
        let row = &mut self.rows[place];
        row.status = StreamStatus::Running;
        row.started_ms.get_or_insert_with(now_ms);
        let (stream, calls) = (row.stream.name.clone(), row.calls);
        let models = part.members.iter().map(|&place| self.run.panel[place].name.clone()).collect();
        self.run.events.send(|| Event::StreamStarted { stream, models, calls });
        self.courses.insert(place, (Course::new(self.load, part), seen));
    }

    fn block(&mut self, place: usize, by: String) {
        let row = &mut self.rows[place];
        (row.status, row.blocked_by) = (StreamStatus::Blocked, Some(by));
        let units = self.load.units_of(&self.load.parts[place]);
        self.turnout.add(Turnout { calls: row.calls, units, ..Turnout::default() });
        self.tell_end(place);
    }

    fn tell_end(&self, place: usize) {
        let row = &self.rows[place];
        let (stream, status, blocked_by) = (row.stream.name.clone(), row.status, row.blocked_by.clone());
        self.run.events.send(|| Event::StreamEnded { stream, status, blocked_by });
    }

    /// The next question, of the streams in turn.
    fn next(&mut self) -> Option<(usize, u64, Unit)> {
        let after = self.courses.range(self.turn..).chain(self.courses.range(..self.turn));
        let places: Vec<usize> = after.map(|(&place, _)| place).collect();
        for place in places {
            if let Some((course, _)) = self.courses.get_mut(&place)
                && let Some((index, unit)) = course.next()
            {
                self.turn = place + 1;
                return Some((place, index, unit));
            }
        }
        None
    }

    /// A question has come back; a stream whose last one it was ends, or goes on with less.
    async fn ended(&mut self, place: usize, index: u64, unit: EndedUnit) -> Result<(), StoreError> {
        let Some((course, seen)) = self.courses.get_mut(&place) else { return Ok(()) };
        (seen.last, seen.stuck) = (Instant::now(), false);
        course.ended(index, unit, &mut self.tally);
        if !course.is_through() {
            return Ok(());
        }
        let before = course.setbacks().len();
        let next = course.conclude();
        self.rows[place].setbacks.extend_from_slice(&course.setbacks()[before..]);
        match next {
            Next::Stopped => return Ok(()),
            Next::Again(again) => {
                let stream = self.rows[place].stream.name.clone();
                if let Some(setback) = self.rows[place].setbacks.last().cloned() {
                    self.run.events.send(|| Event::StreamSetback { stream, setback, again });
                }
                return self.keep().await;
            }
            Next::Done { reduced: false } => self.end(place, StreamStatus::Done),
            Next::Done { reduced: true } => self.end(place, StreamStatus::Reduced),
            Next::GiveUp => self.end(place, StreamStatus::Failed),
        }
        self.begin().await
    }

    fn end(&mut self, place: usize, status: StreamStatus) {
        let Some((course, _)) = self.courses.remove(&place) else { return };
        let counts = course.counts();
        course.close(&mut self.tally);
        self.turnout.add(counts);
        let row = &mut self.rows[place];
        (row.status, row.answered, row.ended_ms) = (status, counts.answered, Some(now_ms()));
        self.tell_end(place);
    }

    /// Says which streams are stuck or late, once.
    async fn look(&mut self) -> Result<(), StoreError> {
        let milliseconds = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut told = false;
        for (&place, (course, seen)) in &mut self.courses {
            for alarm in course.part.watch.look(milliseconds(seen.began), milliseconds(seen.last)) {
                let known = match alarm {
                    Alarm::Stuck { .. } => &mut seen.stuck,
                    Alarm::Late { .. } => &mut seen.late,
                };
                if !std::mem::replace(known, true) {
                    let row = &mut self.rows[place];
                    row.alarms.push(alarm);
                    let stream = row.stream.name.clone();
                    self.run.events.send(|| Event::StreamAlarm { stream, alarm });
                    told = true;
                }
            }
        }
        if told { self.keep().await } else { Ok(()) }
    }

    async fn keep(&self) -> Result<(), StoreError> {
        // A report always has a JSON form.
        let text = serde_json::to_string(&self.rows).unwrap_or_default();
        self.run.store.note(Note::Streams, text).await
    }

    fn finish(mut self, started: Instant) -> (RunReport, Vec<StreamReport>) {
        let mut outstanding: u64 = 0;
        for (_, (course, _)) in std::mem::take(&mut self.courses) {
            self.turnout.add(course.counts());
            outstanding += course.close(&mut self.tally);
        }
        let waiting = self.rows.iter().filter(|row| row.status == StreamStatus::Waiting);
        outstanding += self.tally.outstanding + waiting.map(|row| row.calls).sum::<u64>();
        // The others cannot make up for a stream that failed: nobody speaks for its records.
        let in_vain = |row: &StreamReport| matches!(row.status, StreamStatus::Failed | StreamStatus::Blocked);
        let enough = self.run.settings.quorum.holds(self.turnout) && !self.rows.iter().any(in_vain);
        (self.run.report(self.tally, enough, outstanding, started), self.rows)
    }
}

/// A stream of which nothing is known yet.
fn fresh(load: &Workload<'_>, part: &Part) -> StreamReport {
    StreamReport {
        stream: part.stream.clone(),
        status: StreamStatus::Waiting,
        fingerprint: load.fingerprint(part),
        records_taken: part.records(),
        calls: load.units_of(part) * load.calls_per_unit(part),
        answered: 0,
        setbacks: Vec::new(),
        alarms: Vec::new(),
        blocked_by: None,
        started_ms: None,
        ended_ms: None,
    }
}

/// A stream as an earlier sitting left it: what was done stays done, everything else is begun again.
fn taken_up(known: &StreamReport, fresh: StreamReport) -> StreamReport {
    if known.status.is_done() {
        return StreamReport { stream: fresh.stream, ..known.clone() };
    }
    StreamReport {
        setbacks: known.setbacks.clone(),
        alarms: known.alarms.clone(),
        started_ms: known.started_ms,
        ..fresh
    }
}
