//! `consona run` of a study with stages.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::adaptive::{complexity_of, limited, of_the_panel};
use super::watch::StageWatch;
use super::worker::{Worker, spent};
use crate::cli::arguments::RunOptions;
use crate::cli::check::tell_unread;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::report;
use crate::cli::run::{go_on, interruption, remember, tell_of_another, to_go_on};
use crate::cli::spending::{Beside, agreed};
use crate::cli::study::{Prepared, runtime, seats_of};
use crate::dataset::{Loaded, Record};
use crate::files::{ResultError, write_file};
use crate::report::safe;
use crate::run::row_text;
use crate::run::stages::approval::{self, Decision};
use crate::run::stages::questions::{Seat, in_time};
use crate::run::stages::{Material, PipelineMetrics, PipelineOutcome, Walk, estimates, state};
use crate::run::study::StagePlan;
use crate::run::{Budget, Seats, Spent, Study};
use crate::stages::adaptation::adapt;
use crate::stages::pipeline::{Kind, Pipeline, Stage};
use crate::stages::uncertainty::Score;
use crate::store::{Store, StoredStage};

/// Walks the stages of a study as far as they go.
pub(in crate::cli) fn run(
    options: &RunOptions,
    (study, stages): (Study, StagePlan),
    folder: &Path,
    console: Console,
) -> Result<Exit, CliError> {
    let pipeline = &stages.pipeline;
    refuse(options, &study, pipeline, console)?;
    models(&study, pipeline)?;
    let study = of_the_panel(study, pipeline);
    let (prepared, seats) = Prepared::load(study, &options.study, options.strict, None)?;
    let Prepared { study, records, drafting, embedder, settings, plan, .. } = prepared;
    tell_unread(&study, console);
    let complexity = complexity_of(&study, &plan, records.items.len());
    let (study, pipeline, seats) = adapted(study, pipeline, seats, &complexity, console)?;
    let pipeline = &pipeline;
    let models = by_stage(&study, pipeline)?;
    let beside = Beside::of_stages(&estimates(&study, &stages, &plan));
    if !agreed(&study, &plan, beside, options.yes, console)? {
        return Ok(Exit::WaitingForApproval);
    }
    let store = Arc::new(Store::open(folder)?);
    tell_of_another(&study, options, folder, &store, console)?;
    let (runtime, halt) = (runtime()?, CancellationToken::new());
    let (limit, spent) = (study.limits.max_cost, spent(&store, folder, pipeline)?);
    let worker = Worker {
        options,
        console,
        pipeline,
        digest: digest(&records),
        material: Arc::new(Material {
            folder: folder.to_owned(),
            rows: records.items.iter().map(|record| (record.id.to_string(), row_text(record))).collect(),
            embedder: Arc::from(embedder.open(&store)?),
            study,
        }),
        records: &records,
        drafting,
        settings,
        plan: &plan,
        seats,
        models,
        store: Arc::clone(&store),
        budget: Budget::new(limit, spent),
        complexity,
        halt: halt.clone(),
        derived: Mutex::new(None),
        told: Mutex::new(String::new()),
    };
    let walked = runtime.block_on(async {
        store.claim(&worker.material.study.identity()).await?;
        remember(&store, &options.study, &worker.material.study, &plan).await?;
        walk(&worker, &store, &halt).await
    })?;
    let Some((outcome, rows)) = walked else {
        console.note(&go_on(options));
        return Ok(Exit::Outstanding);
    };
    measured(folder, pipeline, &rows)?;
    let gated = pipeline.stages().iter().any(|stage| stage.kind == Kind::Approval);
    if gated && !options.no_report {
        match outcome {
            PipelineOutcome::Complete => report::approved(folder, console)?,
            PipelineOutcome::Waiting { .. } => report::waiting(folder)?,
            _ => Vec::new(),
        };
    }
    told(&worker, &outcome, &rows)
}

