//! The `consona` command.

use std::process::ExitCode;

use clap::Parser;
use consona::cli;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    cli::execute(&arguments).unwrap_or_else(|error| cli::explain(&error)).into()
}
