//! `consona plan`: the stages of a study, drawn.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::console::{Console, write_out};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::report::{estimate_words, safe};
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
        let streams = study.workstreams.as_ref().map(streams_mermaid).unwrap_or_default();
        write_out(&(as_mermaid(&pipeline) + &streams))?;
        return Ok(Exit::Done);
    }
    let streams = study.workstreams.as_ref().map(|section| section.streams.as_slice());
    console.answer(&Drawn { pipeline: &pipeline, workstreams: streams }, || {
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

/// The checked pipeline, and the streams that its panel works in.
#[derive(Serialize)]
struct Drawn<'a> {
    #[serde(flatten)]
    pipeline: &'a Pipeline,
    #[serde(skip_serializing_if = "Option::is_none")]
    workstreams: Option<&'a [Workstream]>,
}

/// The streams as a part of the flowchart, each an arrow behind those that it waits for.
fn streams_mermaid(section: &Workstreams) -> String {
    let plain = |text: &str| {
        let letter = |c: char| if c.is_alphanumeric() || " -_.:,".contains(c) { c } else { ' ' };
        text.chars().map(letter).collect::<String>()
    };
    let place = |name: &str| section.streams.iter().position(|other| other.name == name);
    let mut text = "  subgraph workstreams\n".to_owned();
    for (at, stream) in section.streams.iter().enumerate() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "    stream{at}[\"{}\"]", plain(&stream.name));
        for first in stream.depends_on.iter().filter_map(|name| place(name)) {
            let _ = writeln!(text, "    stream{first} --> stream{at}");
        }
    }
    text.push_str("  end\n");
    text
}

/// Which streams go together, which wait, who works on them, what is to be done and how long it may take.
fn streams_text(section: &Workstreams) -> String {
    let line = |stream: &Workstream| {
        let models = if stream.models.is_empty() { "all".to_owned() } else { stream.models.join(", ") };
        let waits = match stream.depends_on.as_slice() {
            [] => String::new(),
            names => format!("; waits for {}", names.join(", ")),
        };
        let mut more: Vec<String> = Vec::new();
        if !stream.fallback.is_empty() {
            more.push(format!("in their place {}", stream.fallback.join(", ")));
        }
        more.extend(stream.rationale.clone());
        if !stream.tasks.is_empty() {
            more.push(format!("tasks: {}", stream.tasks.join(", ")));
        }
        more.extend(stream.expected.as_ref().map(|expected| format!("expected: {expected}")));
        more.extend(estimate_words(stream, None));
        let more = more.iter().fold(String::new(), |text, part| text + "; " + part);
        safe::line(&format!("  {}: {models}{waits}{more}", stream.name)) + "\n"
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
