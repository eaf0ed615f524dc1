//! The HTML report: whatever models say stays text, the file stays small, and it needs nobody.

use std::cell::RefCell;
use std::collections::BTreeSet;

use base64::Engine;
use consona::consensus::ConsensusPersona;
use consona::report::html::{ReportBuilder, StoredAnswer, StoredSummary};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Elements with their attributes, in the order of the document.
type Skeleton = Vec<(String, Vec<(String, String)>)>;

/// Takes an element with its attributes.
type Visit<'v> = &'v mut dyn FnMut(&str, &[(String, String)], &Handle);

fn hostile() -> Vec<String> {
    serde_json::from_str(include_str!("report/hostile.json")).expect("strings")
}

/// An identifier must be free of control characters, as the borders of the crate make sure.
fn id(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text: String = text.trim().chars().take(100).collect();
    if text.is_empty() { "x".to_owned() } else { text }
}

/// A summary in which every text is one of `text`'s.
fn summary(models: &[String], text: &dyn Fn(&str) -> String) -> StoredSummary {
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
fn persona(
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

/// A report with a record of one persona per number; `text` gives what is said in a field.
fn report(numbers: std::ops::Range<usize>, text: &dyn Fn(usize, &str) -> String) -> String {
    let first = numbers.start;
    let models: Vec<String> =
        (0..3).map(|place| format!("{place} {}", id(&text(first + place, "model")))).collect();
    let mut builder = ReportBuilder::new(summary(&models, &|field| text(first, field)));
    for number in numbers {
        let record = format!("{number} {}", id(&text(number, "record")));
        let one = |field: &str| text(number, field);
        builder.add(persona(number, &record, &models, &one));
        builder.add_reason(&one("reason"));
        let call = json!({"model": models[number % 3], "status": "success", "latency_ms": 900 + number, "attempts": 1,
            "repairs": 0, "usage": {"input_tokens": 10, "output_tokens": 5}, "cost": 0.01});
        builder.add_call(&serde_json::from_value::<StoredAnswer>(call).expect("a call"));
    }
    builder.with_rest(&text(first, "rest")).finish().expect("rendered")
}

fn parse(html: &str) -> RcDom {
    parse_document(RcDom::default(), ParseOpts::default()).one(html)
}

/// Calls `visit` for every element, in order.
fn elements(node: &Handle, visit: Visit<'_>) {
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

/// Elements and attributes; of numbers only that there are some, because the map moves with the words.
fn skeleton(html: &str) -> Skeleton {
    let mut found = Vec::new();
    elements(&parse(html).document, &mut |name, attrs, _| {
        let hash = name == "meta";
        let plain = |value: &str| -> String {
            if hash {
                value.to_owned()
            } else {
                value.replace(|c: char| c.is_ascii_digit() || c == '.' || c == '-', "")
            }
        };
        found.push((
            name.to_owned(),
            attrs.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        ));
    });
    found
}

/// Says where two documents part.
fn same(one: &Skeleton, other: &Skeleton, what: &str) {
    let parting = one.iter().zip(other).position(|(here, there)| here != there);
    let around = |skeleton: &Skeleton| -> Skeleton {
        let place = parting.unwrap_or(one.len().min(other.len()));
        skeleton.iter().skip(place.saturating_sub(2)).take(5).cloned().collect()
    };
    assert!(one == other, "{what}:\n{:?}\n{:?}", around(one), around(other));
}

fn text_of(node: &Handle) -> String {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().to_string(),
        _ => node.children.borrow().iter().map(text_of).collect(),
    }
}

fn benign(number: usize, field: &str) -> String {
    format!("plain {field} {number}")
}

#[test]
fn hostile_text_in_any_field_makes_no_element_and_no_attribute() {
    let strings = hostile();
    assert!(strings.len() >= 200, "{}", strings.len());
    for start in (0..strings.len()).step_by(60) {
        let end = strings.len().min(start + 60);
        let said = report(start..end, &|number, _| strings[number % strings.len()].clone());
        let plain = report(start..end, &benign);
        same(&skeleton(&said), &skeleton(&plain), &format!("strings {start} to {end}"));
        let cards = said.matches("<article").count();
        assert_eq!(cards, end - start, "all personas are shown");
    }
}

#[test]
fn hostile_text_in_what_is_said_once_makes_no_element_either() {
    let plain = skeleton(&report(0..0, &benign));
    for text in hostile() {
        let said = report(0..0, &|_, _| text.clone());
        same(&skeleton(&said), &plain, &format!("{text:?}"));
    }
}

#[test]
fn hostile_text_is_shown_as_it_was_written() {
    let script = "<script>window.__pwned=1</script>";
    let dom = parse(&report(0..2, &|_, _| script.to_owned()));
    let mut scripts = 0;
    elements(&dom.document, &mut |name, _, _| scripts += usize::from(name == "script"));
    assert_eq!(scripts, 1, "only our own");
    assert!(text_of(&dom.document).matches(script).count() > 50, "in every field, as words");
}

#[test]
fn the_file_asks_nobody_and_its_policy_allows_only_itself() {
    let html = report(0..3, &benign);
    let (mut policy, mut style, mut script) = (String::new(), String::new(), String::new());
    elements(&parse(&html).document, &mut |name, attrs, node| {
        for (attribute, value) in attrs {
            let is_event = attribute.starts_with("on");
            assert!(
                !is_event && attribute != "style" && attribute != "src",
                "{name} {attribute}=\"{value}\""
            );
            assert!(attribute != "href" || value.starts_with('#'), "{name} leads to {value}");
            if attribute == "content" && value.contains("default-src") {
                policy.clone_from(value);
            }
        }
        match name {
            "style" => style = text_of(node),
            "script" => script = text_of(node),
            _ => {}
        }
    });
    let hash = |text: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()));
    let (style, script) = (hash(&style), hash(&script));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
        )
    );
    assert!(!html.contains("@import") && !html.contains("url("), "the style loads nothing");
}

