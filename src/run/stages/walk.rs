//! Step by step through a pipeline.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::LocalBoxFuture;
use futures::stream::{self, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::StageEvent;
use super::state;
use crate::files::FilesError;
use crate::run::status::now_ms;
use crate::stages::pipeline::{Kind, Pipeline, Stage, Step};
use crate::store::{StageStatus, Store, StoreError, StoredStage};

/// A walk that cannot go on, whatever the stages say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state cannot be written.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// What a stage is given to do.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// How often it was asked for fresh answers before.
    pub round: u32,
    /// Whether it may send an artefact back.
    pub may_rework: bool,
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// With what it made.
    Completed(Value),
    /// A person is asked.
    Waiting(Value),
    /// What an earlier stage made is not good enough; it is asked for it again.
    Rework {
        /// What is not good enough.
        artefact: String,
        /// What the stage has to say about it.
        output: Value,
    },
    /// Without; what there is of it is kept.
    Failed {
        /// Why.
        error: String,
        /// What there is.
        output: Value,
        /// Whether too few models answered.
        too_few: bool,
    },
    /// Not at all: somebody asked to stop, or the money is used up.
    Interrupted {
        /// Whether it was the money.
        limit: bool,
    },
}

/// Whoever does the work of stages.
pub trait Work: fmt::Debug {
    /// A hash of everything that the stage would be made from, as it is now.
    fn fingerprint(&self, stage: &Stage) -> String;

    /// Whether everything that the stage makes is there.
    fn is_made(&self, stage: &Stage) -> bool;

    /// Does it. That it cannot be done is no error of the walk: it is [`Ended::Failed`].
    fn perform<'a>(&'a self, given: Given<'a>) -> LocalBoxFuture<'a, Ended>;
}

/// How a pipeline ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelineOutcome {
    /// Every stage is done, or left out because it may be.
    Complete,
    /// A gate waits.
    Waiting {
        /// Which.
        stage: String,
    },
    /// A person said no.
    Rejected {
        /// At which gate.
        stage: String,
        /// Why.
        reason: String,
    },
    /// Stages failed that may not be left out.
    Failed {
        /// Which, and why.
        stages: Vec<(String, String)>,
        /// Whether too few models answered.
        too_few: bool,
    },
    /// Somebody asked to stop, or the money is used up; nothing new was begun.
    Interrupted {
        /// Whether it was the money.
        limit: bool,
    },
}

/// How a step of the walk ended, for one stage.
enum Passed {
    Done,
    Waiting,
    Rejected(String),
    Rework(String),
    Failed { error: String, too_few: bool },
    Interrupted { limit: bool },
}

/// A pipeline being walked.
#[derive(Debug)]
pub struct Walk<'a> {
    pipeline: &'a Pipeline,
    work: &'a dyn Work,
    store: Arc<Store>,
    folder: PathBuf,
    halt: CancellationToken,
    events: Option<UnboundedSender<StageEvent>>,
    /// One per stage, in order.
    rows: Mutex<Vec<StoredStage>>,
    /// Whether every stage was done when the walk began, or left out because it may be.
    finished_before: bool,
}

