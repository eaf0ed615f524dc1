//! `orchestration_state.json`: how a pipeline stands, for people and other programs.
//!
//! The run database is the truth; the file is written after every change, whole or not at all. It is
//! read only where the database knows nothing of stages, in every form that it ever had:
//!
//! | form | looks like |
//! |---|---|
//! | this one | `stages: {NAME: {status, output, …}}` beside `status`, `current_stage`, `stage_outputs` |
//! | 2 | `stages: {NAME: "completed"}`, outputs in `stage_outputs` |
//! | 1 | `stage_outputs: {NAME: …}` alone, or with a list `completed_stages` |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::files::{FilesError, write_file};
use crate::stages::pipeline::Group;
use crate::store::{StageStatus, StoredStage};

/// The name of the file in the run folder.
pub const FILE: &str = "orchestration_state.json";

/// The version of the form.
const VERSION: u64 = 3;

/// The file of a run folder as JSON. One that cannot be read is taken for none, and said so in the log: the database is the
/// truth, and only the groups are lost from the file.
#[must_use]
pub fn load(folder: &Path) -> Option<Value> {
    let path = folder.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        read => read,
    };
    let read = text.map_err(|error| error.to_string());
    let read = read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    if let Err(error) = &read {
        tracing::warn!(path = %path.display(), error, "the state file cannot be read; it is written anew");
    }
    read.ok()
}

/// How a pipeline stands as a whole.
#[must_use]
pub fn status_of(stages: &[StoredStage], interrupted: bool) -> &'static str {
    let any = |status| stages.iter().any(|stage| stage.status == status);
    if any(StageStatus::Rejected) {
        "rejected"
    } else if any(StageStatus::Waiting) {
        "waiting_for_approval"
    } else if any(StageStatus::Running) {
        "running"
    } else if interrupted {
        "interrupted"
    } else if any(StageStatus::Pending) {
        if any(StageStatus::Failed) { "failed" } else { "pending" }
    } else {
        "completed"
    }
}

/// The state as JSON; `groups` are names with their stages.
#[must_use]
pub fn to_json(stages: &[StoredStage], groups: &BTreeMap<String, Vec<String>>, status: &str) -> Value {
    let done = |stage: &&StoredStage| matches!(stage.status, StageStatus::Completed | StageStatus::Skipped);
    let current = stages
        .iter()
        .find(|stage| stage.status == StageStatus::Running)
        .or_else(|| stages.iter().find(|stage| !done(stage)));
    let entries: Map<String, Value> = stages.iter().map(|stage| (stage.name.clone(), entry(stage))).collect();
    let outputs: Map<String, Value> = stages
        .iter()
        .filter(|stage| !stage.output.is_null())
        .map(|stage| (stage.name.clone(), stage.output.clone()))
        .collect();
    let groups: Map<String, Value> =
        groups.iter().map(|(name, members)| (name.clone(), group(stages, members))).collect();
    json!({
        "version": VERSION,
        "status": status,
        // Of a complete pipeline nothing is current, not even what failed and may.
        "current_stage": current.filter(|_| status != "completed").map(|stage| &stage.name),
        "stage_order": stages.iter().map(|stage| &stage.name).collect::<Vec<_>>(),
        "parallel_group_status": groups,
        "stages": entries,
        "stage_outputs": outputs,
    })
}

fn entry(stage: &StoredStage) -> Value {
    let mut entry = json!({
        "status": stage.status, "output": stage.output, "round": stage.round,
        "started_ms": stage.started_ms, "ended_ms": stage.ended_ms,
    });
    if let Some(error) = &stage.error {
        entry["error"] = json!(error);
    }
    entry
}

fn group(stages: &[StoredStage], members: &[String]) -> Value {
    let of = |name: &String| {
        stages.iter().find(|stage| stage.name == *name).map(|stage| stage.status).unwrap_or_default()
    };
    let all = |status| members.iter().all(|name| of(name) == status);
    let any = |status| members.iter().any(|name| of(name) == status);
    let ended = |name: &String| {
        matches!(of(name), StageStatus::Completed | StageStatus::Skipped | StageStatus::Failed)
    };
    let status = if all(StageStatus::Pending) {
        "pending"
    } else if all(StageStatus::Completed) {
        "completed"
    } else if members.iter().all(ended) {
        if any(StageStatus::Failed) { "failed" } else { "completed" }
    } else if any(StageStatus::Running) {
        "running"
    } else {
        "incomplete"
    };
    let stages: Map<String, Value> = members.iter().map(|name| (name.clone(), json!(of(name)))).collect();
    json!({ "status": status, "stages": stages })
}

/// The groups of a pipeline by name.
#[must_use]
pub fn by_name(groups: &[Group]) -> BTreeMap<String, Vec<String>> {
    groups.iter().map(|group| (group.name.clone(), group.stages.clone())).collect()
}

