//! Logs of the library on standard error, for whoever asks for them.

use tracing_subscriber::EnvFilter;

use super::arguments::LogName;

/// Which logs are written, where `-v` is not enough: as `RUST_LOG`, such as `consona=trace`.
const VARIABLE: &str = "CONSONA_LOG";

/// Starts the logs: warnings always, debug lines from `-vv` on, or as JSON. A program that has its own
/// subscriber keeps it.
pub(super) fn start(verbose: u8, form: LogName) {
    let level = if verbose > 1 || form == LogName::Json { "warn,consona=debug" } else { "warn" };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    // Nobody has to be there to read: a closed standard error must not bring down what is logged about.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    let _ = match form {
        LogName::Text => log.without_time().try_init(),
        LogName::Json => log.json().flatten_event(true).try_init(),
    };
}
