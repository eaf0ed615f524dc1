//! What a run shows while it goes on: a bar per model on a terminal, plain lines elsewhere, events for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use super::arguments::ProgressName;
use super::console::Console;
use super::progress::Progress;
use crate::persona::ModelName;
use crate::report::{counted, lasted, safe, setback_words};
use crate::run::{CallName, Event, PlanSummary};
use crate::stages::workstreams::Alarm;
use crate::store::{Store, StoreError};

/// How often the models are spoken of where nothing moves.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// Calls of one model whose end is told, of those that ended for one kind of reason.
const TOLD: u64 = 5;

/// How often bars are brought up to date at most.
const BETWEEN_FRAMES: Duration = Duration::from_millis(200);

/// Follows the events of a run.
#[derive(Debug)]
pub(super) struct Watch {
    console: Console,
    form: Form,
    progress: Progress,
    started: Instant,
    shown: Instant,
    /// How many calls of a model have ended for a kind of reason.
    ended: BTreeMap<(ModelName, String), u64>,
}

#[derive(Debug)]
enum Form {
    Plain,
    Json,
    Bars(Bars),
}

#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    by_model: BTreeMap<ModelName, ProgressBar>,
}

impl Watch {
    pub(super) fn new(console: Console, plan: &PlanSummary, asked: Option<ProgressName>) -> Self {
        let standard = if console.draws() { ProgressName::Bar } else { ProgressName::Plain };
        let form = match asked.unwrap_or(standard) {
            ProgressName::Json => Form::Json,
            ProgressName::Bar if console.draws() => Form::Bars(Bars::new(plan)),
            ProgressName::Bar | ProgressName::Plain => Form::Plain,
        };
        let now = Instant::now();
        Self {
            console,
            form,
            progress: Progress::new(plan),
            started: now,
            shown: now,
            ended: BTreeMap::new(),
        }
    }

    /// Counts on from what a run has cost already.
    pub(super) fn from(mut self, store: &Store) -> Result<Self, StoreError> {
        self.progress.spent(&store.spend()?);
        Ok(self)
    }

    pub(super) fn console(&self) -> Console {
        self.console
    }

    /// Shows what happens until the run has ended.
    pub(super) async fn follow(mut self, mut events: UnboundedReceiver<Event>) {
        // Personas are still being looked at when the last call has ended; the end is told last all the same.
        let mut end = None;
        while let Some(event) = events.recv().await {
            self.progress.take(&event);
            match self.form {
                Form::Json if matches!(event, Event::Ended { .. }) => end = Some(event),
                Form::Json => write_event(&event),
                _ => self.show(&event),
            }
        }
        if let Some(end) = end {
            write_event(&end);
        }
        self.tell_of_the_rest();
        if self.progress.is_stored() && !matches!(self.form, Form::Json) {
            let answers = counted(self.progress.planned, "answer");
            self.say(&format!("all of the {answers} are stored; nothing is asked"));
        }
        if let Form::Bars(bars) = &self.form {
            bars.by_model.values().for_each(ProgressBar::finish);
            bars.total.finish();
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Retrying { call, after, reason } => {
                self.detail(&format!("{} again in {} ms: {reason}", shown(call), after.as_millis()));
            }
            Event::Waiting { provider, models, after, reason } => {
                self.say(&format!("{} waits {:.1} s: {reason}", whom(provider, models), after.as_secs_f64()));
            }
            Event::Stopped { provider, models, reason } => {
                self.say(&format!("{} is asked no more: {reason}", whom(provider, models)));
            }
            Event::Finished { call, reason, reused, .. } => {
                if let Some(reason) = reason {
                    let like = self.ended.entry((call.model.clone(), kind_of(reason))).or_default();
                    *like += 1;
                    if *like <= TOLD {
                        self.say(&format!("{}: {reason}", shown(call)));
                    }
                }
                self.count(*reused);
            }
            other => {
                if let Some(line) = of_stream(other).or_else(|| of_batch(other)) {
                    self.say(&line);
                }
            }
        }
    }

    /// Shows the counts, after a call has ended.
    fn count(&mut self, reused: bool) {
        let elapsed = self.started.elapsed();
        match &self.form {
            Form::Json => {}
            Form::Bars(bars) => {
                let last = self.progress.done >= self.progress.planned;
                if last || self.shown.elapsed() >= BETWEEN_FRAMES {
                    bars.draw(&self.progress, elapsed);
                    self.shown = Instant::now();
                }
            }
            Form::Plain => {
                let (done, planned) = (self.progress.done, self.progress.planned.max(1));
                if !reused && done * 10 / planned > (done - 1) * 10 / planned {
                    self.say(&self.progress.total(elapsed));
                }
                if self.shown.elapsed() >= BETWEEN_LINES {
                    self.shown = Instant::now();
                    for (model, _, said) in self.progress.members(elapsed) {
                        self.say(&format!("{model}: {said}"));
                    }
                }
            }
        }
    }

