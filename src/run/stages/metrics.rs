//! What a pipeline took and what asking at the same time saved.

use serde::Serialize;
use serde_json::Value;

use super::questions::CallFigures;
use crate::stages::pipeline::{Kind, Pipeline};
use crate::store::{Money, StageStatus, StoredStage};

/// How long one stage took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageTime {
    /// Its name.
    pub stage: String,
    /// How it stands.
    pub status: StageStatus,
    /// From its beginning to its end; `None` for one that has not ended.
    pub duration_ms: Option<u64>,
    /// Rounds after the first.
    pub rounds: u32,
    /// Calls without an answer that the stage went on without.
    pub partial_failures: u64,
    /// Its calls, where it makes any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallFigures>,
}

/// A pipeline in figures, all sittings together. The time that a gate waits for a person is not counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelineMetrics {
    /// The stages, in order.
    pub stages: Vec<StageTime>,
    /// The time of the stages, with those of a group at the same time.
    pub wall_ms: u64,
    /// The calls one after the other would have taken this long.
    pub calls_ms: u64,
    /// Latencies added up over the time of the stages that call models; `None` when no call took a millisecond, or when
    /// calls were made in a sitting that was cut off.
    pub parallel_efficiency: Option<f64>,
    /// Share of the calls that their first attempt answered, 0 to 1.
    pub success_without_retry: Option<f64>,
    /// The time outside the stages that call models.
    pub coordination_overhead_ms: u64,
    /// What asking, and working, at the same time saved; 0 where a sitting was cut off.
    pub time_saved_ms: u64,
    /// What all calls cost.
    pub cost: Money,
    /// Gates passed.
    pub approvals: u64,
    /// Edits made at gates.
    pub modifications: u64,
    /// Gates passed without an edit, over gates passed; `None` where none was.
    pub first_attempt_approval: Option<f64>,
    /// Gates passed, over those that a person has decided; `None` where none was.
    pub approval_rate: Option<f64>,
    /// Edits, over everything that a person said at a gate; `None` where nothing was said.
    pub modification_rate: Option<f64>,
    /// Stages that were done, over those that have ended; `None` where none has.
    pub stage_success: Option<f64>,
    /// Share of the records that a model reviewed, 0 to 1; `None` where no stage reviews.
    pub review_coverage: Option<f64>,
    /// Share of the narratives' sentences that a consensus trait supports, 0 to 1.
    pub synthesis_quality: Option<f64>,
    /// What was asked again for want of certainty: rounds, what they cost and gained, what is taken for granted; nothing
    /// where the rules did not apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_again: Option<Value>,
}

fn duration(stage: &StoredStage) -> Option<u64> {
    Some(stage.ended_ms?.saturating_sub(stage.started_ms?))
}

/// The figures that a stage's output carries.
fn figures(stage: &StoredStage) -> Option<CallFigures> {
    serde_json::from_value(stage.output.get("calls")?.clone()).ok()
}

impl PipelineMetrics {
    /// Counts the stages of a pipeline as they stand.
    #[must_use]
    pub fn of(pipeline: &Pipeline, rows: &[StoredStage]) -> Self {
        let row = |place: usize| rows.iter().find(|row| row.name == pipeline.stages()[place].name);
        let (mut wall, mut models, mut alone) = (0, 0, 0);
        for step in pipeline.steps() {
            let works =
                step.places().into_iter().filter(|&place| pipeline.stages()[place].kind != Kind::Approval);
            let timed: Vec<(bool, u64)> = works
                .filter_map(row)
                .filter_map(|row| Some((figures(row).is_some(), duration(row)?)))
                .collect();
            wall += timed.iter().map(|(_, time)| *time).max().unwrap_or(0);
            models += timed.iter().filter(|(asks, _)| *asks).map(|(_, time)| *time).max().unwrap_or(0);
            alone += timed.iter().filter(|(asks, _)| !asks).map(|(_, time)| *time).sum::<u64>();
        }
        let all: Vec<CallFigures> = rows.iter().filter_map(figures).collect();
        let sum = |of: fn(&CallFigures) -> u64| all.iter().map(of).sum::<u64>();
        let (calls, busy) = (sum(|all| all.calls), sum(|all| all.busy_ms));
        let resumed = all.iter().any(|all| all.resumed);
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let decided = |row: &StoredStage, word: &str| decisions(&row.output, word);
        let count = |word: &str| rows.iter().map(|row| decided(row, word)).sum::<u64>();
        let passed = rows.iter().filter(|row| decided(row, "approve") > 0);
        let untouched =
            passed.filter(|row| decided(row, "modify") + decided(row, "reject") == 0).count() as u64;
        let (approved, modified, rejected) = (count("approve"), count("modify"), count("reject"));
        let ended = |status: StageStatus| rows.iter().filter(|row| row.status == status).count() as u64;
        let (done, failed) = (ended(StageStatus::Completed), ended(StageStatus::Failed));
        let reviewed = |row: &StoredStage| {
            let reviews = row.output["reviews"].as_u64()?;
            let missing = row.output["missing"].as_array().map_or(0, Vec::len) as u64;
            share(reviews.saturating_sub(missing), reviews)
        };
        Self {
            stages: rows.iter().map(time).collect(),
            wall_ms: wall,
            calls_ms: busy,
            parallel_efficiency: share(busy, models).filter(|_| busy > 0 && !resumed),
            success_without_retry: share(sum(|all| all.first_attempt), calls),
            coordination_overhead_ms: wall.saturating_sub(models),
            time_saved_ms: if resumed { 0 } else { (busy + alone).saturating_sub(wall) },
            cost: all.iter().map(|all| all.cost).sum(),
            approvals: approved,
            modifications: modified,
            first_attempt_approval: share(untouched, approved),
            approval_rate: share(approved, approved + rejected),
            modification_rate: share(modified, approved + modified + rejected),
            stage_success: share(done, done + failed),
            review_coverage: rows.iter().find_map(reviewed),
            synthesis_quality: rows.iter().find_map(|row| row.output["grounded"].as_f64()),
            asked_again: rows
                .iter()
                .filter_map(|row| row.output.get("adaptive"))
                .find(|one| applied(one))
                .cloned(),
        }
    }
}

