//! `consona status`: how a run stands, from another terminal or after it has stopped.

use std::path::Path;

use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use crate::report::safe;
use crate::run::status::seconds;
pub(super) use crate::run::status::{now_ms, per_minute};
use crate::run::{MemberStatus, RunStatus};
use crate::store::StageStatus;

/// Tells how a run stands.
pub(super) fn status(run: &Path, console: Console) -> Result<Exit, CliError> {
    let status = RunStatus::read(run)?;
    console.answer(&status, || status.text(run))?;
    Ok(status.exit())
}

impl RunStatus {
    /// A gate that waits, or was closed, is the run's own affair; whatever else is not done is outstanding.
    fn exit(&self) -> Exit {
        let any = |statuses: &[StageStatus]| self.stages.iter().any(|stage| statuses.contains(&stage.status));
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

    fn text(&self, run: &Path) -> String {
        let mut text = match &self.running {
            Some(holder) => format!("In use by {}.\n", safe::line(holder)),
            None => "Nobody works at it.\n".to_owned(),
        };
        for member in &self.models {
            let priced = !self.spent.unpriced.contains(&member.progress.model);
            text.push_str(&safe::line(&member.text(self.running.is_some(), priced)));
            text.push('\n');
        }
        let left =
            lasting(self.planned - self.done, self.models.iter().map(|member| member.per_minute).sum());
        let left = left.filter(|_| self.running.is_some()).map(|left| format!(", {left} left"));
        let left = left.unwrap_or_default();
        let calls = format!(
            "{} of {} calls done, {} failed, cost {}{left}\n",
            self.done, self.planned, self.failed, self.spent
        );
        text.push_str(&safe::line(calls.trim_end()));
        text.push('\n');
        for stream in &self.streams {
            let by = stream.blocked_by.as_ref().map(|by| format!(": `{by}` failed, which it waits for"));
            let why = by.or_else(|| stream.setback.as_ref().map(|setback| format!(": {setback}")));
            let mut why = why.unwrap_or_default();
            let kept = stream.kept_its_estimate;
            let kept =
                kept.map(|kept| if kept { "its estimate was kept" } else { "its estimate was not kept" });
            for said in stream.alarms.iter().map(String::as_str).chain(kept) {
                why.extend(["; ", said]);
            }
            let line = safe::line(&format!("stream {} {}{why}", stream.stream, stream.status.name()));
            text.extend([line.as_str(), "\n"]);
        }
        for stage in &self.stages {
            let why = stage.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            let line = safe::line(&format!("stage {} {}{why}", stage.stage, stage.status.name()));
            text.extend([line.as_str(), "\n"]);
        }
        if self.stages.iter().any(|stage| stage.status == StageStatus::Waiting) {
            text.push_str(&answers(run));
        }
        text
    }
}

/// What a person can answer at a gate.
pub(super) fn answers(run: &Path) -> String {
    let run = safe::line(&run.display().to_string());
    format!(
        "It waits for a person. One of:\n  consona approve {run}\n  consona reject {run} --reason TEXT\n  consona modify \
         {run} --edit FILE.json\n"
    )
}

impl MemberStatus {
    fn text(&self, running: bool, priced: bool) -> String {
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
        if progress.in_batches > 0 {
            said.push(format!("{} in batches", progress.in_batches));
        }
        if running {
            let in_flight = progress.in_flight.saturating_sub(progress.in_batches);
            said.push(format!("{in_flight} in flight, {:.0}/min", self.per_minute));
        }
        let cost = if priced { progress.cost.to_string() } else { "unknown".to_owned() };
        format!("{}: {}, cost {cost}", progress.model, said.join(", "))
    }
}

/// How long so many calls take at a rate per minute, in words; `None` at no rate, or for nothing.
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
    use std::time::Duration;

    #[test]
    fn the_time_left_is_what_the_rate_gives() {
        // 90 calls at 60 a minute are 90 s.
        assert_eq!(lasting(90, 60.0).as_deref(), Some("1 min 30 s"));
        assert_eq!(lasting(7_260, 1.0).as_deref(), Some("121 h 0 min"));
        assert_eq!((lasting(0, 60.0), lasting(5, 0.0)), (None, None));
        assert!((per_minute(30, Duration::from_secs(15)) - 120.0).abs() < 1e-9);
    }
}
