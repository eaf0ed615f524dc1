//! The stage `approval`: what is to be approved is put together, and a person is asked.
//!
//! What a person changed at an earlier gate, or at this one before it was asked again, is changed again as long as the
//! personas that it was said of are the same. Where they are others the edits are nobody's, and that is said.

use serde_json::{Value, json};

use super::approval::{APPROVED, BEFORE, keep, removed};
use super::artefacts::{self, ArtefactError};
use super::edit::{PERSON, apply};
use super::material::{Material, failed};
use super::walk::Ended;
use crate::consensus::PersonaKind;
use crate::report::counted;
use crate::run::status::now_ms;

/// Puts together what is to be approved at the gate `name`, and waits; `yes` stands for a person where the study allows it.
#[must_use]
pub fn gate(material: &Material, name: &str, yes: bool) -> Ended {
    match shown(material, name) {
        Err(error) => failed(error.as_ref()),
        Ok(mut output) if yes => {
            keep(&mut output, json!({"decision": "approve", "reason": "--yes", "at_ms": now_ms()}));
            match artefacts::put(&material.folder, "decision", &output) {
                Ok(_) => Ended::Completed(output),
                Err(error) => failed(&error),
            }
        }
        Ok(output) => Ended::Waiting(output),
    }
}

fn shown(material: &Material, name: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let personas = material.personas()?;
    let narratives = material.artefact("narratives")?;
    let count = |kind| personas.iter().filter(|persona| persona.kind == kind).count();
    let mut summary = vec![format!(
        "{}, {}.",
        counted(count(PersonaKind::Consensus) as u64, "consensus persona"),
        counted(count(PersonaKind::Minority) as u64, "minority persona")
    )];
    summary.extend(narrated(&narratives));
    summary.extend(checked(material)?);
    let before = material.artefact("decision")?;
    let narratives = if narratives.is_null() { json!([]) } else { narratives };
    let approved = json!({
        "personas": personas, "narratives": narratives, "edited": [],
        "rests_on": artefacts::hash(&material.folder, "personas"),
    });
    let (approved, lost) = with_edits(material, approved)?;
    summary.extend(lost.clone());
    summary.extend(edits_kept(&approved));
    artefacts::put(&material.folder, APPROVED, &approved)?;
    let mut output = json!({
        "gate": name, "summary": summary, "artefacts": files(material, lost.is_some()), "decisions": [],
        "edited": approved["edited"], "edited_traits": approved["edited_traits"],
        "removed_by_edit": removed(&approved),
    });
    if let Some(lost) = lost {
        output["edits_lost"] = json!(lost);
    }
    if !before.is_null() {
        // Decisions about an earlier result are kept, and decide nothing about this one.
        output["earlier"] = before;
    }
    Ok(output)
}

/// What a person may want to look at.
fn files(material: &Material, lost: bool) -> Vec<String> {
    let mut names = vec!["personas", "narratives", "review", "coverage", "evidence", "quality", APPROVED];
    names.extend(lost.then_some(BEFORE));
    let there = names.into_iter().filter(|name| artefacts::exists(&material.folder, name));
    there.map(|name| material.shown(name)).collect()
}

/// The same with the edits that were made before; where they cannot be kept, what is to be said about it.
fn with_edits(material: &Material, fresh: Value) -> Result<(Value, Option<String>), ArtefactError> {
    let old = material.artefact(APPROVED)?;
    let edited: Vec<&str> =
        old["edited"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if edited.is_empty() {
        return Ok((fresh, None));
    }
    let why = match again(material, &old, &fresh) {
        Ok(approved) => return Ok((approved, None)),
        Err(why) => why,
    };
    let kept = artefacts::put(&material.folder, BEFORE, &old)?;
    let lost = format!(
        "Edits made before are not in it ({}): {why}. They stand in {}; make them again with `consona modify` where they still hold.",
        edited.join(", "),
        kept.display()
    );
    Ok((fresh, Some(lost)))
}

/// Every edit once more, in order, on what the stages have made since; or why not.
fn again(material: &Material, old: &Value, fresh: &Value) -> Result<Value, String> {
    if old["rests_on"].is_null() || old["rests_on"] != fresh["rests_on"] {
        return Err("the personas are no longer those that were edited".to_owned());
    }
    let edits = old["edits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut approved = fresh.clone();
    for edit in edits {
        let schema = Some(&material.study.schema);
        approved = apply(approved, edit, schema).map_err(|error| error.to_string())?;
    }
    approved["edits"] = json!(edits);
    Ok(approved)
}

fn edits_kept(approved: &Value) -> Option<String> {
    let edited = approved["edited"].as_array()?.iter().filter_map(Value::as_str);
    let edited = edited.collect::<Vec<_>>().join(", ");
    (!edited.is_empty()).then(|| format!("Edits made before are in it: {edited}."))
}

fn narrated(narratives: &Value) -> Option<String> {
    let told = narratives.as_array()?;
    let removed: usize =
        told.iter().map(|one| one["narrative"]["removed"].as_array().map_or(0, Vec::len)).sum();
    let by_model = |one: &&Value| one["author"].as_str().is_some_and(|author| author != PERSON);
    let by_model = told.iter().filter(by_model).count();
    Some(format!(
        "{}, {by_model} of them written by a model. Sentences removed, for no trait supports them: {removed}.",
        counted(told.len() as u64, "narrative")
    ))
}

fn checked(material: &Material) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut said = Vec::new();
    let coverage = material.artefact("coverage")?;
    if let (Some(covered), Some(rows)) = (coverage["covered"].as_u64(), coverage["rows"].as_u64()) {
        said.push(format!("{covered} of {rows} rows are spoken for."));
    }
    let quality = material.artefact("quality")?;
    if let Some(verdict) = quality["verdict"].as_str() {
        let findings = quality["findings"].as_array();
        let grave = findings.into_iter().flatten().filter(|finding| finding["gravity"] != "pass");
        let named = |finding: &Value| {
            let about = finding["persona_id"].as_str().map(|id| format!("{id}: ")).unwrap_or_default();
            Some(format!("{about}{}", finding["reason"].as_str()?))
        };
        let reasons: Vec<String> = grave.filter_map(named).take(5).collect();
        let reasons = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        said.push(format!("Quality check: {verdict}{reasons}."));
    }
    Ok(said)
}