/// The groups that a state file tells of.
#[must_use]
pub fn groups_of(state: &Value) -> BTreeMap<String, Vec<String>> {
    let members = |group: &Value| {
        group["stages"].as_object().map(|stages| stages.keys().cloned().collect()).unwrap_or_default()
    };
    let groups = state["parallel_group_status"].as_object();
    groups.into_iter().flatten().map(|(name, group)| (name.clone(), members(group))).collect()
}

/// Writes the state file of a run folder; answers its path.
///
/// # Errors
/// [`FilesError`].
pub fn write(folder: &Path, state: &Value) -> Result<PathBuf, FilesError> {
    let path = folder.join(FILE);
    let mut text = format!("{state:#}");
    text.push('\n');
    write_file(&path, text.as_bytes())?;
    Ok(path)
}

/// What a state file of any earlier form says about stages, by name. What it does not say is nothing; a stage
/// that was running is to be done again.
#[must_use]
pub fn read(state: &Value) -> BTreeMap<String, (StageStatus, Value)> {
    let mut stages: BTreeMap<String, (StageStatus, Value)> = BTreeMap::new();
    let outputs = state["stage_outputs"].as_object();
    for (name, output) in outputs.into_iter().flatten() {
        stages.insert(name.clone(), (StageStatus::Completed, output.clone()));
    }
    for name in state["completed_stages"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        stages.entry(name.to_owned()).or_default().0 = StageStatus::Completed;
    }
    for (name, said) in state["stages"].as_object().into_iter().flatten() {
        let word = said["status"].as_str().or(said.as_str()).unwrap_or_default();
        let entry = stages.entry(name.clone()).or_default();
        entry.0 = word_of(word);
        if let Some(output) = said.get("output") {
            entry.1 = output.clone();
        }
    }
    stages
}

/// A status in the words that files of several programs have used.
fn word_of(word: &str) -> StageStatus {
    match word.to_lowercase().as_str() {
        "complete" | "done" | "success" | "succeeded" | "approved" => StageStatus::Completed,
        "error" | "failure" => StageStatus::Failed,
        "awaiting_approval" | "waiting_for_approval" => StageStatus::Waiting,
        "running" | "in_progress" => StageStatus::Pending,
        other => StageStatus::named(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, status: StageStatus, output: Value) -> StoredStage {
        StoredStage { name: name.to_owned(), status, output, ..StoredStage::default() }
    }

    #[test]
    fn the_file_says_what_is_current_and_how_groups_stand() {
        let stages = [
            stage("panel", StageStatus::Completed, json!({"calls": 3})),
            stage("review", StageStatus::Running, Value::Null),
            stage("coverage", StageStatus::Completed, json!({})),
            stage("report", StageStatus::Pending, Value::Null),
        ];
        let groups =
            BTreeMap::from([("checks".to_owned(), vec!["review".to_owned(), "coverage".to_owned()])]);
        let state = to_json(&stages, &groups, status_of(&stages, false));
        assert_eq!((&state["status"], &state["current_stage"]), (&json!("running"), &json!("review")));
        assert_eq!(state["parallel_group_status"]["checks"]["status"], "running");
        assert_eq!(state["parallel_group_status"]["checks"]["stages"]["coverage"], "completed");
        assert_eq!(state["stages"]["panel"]["output"], json!({"calls": 3}));
        assert_eq!(state["stage_outputs"]["panel"], json!({"calls": 3}));
        assert_eq!(groups_of(&state)["checks"].len(), 2);
        let again = read(&state);
        assert_eq!(again["panel"], (StageStatus::Completed, json!({"calls": 3})));
        assert_eq!(again["review"].0, StageStatus::Pending, "what ran when it was written is done again");
    }

    #[test]
    fn of_a_complete_pipeline_nothing_is_current() {
        let stages = [
            stage("bad", StageStatus::Failed, Value::Null),
            stage("report", StageStatus::Completed, Value::Null),
        ];
        let state = to_json(&stages, &BTreeMap::new(), status_of(&stages, false));
        assert_eq!((&state["status"], &state["current_stage"]), (&json!("completed"), &Value::Null));
    }

    #[test]
    fn g5_every_earlier_form_is_read() {
        let first = json!({"current_stage": "review", "stage_outputs": {"panel": {"calls": 3}}});
        assert_eq!(read(&first)["panel"], (StageStatus::Completed, json!({"calls": 3})));
        let listed = json!({"completed_stages": ["panel", "consensus"], "stage_outputs": {}});
        assert_eq!(read(&listed)["consensus"].0, StageStatus::Completed);
        let second = json!({
            "status": "running", "stages": {"panel": "complete", "review": "in_progress", "coverage": "error"},
            "stage_outputs": {"panel": 7},
        });
        let stages = read(&second);
        assert_eq!(stages["panel"], (StageStatus::Completed, json!(7)));
        assert_eq!((stages["review"].0, stages["coverage"].0), (StageStatus::Pending, StageStatus::Failed));
        assert!(read(&json!([])).is_empty() && read(&json!({"stages": 3})).is_empty());
    }
}
