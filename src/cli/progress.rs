//! What a run has come to so far, counted from its events.

use std::collections::BTreeMap;
use std::time::Duration;

use super::status::{lasting, per_minute};
use crate::persona::ModelName;
use crate::report::counted;
use crate::run::{Event, MemberPlan, PlanSummary, SoFar};
use crate::store::{MemberSpend, Money, SlotStatus};

/// The counts of one panel member in this sitting.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    planned: u64,
    /// Whether its price is known.
    priced: bool,
    done: u64,
    failed: u64,
    /// Of those done, calls that an earlier sitting had settled.
    reused: u64,
    cost: Money,
    trouble: Option<String>,
}

/// The counts of a sitting; knows no clock.
#[derive(Debug)]
pub(super) struct Progress {
    members: BTreeMap<ModelName, Member>,
    /// The members, in the order of the panel.
    order: Vec<ModelName>,
    pub(super) planned: u64,
    pub(super) done: u64,
    reused: u64,
    pub(super) cost: Money,
    so_far: SoFar,
}

impl Progress {
    pub(super) fn new(plan: &PlanSummary) -> Self {
        let member = |plan: &MemberPlan| Member {
            planned: plan.calls,
            priced: plan.cost.is_some(),
            ..Member::default()
        };
        Self {
            members: plan.members.iter().map(|plan| (plan.model.clone(), member(plan))).collect(),
            order: plan.members.iter().map(|plan| plan.model.clone()).collect(),
            planned: plan.calls,
            done: 0,
            reused: 0,
            cost: Money::ZERO,
            so_far: SoFar::default(),
        }
    }

    /// Begins with what earlier sittings have spent.
    pub(super) fn spent(&mut self, members: &[MemberSpend]) {
        self.cost = members.iter().map(|spend| spend.cost).sum();
        for spend in members {
            if let Some((_, member)) = self.members.iter_mut().find(|(name, _)| name.as_str() == spend.member)
            {
                member.cost = spend.cost;
            }
        }
    }

    /// Whether an earlier sitting had settled every call.
    pub(super) fn is_stored(&self) -> bool {
        self.planned > 0 && self.reused == self.planned
    }

    /// Counts what happened.
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Stored { call, charged, cost, .. } => {
                self.cost = *cost;
                if let Some(member) = self.members.get_mut(&call.model) {
                    member.cost += *charged;
                    member.trouble = None;
                }
            }
            Event::BatchAwaited { batch, reserved } => {
                self.cost = self.cost.less(*reserved);
                if let Some(member) = self.members.get_mut(&batch.model) {
                    member.cost = member.cost.less(*reserved);
                }
            }
            Event::Provisional { so_far, .. } => self.so_far = *so_far,
            Event::StreamSetback { again, .. } => {
                for (model, calls) in again {
                    self.planned += calls;
                    if let Some(member) = self.members.get_mut(model) {
                        member.planned += calls;
                    }
                }
            }
            Event::Retrying { call, reason, .. } => self.trouble(&call.model, reason),
            Event::Waiting { models, reason, .. } | Event::Stopped { models, reason, .. } => {
                for model in models {
                    self.trouble(model, reason);
                }
            }
            Event::Finished { call, status, reused, .. } => {
                self.done += 1;
                self.reused += u64::from(*reused);
                if let Some(member) = self.members.get_mut(&call.model) {
                    let failed = *status == SlotStatus::Failed;
                    member.failed += u64::from(failed);
                    member.done += u64::from(!failed);
                    member.reused += u64::from(*reused);
                }
            }
            _ => {}
        }
    }

    fn trouble(&mut self, model: &ModelName, reason: &str) {
        if let Some(member) = self.members.get_mut(model) {
            member.trouble = Some(reason.to_owned());
        }
    }

    /// Each member's name, calls that ended, and how it does.
    pub(super) fn members(&self, elapsed: Duration) -> impl Iterator<Item = (&ModelName, u64, String)> {
        self.order.iter().filter_map(move |name| {
            let member = self.members.get(name)?;
            let ended = member.done + member.failed;
            let mut said = vec![format!("{} done", member.done)];
            if member.failed > 0 {
                said.push(format!("{} failed", member.failed));
            }
            if member.planned > ended {
                let why = member.trouble.as_ref().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
                said.push(format!("{} waiting{why}", member.planned - ended));
            }
            said.push(format!("{:.0}/min", per_minute(ended - member.reused, elapsed)));
            said.push(if member.priced {
                format!("cost {}", member.cost)
            } else {
                "cost unknown".to_owned()
            });
            let said = said.join(", ");
            Some((name, ended, said))
        })
    }

    /// What the answers give so far; nothing where that is not looked at.
    pub(super) fn personas(&self) -> String {
        let SoFar { records, consensus, minority, .. } = self.so_far;
        if records == 0 {
            return String::new();
        }
        format!("; so far {}, {minority} of one model alone", counted(consensus, "consensus persona"))
    }

    /// All members together, with the time left.
    pub(super) fn total(&self, elapsed: Duration) -> String {
        let fresh = self.done - self.reused;
        let left = lasting(self.planned.saturating_sub(self.done), per_minute(fresh, elapsed));
        let left = left.map(|left| format!(", {left} left")).unwrap_or_default();
        let unpriced = self.members.values().any(|member| !member.priced);
        let cost = match (self.cost, unpriced) {
            (Money::ZERO, true) => "unknown".to_owned(),
            (cost, true) => format!("{cost} and more"),
            (cost, false) => cost.to_string(),
        };
        format!("{} of {} calls done, cost so far {cost}{left}", self.done, self.planned)
    }
}
