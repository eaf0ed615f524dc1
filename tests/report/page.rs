//! What tests of the HTML report have in common: a result in which every text is chosen, and the page taken apart.

use std::cell::RefCell;

use consona::consensus::ConsensusPersona;
use consona::report::html::{StoredStages, StoredSummary};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use serde_json::{Value, json};

/// Takes an element with its attributes.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&str, &[(String, String)], &Handle);

/// An identifier must be free of control characters, as the borders of the crate make sure.
pub(crate) fn id(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text: String = text.trim().chars().take(100).collect();
    if text.is_empty() { "x".to_owned() } else { text }
}

/// A summary in which every text is one of `text`'s.
pub(crate) fn summary(models: &[String], text: &dyn Fn(&str) -> String) -> StoredSummary {
    let answers: serde_json::Map<String, Value> = models
        .iter()
        .map(|model| (model.clone(), json!({"answered": 3, "unanswered": 1, "reasons": {text("reason"): 1}})))
        .collect();
    let panel: Vec<Value> = models
        .iter()
        .map(|model| json!({"model": model, "drafts": 2, "agreement": 0.7, "weight": 1.0}))
        .collect();
    let left_out: Vec<Value> = models
        .iter()
        .map(|model| json!({"model": model, "values": 9, "changed": 0.1, "confidence_moved": 0.02, "personas_lost": 0}))
        .collect();
    let summary = json!({
        "product": {"name": text("product"), "version": text("version")},
        "asked": {
            "study": text("study"), "question": text("question"), "mode": text("mode"),
            "prompt_version": text("prompt"), "fingerprint": text("fingerprint"), "units": 2, "records_read": 9,
            "records_set_aside": 1, "answers": answers,
        },
        "counts": {
            "drafts": 6, "drafts_of_other_models": 1, "drafts_used": 5, "set_aside": 1, "records": 2, "personas": 2,
            "consensus": 1, "minority": 1, "duplicates_merged": 1, "traits": 8, "divergent_traits": 2,
            "grounding": {"evidence": 2, "echo": 3, "unsupported": 1, "passages": 4, "exact": 1, "fuzzy": 1, "meaning": 0},
        },
        "inputs": [{"file": text("file"), "drafts": 6, "set_aside": 1}],
        "panel": panel,
        "learned": {"subject": text("subject"), "same_persona": text("same")},
        "calibration": {
            "status": "calibrated_on_other_data", "name": text("calibration"), "kinds": [text("kind")],
            "provenance": {
                "data": text("data"), "records": 1, "values": 2, "committees": 3, "committee_sizes": [3],
                "embedder": text("embedder"), "seed": 1, "note": text("note"),
            },
            "quality": {
                "method": text("method"), "ece": {"value": 0.1, "low": 0.0, "high": 0.2},
                "brier": {"value": 0.1, "low": 0.0, "high": 0.2}, "auroc": {"value": 0.7, "low": null, "high": null},
                "uncalibrated": [0.1, null, 0.6],
            },
        },
        "dependence": {"correlation": 0.3, "measured": [0.1, 0.2, 0.3], "cells": 120, "n_eff": 1.9, "pairs": []},
        "diagnosis": {
            "alpha": {text("trait"): {"measurement": "nominal", "alpha": 0.4, "interval": [0.1, 0.6], "units": 5, "values": 12}},
            "left_out": left_out,
        },
        "seed": 1,
        "embedder": text("embedder"),
        "schema": {"traits": [{"name": "age", "kind": "numeric", "tolerance": 3.0}]},
    });
    StoredSummary::from_json(&summary.to_string()).expect("a summary")
}

