//! A person decides: a stored state that any terminal can answer.
//!
//! The gate's output holds every decision that was ever made at it. What is approved stands in
//! `artefacts/approved.json`: the personas and narratives as they were made, with the edits of `modify`; what
//! earlier stages made is never changed, so that an edit can always be told from an answer.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::artefacts::{self, ArtefactError};
use super::state;
use super::walk::now_ms;
use crate::consensus::ConsensusPersona;
use crate::files::FilesError;
use crate::store::{StageStatus, Store, StoreError, StoredStage};

/// The artefact that a gate shows and the report is made of.
pub const APPROVED: &str = "approved";

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
        /// What: `{"personas": {ID: patch}, "narratives": {ID: text or patch}}`, patches as in RFC 7396.
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

/// The form of an edit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Edit {
    personas: Map<String, Value>,
    narratives: Map<String, Value>,
}

/// Makes a decision at the gate that waits, and keeps it; answers how the gate stands then.
///
/// # Errors
/// [`DecisionError`].
pub async fn decide(folder: &Path, store: &Store, decision: &Decision) -> Result<StoredStage, DecisionError> {
    let mut rows = store.stages()?;
    let Some(place) = rows.iter().position(|row| row.status == StageStatus::Waiting) else {
        let status = if rows.is_empty() { "one without stages" } else { state::status_of(&rows, false) };
        return Err(DecisionError::NothingWaits { status: status.replace('_', " ") });
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
            let edited = apply(approved, edit)?;
            artefacts::put(folder, APPROVED, &edited)?;
            row.output["edited"] = edited["edited"].clone();
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
    let path = folder.join(state::FILE);
    let before =
        std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let groups = state::groups_of(&before.unwrap_or_default());
    state::write(folder, &state::to_json(&rows, &groups, state::status_of(&rows, false)))?;
    Ok(row)
}

/// Adds a decision to those that were made before.
pub fn keep(output: &mut Value, said: Value) {
    match output["decisions"].as_array_mut() {
        Some(decisions) => decisions.push(said),
        None => output["decisions"] = json!([said]),
    }
}

/// Applies an edit to `{personas: […], narratives: […]}`; every edited persona must still be one.
fn apply(mut approved: Value, edit: &Value) -> Result<Value, DecisionError> {
    let wrong = |reason: String| DecisionError::Edit { reason };
    let edit: Edit = serde_json::from_value(edit.clone()).map_err(|error| {
        wrong(format!("{error}; an edit is {{\"personas\": {{ID: …}}, \"narratives\": {{ID: …}}}}"))
    })?;
    if edit.personas.is_empty() && edit.narratives.is_empty() {
        return Err(wrong("it changes nothing".to_owned()));
    }
    let mut edited: Vec<String> = serde_json::from_value(approved["edited"].clone()).unwrap_or_default();
    for (kind, patches) in [("personas", &edit.personas), ("narratives", &edit.narratives)] {
        for (id, patch) in patches {
            let mut items = approved[kind].as_array().cloned().unwrap_or_default();
            let Some(place) = items.iter().position(|item| item["persona_id"] == json!(id)) else {
                let known: Vec<&str> = items.iter().filter_map(|item| item["persona_id"].as_str()).collect();
                return Err(wrong(format!(
                    "there is no `{id}` among the {kind}; there are {}",
                    known.join(", ")
                )));
            };
            match (kind, patch) {
                (_, Value::Null) => drop(items.remove(place)),
                ("narratives", Value::String(text)) => {
                    items[place] = json!({"persona_id": id, "author": "person", "text": text});
                }
                (_, Value::Object(_)) => merge(&mut items[place], patch),
                _ => {
                    return Err(wrong(format!(
                        "`{kind}.{id}` is {patch}; give an object, or null to remove it"
                    )));
                }
            }
            if let (true, Some(item)) = (kind == "personas" && !patch.is_null(), items.get(place)) {
                serde_json::from_value::<ConsensusPersona>(item.clone())
                    .map_err(|error| wrong(format!("`{id}` would be no persona any more: {error}")))?;
            }
            approved[kind] = Value::Array(items);
            let name = format!("{kind}.{id}");
            if !edited.contains(&name) {
                edited.push(name);
            }
        }
    }
    approved["edited"] = json!(edited);
    Ok(approved)
}

/// A merge patch (RFC 7396): objects are merged, `null` removes, anything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(own) = target.as_object_mut() else { return };
    for (key, value) in fields {
        if value.is_null() {
            own.remove(key);
        } else {
            merge(own.entry(key.clone()).or_insert(Value::Null), value);
        }
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

    #[test]
    fn an_edit_is_a_merge_patch_that_leaves_a_persona() {
        // The example of RFC 7396, section 1.
        let mut target = json!({"a": "b", "c": {"d": "e", "f": "g"}});
        merge(&mut target, &json!({"a": "z", "c": {"f": null}}));
        assert_eq!(target, json!({"a": "z", "c": {"d": "e"}}));
        let edit =
            json!({"personas": {"r/1": {"confidence": 0.25}, "r/2": null}, "narratives": {"r/1": "New."}});
        let edited = apply(approved(), &edit).unwrap();
        assert_eq!(edited["personas"].as_array().unwrap().len(), 1);
        assert_eq!(edited["personas"][0]["confidence"], 0.25);
        assert_eq!(edited["narratives"][0]["text"], "New.");
        assert_eq!(edited["edited"], json!(["personas.r/1", "personas.r/2", "narratives.r/1"]));
    }

    #[test]
    fn an_edit_that_does_not_fit_is_refused_whole() {
        let refused = |edit: Value| apply(approved(), &edit).unwrap_err().to_string();
        assert!(refused(json!({"personas": {"r/9": {}}})).contains("there are r/1, r/2"));
        assert!(refused(json!({"personas": {"r/1": {"kind": "hero"}}})).contains("no persona any more"));
        assert!(refused(json!({"persona": {}})).contains("unknown field"));
        assert!(refused(json!({})).contains("changes nothing"));
        assert!(refused(json!({"personas": {"r/1": 3}})).contains("give an object"));
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
        let done =
            decide(folder, &store, &Decision::Approve { reason: Some("fine".to_owned()) }).await.unwrap();
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
