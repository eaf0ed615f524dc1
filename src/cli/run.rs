//! `consona run`: from a study file to a run folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::ablation::{Asked, Asking};
use super::arguments::RunOptions;
use super::check::tell_unread;
use super::conclude::Conclusion;
use super::console::{Console, width};
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use super::personas::Outputs;
use super::provisional::Provisional;
use super::results::{self, Derived};
use super::spending::{Beside, agreed};
use super::staged;
use super::status::now_ms;
use super::study::{Prepared, Questions, questions, reserves, run_folder, runtime};
use super::watch::Watch;
use crate::files::{folder_of, room_for_folder};
use crate::report::{counted, safe};
use crate::run::mode::Combination;
use crate::run::{
    PlanSummary, Run, RunOutcome, RunReport, Seats, Settings, Spent, Study, on_their_way, unpriced,
};
use crate::store::{Note, Store};

/// Asks a panel, and forms personas out of its answers.
pub(super) fn run(options: &RunOptions, console: Console) -> Result<Exit, CliError> {
    let began = Instant::now();
    let (study, folder) = begin(options)?;
    if let Some(stages) = study.stages.clone() {
        return staged::run(options, (study, stages), &folder, console);
    }
    let (prepared, seats) = Prepared::load(study, &options.study, options.strict, options.shard)?;
    let Prepared { study, plan, ablation, .. } = &prepared;
    tell_unread(study, console);
    let beside = ablation.as_ref().map(|(_, plan)| Beside::of_ablation(plan)).unwrap_or_default();
    if !agreed(study, plan, beside, options.yes, console)? {
        return Ok(Exit::WaitingForApproval);
    }
    let store = Arc::new(Store::open(&folder)?);
    tell_of_another(study, options, &folder, &store, console)?;
    let outputs = Outputs::create(&folder)?;
    let sitting = Sitting { options, console, folder: &folder, store, runtime: runtime()?, began };
    let Some(report) = sitting.ask(&prepared, &seats)? else {
        let waiting = on_their_way(&sitting.store)?.map(|batches| format!("{batches}. ")).unwrap_or_default();
        console.note(&format!("{waiting}{}", go_on(options)));
        return Ok(Exit::Outstanding);
    };
    sitting.conclude(prepared, seats, &report, outputs)
}

/// One sitting of a run: from the first question to the personas.
struct Sitting<'a> {
    options: &'a RunOptions,
    console: Console,
    folder: &'a Path,
    store: Arc<Store>,
    runtime: Runtime,
    began: Instant,
}

impl Sitting<'_> {
    /// Asks the panel; `None` when somebody asked twice to stop.
    fn ask(&self, prepared: &Prepared, seats: &Seats) -> Result<Option<RunReport>, CliError> {
        let Prepared { study, records, drafting, settings, plan, .. } = prepared;
        let (options, store) = (self.options, &self.store);
        self.runtime.block_on(async {
            store.claim(&study.identity()).await?;
            remember(store, &options.study, study, plan).await?;
            let shard = options.shard.map(|shard| shard.to_string()).unwrap_or_default();
            store.note(Note::Shard, shard).await?;
            let run = Run::new(Settings::from(study), seats.clone(), drafting.clone(), store.clone())?
                .with_reserves(reserves(study)?)?;
            let watch = Watch::new(self.console, plan, options.progress).from(store)?;
            let provisional = Provisional::of(study, settings, drafting, store);
            ask(run, questions(study, records, options.shard)?, watch, provisional).await
        })
    }

    /// Forms personas out of the answers, where there are enough of them and they are wanted.
    fn conclude(
        &self,
        prepared: Prepared,
        seats: Seats,
        report: &RunReport,
        outputs: Outputs,
    ) -> Result<Exit, CliError> {
        let (options, console, folder) = (self.options, self.console, self.folder);
        let Prepared { study, records, drafting, embedder, settings, plan, ablation } = prepared;
        let derived = results::derive(folder, &self.store, drafting.as_ref(), &study, Some(report))?;
        let partly = report.outcome == RunOutcome::TooFewModels && derived.has_done_stream();
        if !partly {
            let on_their_way = on_their_way(&self.store)?;
            if let Some(exit) = unfinished(report, &self.spent()?, options, (on_their_way, console))? {
                return Ok(exit);
            }
        }
        if options.shard.is_some() || study.mode.strategy().combination() == Combination::SideBySide {
            self.side_by_side(report, &derived, plan.calls)?;
            return Ok(if partly { failed_streams(&derived, options, console) } else { Exit::Done });
        }
        let failed = partly.then(|| failed_streams(&derived, options, console));
        let without = match study.ablation.zip(ablation).filter(|_| !partly) {
            None => None,
            Some((ablation, (units, plan))) => {
                let (study, spent, drafting) = (&study, report.cost, drafting.clone());
                let asking = Asking { study, ablation, units, seats, drafting, spent, plan };
                let asked = self.runtime.block_on(asking.ask(folder, console, options.progress))?;
                let Some(answers) = finished(asked, options, console) else { return Ok(Exit::Outstanding) };
                Some((asking, answers))
            }
        };
        let embedder = embedder.open(&self.store)?;
        let conclusion = Conclusion {
            study: &study,
            records: &records,
            drafting: drafting.as_ref(),
            embedder: embedder.as_ref(),
            settings,
            units: plan.units,
            derived,
            without,
            report: !options.no_report,
        };
        let written = conclusion.write(folder, outputs, console)?;
        results::concluded(folder, self.began.elapsed(), report.wall, Some(&written.summary.counts))?;
        let spent = self.spent()?;
        console.answer(&written, || format!("{}{}", written.text(width()), panel_text(report, &spent)))?;
        Ok(failed.unwrap_or(Exit::Done))
    }

    /// Tells of drafts that nobody forms personas out of here.
    fn side_by_side(&self, report: &RunReport, derived: &Derived, calls: u64) -> Result<(), CliError> {
        let (spent, shard) = (self.spent()?, self.options.shard.is_some());
        results::concluded(self.folder, self.began.elapsed(), report.wall, None)?;
        self.console.answer(report, || side_by_side(report, &spent, derived, shard))?;
        tell_of_shard(self.options, self.folder, calls, self.console);
        Ok(())
    }

    fn spent(&self) -> Result<Spent, CliError> {
        Ok(Spent::of(self.folder, &self.store)?)
    }
}