/// A study, its stages and its panel, as its adaptive rules make them where it has any.
fn adapted(
    study: Study,
    pipeline: &Pipeline,
    seats: Seats,
    complexity: &Score,
    console: Console,
) -> Result<(Study, Pipeline, Seats), CliError> {
    let Some(rules) = pipeline.adaptive() else { return Ok((study, pipeline.clone(), seats)) };
    let to = adapt(&rules, complexity, &[]);
    for because in &to.because {
        console.note(&format!("adapted: {because}"));
    }
    let study = limited(study, &to);
    // A provider keeps the time limits that it was made with.
    let seats = seats_of(&study.panel)?;
    Ok((study, pipeline.adapted(&to), seats))
}

/// What cannot be done with stages is refused before anything is read.
fn refuse(
    options: &RunOptions,
    study: &Study,
    pipeline: &Pipeline,
    console: Console,
) -> Result<(), CliError> {
    let refused = |why: &str| Err(CliError::Usage(why.to_owned()));
    if options.shard.is_some() {
        return refused("--shard cannot be given for a study with `stages`: they need all of its records");
    }
    if study.ablation.is_some() {
        return refused("a study with `stages` has no `ablation` yet; make the ablation a study of its own");
    }
    let commands: Vec<&str> = pipeline
        .stages()
        .iter()
        .filter(|stage| stage.kind == Kind::Command)
        .map(|stage| stage.name.as_str())
        .collect();
    if !commands.is_empty() && !options.allow_commands {
        let why = format!(
            "the study runs programs (in {}); read its `run` lines, and give --allow-commands if you trust them",
            commands.join(", ")
        );
        return Err(CliError::Usage(why));
    }
    if let Some(name) = options.redo.as_ref().filter(|name| pipeline.stage(name).is_none()) {
        let known: Vec<&str> = pipeline.stages().iter().map(|stage| stage.name.as_str()).collect();
        return Err(CliError::Usage(format!(
            "--redo: there is no stage `{name}`; there are {}",
            known.join(", ")
        )));
    }
    let gates = pipeline.stages().iter().filter(|stage| stage.kind == Kind::Approval);
    let strict: Vec<&str> =
        gates.filter(|stage| !stage.settings.allow_yes).map(|stage| stage.name.as_str()).collect();
    if options.yes && !strict.is_empty() {
        if study.limits.confirm_above.is_none() {
            let why = format!(
                "--yes cannot stand for a person at `{}`; the study would have to say `allow_yes: true` in its settings",
                strict.join("`, `")
            );
            return Err(CliError::Usage(why));
        }
        console.note(&format!("--yes confirms the cost; `{}` still waits for a person", strict.join("`, `")));
    }
    Ok(())
}

/// Whether the models that the stages ask can be asked; whatever is missing of all of them is told at once.
pub(in crate::cli) fn models(study: &Study, pipeline: &Pipeline) -> Result<(), CliError> {
    let names = pipeline.stages().iter().flat_map(|stage| [&stage.settings.model, &stage.settings.fallback]);
    let mut members: Vec<_> = names.flatten().filter_map(|name| study.model(name)).cloned().collect();
    members.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    members.dedup_by(|one, other| one.name == other.name);
    seats_of(&members).map(drop)
}

/// The models that the stages ask, ready to be asked, by the stage: the first, then its fallback. Each keeps the stage's
/// time limit by itself.
fn by_stage(study: &Study, pipeline: &Pipeline) -> Result<BTreeMap<String, Vec<Seat>>, CliError> {
    let mut models = BTreeMap::new();
    for stage in pipeline.stages() {
        let names = [&stage.settings.model, &stage.settings.fallback];
        let limit = stage.settings.timeout_seconds;
        let members = names.into_iter().flatten().filter_map(|name| study.model(name));
        let members: Vec<_> = members.map(|member| in_time(member.clone(), limit)).collect();
        if !members.is_empty() {
            let seats = seats_of(&members)?.into_iter();
            let seats = seats.map(|(member, provider)| Seat { member, provider }).collect();
            models.insert(stage.name.clone(), seats);
        }
    }
    Ok(models)
}

fn digest(records: &Loaded<Record>) -> String {
    let mut hash = blake3::Hasher::new();
    for record in &records.items {
        let line = json!([record.id, record.fields]).to_string();
        hash.update(&(line.len() as u64).to_le_bytes()).update(line.as_bytes());
    }
    hash.finalize().to_hex()[..16].to_owned()
}

