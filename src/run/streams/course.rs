//! One stream on its way: what is still to be asked, what came of it, what follows. Knows no clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::workload::{Part, Workload};
use crate::persona::ModelName;
use crate::run::asking::Ending;
use crate::run::plan::Unit;
use crate::run::quorum::Turnout;
use crate::run::tally::Tally;
use crate::run::unit::{EndedCall, EndedUnit};
use crate::stages::workstreams::{Recovery, Setback, Step};

/// What follows when all units of a stream have ended.
#[derive(Debug)]
pub(super) enum Next {
    /// It is done; `reduced` where some answers are about less.
    Done { reduced: bool },
    /// Something is asked again, so many calls per member.
    Again(BTreeMap<ModelName, u64>),
    /// Nothing is left to try.
    GiveUp,
    /// The run was stopped.
    Stopped,
}

/// A stream on its way.
#[derive(Debug)]
pub(super) struct Course<'a> {
    load: &'a Workload<'a>,
    pub(super) part: &'a Part,
    recovery: Recovery,
    /// The next unit that is asked about for the first time.
    fresh: u64,
    /// Units to be asked about again, with whom.
    again: VecDeque<(u64, Arc<[usize]>)>,
    flying: u64,
    /// Units that have ended with every answer: counted and forgotten.
    good: Turnout,
    /// Units with calls that were not answered, by their place in the stream.
    held: BTreeMap<u64, EndedUnit>,
    stopped: bool,
    /// Whether some answer is about less than was asked for.
    reduced: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(load: &'a Workload<'a>, part: &'a Part) -> Self {
        let fallbacks = part.stream.fallback.clone();
        Self {
            recovery: Recovery::new(fallbacks, load.section.retries, load.halvings(part)),
            load,
            part,
            fresh: 0,
            again: VecDeque::new(),
            flying: 0,
            good: Turnout::default(),
            held: BTreeMap::new(),
            stopped: false,
            reduced: false,
        }
    }

    /// The next question, with its place in the stream.
    pub(super) fn next(&mut self) -> Option<(u64, Unit)> {
        let (index, members) = match self.again.pop_front() {
            Some(again) => again,
            None if self.fresh < self.load.units_of(self.part) => {
                self.fresh += 1;
                (self.fresh - 1, Arc::clone(&self.part.members))
            }
            None => return None,
        };
        self.flying += 1;
        Some((index, self.load.unit(self.part, index, &members, self.recovery.halved())))
    }

    /// Whether every question that was put has come back, and none is waiting.
    pub(super) fn is_through(&self) -> bool {
        self.flying == 0 && self.again.is_empty() && self.fresh >= self.load.units_of(self.part)
    }

    /// A question has come back. What is answered in full is counted at once; the rest is held until the stream ends.
    pub(super) fn ended(&mut self, index: u64, unit: EndedUnit, tally: &mut Tally) {
        self.flying -= 1;
        self.stopped |= unit.calls.iter().any(|call| call.ending == Ending::Outstanding);
        let halved = self.recovery.halved() > 0;
        self.reduced |= halved && unit.calls.iter().any(EndedCall::is_answered);
        let unit = match self.held.remove(&index) {
            Some(mut before) => {
                before.again(unit);
                before
            }
            None => unit,
        };
        if unit.calls.iter().all(EndedCall::is_answered) {
            self.good.add(self.load.turnout(self.part, &unit));
            tally.add(&unit);
        } else {
            self.held.insert(index, unit);
        }
    }

    /// Everything that has ended so far.
    pub(super) fn counts(&self) -> Turnout {
        let mut counts = self.good;
        for unit in self.held.values() {
            counts.add(self.load.turnout(self.part, unit));
        }
        counts
    }

    /// All questions have come back: is that enough, and if not, what follows?
    pub(super) fn conclude(&mut self) -> Next {
        if self.stopped {
            return Next::Stopped;
        }
        if self.load.study.quorum.holds(self.counts()) {
            return Next::Done { reduced: self.reduced };
        }
        loop {
            let step = self.recovery.failed(self.unanswered(), &self.reason());
            if step == Step::GiveUp {
                return Next::GiveUp;
            }
            let calls = self.ask_again(&step);
            if !calls.is_empty() {
                return Next::Again(calls);
            }
        }
    }

    /// Queues what a step asks; answers the calls that it makes, by member.
    fn ask_again(&mut self, step: &Step) -> BTreeMap<ModelName, u64> {
        let mut calls: BTreeMap<ModelName, u64> = BTreeMap::new();
        for (&index, unit) in &self.held {
            let asked = match step {
                Step::Fallback { model } => self.place_of(model).into_iter().collect(),
                // A question about less is another question: who has answered the first is not asked it too.
                Step::Reduce { .. } => places(unit, |calls| !calls.iter().any(EndedCall::is_answered)),
                Step::Retry | Step::GiveUp => {
                    places(unit, |calls| calls.iter().any(|call| !call.is_answered()))
                }
            };
            for &place in &asked {
                let member = &self.load.study.panel[place];
                *calls.entry(member.name.clone()).or_default() += u64::from(member.samples);
            }
            if !asked.is_empty() {
                self.again.push_back((index, asked.into()));
            }
        }
        calls
    }

    fn place_of(&self, model: &str) -> Option<usize> {
        let named = |place: &usize| self.load.study.panel[*place].name.as_str() == model;
        self.part.fallbacks.iter().copied().find(named)
    }

    fn unanswered(&self) -> u64 {
        let failed = |unit: &EndedUnit| unit.calls.iter().filter(|call| !call.is_answered()).count() as u64;
        self.held.values().map(failed).sum()
    }

    /// The commonest reason for having no answer; of equals, the first by the alphabet.
    fn reason(&self) -> String {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for call in self.held.values().flat_map(|unit| &unit.calls) {
            if let Ending::Failed(_, reason) = &call.ending {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let commonest = reasons.into_iter().rev().max_by_key(|(_, count)| *count);
        commonest.map(|(reason, _)| reason.to_owned()).unwrap_or_default()
    }

    pub(super) fn setbacks(&self) -> &[Setback] {
        self.recovery.setbacks()
    }

    /// Hands over what was held; answers the calls that were never made.
    pub(super) fn close(self, tally: &mut Tally) -> u64 {
        for unit in self.held.values() {
            tally.add(unit);
        }
        let left = self.load.units_of(self.part) - self.fresh;
        left * self.load.calls_per_unit(self.part)
    }
}

/// The members whose calls about a unit are as asked for, in the order of the panel.
fn places(unit: &EndedUnit, are: impl Fn(&[EndedCall]) -> bool) -> Vec<usize> {
    let of_members = unit.calls.chunk_by(|one, other| one.place == other.place);
    of_members.filter(|calls| are(calls)).map(|calls| calls[0].place).collect()
}
