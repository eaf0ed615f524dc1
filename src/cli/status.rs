//! `consona status`: how a run stands, from another terminal or after it has stopped.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use crate::report::safe;
use crate::store::{MemberProgress, Money, Note, StageStatus, Store, StoredStage};

/// The time over which rates are counted, unless the sitting is younger.
const RECENT: Duration = Duration::from_secs(300);

/// The answer of `status --json`.
#[derive(Debug, Serialize)]
struct Status {
    /// The process that works at the run.
    running: Option<String>,
    models: Vec<Member>,
    planned: u64,
    done: u64,
    failed: u64,
    waiting: u64,
    cost: Money,
    /// At the present rate, while somebody works at it.
    seconds_left: Option<u64>,
    /// The stages of the study's pipeline, in order; none for a study without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageLine>,
}

/// How one stage stands.
#[derive(Debug, Serialize)]
struct StageLine {
    stage: String,
    status: StageStatus,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Member {
    #[serde(flatten)]
    progress: MemberProgress,
    planned: u64,
    /// Calls that have not begun, or that were given up and are asked again.
    waiting: u64,
    /// Attempts that ended, over the last five minutes.
    per_minute: f64,
}

/// Tells how a run stands.
pub(super) fn status(run: &Path, console: Console) -> Result<Exit, CliError> {
    if !Store::exists(run) {
        let shown = run.display();
        return Err(CliError::Usage(format!("`{shown}` is no run folder: there is no `run.sqlite` in it")));
    }
    let status = Status::read(run)?;
    console.answer(&status, || status.text())?;
    Ok(status.exit())
}

impl Status {
    fn read(run: &Path) -> Result<Self, CliError> {
        let (running, store) = (Store::holder(run)?, Store::read(run)?);
        let plan: BTreeMap<String, u64> = match store.noted(Note::Plan)? {
            Some(plan) => serde_json::from_str(&plan)?,
            None => BTreeMap::new(),
        };
        let began = store.noted(Note::Began)?.and_then(|began| began.parse().ok()).unwrap_or(0);
        let now = now_ms();
        let recent = u64::try_from(RECENT.as_millis()).unwrap_or(u64::MAX);
        let since = now.saturating_sub(recent).max(began);
        let over = Duration::from_millis(now.saturating_sub(since));
        let member = |progress: MemberProgress| {
            let begun = progress.done() + progress.failed;
            let planned = plan.get(&progress.model).copied().unwrap_or(0).max(begun);
            let in_flight = if running.is_some() { progress.in_flight } else { 0 };
            let waiting = planned.saturating_sub(progress.done() + in_flight);
            Member { planned, waiting, per_minute: per_minute(progress.recent, over), progress }
        };
        let models: Vec<Member> = store.progress(since)?.into_iter().map(member).collect();
        let sum = |count: &dyn Fn(&Member) -> u64| models.iter().map(count).sum::<u64>();
        let (done, planned) = (sum(&|member| member.progress.done()), sum(&|member| member.planned));
        let rate = models.iter().map(|member| member.per_minute).sum();
        Ok(Self {
            planned: planned.max(plan.values().sum()),
            done,
            failed: sum(&|member| member.progress.failed),
            waiting: sum(&|member| member.waiting),
            cost: models.iter().map(|member| member.progress.cost).sum(),
            seconds_left: running.as_ref().and_then(|_| seconds(planned.saturating_sub(done), rate)),
            running,
            models,
            stages: store.stages()?.into_iter().map(StageLine::from).collect(),
        })
    }

    /// A gate that waits, or was closed, is the run's own affair; whatever else is not done is outstanding.
    fn exit(&self) -> Exit {
        let any = |statuses: &[StageStatus]| self.stages.iter().any(|line| statuses.contains(&line.status));
        if any(&[StageStatus::Waiting, StageStatus::Rejected]) {
            Exit::WaitingForApproval
        } else if self.done < self.planned
            || any(&[StageStatus::Pending, StageStatus::Running, StageStatus::Failed])
        {
            Exit::Outstanding
        } else {
            Exit::Done
        }
    }

    fn text(&self) -> String {
        let mut text = match &self.running {
            Some(holder) => format!("In use by {}.\n", safe::line(holder)),
            None => "Nobody works at it.\n".to_owned(),
        };
        for member in &self.models {
            text.push_str(&safe::line(&member.text(self.running.is_some())));
            text.push('\n');
        }
        let left =
            lasting(self.planned - self.done, self.models.iter().map(|member| member.per_minute).sum());
        let left = left.filter(|_| self.running.is_some()).map(|left| format!(", {left} left"));
        let left = left.unwrap_or_default();
        let calls = format!(
            "{} of {} calls done, {} failed, cost {}{left}\n",
            self.done, self.planned, self.failed, self.cost
        );
        text.push_str(&calls);
        for line in &self.stages {
            let why = line.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            text.extend([
                safe::line(&format!("stage {} {}{why}", line.stage, line.status.name())),
                "\n".to_owned(),
            ]);
        }
        text
    }
}

impl From<StoredStage> for StageLine {
    fn from(stage: StoredStage) -> Self {
        Self { stage: stage.name, status: stage.status, error: stage.error }
    }
}

impl Member {
    fn text(&self, running: bool) -> String {
        let progress = &self.progress;
        let mut said = vec![format!("{} of {} done", progress.done(), self.planned)];
        for (count, what) in
            [(progress.unusable, "unusable"), (progress.rejected, "rejected"), (progress.failed, "failed")]
        {
            if count > 0 {
                said.push(format!("{count} {what}"));
            }
        }
        if self.waiting > 0 {
            let why = progress.trouble.as_ref().map(|trouble| format!(" ({trouble})")).unwrap_or_default();
            said.push(format!("{} waiting{why}", self.waiting));
        }
        if running {
            said.push(format!("{} in flight, {:.0}/min", progress.in_flight, self.per_minute));
        }
        format!("{}: {}, cost {}", progress.model, said.join(", "), progress.cost)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A count over some time as a rate; 0 over no time.
pub(super) fn per_minute(count: u64, over: Duration) -> f64 {
    if over.is_zero() { 0.0 } else { count as f64 * 60.0 / over.as_secs_f64() }
}

/// Seconds that so many calls take at a rate per minute; `None` at no rate, or for nothing.
fn seconds(calls: u64, per_minute: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    (calls > 0 && per_minute > 0.0).then(|| (calls as f64 * 60.0 / per_minute).ceil() as u64)
}

/// The same in words.
pub(super) fn lasting(calls: u64, per_minute: f64) -> Option<String> {
    let seconds = seconds(calls, per_minute)?;
    Some(match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_what_the_rate_gives() {
        // 90 calls at 60 a minute are 90 s.
        assert_eq!(lasting(90, 60.0).as_deref(), Some("1 min 30 s"));
        assert_eq!(lasting(7_260, 1.0).as_deref(), Some("121 h 0 min"));
        assert_eq!((lasting(0, 60.0), lasting(5, 0.0)), (None, None));
        assert!((per_minute(30, Duration::from_secs(15)) - 120.0).abs() < 1e-9);
    }
}
