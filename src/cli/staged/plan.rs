//! `consona plan`: the stages of a study, drawn.

use std::path::PathBuf;

use clap::Args;

use crate::cli::console::{Console, write_out};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::report::safe;
use crate::run::Study;
use crate::stages::pipeline::{Definition, Located, Pipeline, as_mermaid, as_text};

/// What `plan` is told.
#[derive(Args, Debug)]
pub(in crate::cli) struct PlanOptions {
    /// The study file.
    pub(in crate::cli) study: PathBuf,
    /// Draw a Mermaid flowchart, for Markdown.
    #[arg(long)]
    pub(in crate::cli) mermaid: bool,
}

/// Draws the stages and groups of a study.
pub(in crate::cli) fn plan(options: &PlanOptions, console: Console) -> Result<Exit, CliError> {
    let study = Study::load(&options.study)?;
    let pipeline = match &study.stages {
        Some(stages) => stages.pipeline.clone(),
        None => plain(&study)?,
    };
    if options.mermaid {
        write_out(&as_mermaid(&pipeline))?;
        return Ok(Exit::Done);
    }
    console.answer(&pipeline, || {
        let mut text = format!(
            "Stages of `{}`, in order:\n{}\n",
            safe::line(&study.name),
            safe::lines(&as_text(&pipeline))
        );
        if study.stages.is_none() {
            text.push_str("It has no section `stages`; `stages: default` adds the usual ones.\n");
        }
        text
    })?;
    Ok(Exit::Done)
}

/// What a study without stages does.
fn plain(study: &Study) -> Result<Pipeline, CliError> {
    let order = ["panel", "consensus"].map(|name| Located::nowhere(name.to_owned())).to_vec();
    let models = study.panel.iter().map(|member| member.name.to_string()).collect();
    let definition = Definition { order: Some(order), models, ..Definition::default() };
    definition.check().map_err(|error| CliError::Usage(error.to_string()))
}