/// Whether the rules about uncertainty had something to do.
fn applied(adaptive: &Value) -> bool {
    ["rounds", "assumptions"].iter().any(|key| adaptive[*key].as_array().is_some_and(|all| !all.is_empty()))
}

/// How often a person said this at a gate, also before it asked once more; what another gate was told counts there.
fn decisions(output: &Value, word: &str) -> u64 {
    /// One sitting of a gate and those before it; only those of `gate` are counted.
    fn of(output: &Value, gate: &Value, word: &str) -> u64 {
        let own = output["gate"].is_null() || output["gate"] == *gate;
        let said = output["decisions"].as_array().into_iter().flatten();
        let now = said.filter(|said| own && said["decision"] == word).count() as u64;
        now + output.get("earlier").map_or(0, |earlier| of(earlier, gate, word))
    }
    of(output, &output["gate"], word)
}

fn time(row: &StoredStage) -> StageTime {
    StageTime {
        stage: row.name.clone(),
        status: row.status,
        duration_ms: duration(row),
        rounds: row.round,
        partial_failures: row.output["missing"].as_array().map_or(0, |missing| missing.len() as u64),
        calls: figures(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn w8_p9_figures_are_counted_from_the_stages() {
        let pipeline = Pipeline::usual(vec!["a".to_owned()]).unwrap();
        let row = |name: &str, start: u64, end: u64, output: Value| StoredStage {
            name: name.to_owned(),
            status: StageStatus::Completed,
            started_ms: Some(start),
            ended_ms: Some(end),
            output,
            ..StoredStage::default()
        };
        let calls = |calls: u64, first: u64, busy: u64| {
            let figures =
                CallFigures { calls, first_attempt: first, busy_ms: busy, ..CallFigures::default() };
            json!({ "calls": figures })
        };
        let decisions = json!({
            "decisions": [{"decision": "modify"}, {"decision": "approve"}],
            "earlier": {"decisions": [{"decision": "reject"}]},
        });
        let mut reviews = calls(1, 1, 100);
        (reviews["reviews"], reviews["missing"]) = (json!(4), json!([{ "id": "r1" }]));
        let rows = [
            row("panel", 0, 100, calls(3, 2, 240)),
            row("consensus", 100, 150, json!({})),
            row("review", 150, 250, reviews),
            row("coverage", 150, 170, json!({})),
            row("evidence", 150, 160, json!({})),
            row("synthesis", 250, 300, json!({"grounded": 0.9})),
            row("quality", 300, 300, json!({})),
            row("approval", 300, 9_300, decisions),
            row("report", 9_300, 9_310, json!({})),
        ];
        let metrics = PipelineMetrics::of(&pipeline, &rows);
        // 100 + 50 + max(100, 20, 10) + 50 + 0 + 10; the gate's nine seconds are a person's.
        assert_eq!(metrics.wall_ms, 310);
        // Panel and review call: (240 + 100) / (100 + 100).
        assert!((metrics.parallel_efficiency.unwrap() - 1.7).abs() < 1e-12);
        // Three of four calls.
        assert!((metrics.success_without_retry.unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(metrics.coordination_overhead_ms, 110);
        // 340 of calls and 50 + 20 + 10 + 50 + 0 + 10 of work, less 310.
        assert_eq!(metrics.time_saved_ms, 170);
        assert_eq!((metrics.approvals, metrics.modifications), (1, 1));
        assert_eq!((metrics.first_attempt_approval, metrics.synthesis_quality), (Some(0.0), Some(0.9)));
        // P9: approved after a rejection; one edit among three things said; nine stages done; three of four records
        // reviewed by a model.
        assert_eq!((metrics.approval_rate, metrics.modification_rate), (Some(0.5), Some(1.0 / 3.0)));
        assert_eq!((metrics.stage_success, metrics.review_coverage), (Some(1.0), Some(0.75)));
        assert_eq!(metrics.stages[2].partial_failures, 1);
    }
}
