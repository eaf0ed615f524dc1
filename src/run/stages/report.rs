//! The stage `report`: everything that the stages came to, in one Markdown document.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::again::again_text;
use super::approval::APPROVED;
use super::artefacts;
use super::material::{Material, failed};
use super::walk::Ended;
use crate::files::write_file;
use crate::report::confidence_words;
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
    for persona in items(&personas) {
        persona_text(&mut text, persona, &narratives, &approved);
    }
    review_text(&mut text, &material.artefact("review")?, &personas);
    checks_text(&mut text, material)?;
    again_text(&mut text, material)?;
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

fn persona_text(text: &mut String, persona: &Value, narratives: &Value, approved: &Value) {
    let id = persona["persona_id"].as_str().unwrap_or_default();
    let name = &persona["traits"]["name"]["value"];
    let name = if name.is_null() { markdown(id) } else { word(name) };
    let _ = writeln!(
        text,
        "\n## {name}\n\n{}, described by {} of {} models, {} ({})",
        word(&persona["kind"]),
        persona["support"],
        persona["n_models"],
        confidence(persona),
        markdown(id)
    );
    let edited = items(&approved["edited"]).filter_map(Value::as_str);
    if edited.into_iter().any(|name| matches!(name.split_once('.'), Some((_, of)) if of == id)) {
        let said = edits(persona, &approved["edited_traits"][id]).join("; ");
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let _ = writeln!(text, "\nEdited by a person at the approval{said}.");
    }
    let Some(told) = items(narratives).find(|told| told["persona_id"] == json!(id)) else {
        traits_text(text, persona);
        return;
    };
    let author = match &told["author"] {
        Value::Null => match &told["replaced"] {
            Value::Null => "cut from the consensus".to_owned(),
            model => format!(
                "cut from the consensus, for no trait supports a sentence of what {} wrote",
                word(model)
            ),
        },
        author => format!("written by {}", word(author)),
    };
    let _ = writeln!(text, "\n{}\n\nNarrative {author}.", word(&told["text"]));
    let removed: Vec<String> = items(&told["narrative"]["removed"])
        .map(|sentence| format!("- {}\n", word(&sentence["text"])))
        .collect();
    if !removed.is_empty() {
        let _ = writeln!(text, "\nRemoved, for no trait supports it:\n\n{}", removed.concat().trim_end());
    }
}

/// How sure one may be of a persona or a trait, and what the number may be taken for.
fn confidence(of: &Value) -> String {
    let status = serde_json::from_value(of["confidence_status"].clone()).unwrap_or_default();
    confidence_words(of["confidence"].as_f64().unwrap_or(0.0), status)
}

/// What a person did to the traits of a persona.
fn edits(persona: &Value, traits: &Value) -> Vec<String> {
    let edit = |name: &str| {
        let (found, name) = (&persona["traits"][name], markdown(name));
        if found.is_null() {
            return format!("{name} is removed");
        }
        format!("{name} is {} (the models: {})", value(&found["value"]), value(&found["was"]))
    };
    items(traits).filter_map(Value::as_str).map(edit).collect()
}

/// The traits of a persona without a narrative.
fn traits_text(text: &mut String, persona: &Value) {
    text.push('\n');
    for (name, found) in
        persona["traits"].as_object().into_iter().flatten().filter(|(name, _)| *name != "name")
    {
        let sure = confidence(found);
        let (name, value) = (markdown(&name.replace('_', " ")), value(&found["value"]));
        let _ =
            writeln!(text, "- **{name}**: {value} ({sure}, {} of {})", found["support"], found["n_models"]);
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// What the reviewer says of the personas that are there; a person may have removed one.
fn review_text(text: &mut String, reviews: &Value, personas: &Value) {
    let Some(reviews) = reviews.as_array() else { return };
    let is_there = |id: &Value| items(personas).any(|persona| persona["persona_id"] == *id);
    text.push_str("\n# Review\n");
    for one in reviews {
        let _ = writeln!(text, "\n{} ({})", word(&one["review"]["summary"]), word(&one["record"]));
        let conflicts = items(&one["review"]["conflicts"]);
        for conflict in conflicts.filter(|conflict| is_there(&conflict["persona_id"])) {
            let sides: Vec<String> = items(&conflict["sides"])
                .map(|side| format!("{} ({})", word(&side["value"]), names(&side["models"])))
                .collect();
            let (of, kind) = (word(&conflict["persona_id"]), word(&conflict["judged"]));
            let _ = writeln!(text, "- {} of {of}, {kind}: {}", word(&conflict["trait"]), sides.join("; "));
        }
        for gap in items(&one["review"]["missing"]) {
            let _ =
                writeln!(text, "- Missing: {}. To collect: {}", word(&gap["what"]), word(&gap["collect"]));
        }
    }
}

fn names(models: &Value) -> String {
    items(models).map(word).collect::<Vec<_>>().join(", ")
}

fn checks_text(text: &mut String, material: &Material) -> Result<(), artefacts::ArtefactError> {
    let (coverage, quality) = (material.artefact("coverage")?, material.artefact("quality")?);
    let evidence = material.artefact("evidence")?;
    if !(coverage.is_null() && quality.is_null() && evidence.is_null()) {
        text.push_str("\n# Checks\n\n");
    }
    if let Some(rows) = coverage["rows"].as_u64() {
        let uncovered: Vec<String> = items(&coverage["uncovered"]).map(|row| word(&row["row"])).collect();
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
        let (grave, notes): (Vec<&Value>, Vec<&Value>) =
            items(&quality["findings"]).partition(|finding| finding["gravity"] != "pass");
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
