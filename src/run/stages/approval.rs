//! A person decides: a stored state that any terminal can answer.
//!
//! The gate's output holds every decision that was ever made at it. What is approved stands in
//! `artefacts/approved.json`: the personas and narratives as they were made, with the edits of `modify`; what
//! earlier stages made is never changed, so that an edit can always be told from an answer.

use std::path::Path;

use serde_json::{Value, json};

use super::artefacts::{self, ArtefactError};
use super::edit::apply;
use super::state;
use crate::files::{FilesError, ResultFolder};
use crate::run::status::now_ms;
use crate::store::{StageStatus, Store, StoreError, StoredStage};

/// The artefact that a gate shows and the report is made of.
pub const APPROVED: &str = "approved";

/// What stood there before, where edits in it could not be kept.
pub const BEFORE: &str = "approved_before";

/// What a person says.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Go on.
    Approve {
        /// Why, where somebody said so.
        reason: Option<String>,
    },
    /// Stop here.
    Reject {
        /// Why.
        reason: String,
    },
    /// Change something, and ask again.
    Modify {
        /// What: `{"personas": {ID: {TRAIT: value}}, "narratives": {ID: text}}`; `null` removes.
        edit: Value,
        /// Why, where somebody said so.
        reason: Option<String>,
    },
}

/// A decision that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// No gate waits.
    #[error("no gate of this run waits for an approval; the run is {status}")]
    NothingWaits {
        /// How the run stands.
        status: String,
    },
    /// A gate was answered already.
    #[error("`{stage}` {answer} already; {next}")]
    Answered {
        /// The gate.
        stage: String,
        /// `was approved`, or `was rejected` with the reason.
        answer: String,
        /// What to do.
        next: &'static str,
    },
    /// An edit that does not fit.
    #[error("the edit cannot be applied: {reason}")]
    Edit {
        /// What is wrong.
        reason: String,
    },
    /// The run database failed, or is in use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be approved cannot be read.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// The state cannot be written.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// The gate that waits.
///
/// # Errors
/// [`DecisionError`] when none does.
pub fn waiting(store: &Store) -> Result<StoredStage, DecisionError> {
    let rows = store.stages()?;
    let gate = rows.iter().find(|row| row.status == StageStatus::Waiting);
    gate.cloned().ok_or_else(|| nothing_waits(&rows))
}

/// Makes a decision at the gate that waits, and keeps it; answers how the gate stands then.
///
/// # Errors
/// [`DecisionError`].
pub async fn decide(folder: &Path, store: &Store, decision: &Decision) -> Result<StoredStage, DecisionError> {
    let mut rows = store.stages()?;
    let Some(place) = rows.iter().position(|row| row.status == StageStatus::Waiting) else {
        return Err(nothing_waits(&rows));
    };
    let row = &mut rows[place];
    let mut said = json!({ "at_ms": now_ms() });
    match decision {
        Decision::Approve { reason } => {
            row.status = StageStatus::Completed;
            said["decision"] = json!("approve");
            said["reason"] = json!(reason);
        }
        Decision::Reject { reason } => {
            row.status = StageStatus::Rejected;
            row.error = Some(reason.clone());
            said["decision"] = json!("reject");
            said["reason"] = json!(reason);
        }
        Decision::Modify { edit, reason } => {
            let approved: Value = artefacts::get(folder, APPROVED)?;
            // Without a summary nobody knows the levels of traits; everything else is checked all the same.
            let schema = ResultFolder::new(folder).panel().ok().map(|(schema, _)| schema);
            let mut edited = apply(approved, edit, schema.as_ref())?;
            // A later gate begins with what this one left.
            match edited["edits"].as_array_mut() {
                Some(edits) => edits.push(edit.clone()),
                None => edited["edits"] = json!([edit]),
            }
            artefacts::put(folder, APPROVED, &edited)?;
            row.output["edited"] = edited["edited"].clone();
            row.output["edited_traits"] = edited["edited_traits"].clone();
            row.output["removed_by_edit"] = removed(&edited);
            said["decision"] = json!("modify");
            said["reason"] = json!(reason);
            said["edit"] = edit.clone();
        }
    }
    row.ended_ms = Some(now_ms());
    keep(&mut row.output, said);
    let row = row.clone();
    // What the report rests on is kept before the gate opens.
    artefacts::put(folder, "decision", &row.output)?;
    store.put_stage(row.clone()).await?;
    let groups = state::groups_of(&state::load(folder).unwrap_or_default());
    state::write(folder, &state::to_json(&rows, &groups, state::status_of(&rows, false)))?;
    Ok(row)
}

