//! `consona run`: from a study file to a run folder.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::arguments::RunOptions;
use super::console::Console;
use super::drafts::{Gathered, Gathering, set_aside};
use super::error::CliError;
use super::exit::Exit;
use super::personas::{Material, Outputs, write, write_json};
use super::study::{Prepared, run_folder, runtime};
use super::watch::Watch;
use crate::files::{OutputFile, create_folder};
use crate::persona::ModelName;
use crate::report::{Asked, InputCount, MemberAnswers, safe};
use crate::run::mode::Combination;
use crate::run::{
    CallResult, CallStatus, Drafting, Interpreter, Run, RunOutcome, RunReport, Settings, Study, drafts, units,
};
use crate::store::Store;

/// What `metrics.json` says: everything that differs from one sitting to the next.
#[derive(Debug, Serialize)]
struct Metrics<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    wall_ms: u64,
    busy_ms: u64,
    parallel_efficiency: Option<f64>,
    attempts: u64,
    calls: u64,
}

/// Everything that stored answers give before personas are formed of them.
struct Derived {
    gathered: Gathered,
    answers: BTreeMap<ModelName, MemberAnswers>,
    attempts: u64,
    calls: u64,
}

/// Asks a panel, and forms personas out of its answers.
pub(super) fn run(options: &RunOptions, console: &Console) -> Result<Exit, CliError> {
    let prepared = Prepared::load(&options.study, options.strict)?;
    if !confirmed(&prepared, options.yes, console)? {
        return Ok(Exit::WaitingForApproval);
    }
    let folder = run_folder(&prepared.study, options.out.as_ref());
    let store = Arc::new(Store::open(&folder)?);
    create_folder(&folder)?;
    let drafting = Arc::new(prepared.drafting);
    let facts = Facts { study: &prepared.study, folder: &folder, units: prepared.plan.units };
    let watch = Watch::new(console, &prepared.plan);
    let token = CancellationToken::new();
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        store.claim(&prepared.study.identity()).await?;
        let (sender, receiver) = unbounded_channel();
        let run = Run::new(Settings::from(&prepared.study), prepared.seats, drafting.clone(), store.clone())?
            .with_events(sender)
            .with_cancellation(&token);
        let stopping = tokio::spawn(stop_when_asked(token.clone()));
        let watching = tokio::spawn(watch.follow(receiver));
        let report = run.execute(units(prepared.records.items.iter().cloned(), &prepared.study.input)).await;
        drop(run);
        stopping.abort();
        // The watcher ends when the run has dropped its sender; it cannot fail the run.
        let _ = watching.await;
        report.map_err(CliError::from)
    })?;
    drop(runtime);
    let mut outputs = Outputs::create(&folder)?;
    for reason in &prepared.records.set_aside {
        set_aside(&mut outputs.set_aside, reason)?;
    }
    let derived = facts.derive(&store, &drafting)?;
    facts.write_metrics(&report, &derived)?;
    if let Some(exit) = unfinished(&report, options, console) {
        return Ok(exit);
    }
    let asked = facts.asked(&drafting, &derived, &prepared.records);
    if prepared.study.mode.strategy().combination() == Combination::SideBySide {
        return facts.side_by_side(&asked, console);
    }
    let material = Material {
        gathered: derived.gathered,
        panel: prepared.study.members(),
        embedder: prepared.embedder.as_ref(),
        settings: prepared.settings,
        seed: prepared.study.seed,
        asked: Some(asked),
    };
    let written = write(material, outputs, console)?;
    console.answer(&written, || format!("{}{}", panel_text(&report), written.text(console.width())))?;
    Ok(Exit::Done)
}