/// Says which streams have no result, where others have: theirs is written all the same.
fn failed_streams(derived: &Derived, options: &RunOptions, console: Console) -> Exit {
    console.note(&format!(
        "too few models answered in {}; what the other streams gave is written. {}",
        derived.streams_without_result().join(", "),
        go_on(options)
    ));
    Exit::TooFewModels
}

/// The answers of an ablation; says how to go on where it was stopped.
fn finished(asked: Asked, options: &RunOptions, console: Console) -> Option<Store> {
    match asked {
        Asked::Finished(answers) => Some(answers),
        Asked::Stopped { limit } => {
            let why = if limit { ": `max_cost` is reached" } else { "" };
            console.note(&format!("the ablation is not finished{why}. {}", to_go_on(options, limit)));
            None
        }
    }
}

/// The study and its run folder, unless they are refused before the data is read and the plan is made: a run
/// that is in use is known at once.
fn begin(options: &RunOptions) -> Result<(Study, PathBuf), CliError> {
    let study = Study::load(&options.study)?;
    if options.shard.is_some() && study.ablation.is_some() {
        let why = "--shard cannot be given for a study with an `ablation`: its questions belong to no share";
        return Err(CliError::Usage(why.to_owned()));
    }
    if options.shard.is_some() && study.workstreams.is_some() {
        let why = "--shard cannot be given for a study with `workstreams`: they wait for each other";
        return Err(CliError::Usage(why.to_owned()));
    }
    if let (Some(stage), None) = (&options.redo, &study.stages) {
        return Err(CliError::Usage(format!(
            "--redo {stage}: the study has no `stages`, so there is none to do again; what is derived from stored answers \
             is made anew by `consona consensus RUN --recompute`"
        )));
    }
    let folder = run_folder(&study, options.out.as_ref());
    room_for_folder(&folder)?;
    Store::refuse_held(&folder)?;
    Ok((study, folder))
}

