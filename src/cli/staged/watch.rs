//! What a pipeline shows while it goes on: one status line per stage that runs, at the same time.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::cli::arguments::ProgressName;
use crate::cli::console::Console;
use crate::report::safe;
use crate::run::stages::StageEvent;

/// How often a running stage's line moves.
const FRAME: Duration = Duration::from_millis(120);

/// Follows the events of a pipeline.
#[derive(Debug)]
pub(super) struct StageWatch {
    console: Console,
    form: Form,
    /// Stages that draw their own progress.
    own: Vec<String>,
}

#[derive(Debug)]
enum Form {
    Plain,
    Json,
    Lines(MultiProgress, BTreeMap<String, ProgressBar>),
}

impl StageWatch {
    pub(super) fn new(console: Console, asked: Option<ProgressName>, own: Vec<String>) -> Self {
        let standard = if console.draws() { ProgressName::Bar } else { ProgressName::Plain };
        let form = match asked.unwrap_or(standard) {
            ProgressName::Json => Form::Json,
            ProgressName::Bar if console.draws() => {
                let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
                Form::Lines(all, BTreeMap::new())
            }
            ProgressName::Bar | ProgressName::Plain => Form::Plain,
        };
        Self { console, form, own }
    }

    /// Shows what happens until the pipeline has ended.
    pub(super) async fn follow(mut self, mut events: UnboundedReceiver<StageEvent>) {
        while let Some(event) = events.recv().await {
            self.show(&event);
        }
    }

    fn show(&mut self, event: &StageEvent) {
        let console = self.console;
        match &mut self.form {
            Form::Json => write_event(event),
            Form::Plain => {
                if let Some(text) = said(event) {
                    console.note(&text);
                }
            }
            Form::Lines(all, lines) => draw(all, lines, &self.own, event),
        }
    }
}

/// A line for every stage that runs; what has ended stands above them.
fn draw(all: &MultiProgress, lines: &mut BTreeMap<String, ProgressBar>, own: &[String], event: &StageEvent) {
    match event {
        StageEvent::StageStarted { stage, group, .. } if !own.contains(stage) => {
            let style = ProgressStyle::with_template("{spinner} {prefix:24!} {elapsed} {wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = all.add(ProgressBar::new_spinner().with_style(style));
            line.set_prefix(safe::line(stage));
            let group = group.as_ref().map(|group| format!("in the group {group}")).unwrap_or_default();
            line.set_message(safe::line(&group));
            line.enable_steady_tick(FRAME);
            lines.insert(stage.clone(), line);
        }
        StageEvent::StageProgress { stage, message } => {
            if let Some(line) = lines.get(stage) {
                line.set_message(safe::line(message));
            }
        }
        StageEvent::StageEnded { stage, .. } => {
            if let Some(line) = lines.remove(stage) {
                line.finish_and_clear();
            }
            if let Some(text) = said(event) {
                // A terminal that has gone away changes nothing for the run.
                drop(all.println(safe::line(&text)));
            }
        }
        _ => {}
    }
}

/// An event as a line of text.
fn said(event: &StageEvent) -> Option<String> {
    match event {
        StageEvent::StageStarted { stage, group, round } => {
            let group = group.as_ref().map(|group| format!(" (with the group {group})")).unwrap_or_default();
            let again = if *round > 0 { format!(", round {}", round + 1) } else { String::new() };
            Some(format!("stage {stage} begins{group}{again}"))
        }
        StageEvent::StageEnded { stage, status, duration_ms, reused, error } => {
            let how = if *reused { "stored before".to_owned() } else { format!("{duration_ms} ms") };
            let why = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            Some(format!("stage {stage} {} ({how}){why}", status.name()))
        }
        _ => None,
    }
}

/// An event as a line of JSON on standard error.
fn write_event(event: &StageEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        // A program that no longer reads changes nothing for the run.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StageStatus;
    use indicatif::TermLike;
    use std::sync::{Arc, Mutex};

    /// A terminal that keeps what is drawn on it: a text for every time that it is drawn anew.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<(String, Vec<String>)>>);

    impl Screen {
        fn put(&self, text: &str) {
            self.0.lock().unwrap().0.push_str(text);
        }

        /// Waits for a drawing with all of these and without those.
        fn shows(&self, with: &[&str], without: &[&str]) -> bool {
            let drawn = |text: &String| {
                with.iter().all(|word| text.contains(word)) && !without.iter().any(|word| text.contains(word))
            };
            (0..1_000).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                self.0.lock().unwrap().1.iter().any(drawn)
            })
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.put(text);
            self.put("\n");
            Ok(())
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            let mut screen = self.0.lock().unwrap();
            let text = std::mem::take(&mut screen.0);
            screen.1.push(text);
            Ok(())
        }
    }

    #[test]
    fn g6_stages_that_go_at_the_same_time_have_a_line_each_at_the_same_time() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let (all, mut lines) = (MultiProgress::with_draw_target(target), BTreeMap::new());
        let begun = |stage: &str| StageEvent::StageStarted {
            stage: stage.to_owned(),
            group: Some("checks".to_owned()),
            round: 0,
        };
        let own = ["panel".to_owned()];
        for stage in ["panel", "review", "coverage"] {
            draw(&all, &mut lines, &own, &begun(stage));
        }
        assert!(screen.shows(&["review", "coverage", "in the group checks"], &["panel"]));
        let ended = StageEvent::StageEnded {
            stage: "review".to_owned(),
            status: StageStatus::Failed,
            duration_ms: 7,
            reused: false,
            error: Some("no answer".to_owned()),
        };
        draw(&all, &mut lines, &own, &ended);
        assert!(screen.shows(&["stage review failed (7 ms): no answer"], &[]));
        assert_eq!(lines.keys().collect::<Vec<_>>(), ["coverage"], "its sibling is still drawn");
    }
}
