//! `consona schema`: what editors complete and check a file by.

use clap::{Args, ValueEnum};

use super::console::write_out;
use super::error::CliError;
use super::exit::Exit;
use crate::run::study::STUDY_SCHEMA;

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Described {
    /// The study file of `run` and `check`.
    Study,
}

/// What `schema` is told.
#[derive(Args, Debug)]
pub(super) struct SchemaOptions {
    /// Which file.
    #[arg(value_name = "FILE")]
    pub(super) of: Described,
}

/// Writes a schema to standard output.
pub(super) fn schema(options: &SchemaOptions) -> Result<Exit, CliError> {
    match options.of {
        Described::Study => write_out(STUDY_SCHEMA)?,
    }
    Ok(Exit::Done)
}
