//! `consona schema`: what editors complete and check a file by.

use clap::{Args, ValueEnum};

use serde_json::Value;

use super::console::write_out;
use super::error::CliError;
use super::exit::Exit;
use crate::run::study::STUDY_SCHEMA;

/// A file that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Described {
    /// The study file of `run` and `check`.
    Study,
    /// A file of stages that a study names.
    Stages,
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
        Described::Stages => {
            write_out(&stages(&serde_json::from_str(STUDY_SCHEMA).map_err(CliError::Json)?))?;
        }
    }
    Ok(Exit::Done)
}

/// The schema of a stages file: that of the section in a study, by itself.
fn stages(study: &Value) -> String {
    let mut schema = study["properties"]["stages"]["anyOf"][1].clone();
    let mut member = study["properties"]["panel"]["items"].clone();
    // Nobody stands in for the models of stages; stages name their fallbacks themselves, and wait for each answer.
    if let Some(fields) = member["properties"].as_object_mut() {
        fields.remove("fallback");
        fields.remove("batch");
    }
    schema["properties"]["models"]["items"] = member;
    schema["$schema"] = study["$schema"].clone();
    schema["title"] = "Stages of a consona study".into();
    format!("{schema:#}\n")
}