/// Lets the gate that waits be passed by `--yes`, where the study allows that.
async fn pass(worker: &Worker<'_>, store: &Store) -> Result<(), CliError> {
    let Ok(gate) = approval::waiting(store) else { return Ok(()) };
    let allowed = worker.pipeline.stage(&gate.name).is_some_and(|stage| stage.settings.allow_yes);
    if allowed && worker.options.redo.as_ref() != Some(&gate.name) {
        let decision = Decision::Approve { reason: Some("--yes".to_owned()) };
        approval::decide(&worker.material.folder, store, &decision).await?;
    }
    Ok(())
}

/// Walks; `None` when somebody asked twice to stop.
async fn walk(
    worker: &Worker<'_>,
    store: &Arc<Store>,
    halt: &CancellationToken,
) -> Result<Option<(PipelineOutcome, Vec<StoredStage>)>, CliError> {
    let (sender, receiver) = unbounded_channel();
    let pipeline = worker.pipeline;
    let own = pipeline.stages().iter().filter(|stage| stage.kind == Kind::Panel);
    let own = own.map(|stage| stage.name.clone()).collect();
    let watch = StageWatch::new(worker.console, worker.options.progress, own);
    if worker.options.yes {
        pass(worker, store).await?;
    }
    let walk = Walk::new(pipeline, worker, Arc::clone(store), worker.material.folder.clone())?
        .with_events(sender)
        .with_cancellation(halt);
    if let Some(name) = &worker.options.redo {
        walk.redo(name).await?;
    }
    let watching = tokio::spawn(watch.follow(receiver));
    let outcome = {
        let mut going = std::pin::pin!(walk.go());
        loop {
            tokio::select! {
                outcome = &mut going => break Some(outcome?),
                () = interruption() => {
                    if halt.is_cancelled() {
                        break None;
                    }
                    halt.cancel();
                }
            }
        }
    };
    let rows = walk.stages();
    drop(walk);
    // The watcher ends with the walk's sender. Whether it could show everything changes no result.
    let _ = watching.await;
    Ok(outcome.map(|outcome| (outcome, rows)))
}

/// Adds the figures of the pipeline to `summary.json`, where the consensus has written one.
fn measured(folder: &Path, pipeline: &Pipeline, rows: &[StoredStage]) -> Result<(), CliError> {
    let path = folder.join("summary.json");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let mut summary: Value = serde_json::from_str(&text).map_err(|source| ResultError::Form {
        path: path.clone(),
        line: None,
        source,
    })?;
    let metrics = PipelineMetrics::of(pipeline, rows);
    tracing::debug!(
        consona.pipeline.wall_ms = metrics.wall_ms,
        consona.pipeline.parallel_efficiency = metrics.parallel_efficiency,
        consona.pipeline.success_without_retry = metrics.success_without_retry,
        consona.pipeline.coordination_overhead_ms = metrics.coordination_overhead_ms,
        consona.pipeline.time_saved_ms = metrics.time_saved_ms,
        consona.pipeline.approval_rate = metrics.approval_rate,
        consona.pipeline.modification_rate = metrics.modification_rate,
        "pipeline measured"
    );
    summary["pipeline"] = json!(metrics);
    let text = format!("{}\n", serde_json::to_string_pretty(&summary).map_err(CliError::Json)?);
    Ok(write_file(&path, text.as_bytes())?)
}

/// The figures of the pipeline for a summary that is derived again, from the stages as they are stored. An optional
/// stage that was never begun may have been left out by the adaptive rules; it is not counted.
pub(in crate::cli) fn measured_again(
    folder: &Path,
    pipeline: &Pipeline,
    store: &Store,
) -> Result<(), CliError> {
    let stored = store.stages()?;
    if stored.is_empty() {
        return Ok(());
    }
    let left_out = |stage: &Stage| pipeline.adaptive().is_some() && stage.settings.optional;
    let row = |stage: &Stage| match stored.iter().find(|row| row.name == stage.name) {
        Some(row) => Some(row.clone()),
        None if left_out(stage) => None,
        None => Some(StoredStage { name: stage.name.clone(), ..StoredStage::default() }),
    };
    let rows: Vec<StoredStage> = pipeline.stages().iter().filter_map(row).collect();
    measured(folder, pipeline, &rows)
}