/// Keeps what `status` and `consensus --recompute` need to know beside the answers.
pub(super) async fn remember(
    store: &Store,
    path: &Path,
    study: &Study,
    plan: &PlanSummary,
) -> Result<(), CliError> {
    let text = inputs::text(path)?;
    let path =
        std::path::absolute(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    let calls: BTreeMap<&str, u64> =
        plan.members.iter().map(|member| (member.model.as_str(), member.calls)).collect();
    store.note(Note::Study, json!({ "path": path, "text": text }).to_string()).await?;
    store.note(Note::Plan, json!(calls).to_string()).await?;
    store.note(Note::Unpriced, json!(unpriced(study)).to_string()).await?;
    store.note(Note::Began, now_ms().to_string()).await?;
    Ok(())
}

/// Asks about all units. The first interruption makes no new call and waits for those in flight; the
/// second gives up at once (`None`): what was answered by then is stored.
pub(super) async fn ask(
    run: Run,
    questions: Questions<'_>,
    watch: Watch,
    provisional: Option<Provisional>,
) -> Result<Option<RunReport>, CliError> {
    let (sender, receiver) = unbounded_channel();
    let token = CancellationToken::new();
    let mut run = run.with_events(sender.clone()).with_cancellation(&token);
    match provisional {
        Some(provisional) => {
            let (drafted, receiver) = unbounded_channel();
            run = run.with_drafts(drafted);
            tokio::task::spawn_blocking(move || provisional.follow(receiver, &sender));
        }
        // The watcher ends with the last sender.
        None => drop(sender),
    }
    let console = watch.console();
    let watching = tokio::spawn(watch.follow(receiver));
    let report = {
        let mut execution = pin!(async {
            match questions {
                Questions::Units(units) => run.execute(units).await,
                Questions::Streams(load) => run.execute_streams(&load).await.map(|(report, _)| report),
            }
        });
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
    // The watcher ends with the run's senders. Whether it could show everything changes no result.
    let _ = watching.await;
    Ok(report)
}

/// Waits for Ctrl-C, or for the request to end that a cluster sends.
pub(super) async fn interruption() {
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

/// The exit code of a run that has no result yet, with what to do.
fn unfinished(
    report: &RunReport,
    spent: &Spent,
    options: &RunOptions,
    (waiting, console): (Option<String>, Console),
) -> Result<Option<Exit>, CliError> {
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
    console.answer(report, || panel_text(report, spent))?;
    let limit = matches!(report.outcome, RunOutcome::LimitReached { .. });
    let what = waiting.map_or(what.clone(), |batches| format!("{what}; {batches}"));
    console.note(&format!("{what}. {}", to_go_on(options, limit)));
    Ok(Some(exit))
}

/// What follows when a shard is done.
fn tell_of_shard(options: &RunOptions, folder: &Path, calls: u64, console: Console) {
    if let Some(shard) = options.shard {
        let folder = folder.display();
        if calls == 0 {
            console.note(&format!(
                "no question fell to shard {shard}: there are fewer than enough for every share, and nobody was asked"
            ));
        }
        console.note(&format!("shard {shard} is done; when all are: consona merge {folder} … --out RUN"));
    }
}

/// What to do where a run has stopped; beyond a limit the same command alone leads nowhere.
pub(super) fn to_go_on(options: &RunOptions, limit: bool) -> String {
    if limit {
        let path = options.study.display();
        format!("Raise `max_cost` in {path} to go on; what is stored is not asked again. {}", go_on(options))
    } else {
        go_on(options)
    }
}

/// A run that begins here although one of the same name stands beside the study is probably one too many.
pub(super) fn tell_of_another(
    study: &Study,
    options: &RunOptions,
    folder: &Path,
    store: &Store,
    console: Console,
) -> Result<(), CliError> {
    if options.out.is_some() || study.output.is_some() || store.units()? > 0 {
        return Ok(());
    }
    let beside = folder_of(&options.study).join(folder);
    let same = |path: &Path| path.canonicalize().ok();
    if Store::exists(&beside) && same(&beside) != same(folder) {
        let (here, there) = (folder.display(), beside.display());
        console.note(&format!(
            "note: a new run begins in {here}; one of this study stands in {there} already. To go on with that one: \
             --out {there}"
        ));
    }
    Ok(())
}

pub(super) fn go_on(options: &RunOptions) -> String {
    let out = options.out.as_ref().map(|out| format!(" --out {}", out.display())).unwrap_or_default();
    let shard = options.shard.map(|shard| format!(" --shard {shard}")).unwrap_or_default();
    let commands = if options.allow_commands { " --allow-commands" } else { "" };
    format!("To go on: consona run {}{out}{shard}{commands}", options.study.display())
}

fn side_by_side(report: &RunReport, spent: &Spent, derived: &Derived, shard: bool) -> String {
    let mut text = panel_text(report, spent);
    if !shard {
        text.push_str(
            "The drafts stand side by side, in the order of the panel; this mode forms no personas of them. To form \
             some: consona consensus DRAFTS --out DIR\n",
        );
    }
    text.push_str("Files:\n");
    for path in &derived.files {
        text.extend(["  ", &safe::line(&path.display().to_string()), "\n"]);
    }
    text
}

/// How each member did, and what all of it cost.
fn panel_text(report: &RunReport, spent: &Spent) -> String {
    format!("{}Cost: {}\n", members_text(report), safe::line(&spent.to_string()))
}

/// How each member did.
pub(super) fn members_text(report: &RunReport) -> String {
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
    text
}
