//! `consona run`: from a study file to a run folder.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::arguments::RunOptions;
use super::console::{Console, width};
use super::error::CliError;
use super::exit::Exit;
use super::personas::{Material, Outputs, write};
use super::results::{self, Derived};
use super::study::{Prepared, run_folder, runtime};
use super::watch::Watch;
use crate::report::{counted, safe};
use crate::run::mode::Combination;
use crate::run::{PlanSummary, Run, RunOutcome, RunReport, Settings, Study, Unit, units};
use crate::store::Store;

/// Asks a panel, and forms personas out of its answers.
pub(super) fn run(options: &RunOptions, console: Console) -> Result<Exit, CliError> {
    let Prepared { study, records, drafting, seats, embedder, settings, plan } =
        Prepared::load(&options.study, options.strict)?;
    if !confirmed(&study, &plan, options.yes, console)? {
        return Ok(Exit::WaitingForApproval);
    }
    let folder = run_folder(&study, options.out.as_ref());
    let (store, drafting) = (Arc::new(Store::open(&folder)?), Arc::new(drafting));
    let mut outputs = Outputs::create(&folder)?;
    let runtime = runtime()?;
    let asked = runtime.block_on(async {
        store.claim(&study.identity()).await?;
        let run = Run::new(Settings::from(&study), seats, drafting.clone(), store.clone())?;
        ask(run, units(records.items.iter().cloned(), &study.input), Watch::new(console, &plan)).await
    })?;
    let Some(report) = asked else {
        console.note(&go_on(options));
        return Ok(Exit::Outstanding);
    };
    let derived = results::derive(&folder, &store, drafting.as_ref(), &study, &report)?;
    if let Some(exit) = unfinished(&report, options, console)? {
        return Ok(exit);
    }
    if study.mode.strategy().combination() == Combination::SideBySide {
        console.answer(&report, || side_by_side(&report, &derived))?;
        return Ok(Exit::Done);
    }
    let facts = results::asked(&study, drafting.as_ref(), &derived, &records, plan.units);
    for reason in &records.set_aside {
        outputs.set_aside.line(reason)?;
    }
    let embedder = embedder.open(&store)?;
    let material = Material {
        gathered: derived.gathered,
        panel: study.members(),
        embedder: embedder.as_ref(),
        settings,
        seed: study.seed,
        asked: Some(facts),
    };
    let mut written = write(material, outputs, console)?;
    written.files.extend(derived.files);
    console.answer(&written, || format!("{}{}", written.text(width()), panel_text(&report)))?;
    Ok(Exit::Done)
}

/// Asks about all units. The first interruption makes no new call and waits for those in flight; the
/// second gives up at once (`None`): what was answered by then is stored.
async fn ask(
    run: Run,
    units: impl IntoIterator<Item = Unit>,
    watch: Watch,
) -> Result<Option<RunReport>, CliError> {
    let (sender, receiver) = unbounded_channel();
    let token = CancellationToken::new();
    let run = run.with_events(sender).with_cancellation(&token);
    let console = watch.console();
    let watching = tokio::spawn(watch.follow(receiver));
    let report = {
        let mut execution = pin!(run.execute(units));
        loop {
            tokio::select! {
                report = &mut execution => break Some(report?),
                () = interruption() => {
                    if token.is_cancelled() {
                        break None;
                    }
                    console.note("stopping: waiting for the calls in flight; once more to stop at once");
                    token.cancel();
                }
            }
        }
    };
    drop(run);
    // The watcher ends with the run's sender. Whether it could show everything changes no result.
    let _ = watching.await;
    Ok(report)
}

/// Waits for Ctrl-C, or for the request to end that a cluster sends.
async fn interruption() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Whether a plan may be paid for: it is cheap enough, or somebody says so.
fn confirmed(study: &Study, plan: &PlanSummary, yes: bool, console: Console) -> Result<bool, CliError> {
    let Some(above) = study.limits.confirm_above else { return Ok(true) };
    if yes || (plan.cost <= above && plan.unpriced.is_empty()) {
        return Ok(true);
    }
    let unknown = match plan.unpriced.as_slice() {
        [] => String::new(),
        members => format!(", and nobody knows what {} of its members cost", members.len()),
    };
    let question = format!("the plan costs about {}{unknown}; `confirm_above` is {above}", plan.cost);
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        console.note(&format!("{question}. Give --yes to go ahead"));
        return Ok(false);
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question}. Go ahead? [y/N] ").and_then(|()| stderr.flush()).map_err(CliError::Output)?;
    drop(stderr);
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CliError::Output)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The exit code of a run that has no result yet, with what to do.
fn unfinished(report: &RunReport, options: &RunOptions, console: Console) -> Result<Option<Exit>, CliError> {
    let (exit, what) = match report.outcome {
        RunOutcome::Complete => return Ok(None),
        RunOutcome::TooFewModels => {
            (Exit::TooFewModels, "too few models answered; the answers that came are kept".to_owned())
        }
        RunOutcome::Interrupted { outstanding } => {
            (Exit::Outstanding, format!("outstanding: {}", counted(outstanding, "call")))
        }
        RunOutcome::LimitReached { outstanding } => (
            Exit::Outstanding,
            format!("`max_cost` is reached; outstanding: {}", counted(outstanding, "call")),
        ),
    };
    console.answer(report, || panel_text(report))?;
    console.note(&format!("{what}. {}", go_on(options)));
    Ok(Some(exit))
}

fn go_on(options: &RunOptions) -> String {
    let out = options.out.as_ref().map(|out| format!(" --out {}", out.display())).unwrap_or_default();
    format!("To go on: consona run {}{out}", options.study.display())
}

fn side_by_side(report: &RunReport, derived: &Derived) -> String {
    let mut text = panel_text(report);
    text.push_str("The drafts stand side by side, in the order of the panel.\nFiles:\n");
    for path in &derived.files {
        text.extend(["  ", &safe::line(&path.display().to_string()), "\n"]);
    }
    text
}

/// How each member did, and what it cost.
fn panel_text(report: &RunReport) -> String {
    let mut text = "Panel:\n".to_owned();
    for member in &report.members {
        let mut said = vec![format!("{} answered", member.answered)];
        let counts = [
            (member.reused, "of them stored before"),
            (member.unusable, "unusable"),
            (member.rejected, "rejected"),
            (member.failed, "failed"),
            (member.retries, "retried"),
            (member.repairs, "repaired"),
        ];
        said.extend(
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        text.extend(["  ", &safe::line(member.model.as_str()), ": ", &said.join(", "), "\n"]);
        for (reason, count) in &member.errors {
            text.extend(["    ", &safe::line(reason), " (", &count.to_string(), ")\n"]);
        }
    }
    text.extend(["Cost: ", &report.cost.to_string(), "\n"]);
    text
}
