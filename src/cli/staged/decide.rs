//! `consona approve`, `reject`, `modify`: a person's decision, from any terminal.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::inputs;
use crate::cli::study::runtime;
use crate::parse::strict_json;
use crate::report::safe;
use crate::run::StatusError;
use crate::run::stages::approval::{self, Decision, DecisionError};
use crate::store::{StageStatus, Store};

/// A decision as the command line gives it.
#[derive(Debug)]
pub(in crate::cli) enum Decided<'a> {
    Approve { reason: Option<&'a String> },
    Reject { reason: &'a String },
    Modify { edit: &'a PathBuf, reason: Option<&'a String> },
}

/// Makes a decision at the gate of a run that waits.
pub(in crate::cli) fn decide(run: &Path, decided: &Decided<'_>, console: Console) -> Result<Exit, CliError> {
    if !Store::exists(run) {
        return Err(StatusError::NoRun { folder: run.to_owned() }.into());
    }
    let store = Store::open(run)?;
    // Whether there is anything to decide comes before what is wrong with the decision.
    approval::waiting(&store)?;
    let decision = match decided {
        Decided::Approve { reason } => Decision::Approve { reason: reason.cloned() },
        Decided::Reject { reason } if reason.trim().is_empty() => {
            let why = "--reason is empty; say why, for the record";
            return Err(CliError::Usage(why.to_owned()));
        }
        Decided::Reject { reason } => Decision::Reject { reason: (*reason).clone() },
        Decided::Modify { edit, reason } => Decision::Modify { edit: read(edit)?, reason: reason.cloned() },
    };
    let gate = runtime()?.block_on(approval::decide(run, &store, &decision))?;
    let shown = safe::line(&run.display().to_string());
    let name = safe::line(&gate.name);
    let said = match gate.status {
        StageStatus::Completed => {
            format!("`{name}` is approved. To go on, give the same `consona run` again.\n")
        }
        StageStatus::Rejected => format!(
            "`{name}` is rejected, and the run stops there. To have it asked again: consona run … --redo {name}\n"
        ),
        _ => format!(
            "{}The edit is applied, and `{name}` waits again. To let it pass: consona approve {shown}\n",
            removed(&gate.output)
        ),
    };
    let answer = json!({ "stage": gate.name, "status": gate.status, "output": gate.output });
    console.answer(&answer, || said)?;
    Ok(Exit::Done)
}

/// The sentences that edits took out of narratives, as lines.
fn removed(output: &Value) -> String {
    let mut text = String::new();
    for (id, sentences) in output["removed_by_edit"].as_object().into_iter().flatten() {
        for sentence in sentences.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let line =
                format!("The narrative of {id} said otherwise; this sentence is taken out: {sentence}");
            text.extend([safe::line(&line).as_str(), "\n"]);
        }
    }
    text
}

/// Reads an edit. One that says two things of the same key says neither.
fn read(path: &Path) -> Result<Value, CliError> {
    let text = inputs::text(path)?;
    let value: Value =
        serde_json::from_str(&text).map_err(|source| CliError::Edit { path: path.to_owned(), source })?;
    let refused = |reason: String| DecisionError::Edit { reason: format!("`{}`: {reason}", path.display()) };
    let strict = strict_json::read(&text).map_err(|error| refused(error.to_string()))?;
    if let Some(twice) = strict.duplicates.first() {
        let place = match twice.at.as_slice() {
            [] => String::new(),
            steps => format!(" in `{}`", strict_json::path_of(steps)),
        };
        return Err(refused(format!("`{}` stands{place} twice; leave one of them", twice.key)).into());
    }
    Ok(value)
}