impl<'a> Walk<'a> {
    /// Takes up a pipeline where the run database left it, or the state file where that is all there is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn new(
        pipeline: &'a Pipeline,
        work: &'a dyn Work,
        store: Arc<Store>,
        folder: PathBuf,
    ) -> Result<Self, StoreError> {
        let stored = store.stages()?;
        let file = state::load(&folder);
        let told = file.filter(|_| stored.is_empty()).map(|file| state::read(&file)).unwrap_or_default();
        let row = |(place, stage): (u64, &Stage)| {
            let known = stored.iter().find(|row| row.name == stage.name).cloned();
            let mut row = known.unwrap_or_else(|| {
                let (status, output) = told.get(&stage.name).cloned().unwrap_or_default();
                // What an earlier program has done counts where it is there to be seen.
                let made = status == StageStatus::Completed && work.is_made(stage);
                let (status, fingerprint) = if made {
                    (status, work.fingerprint(stage))
                } else {
                    (StageStatus::Pending, String::new())
                };
                StoredStage {
                    name: stage.name.clone(),
                    status,
                    fingerprint,
                    output,
                    ..StoredStage::default()
                }
            });
            row.place = place;
            if row.status == StageStatus::Running {
                row.status = StageStatus::Pending;
            }
            row
        };
        let rows: Vec<StoredStage> = (0..).zip(pipeline.stages()).map(row).collect();
        let ended = |(stage, row): (&Stage, &StoredStage)| match row.status {
            StageStatus::Completed => true,
            StageStatus::Failed | StageStatus::Skipped => stage.settings.optional,
            _ => false,
        };
        let finished_before = pipeline.stages().iter().zip(&rows).all(ended);
        Ok(Self {
            pipeline,
            work,
            store,
            folder,
            halt: CancellationToken::new(),
            events: None,
            rows: Mutex::new(rows),
            finished_before,
        })
    }

    /// Tells everything that happens.
    #[must_use]
    pub fn with_events(mut self, events: UnboundedSender<StageEvent>) -> Self {
        self.events = Some(events);
        self
    }

    /// Begins no stage once the token is cancelled.
    #[must_use]
    pub fn with_cancellation(mut self, token: &CancellationToken) -> Self {
        self.halt = token.child_token();
        self
    }

    /// The stages as they stand.
    #[must_use]
    pub fn stages(&self) -> Vec<StoredStage> {
        self.rows().clone()
    }

    /// Has a stage done again, with fresh answers.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn redo(&self, name: &str) -> Result<bool, WalkError> {
        let Some(place) = self.rows().iter().position(|row| row.name == name) else { return Ok(false) };
        self.change(place, |row| {
            row.status = StageStatus::Pending;
            row.round += 1;
        })
        .await?;
        Ok(true)
    }

    /// Goes as far as it can.
    ///
    /// # Errors
    /// [`WalkError`]: nothing can be kept, so nothing more may be begun.
    pub async fn go(&self) -> Result<PipelineOutcome, WalkError> {
        // Whoever decides at a gate later knows every stage from the database alone.
        for row in self.stages() {
            self.store.put_stage(row).await?;
        }
        let steps = self.pipeline.steps();
        let mut at = 0;
        let outcome = loop {
            let Some(step) = steps.get(at) else { break PipelineOutcome::Complete };
            if self.halt.is_cancelled() {
                break PipelineOutcome::Interrupted { limit: false };
            }
            let passed = self.step(step).await?;
            if let Some(outcome) = self.stopped(&passed) {
                break outcome;
            }
            at = match self.sent_back(&passed, &steps).await? {
                Some(earlier) => earlier,
                None => at + 1,
            };
        };
        let interrupted = matches!(outcome, PipelineOutcome::Interrupted { .. });
        self.write(interrupted)?;
        Ok(outcome)
    }

    /// All stages of a step at the same time; answers in the order of the pipeline, when all have ended.
    async fn step(&self, step: &Step<'_>) -> Result<Vec<(usize, Passed)>, WalkError> {
        let group = match step {
            Step::One(_) => None,
            Step::Together(group, _) => Some(group.name.clone()),
        };
        let mut ended: Vec<Result<(usize, Passed), WalkError>> = stream::iter(step.places())
            .map(|place| {
                let group = group.clone();
                async move { self.stage(place, group).await.map(|passed| (place, passed)) }
            })
            .buffer_unordered(self.pipeline.concurrency())
            .collect()
            .await;
        ended.sort_by_key(|ended| ended.as_ref().map_or(0, |(place, _)| *place));
        ended.into_iter().collect()
    }

    /// What ends the walk, the gravest first.
    fn stopped(&self, passed: &[(usize, Passed)]) -> Option<PipelineOutcome> {
        let name = |place: usize| self.pipeline.stages()[place].name.clone();
        for (place, passed) in passed {
            match passed {
                Passed::Interrupted { limit } => return Some(PipelineOutcome::Interrupted { limit: *limit }),
                Passed::Waiting => return Some(PipelineOutcome::Waiting { stage: name(*place) }),
                Passed::Rejected(reason) => {
                    return Some(PipelineOutcome::Rejected { stage: name(*place), reason: reason.clone() });
                }
                _ => {}
            }
        }
        let failed = passed.iter().filter_map(|(place, passed)| match passed {
            Passed::Failed { error, too_few } if !self.pipeline.stages()[*place].settings.optional => {
                Some(((name(*place), error.clone()), *too_few))
            }
            _ => None,
        });
        let (stages, too_few): (Vec<_>, Vec<bool>) = failed.unzip();
        let too_few = too_few.contains(&true);
        (!stages.is_empty()).then_some(PipelineOutcome::Failed { stages, too_few })
    }

    /// The step to go back to, when something is to be made again.
    async fn sent_back(
        &self,
        passed: &[(usize, Passed)],
        steps: &[Step<'_>],
    ) -> Result<Option<usize>, WalkError> {
        let sent = passed.iter().find_map(|(place, passed)| match passed {
            Passed::Rework(artefact) => Some((*place, artefact)),
            _ => None,
        });
        let Some((place, artefact)) = sent else { return Ok(None) };
        let Some(maker) = self.pipeline.maker(artefact, place) else { return Ok(None) };
        self.change(maker, |row| {
            row.status = StageStatus::Pending;
            row.round += 1;
        })
        .await?;
        Ok(steps.iter().position(|step| step.places().contains(&maker)))
    }

    async fn stage(&self, place: usize, group: Option<String>) -> Result<Passed, WalkError> {
        let stage = &self.pipeline.stages()[place];
        if let Some(missing) = self.missing(place) {
            return self.skip(place, missing).await;
        }
        let fingerprint = self.work.fingerprint(stage);
        let row = self.rows()[place].clone();
        let same = row.fingerprint == fingerprint;
        match row.status {
            StageStatus::Completed if same && self.work.is_made(stage) && !self.expired(stage, &row) => {
                self.tell_end(&row, true);
                return Ok(Passed::Done);
            }
            StageStatus::Waiting if same => return Ok(Passed::Waiting),
            StageStatus::Rejected if same => return Ok(Passed::Rejected(row.error.unwrap_or_default())),
            _ => {}
        }
        let expired = row.status == StageStatus::Completed && same && self.expired(stage, &row);
        // Without a lifetime of its own it meets the answers that are stored: nothing is paid for twice.
        let round = row.round + u32::from(expired && stage.settings.asks_afresh);
        self.change(place, |row| {
            *row = StoredStage {
                status: StageStatus::Running,
                round,
                fingerprint,
                started_ms: Some(now_ms()),
                ended_ms: None,
                output: Value::Null,
                error: None,
                ..row.clone()
            };
        })
        .await?;
        self.tell(|| StageEvent::StageStarted { stage: stage.name.clone(), group, round });
        let may_rework = stage.kind == Kind::Quality && round < stage.settings.rework;
        let ended = self.work.perform(Given { stage, round, may_rework }).await;
        self.end(place, ended).await
    }

    /// Stores how a stage ended.
    async fn end(&self, place: usize, ended: Ended) -> Result<Passed, WalkError> {
        let (status, output, error, passed) = match ended {
            Ended::Completed(output) => (StageStatus::Completed, output, None, Passed::Done),
            Ended::Waiting(output) => (StageStatus::Waiting, output, None, Passed::Waiting),
            Ended::Rework { artefact, output } => {
                (StageStatus::Pending, output, None, Passed::Rework(artefact))
            }
            Ended::Failed { error, output, too_few } => {
                (StageStatus::Failed, output, Some(error.clone()), Passed::Failed { error, too_few })
            }
            Ended::Interrupted { limit } => {
                (StageStatus::Pending, Value::Null, None, Passed::Interrupted { limit })
            }
        };
        let rework = matches!(passed, Passed::Rework(_));
        // A stage may have asked for more of what it is made from.
        let fingerprint = self.work.fingerprint(&self.pipeline.stages()[place]);
        self.change(place, |row| {
            row.status = status;
            row.output = output;
            row.error = error;
            row.ended_ms = Some(now_ms());
            row.round += u32::from(rework);
            row.fingerprint = fingerprint;
        })
        .await?;
        let row = self.rows()[place].clone();
        self.tell_end(&row, false);
        Ok(passed)
    }

    /// The first thing that a stage needs and nobody has made, with who should have.
    fn missing(&self, place: usize) -> Option<String> {
        let stage = &self.pipeline.stages()[place];
        let rows = self.rows();
        stage.requires.iter().find_map(|artefact| {
            let maker = self.pipeline.maker(artefact, place)?;
            let made = rows[maker].status == StageStatus::Completed;
            (!made).then(|| format!("it needs `{artefact}`, which `{}` has not made", rows[maker].name))
        })
    }

    async fn skip(&self, place: usize, missing: String) -> Result<Passed, WalkError> {
        let error = missing.clone();
        self.change(place, |row| {
            row.status = StageStatus::Skipped;
            row.error = Some(error);
            row.output = Value::Null;
        })
        .await?;
        let row = self.rows()[place].clone();
        self.tell_end(&row, false);
        Ok(Passed::Failed { error: missing, too_few: false })
    }

    /// Whether a finished stage of a finished run is older than it may be.
    fn expired(&self, stage: &Stage, row: &StoredStage) -> bool {
        let Some(lifetime) = stage.settings.lifetime_seconds.filter(|_| self.finished_before) else {
            return false;
        };
        let age = now_ms().saturating_sub(row.ended_ms.unwrap_or(0));
        age as f64 >= lifetime * 1000.0
    }

    /// Changes what is known of a stage: database first, then the file.
    async fn change(&self, place: usize, change: impl FnOnce(&mut StoredStage)) -> Result<(), WalkError> {
        let row = {
            let mut rows = self.rows();
            change(&mut rows[place]);
            rows[place].clone()
        };
        self.store.put_stage(row).await?;
        self.write(false)
    }

    fn write(&self, interrupted: bool) -> Result<(), WalkError> {
        let rows = self.rows();
        let groups = state::by_name(self.pipeline.groups());
        let file = state::to_json(&rows, &groups, state::status_of(&rows, interrupted));
        state::write(&self.folder, &file)?;
        Ok(())
    }

    fn rows(&self) -> MutexGuard<'_, Vec<StoredStage>> {
        // Rows are replaced as a whole; none is left half changed by a panic.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: impl FnOnce() -> StageEvent) {
        if let Some(events) = &self.events {
            // A watcher that has gone changes nothing for the run.
            let _ = events.send(event());
        }
    }

    fn tell_end(&self, row: &StoredStage, reused: bool) {
        let lasted = row.ended_ms.zip(row.started_ms).map(|(end, start)| end.saturating_sub(start));
        let duration_ms = if reused { 0 } else { lasted.unwrap_or(0) };
        tracing::debug!(
            consona.stage.name = row.name,
            consona.stage.status = row.status.name(),
            consona.stage.duration_ms = duration_ms,
            consona.stage.reused = reused,
            error = row.error,
            "stage ended"
        );
        self.tell(|| StageEvent::StageEnded {
            stage: row.name.clone(),
            status: row.status,
            duration_ms,
            reused,
            error: row.error.clone(),
        });
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