/// How a run without an answered gate stands, with what to do where it failed.
fn standing(rows: &[StoredStage]) -> String {
    if rows.is_empty() {
        return "one without stages".to_owned();
    }
    let Some(failed) = rows.iter().find(|row| row.status == StageStatus::Failed) else {
        return state::status_of(rows, false).replace('_', " ");
    };
    let why = failed.error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("failed at `{}`{why}; mend that and give the same `consona run` again", failed.name)
}

/// Why no decision can be made now: nothing waits, or a person has answered.
fn nothing_waits(rows: &[StoredStage]) -> DecisionError {
    let said = |row: &&StoredStage| row.output["decisions"].as_array().is_some_and(|said| !said.is_empty());
    let answered = rows.iter().rev().find(|row| {
        row.status == StageStatus::Rejected || (row.status == StageStatus::Completed && said(row))
    });
    let Some(row) = answered else {
        return DecisionError::NothingWaits { status: standing(rows) };
    };
    let (answer, next) = match row.status {
        StageStatus::Rejected => {
            let why = row.error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let next = "change the study, or have the gate ask again: `consona run … --redo` with its name";
            (format!("was rejected{why}"), next)
        }
        _ if state::status_of(rows, false) == "completed" => {
            ("was approved".to_owned(), "the run is complete")
        }
        _ => ("was approved".to_owned(), "go on with the same `consona run` again"),
    };
    DecisionError::Answered { stage: row.name.clone(), answer, next }
}

/// The sentences that edits took out of narratives, by persona.
pub(super) fn removed(approved: &Value) -> Value {
    let told = approved["narratives"].as_array().into_iter().flatten();
    let of =
        |told: &Value| Some((told["persona_id"].as_str()?.to_owned(), told.get("removed_by_edit")?.clone()));
    Value::Object(told.filter_map(of).collect())
}

/// Adds a decision to those that were made before.
pub fn keep(output: &mut Value, said: Value) {
    match output["decisions"].as_array_mut() {
        Some(decisions) => decisions.push(said),
        None => output["decisions"] = json!([said]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persona(id: &str) -> Value {
        json!({
            "record": "r", "persona_id": id, "kind": "consensus", "confidence": 0.5, "support": 2,
            "n_models": 2, "models": ["a", "b"], "traits": {},
        })
    }

    fn approved() -> Value {
        json!({"personas": [persona("r/1"), persona("r/2")], "narratives": [{"persona_id": "r/1", "text": "Old."}], "edited": []})
    }

    #[tokio::test]
    async fn p7_a_decision_is_kept_with_its_reason_and_an_edit_asks_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let store = Store::open(folder).unwrap();
        let nothing = decide(folder, &store, &Decision::Approve { reason: None }).await.unwrap_err();
        assert!(nothing.to_string().contains("no gate of this run waits"), "{nothing}");
        let output = json!({"summary": "x"});
        let gate = StoredStage {
            name: "approval".to_owned(),
            status: StageStatus::Waiting,
            output,
            ..StoredStage::default()
        };
        store.put_stage(gate).await.unwrap();
        artefacts::put(folder, APPROVED, &approved()).unwrap();
        let edit = json!({"narratives": {"r/1": "New."}});
        let modify = Decision::Modify { edit, reason: Some("tone".to_owned()) };
        let waiting = decide(folder, &store, &modify).await.unwrap();
        assert_eq!(waiting.status, StageStatus::Waiting, "an edit is no approval");
        let approve = Decision::Approve { reason: Some("fine".to_owned()) };
        let done = decide(folder, &store, &approve).await.unwrap();
        let again = decide(folder, &store, &approve).await.unwrap_err().to_string();
        assert!(again.starts_with("`approval` was approved already"), "{again}");
        assert_eq!(done.status, StageStatus::Completed);
        let decisions = done.output["decisions"].as_array().unwrap();
        let words: Vec<&Value> = decisions.iter().map(|said| &said["decision"]).collect();
        assert_eq!(words, ["modify", "approve"]);
        assert_eq!(decisions[1]["reason"], "fine");
        assert_eq!(store.stages().unwrap()[0], done);
        let file: Value = artefacts::get(folder, "decision").unwrap();
        assert_eq!(file["decisions"][0]["reason"], "tone");
    }
}