/// A persona of three models with a divergent text, a list, a number and passages; all texts are `text`'s.
pub(crate) fn persona(
    number: usize,
    record: &str,
    models: &[String],
    text: &dyn Fn(&str) -> String,
) -> ConsensusPersona {
    let said = |field: &str| -> Vec<Value> {
        models
            .iter()
            .map(|model| json!({"model": model, "value": text(field), "origin": text("origin")}))
            .collect()
    };
    let parts =
        json!({"share": 0.7, "runner_up": 0.2, "n_eff": 1.9, "prior_weight": 1.0, "prior_accuracy": 0.5});
    let variant = |field: &str, models: &[String], kept: Option<bool>| {
        let mut variant = json!({
            "value": text(field), "representative": models[0], "models": models, "share": 0.6, "said": said(field),
        });
        if let Some(kept) = kept {
            variant["kept"] = kept.into();
        }
        variant
    };
    let base = |kind: &str, value: Value, variants: Vec<Value>| {
        json!({
            "kind": kind, "value": value, "confidence": 0.62, "confidence_status": "calibrated_on_other_data",
            "parts": parts, "agreement": 0.6, "support": 2, "n_models": 3, "divergent": true, "variants": variants,
            "dissent": [{
                "model": models[2], "value": text("dissent"), "kind": "contradiction", "probability": 0.2, "support": 0.1,
                "consensus_support": 0.5,
            }],
            "prediction_set": {"coverage": 0.9, "values": [text("set")], "open": true},
            "evidence": [
                {"model": models[0], "quote": text("quote"), "row": text("row"), "found": {"by": "exact", "score": 1.0, "row": text("row")}},
                {"model": models[1], "quote": text("quote"), "found": {"by": "nothing", "score": 0.1}},
            ],
            "backing": {"basis": "echo", "rows": 0, "models": 0},
        })
    };
    let prose = base(
        "text",
        json!(text("value")),
        vec![variant("value", &models[..2], None), variant("other", &models[2..], None)],
    );
    let list = base(
        "list",
        json!([text("item")]),
        vec![variant("item", &models[..2], Some(true)), variant("lost", &models[2..], Some(false))],
    );
    let mut age = base("numeric", json!(40 + number % 3), vec![variant("age", &models[..1], None)]);
    age["interval"] = json!([38.0, 44.0]);
    let mut traits = serde_json::Map::new();
    traits.insert("age".to_owned(), age);
    traits.insert(
        "name".to_owned(),
        base("categorical", json!(text("name")), vec![variant("name", models, None)]),
    );
    traits.insert(format!("t{number} {}", text("trait")), prose);
    traits.insert(format!("u{number} {}", text("trait")), list);
    let persona = json!({
        "record": record, "persona_id": text("persona"), "kind": if number % 4 == 3 { "minority" } else { "consensus" },
        "confidence": 0.6, "confidence_status": "uncalibrated", "support": 3, "n_models": 3, "models": models,
        "traits": traits, "merged_duplicates": [models[0]], "origins": [text("origin")],
    });
    serde_json::from_value(persona).expect("a persona")
}

/// What stages left, in which every text is one of `text`'s; the narrative is that of the first persona.
pub(crate) fn stages(text: &dyn Fn(&str) -> String) -> StoredStages {
    let told = json!([{
        "persona_id": text("persona"), "author": text("author"), "text": text("told"),
        "narrative": {"removed": [{"text": text("removed")}]},
    }]);
    let reviews = json!([{
        "record": text("record"), "reviewer": text("reviewer"),
        "review": {
            "summary": text("review"),
            "conflicts": [{
                "persona_id": text("persona"), "trait": text("trait"), "judged": text("judged"), "resolution": text("resolution"),
                "sides": [{"value": text("side"), "models": [text("model")]}],
            }],
            "missing": [{"persona_id": null, "what": text("what"), "collect": text("collect")}],
        },
    }]);
    let coverage =
        json!({"rows": 3, "covered": 1, "uncovered": [{"row": text("row")}, {"row": text("row")}]});
    let quality = json!({
        "verdict": text("verdict"),
        "findings": [{"gravity": "fail", "persona_id": text("persona"), "reason": text("finding")}],
    });
    let decision = json!({
        "decisions": [{"decision": text("decision"), "reason": text("because"), "at_ms": 5}], "edited": [text("edited")],
    });
    let stages = StoredStages::default().with_narratives(told).expect("narratives");
    let stages = stages.with_reviews(reviews).expect("reviews").with_coverage(coverage).expect("coverage");
    stages.with_quality(quality).expect("quality").with_decision(decision).expect("decisions")
}

pub(crate) fn parse(html: &str) -> RcDom {
    parse_document(RcDom::default(), ParseOpts::default()).one(html)
}

/// Calls `visit` for every element, in order.
pub(crate) fn elements(node: &Handle, visit: Visit<'_>) {
    if let NodeData::Element { name, attrs, template_contents, .. } = &node.data {
        let attrs: Vec<(String, String)> =
            attrs.borrow().iter().map(|one| (one.name.local.to_string(), one.value.to_string())).collect();
        visit(&name.local, &attrs, node);
        let inside: &RefCell<Option<Handle>> = template_contents;
        if let Some(inside) = inside.borrow().as_ref() {
            elements(inside, visit);
        }
    }
    for child in node.children.borrow().iter() {
        elements(child, visit);
    }
}

pub(crate) fn text_of(node: &Handle) -> String {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => node.children.borrow().iter().map(text_of).collect(),
    }
}

pub(crate) fn benign(number: usize, field: &str) -> String {
    format!("plain {field} {number}")
}

/// The rows of a table by its class: the text of every cell.
pub(crate) fn rows_of(html: &str, class: &str) -> Vec<Vec<String>> {
    let (mut rows, mut inside) = (Vec::new(), false);
    elements(&parse(html).document, &mut |name, attrs, node| match name {
        "table" => {
            inside =
                attrs.iter().any(|(name, value)| name == "class" && value.split(' ').any(|one| one == class));
        }
        "tr" if inside => {
            let cells = node.children.borrow();
            let cells = cells.iter().filter(|cell| matches!(cell.data, NodeData::Element { .. }));
            rows.push(cells.map(text_of).collect());
        }
        _ => {}
    });
    rows
}
