//! The stage `report`: everything that the stages came to, in one Markdown document.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::approval::APPROVED;
use super::artefacts;
use super::material::{Material, failed};
use super::walk::Ended;
use crate::files::write_file;
use crate::report::safe::markdown;

/// Writes `report.md`.
#[must_use]
pub fn report(material: &Material) -> Ended {
    match written(material) {
        Ok(ended) => ended,
        Err(error) => failed(error.as_ref()),
    }
}

fn written(material: &Material) -> Result<Ended, Box<dyn std::error::Error>> {
    let decision = material.artefact("decision")?;
    let approved = if decision.is_null() { Value::Null } else { material.artefact(APPROVED)? };
    let (personas, narratives) = if approved.is_null() {
        (json!(material.personas()?), material.artefact("narratives")?)
    } else {
        (approved["personas"].clone(), approved["narratives"].clone())
    };
    let mut text = format!("# {}\n", markdown(&material.study.name));
    if let Some(question) = &material.study.question {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "\n{}", markdown(question));
    }
    let edited: Vec<&str> =
        approved["edited"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for persona in personas.as_array().into_iter().flatten() {
        persona_text(&mut text, persona, &narratives, &edited);
    }
    review_text(&mut text, &material.artefact("review")?);
    checks_text(&mut text, material)?;
    decision_text(&mut text, &decision);
    write_file(&artefacts::path(&material.folder, "report"), text.as_bytes())?;
    let personas = personas.as_array().map_or(0, Vec::len);
    Ok(Ended::Completed(json!({ "personas": personas, "file": material.shown("report") })))
}

fn word(value: &Value) -> String {
    markdown(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// A value of a trait; the items of a list in a row.
fn value(value: &Value) -> String {
    match value.as_array() {
        Some(items) => items.iter().map(word).collect::<Vec<_>>().join(", "),
        None => word(value),
    }
}

fn persona_text(text: &mut String, persona: &Value, narratives: &Value, edited: &[&str]) {
    let id = persona["persona_id"].as_str().unwrap_or_default();
    let name = &persona["traits"]["name"]["value"];
    let name = if name.is_null() { markdown(id) } else { word(name) };
    let percent = 100.0 * persona["confidence"].as_f64().unwrap_or(0.0);
    let _ = writeln!(
        text,
        "\n## {name}\n\n{}, described by {} of {} models, confidence {percent:.0} % ({})",
        word(&persona["kind"]),
        persona["support"],
        persona["n_models"],
        markdown(id)
    );
    let own = |kind: &str| edited.contains(&format!("{kind}.{id}").as_str());
    if own("personas") || own("narratives") {
        let traits = persona["traits"].as_object().into_iter().flatten();
        let set = traits.filter(|(_, found)| found["set_by"] == "person");
        let said = set.map(|(name, found)| {
            format!("{} is {} (the models: {})", markdown(name), value(&found["value"]), value(&found["was"]))
        });
        let said = said.collect::<Vec<_>>().join("; ");
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let _ = writeln!(text, "\nEdited by a person at the approval{said}.");
    }
    let told = narratives.as_array().into_iter().flatten().find(|told| told["persona_id"] == json!(id));
    let Some(told) = told else { return };
    let author = match &told["author"] {
        Value::Null => "cut from the consensus".to_owned(),
        author => format!("written by {}", word(author)),
    };
    let _ = writeln!(text, "\n{}\n\nNarrative {author}.", word(&told["text"]));
    let removed: Vec<String> = told["narrative"]["removed"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|sentence| format!("- {}\n", word(&sentence["text"])))
        .collect();
    if !removed.is_empty() {
        let _ = writeln!(text, "\nRemoved, for no trait supports it:\n\n{}", removed.concat().trim_end());
    }
}

fn review_text(text: &mut String, reviews: &Value) {
    let Some(reviews) = reviews.as_array() else { return };
    text.push_str("\n# Review\n");
    for one in reviews {
        let _ = writeln!(text, "\n{} ({})", word(&one["review"]["summary"]), word(&one["record"]));
        let conflicts = one["review"]["conflicts"].as_array();
        for conflict in conflicts.into_iter().flatten() {
            let sides: Vec<String> = conflict["sides"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|side| format!("{} ({})", word(&side["value"]), names(&side["models"])))
                .collect();
            let (of, kind) = (word(&conflict["persona_id"]), word(&conflict["judged"]));
            let _ = writeln!(text, "- {} of {of}, {kind}: {}", word(&conflict["trait"]), sides.join("; "));
        }
        for gap in one["review"]["missing"].as_array().into_iter().flatten() {
            let _ =
                writeln!(text, "- Missing: {}. To collect: {}", word(&gap["what"]), word(&gap["collect"]));
        }
    }
}

fn names(models: &Value) -> String {
    models.as_array().into_iter().flatten().map(word).collect::<Vec<_>>().join(", ")
}

fn checks_text(text: &mut String, material: &Material) -> Result<(), artefacts::ArtefactError> {
    let (coverage, quality) = (material.artefact("coverage")?, material.artefact("quality")?);
    let evidence = material.artefact("evidence")?;
    if !(coverage.is_null() && quality.is_null() && evidence.is_null()) {
        text.push_str("\n# Checks\n\n");
    }
    if let Some(rows) = coverage["rows"].as_u64() {
        let uncovered: Vec<String> =
            coverage["uncovered"].as_array().into_iter().flatten().map(|row| word(&row["row"])).collect();
        let left = if uncovered.is_empty() {
            String::new()
        } else {
            format!(" No persona speaks for {}.", uncovered.join(", "))
        };
        let _ = writeln!(text, "- Coverage: {} of {rows} rows are spoken for.{left}", coverage["covered"]);
    }
    if let Some(share) = evidence["share"].as_f64() {
        let _ = writeln!(
            text,
            "- Evidence: {:.0} % of the values of consensus personas ({} of {}) rest on a passage that stands in the \
             source; {} of {} cited passages were found.",
            100.0 * share,
            evidence["backed"],
            evidence["values"],
            evidence["passages_found"],
            evidence["passages"]
        );
    }
    if !quality.is_null() {
        let _ = writeln!(text, "- Quality: {}.", word(&quality["verdict"]));
        let findings = quality["findings"].as_array();
        let (grave, notes): (Vec<&Value>, Vec<&Value>) =
            findings.into_iter().flatten().partition(|finding| finding["gravity"] != "pass");
        for finding in grave {
            let about = if finding["persona_id"].is_null() {
                String::new()
            } else {
                format!("{}: ", word(&finding["persona_id"]))
            };
            let _ = writeln!(text, "  - {about}{}", word(&finding["reason"]));
        }
        if !notes.is_empty() {
            let _ = writeln!(text, "  - Notes: {}, in {}", notes.len(), markdown(&material.shown("quality")));
        }
    }
    Ok(())
}

fn decision_text(text: &mut String, decision: &Value) {
    let Some(decisions) = decision["decisions"].as_array().filter(|all| !all.is_empty()) else { return };
    text.push_str("\n# Approval\n\n");
    for said in decisions {
        let reason =
            said["reason"].as_str().map(|reason| format!(": {}", markdown(reason))).unwrap_or_default();
        let _ = writeln!(text, "- {}{reason}", word(&said["decision"]));
    }
}
