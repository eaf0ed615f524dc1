//! The stages that ask nobody: coverage, evidence and the quality check.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::artefacts;
use super::material::{Material, failed};
use super::synthesis::Told;
use super::walk::Ended;
use crate::stages::coverage::{Coverage, Row, coverage as cover};
use crate::stages::evidence::evidence as back;
use crate::stages::quality::{Check, Finding, Measured, Request, Verdict, quality as judge};

/// Rows named in the state; all of them are in the file.
const NAMED: usize = 20;

type Made = Result<Ended, Box<dyn std::error::Error + Send + Sync>>;

fn ended(made: Made) -> Ended {
    made.unwrap_or_else(|error| failed(error.as_ref()))
}

/// Which rows no persona speaks for.
#[must_use]
pub fn coverage(material: &Material, artefact: &str) -> Ended {
    ended(covered(material, artefact))
}

fn covered(material: &Material, artefact: &str) -> Made {
    let rows: Vec<Row<'_>> = material.rows.iter().map(|(id, text)| Row { id, text }).collect();
    let found = cover(&rows, &material.personas()?, material.embedder.as_ref())?;
    artefacts::put(&material.folder, artefact, &found)?;
    let uncovered: Vec<&str> = found.uncovered.iter().take(NAMED).map(|row| row.row.as_str()).collect();
    Ok(Ended::Completed(json!({
        "rows": found.rows, "covered": found.covered, "share": found.share, "uncovered": uncovered,
        "file": material.shown(artefact),
    })))
}

/// Which values stand in the source.
#[must_use]
pub fn evidence(material: &Material, artefact: &str) -> Ended {
    ended(backed(material, artefact))
}

fn backed(material: &Material, artefact: &str) -> Made {
    let found = back(&material.personas()?);
    artefacts::put(&material.folder, artefact, &found)?;
    let count =
        |of: fn(&crate::stages::evidence::Backed) -> usize| found.personas.iter().map(of).sum::<usize>();
    Ok(Ended::Completed(json!({
        "share": found.share,
        "evidence": count(|one| one.evidence.len()),
        "echo": count(|one| one.echo.len()),
        "unsupported": count(|one| one.unsupported.len()),
        "uncited": count(|one| one.uncited.len()),
        "file": material.shown(artefact),
    })))
}

/// Alignment with the request, completeness, open questions. Narratives that say too much are sent back while
/// they may be; what rewriting cannot mend is told.
#[must_use]
pub fn quality(material: &Material, artefact: &str, may_rework: bool) -> Ended {
    ended(judged(material, artefact, may_rework))
}

fn judged(material: &Material, artefact: &str, may_rework: bool) -> Made {
    let study = &material.study;
    let personas = study.personas.min as usize..=study.personas.max as usize;
    let rules = study.stages.as_ref().and_then(|stages| stages.pipeline.adaptive());
    let request = Request {
        uncertain_above: rules.map(|rules| rules.uncertain_above),
        ..Request::new(study.question.as_deref(), personas, &study.schema)
    };
    let measured = Measured { coverage: share(material)?, grounded: grounded(material)? };
    let found = judge(&request, &material.personas()?, &measured, material.embedder.as_ref())?;
    artefacts::put(&material.folder, artefact, &found)?;
    let told = |finding: &&Finding| finding.gravity > Verdict::Pass;
    let grave: Vec<String> = found.findings.iter().filter(told).map(named).collect();
    let output = json!({
        "verdict": found.verdict, "alignment": found.alignment, "completeness": found.completeness,
        "findings": grave, "notes": found.findings.len() - grave.len(), "file": material.shown(artefact),
    });
    let narrative = |one: &Finding| one.check == Check::Narrative && one.gravity == Verdict::Rework;
    Ok(if found.verdict == Verdict::Fail {
        Ended::Failed { error: grave.join("; "), output, too_few: false }
    } else if may_rework && found.findings.iter().any(narrative) {
        Ended::Rework { artefact: "narratives".to_owned(), output }
    } else {
        Ended::Completed(output)
    })
}

/// A finding with the persona that it is about.
fn named(finding: &Finding) -> String {
    let about = finding.persona_id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    format!("{about}{}", finding.reason)
}

fn share(material: &Material) -> Result<Option<f64>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match material.artefact("coverage")? {
        Value::Null => None,
        found => serde_json::from_value::<Coverage>(found)?.share,
    })
}

/// Of each persona that a model wrote about, the share of its sentences which the consensus supports.
fn grounded(material: &Material) -> Result<BTreeMap<String, f64>, Box<dyn std::error::Error + Send + Sync>> {
    let told: Vec<Told> = match material.artefact("narratives")? {
        Value::Null => return Ok(BTreeMap::new()),
        told => serde_json::from_value(told)?,
    };
    let share = |told: &Told| {
        let (kept, all) = told.of_a_model()?;
        Some((told.persona_id.clone(), kept as f64 / all as f64))
    };
    Ok(told.iter().filter_map(share).collect())
}
