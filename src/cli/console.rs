//! Where words go: results to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::arguments::{Global, LogName};
use super::error::CliError;
use crate::report::safe;

/// The width that is assumed where standard output is no terminal, in columns.
const WIDTH: usize = 100;

/// How the caller wants to be spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
    verbose: bool,
    log: LogName,
}

impl Console {
    pub(super) fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet, verbose: global.verbose > 0, log: global.log }
    }

    /// Whether bars may be drawn.
    pub(super) fn draws(self) -> bool {
        !self.quiet && self.log != LogName::Json && io::stderr().is_terminal()
    }

    pub(super) fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Writes a result: as JSON where the caller asked for it, else for people, unless told to be
    /// quiet.
    pub(super) fn answer<T: Serialize>(
        self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json {
            let mut text = serde_json::to_string_pretty(value).map_err(CliError::Json)?;
            text.push('\n');
            write_out(&text)
        } else if self.quiet {
            Ok(())
        } else {
            write_out(&human())
        }
    }

    /// Says something about the work on standard error, unless told to be quiet.
    pub(super) fn note(self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Says what went wrong on standard error, also to a caller who wants nothing but errors.
    pub(super) fn fault(self, text: &str) {
        self.say(text);
    }

    fn say(self, text: &str) {
        // Among lines of JSON nothing else may stand.
        if self.log == LogName::Json {
            tracing::info!("{}", safe::line(text));
        } else {
            error_line(text);
        }
    }

    /// Says something that only a curious caller wants to know.
    pub(super) fn detail(self, text: &str) {
        if self.verbose && !self.quiet {
            self.say(text);
        }
    }

    /// A bar on a terminal; elsewhere nothing that moves.
    pub(super) fn progress(self, what: &str, steps: usize) -> ProgressBar {
        if !self.draws() {
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

/// Columns for human output: what the shell says, else a hundred.
pub(super) fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH)
}

/// Writes a result to standard output.
pub(super) fn write_out(text: &str) -> Result<(), CliError> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(CliError::Output)
}

fn error_line(text: &str) {
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", safe::line(text));
}
