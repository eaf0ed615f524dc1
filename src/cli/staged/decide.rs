//! `consona approve`, `reject`, `modify`: a person's decision, from any terminal.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::study::runtime;
use crate::report::safe;
use crate::run::stages::approval::{self, Decision};
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
        let shown = run.display();
        return Err(CliError::Usage(format!("`{shown}` is no run folder: there is no `run.sqlite` in it")));
    }
    let decision = match decided {
        Decided::Approve { reason } => Decision::Approve { reason: reason.cloned() },
        Decided::Reject { reason } => Decision::Reject { reason: (*reason).clone() },
        Decided::Modify { edit, reason } => Decision::Modify { edit: read(edit)?, reason: reason.cloned() },
    };
    let store = Store::open(run)?;
    let gate = runtime()?.block_on(approval::decide(run, &store, &decision))?;
    let shown = safe::line(&run.display().to_string());
    let said = match gate.status {
        StageStatus::Completed => {
            format!("`{}` is approved. To go on, give the same `consona run` again.\n", gate.name)
        }
        StageStatus::Rejected => format!(
            "`{}` is rejected, and the run stops there. To have it made again: consona run … --redo STAGE\n",
            gate.name
        ),
        _ => format!(
            "The edit is applied, and `{}` waits again. To let it pass: consona approve {shown}\n",
            gate.name
        ),
    };
    let answer = json!({ "stage": gate.name, "status": gate.status, "output": gate.output });
    console.answer(&answer, || said)?;
    Ok(if gate.status == StageStatus::Waiting { Exit::WaitingForApproval } else { Exit::Done })
}

fn read(path: &Path) -> Result<Value, CliError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| CliError::Edit { path: path.to_owned(), source })
}