/// What a person is told at the end, and the exit code.
fn told(worker: &Worker<'_>, outcome: &PipelineOutcome, rows: &[StoredStage]) -> Result<Exit, CliError> {
    let (folder, console) = (&worker.material.folder, worker.console);
    let groups = state::by_name(worker.pipeline.groups());
    let interrupted = matches!(outcome, PipelineOutcome::Interrupted { .. });
    let file = state::to_json(rows, &groups, state::status_of(rows, interrupted));
    let said = worker.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let spent = Spent::of(folder, &worker.store)?;
    console.answer(&file, || {
        format!(
            "{said}Cost: {}\n{}",
            safe::line(&spent.to_string()),
            text(folder, outcome, rows, worker.options)
        )
    })?;
    let again = go_on(worker.options);
    Ok(match outcome {
        PipelineOutcome::Complete => Exit::Done,
        PipelineOutcome::Waiting { .. } | PipelineOutcome::Rejected { .. } => Exit::WaitingForApproval,
        PipelineOutcome::Failed { stages, too_few } => {
            for (stage, error) in stages {
                console.fault(&format!("stage {stage} failed: {error}"));
                if let Some(way) = way_out(worker.pipeline, stage) {
                    console.fault(&way);
                }
            }
            console.note(&format!("What was done is kept. {again}"));
            if *too_few { Exit::TooFewModels } else { Exit::Outstanding }
        }
        PipelineOutcome::Interrupted { limit } => {
            let why = if *limit { "`max_cost` is reached" } else { "stopped" };
            console.note(&format!("{why}. {}", to_go_on(worker.options, *limit)));
            Exit::Outstanding
        }
    })
}

/// What helps where a model's answers are stored and cannot be used: the same command would meet them again.
fn way_out(pipeline: &Pipeline, name: &str) -> Option<String> {
    let stage = pipeline.stage(name).filter(|stage| stage.kind.asks_a_model())?;
    let rules = if stage.kind == Kind::Review { ", and the rules sort the disagreements" } else { "" };
    Some(format!(
        "Its answers are stored, so the same command meets them again. Set another `model` in stages.settings.{name}, ask \
         again with --redo {name}, or let the study do without it: `optional: true` there{rules}."
    ))
}

fn text(folder: &Path, outcome: &PipelineOutcome, rows: &[StoredStage], options: &RunOptions) -> String {
    let mut text = "Stages:\n".to_owned();
    for row in rows {
        let lasted = row.ended_ms.zip(row.started_ms).map(|(end, start)| end.saturating_sub(start));
        let lasted = lasted.map(|lasted| format!(" ({lasted} ms)")).unwrap_or_default();
        let why = row.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        text.extend(["  ", &safe::line(&format!("{} {}{lasted}{why}", row.name, row.status.name())), "\n"]);
    }
    match outcome {
        PipelineOutcome::Waiting { stage } => {
            let row = rows.iter().find(|row| row.name == *stage);
            text.push_str(&waiting(folder, stage, row.map_or(&Value::Null, |row| &row.output), options));
        }
        PipelineOutcome::Rejected { stage, reason } => {
            let said = format!(
                "`{stage}` was rejected: {reason}. Change the study, or have it asked again: --redo {stage}"
            );
            text.extend([&safe::line(&said), "\n"]);
        }
        _ => text.extend(["Files are in ", &safe::line(&folder.display().to_string()), "\n"]),
    }
    text
}

/// What a gate shows: the summary, the artefacts, the three commands.
fn waiting(folder: &Path, stage: &str, output: &Value, options: &RunOptions) -> String {
    let list = |key: &str| -> String {
        let lines = output[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.map(|line| format!("  {}\n", safe::line(line))).collect::<Vec<_>>().concat()
    };
    let (folder, stage) = (safe::line(&folder.display().to_string()), safe::line(stage));
    format!(
        "\n`{stage}` waits for a person.\n{}To look at:\n{}Then one of:\n  consona approve {folder}\n  consona reject {folder} --reason TEXT\n  consona modify {folder} --edit FILE.json\n{}\n",
        list("summary"),
        list("artefacts"),
        go_on(options)
    )
}
