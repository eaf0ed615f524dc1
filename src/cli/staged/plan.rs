//! `consona plan`: the stages of a study, drawn.

use std::path::PathBuf;

use clap::Args;

use crate::cli::console::{Console, write_out};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::report::safe;
use crate::run::Study;
use crate::run::study::Workstreams;
use crate::stages::pipeline::{Definition, Located, Pipeline, as_mermaid, as_text};
use crate::stages::workstreams::Workstream;

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
        if let Some(section) = &study.workstreams {
            text.push_str(&streams_text(section));
        }
        if study.stages.is_none() {
            text.push_str("It has no section `stages`; `stages: default` adds the usual ones.\n");
        }
        text
    })?;
    Ok(Exit::Done)
}

/// Which streams go together, which wait, and who works on them.
fn streams_text(section: &Workstreams) -> String {
    let line = |stream: &Workstream| {
        let models = if stream.models.is_empty() { "all".to_owned() } else { stream.models.join(", ") };
        let waits = match stream.depends_on.as_slice() {
            [] => String::new(),
            names => format!("; waits for {}", names.join(", ")),
        };
        let why = stream.rationale.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
        safe::line(&format!("  {}: {models}{waits}{why}", stream.name)) + "\n"
    };
    let streams: String = section.streams.iter().map(line).collect();
    format!("Its panel works in streams:\n{streams}")
}

/// What a study without stages does.
fn plain(study: &Study) -> Result<Pipeline, CliError> {
    let order = ["panel", "consensus"].map(|name| Located::nowhere(name.to_owned())).to_vec();
    let models = study.panel.iter().map(|member| member.name.to_string()).collect();
    let definition = Definition { order: Some(order), models, ..Definition::default() };
    definition.check().map_err(|error| CliError::Usage(error.to_string()))
}
