//! Endings are counted in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use super::asking::Ending;

use super::quorum::Turnout;
use super::report::{MemberReport, RunOutcome, RunReport};
use super::study::{PanelMember, Quorum};
use super::unit::{EndedCall, EndedUnit};
use crate::persona::RecordId;
use crate::store::{Money, SlotStatus};

/// Records without a quorum that are named; all of them are counted.
const NAMED: usize = 100;

/// The counts of a run.
#[derive(Debug)]
pub(super) struct Tally {
    quorum: Quorum,
    members: Vec<MemberReport>,
    pub(super) turnout: Turnout,
    pub(super) outstanding: u64,
    below: BTreeMap<u64, RecordId>,
    busy: Duration,
}

impl Tally {
    pub(super) fn new(panel: &[PanelMember], quorum: Quorum) -> Self {
        let report = |member: &PanelMember| MemberReport::new(member.name.clone(), member.stance);
        Self {
            quorum,
            members: panel.iter().map(report).collect(),
            turnout: Turnout::default(),
            outstanding: 0,
            below: BTreeMap::new(),
            busy: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, unit: &EndedUnit) {
        for call in &unit.calls {
            self.call(call);
        }
        if unit.calls.iter().any(|call| call.ending == Ending::Outstanding) {
            return;
        }
        self.turnout.units += 1;
        if self.quorum.met_by(unit.models()) {
            self.turnout.complete_units += 1;
        } else {
            self.below.insert(unit.number, unit.record.clone());
            if self.below.len() > NAMED {
                self.below.pop_last();
            }
        }
    }

    fn call(&mut self, call: &EndedCall) {
        let member = &mut self.members[call.place];
        member.retries += call.effort.retries;
        member.repairs += call.effort.repairs;
        self.busy += call.effort.busy;
        match &call.ending {
            Ending::Outstanding => {
                self.outstanding += 1;
                return;
            }
            Ending::Answered(_) => {
                self.turnout.answered += 1;
                member.answered += 1;
                member.reused += u64::from(call.reused);
            }
            Ending::Failed(status, reason) => {
                member.note(reason);
                match status {
                    SlotStatus::Unusable => member.unusable += 1,
                    SlotStatus::Rejected => member.rejected += 1,
                    _ => member.failed += 1,
                }
            }
        }
        self.turnout.calls += 1;
    }

    pub(super) fn report(self, outcome: RunOutcome, cost: Money, wall: Duration) -> RunReport {
        RunReport {
            outcome,
            members: self.members,
            turnout: self.turnout,
            units_below_quorum: self.turnout.units - self.turnout.complete_units,
            records_below_quorum: self.below.into_values().collect(),
            cost,
            wall,
            busy: self.busy,
        }
    }
}
