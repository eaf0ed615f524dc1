//! Where words go: results to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::arguments::Global;
use super::error::CliError;
use crate::report::safe;

/// The width that is assumed where standard output is no terminal, in columns.
const WIDTH: usize = 100;

/// How the caller wants to be spoken to.
#[derive(Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
    verbose: bool,
    stderr: Mutex<io::Stderr>,
}

impl Console {
    pub(super) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            stderr: Mutex::new(io::stderr()),
        }
    }

    /// Columns for human output.
    pub(super) fn width(&self) -> usize {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        columns.unwrap_or(WIDTH)
    }

    /// Writes a result that is text by nature.
    pub(super) fn result(&self, text: &str) -> Result<(), CliError> {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(CliError::Output)
    }

    /// Writes a result: as JSON where the caller asked for it, else for people, unless told to be
    /// quiet.
    pub(super) fn answer<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json {
            let mut text = serde_json::to_string_pretty(value)?;
            text.push('\n');
            self.result(&text)
        } else if self.quiet {
            Ok(())
        } else {
            self.result(&human())
        }
    }

    /// Says something about the work on standard error, unless told to be quiet.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.error_line(text);
        }
    }

    /// Says something that only a curious caller wants to know.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose && !self.quiet {
            self.error_line(text);
        }
    }

    fn error_line(&self, text: &str) {
        if let Ok(mut stderr) = self.stderr.lock() {
            // Where standard error is closed, there is nobody to tell.
            let _ = writeln!(stderr, "{}", safe::line(text));
        }
    }

    /// A bar on a terminal; elsewhere nothing that moves.
    pub(super) fn progress(&self, what: &str, steps: usize) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            self.detail(what);
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}
