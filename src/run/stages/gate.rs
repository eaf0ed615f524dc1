//! The stage `approval`: what is to be approved is put together, and a person is asked.

use serde_json::{Value, json};

use super::approval::{APPROVED, keep};
use super::artefacts;
use super::material::{Material, failed};
use super::walk::Ended;
use crate::consensus::PersonaKind;
use crate::report::counted;
use crate::run::status::now_ms;

/// Puts together what is to be approved, and waits; `yes` stands for a person where the study allows it.
#[must_use]
pub fn gate(material: &Material, yes: bool) -> Ended {
    match shown(material) {
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

fn shown(material: &Material) -> Result<Value, Box<dyn std::error::Error>> {
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
    let names = ["personas", "narratives", "review", "coverage", "evidence", "quality"];
    let mut files: Vec<String> = names
        .iter()
        .filter(|name| artefacts::exists(&material.folder, name))
        .map(|name| material.shown(name))
        .collect();
    let before = material.artefact("decision")?;
    let narratives = if narratives.is_null() { json!([]) } else { narratives };
    let approved = json!({ "personas": personas, "narratives": narratives, "edited": [] });
    artefacts::put(&material.folder, APPROVED, &approved)?;
    files.push(material.shown(APPROVED));
    let mut output = json!({ "summary": summary, "artefacts": files, "edited": [], "decisions": [] });
    if !before.is_null() {
        // Decisions about an earlier result are kept, and decide nothing about this one.
        output["earlier"] = before;
    }
    Ok(output)
}

fn narrated(narratives: &Value) -> Option<String> {
    let told = narratives.as_array()?;
    let removed: usize =
        told.iter().map(|one| one["narrative"]["removed"].as_array().map_or(0, Vec::len)).sum();
    let by_model = told.iter().filter(|one| one["author"].is_string()).count();
    Some(format!(
        "{} narratives, {by_model} of them written by a model. Sentences removed, for no trait supports them: {removed}.",
        told.len()
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
