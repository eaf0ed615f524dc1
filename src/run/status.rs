//! How a run stands, from another process or after it has stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::spent::Spent;
use super::streams::{StreamReport, StreamStatus, streams};
use crate::report::{alarm_words, setback_words};
use crate::store::{MemberProgress, Money, Note, StageStatus, Store, StoreError, StoredStage};

/// The time over which rates are counted, unless the sitting is younger.
const RECENT: Duration = Duration::from_secs(300);

/// A folder of which no status can be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// There is no run in it.
    #[error("`{}` is no run folder: there is no `run.sqlite` in it", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan in it cannot be read.
    #[error("`{}`: the plan that the run keeps cannot be read; `consona run` with its study writes it again", folder.display())]
    Plan {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// How a run stands.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct RunStatus {
    /// The process that works at the run.
    pub running: Option<String>,
    /// The panel, in order.
    pub models: Vec<MemberStatus>,
    /// Calls of the plan.
    pub planned: u64,
    /// Calls that are done with for good.
    pub done: u64,
    /// Calls given up in the last sitting; asked again when the run is continued.
    pub failed: u64,
    /// Calls that have not begun, or that were given up and are asked again.
    pub waiting: u64,
    /// What the attempts of the panel have cost.
    #[cfg_attr(feature = "mcp", schemars(with = "f64"))]
    pub cost: Money,
    /// What everything has cost, stages and ablation included, and how sure that is.
    pub spent: Spent,
    /// At the present rate, while somebody works at it.
    pub seconds_left: Option<u64>,
    /// The stages of the study's pipeline, in order; none for a study without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageState>,
    /// The study's workstreams, in order; none for a study that is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamState>,
}

/// How one workstream stands.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct StreamState {
    /// Its name.
    pub stream: String,
    /// How it stands.
    #[cfg_attr(feature = "mcp", schemars(with = "String"))]
    pub status: StreamStatus,
    /// What went wrong last, in a sentence.
    pub setback: Option<String>,
    /// The stream whose failure kept it from beginning.
    pub blocked_by: Option<String>,
    /// Whether it took no longer than was estimated, where there is an estimate and it has ended.
    pub kept_its_estimate: Option<bool>,
    /// When it was stuck or late, each in a few words.
    pub alarms: Vec<String>,
}

impl From<StreamReport> for StreamState {
    fn from(report: StreamReport) -> Self {
        let kept = report.kept_its_estimate();
        Self {
            setback: report.setbacks.last().map(setback_words),
            kept_its_estimate: kept,
            alarms: report.alarms.iter().filter_map(|alarm| alarm_words(alarm, kept)).collect(),
            stream: report.stream.name,
            status: report.status,
            blocked_by: report.blocked_by,
        }
    }
}

/// How one stage stands.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct StageState {
    /// Its name.
    pub stage: String,
    /// How it stands.
    #[cfg_attr(feature = "mcp", schemars(with = "String"))]
    pub status: StageStatus,
    /// Why it is not done.
    pub error: Option<String>,
}

impl From<StoredStage> for StageState {
    fn from(stage: StoredStage) -> Self {
        Self { stage: stage.name, status: stage.status, error: stage.error }
    }
}

/// How the calls of one panel member stand.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct MemberStatus {
    /// What is stored about it.
    #[serde(flatten)]
    pub progress: MemberProgress,
    /// Calls of the plan.
    pub planned: u64,
    /// Calls that have not begun, or that were given up and are asked again.
    pub waiting: u64,
    /// Attempts that ended, over the last five minutes.
    pub per_minute: f64,
}

impl RunStatus {
    /// Reads how the run in a folder stands, also while another process works at it.
    ///
    /// # Errors
    /// [`StatusError`] for a folder without a run, and when its database cannot be read.
    pub fn read(run: &Path) -> Result<Self, StatusError> {
        if !Store::exists(run) {
            return Err(StatusError::NoRun { folder: run.to_owned() });
        }
        let (running, store) = (Store::holder(run)?, Store::read(run)?);
        let plan: BTreeMap<String, u64> = match store.noted(Note::Plan)? {
            Some(plan) => serde_json::from_str(&plan)
                .map_err(|source| StatusError::Plan { folder: run.to_owned(), source })?,
            None => BTreeMap::new(),
        };
        let began = store.noted(Note::Began)?.and_then(|began| began.parse().ok()).unwrap_or(0);
        let now = now_ms();
        let recent = milliseconds(RECENT);
        let since = now.saturating_sub(recent).max(began);
        let over = Duration::from_millis(now.saturating_sub(since));
        let member = |progress: MemberProgress| {
            let begun = progress.done() + progress.failed;
            let planned = plan.get(&progress.model).copied().unwrap_or(0).max(begun);
            let in_flight = if running.is_some() { progress.in_flight } else { progress.in_batches };
            let waiting = planned.saturating_sub(progress.done() + in_flight);
            MemberStatus { planned, waiting, per_minute: per_minute(progress.recent, over), progress }
        };
        let models: Vec<MemberStatus> = store.progress(since)?.into_iter().map(member).collect();
        let sum = |count: &dyn Fn(&MemberStatus) -> u64| models.iter().map(count).sum::<u64>();
        let (done, planned) = (sum(&|member| member.progress.done()), sum(&|member| member.planned));
        let rate = models.iter().map(|member| member.per_minute).sum();
        Ok(Self {
            planned: planned.max(plan.values().sum()),
            done,
            failed: sum(&|member| member.progress.failed),
            waiting: sum(&|member| member.waiting),
            cost: models.iter().map(|member| member.progress.cost).sum(),
            spent: Spent::of(run, &store)?,
            seconds_left: running.as_ref().and_then(|_| seconds(planned.saturating_sub(done), rate)),
            running,
            models,
            stages: store.stages()?.into_iter().map(StageState::from).collect(),
            streams: streams(&store)?.into_iter().map(StreamState::from).collect(),
        })
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in whole milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A count over some time as a rate; 0 over no time.
pub(crate) fn per_minute(count: u64, over: Duration) -> f64 {
    if over.is_zero() { 0.0 } else { count as f64 * 60.0 / over.as_secs_f64() }
}

/// Seconds that so many calls take at a rate per minute; `None` at no rate, or for nothing.
pub(crate) fn seconds(calls: u64, per_minute: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    (calls > 0 && per_minute > 0.0).then(|| (calls as f64 * 60.0 / per_minute).ceil() as u64)
}