    /// How many more calls ended as those that were told.
    fn tell_of_the_rest(&self) {
        if matches!(self.form, Form::Json) {
            return;
        }
        for ((model, kind), count) in self.ended.iter().filter(|(_, count)| **count > TOLD) {
            let more = counted(count - TOLD, "more call");
            self.say(&format!("{model}: {more} ended like those above: {kind}"));
        }
    }

    fn say(&self, text: &str) {
        match &self.form {
            // A terminal that has gone away changes nothing for the run.
            Form::Bars(bars) => drop(bars.all.println(safe::line(text))),
            _ => self.console.note(text),
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
        let style = ProgressStyle::with_template("{prefix:28!} {bar:24} {pos}/{len} {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |calls: u64, name: &str| {
            let bar = all.add(ProgressBar::new(calls).with_style(style.clone()));
            bar.set_prefix(safe::line(name));
            bar
        };
        let by_model = plan
            .members
            .iter()
            .map(|member| (member.model.clone(), bar(member.calls, member.model.as_str())))
            .collect();
        let total = bar(plan.calls, "all");
        Self { all, total, by_model }
    }

    fn draw(&self, progress: &Progress, elapsed: Duration) {
        for (model, ended, said) in progress.members(elapsed) {
            if let Some(bar) = self.by_model.get(model) {
                bar.set_position(ended);
                bar.set_message(safe::line(&said));
            }
        }
        self.total.set_position(progress.done);
        self.total.set_message(format!("{}{}", progress.total(elapsed), progress.personas()));
    }
}

/// What is said about a workstream.
fn of_stream(event: &Event) -> Option<String> {
    Some(match event {
        Event::StreamStarted { stream, models, calls } => {
            let models: Vec<&str> = models.iter().map(ModelName::as_str).collect();
            format!("stream {stream} begins: {} to {}", counted(*calls, "call"), models.join(", "))
        }
        Event::StreamSetback { stream, setback, .. } => {
            format!("stream {stream}: {}", setback_words(setback))
        }
        Event::StreamAlarm { stream, alarm: Alarm::Stuck { silent_ms } } => {
            format!("stream {stream} is stuck: nothing for {}", lasted(*silent_ms))
        }
        Event::StreamAlarm { stream, alarm: Alarm::Late { .. } } => {
            format!("stream {stream} takes longer than was estimated")
        }
        Event::StreamEnded { stream, status, blocked_by } => {
            let by = blocked_by.as_ref().map(|by| format!(": `{by}` failed, which it waits for"));
            format!("stream {stream} {}{}", status.name(), by.unwrap_or_default())
        }
        _ => return None,
    })
}

/// What is said about a batch.
fn of_batch(event: &Event) -> Option<String> {
    let (batch, said) = match event {
        Event::BatchSent { batch } => (batch, "is sent; its answers come within a day"),
        Event::BatchAwaited { batch, .. } => (batch, "was sent before; its answers are waited for"),
        Event::BatchEnded { batch } => (batch, "has ended; its answers are stored"),
        _ => return None,
    };
    Some(format!("{}: batch {} of {} {said}", batch.model, batch.id, counted(batch.calls, "call")))
}

/// An event as a line of JSON on standard error.
fn write_event(event: &Event) {
    if let Ok(line) = serde_json::to_string(event) {
        // A program that no longer reads changes nothing for the run.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// The members that are meant; the provider where it serves none.
fn whom(provider: &str, models: &[ModelName]) -> String {
    let names: Vec<&str> = models.iter().map(ModelName::as_str).collect();
    if names.is_empty() { provider.to_owned() } else { names.join(", ") }
}

/// What reasons have in common that differ in a value, an id or a place: their words up to the first of these.
fn kind_of(reason: &str) -> String {
    let kind = reason.split(['`', ':', '(']).next().unwrap_or_default().trim();
    if kind.is_empty() { reason.to_owned() } else { kind.to_owned() }
}

/// A call by its name: the model, and what it is asked about.
fn shown(call: &CallName) -> String {
    format!("{} about {}", call.model, call.record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_and_reasons_that_differ_in_a_value_are_one_kind() {
        let names = ["replay:a", "replay:b"].map(|name| ModelName::new(name).expect("a name"));
        assert_eq!(whom("replay", &names), "replay:a, replay:b");
        assert_eq!(whom("replay", &[]), "replay");
        assert_eq!(kind_of("no answer is recorded for `n1`"), kind_of("no answer is recorded for `n2`"));
        assert_eq!(kind_of("HTTP 500: broken (7)"), "HTTP 500");
        assert_eq!(kind_of("`x` is no JSON"), "`x` is no JSON");
    }
}