#[test]
fn those_who_do_not_see_it_are_served_too() {
    let html = report(0..5, &benign);
    let (mut ids, mut referred, mut heading, mut figures) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
    elements(&parse(&html).document, &mut |name, attrs, node| {
        let of =
            |wanted: &str| attrs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        if let Some(id) = of("id") {
            assert!(ids.insert(id.to_owned()), "`{id}` stands twice");
        }
        referred.extend(of("aria-labelledby").into_iter().flat_map(str::split_whitespace).map(str::to_owned));
        referred.extend(of("href").map(|link| link[1..].to_owned()));
        if let Some(level) = name.strip_prefix('h').and_then(|level| level.parse::<usize>().ok()) {
            assert!(level <= heading + 1, "after a heading of level {heading} comes one of level {level}");
            heading = level;
        }
        let tells = |name: &str| {
            node.children.borrow().iter().any(|child| match &child.data {
                NodeData::Element { name: found, .. } => &*found.local == name && !text_of(child).is_empty(),
                _ => false,
            })
        };
        match name {
            "th" => assert!(matches!(of("scope"), Some("col" | "row")), "a head without a scope"),
            "table" => assert!(tells("caption"), "a table that does not say what it is"),
            "svg" if of("aria-hidden").is_none() => {
                figures += 1;
                assert_eq!(of("role"), Some("img"));
                assert!(tells("title") && tells("desc"), "a figure without words");
            }
            _ => {}
        }
    });
    assert!(figures >= 5, "{figures} figures");
    let unknown: Vec<&String> = referred.difference(&ids).collect();
    assert!(unknown.is_empty(), "nothing is called {unknown:?}");
}

#[test]
fn equal_results_give_equal_bytes() {
    assert_eq!(report(0..4, &benign), report(0..4, &benign));
}

#[test]
fn a_batch_stays_small_shows_its_most_divergent_records_and_says_so() {
    let records = 10_000;
    let models: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut builder = ReportBuilder::new(summary(&models, &|field| benign(0, field)));
    let calm = persona(0, "calm", &models, &|field| benign(0, field));
    for number in 0..records {
        let mut one = calm.clone();
        one.record = format!("r{number}").parse().expect("an id");
        one.persona_id = format!("r{number}/1");
        let disputed = number % 1000 == 7;
        for found in one.traits.values_mut() {
            found.divergent = disputed;
            found.dissent.truncate(usize::from(disputed));
        }
        builder.add(one);
    }
    builder.close();
    assert!(builder.is_partial());
    let html = builder.with_rest("personas.parquet").finish().expect("rendered");
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    let text = text_of(&parse(&html).document);
    assert!(
        text.contains("Shown are the 120 records of 10\u{202f}000 about which the models disagree most."),
        "no count"
    );
    assert!(text.contains("All personas are in personas.parquet."));
    for number in (0..records).filter(|number| number % 1000 == 7) {
        assert!(text.contains(&format!("r{number}/1")), "r{number} is among the most divergent");
    }
    // Counts are over all records, not over those shown: any two models answered three traits of each.
    assert!(text.contains(&format!("n {}", records * 3)), "the heat map counts all traits");
}
