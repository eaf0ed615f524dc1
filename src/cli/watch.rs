//! What a run shows while it goes on: a bar per model on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use super::console::Console;
use crate::persona::ModelName;
use crate::report::safe;
use crate::run::{CallName, Event, PlanSummary};
use crate::store::Money;

/// Follows the events of a run.
#[derive(Debug)]
pub(super) struct Watch {
    console: Console,
    bars: Option<Bars>,
    calls: u64,
    done: u64,
    cost: Money,
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    by_model: BTreeMap<ModelName, ProgressBar>,
}

impl Watch {
    pub(super) fn new(console: Console, plan: &PlanSummary) -> Self {
        let bars = (!console.is_quiet() && io::stderr().is_terminal()).then(|| Bars::new(plan));
        Self { console, bars, calls: plan.calls, done: 0, cost: Money::ZERO }
    }

    pub(super) fn console(&self) -> Console {
        self.console
    }

    /// Shows what happens until the run has ended.
    pub(super) async fn follow(mut self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            self.show(&event);
        }
        if let Some(bars) = &self.bars {
            bars.by_model.values().for_each(ProgressBar::finish);
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Stored { cost, .. } => self.cost = *cost,
            Event::Retrying { call, after, reason } => {
                self.detail(&format!("{} again in {} ms: {reason}", shown(call), after.as_millis()));
            }
            Event::Waiting { provider, after, reason } => {
                self.say(&format!("{provider} waits {:.1} s: {reason}", after.as_secs_f64()));
            }
            Event::Stopped { provider, reason } => {
                self.say(&format!("{provider} is asked no more: {reason}"));
            }
            Event::Finished { call, reason, .. } => {
                if let Some(reason) = reason {
                    self.say(&format!("{}: {reason}", shown(call)));
                }
                self.count(call);
            }
            _ => {}
        }
    }

    fn count(&mut self, call: &CallName) {
        self.done += 1;
        if let Some(bar) = self.bars.as_ref().and_then(|bars| bars.by_model.get(&call.model)) {
            bar.inc(1);
            bar.set_message(format!("cost so far {}", self.cost));
        } else if self.calls > 0 && self.done * 10 / self.calls > (self.done - 1) * 10 / self.calls {
            self.say(&format!("{} of {} calls done, cost so far {}", self.done, self.calls, self.cost));
        }
    }

    fn say(&self, text: &str) {
        match &self.bars {
            // A terminal that has gone away changes nothing for the run.
            Some(bars) => drop(bars.all.println(safe::line(text))),
            None => self.console.note(text),
        }
    }

    fn detail(&self, text: &str) {
        if self.console.is_verbose() {
            self.say(text);
        }
    }
}

impl Bars {
    fn new(plan: &PlanSummary) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix:28!} {bar:24} {pos}/{len} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |calls: u64, model: &ModelName| {
            let bar = all.add(ProgressBar::new(calls).with_style(style.clone()));
            bar.set_prefix(safe::line(model.as_str()));
            bar
        };
        let by_model = plan
            .members
            .iter()
            .map(|member| (member.model.clone(), bar(member.calls, &member.model)))
            .collect();
        Self { all, by_model }
    }
}

/// A call by its name: the model, and what it is asked about.
fn shown(call: &CallName) -> String {
    format!("{} about {}", call.model, call.record)
}
