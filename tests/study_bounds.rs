//! At every place of the published schemas, and at its bounds, editors and the program say the same.
//!
//! Left out on purpose: a number in quotes, a number or a word for a text, and a key without a value, which the
//! program takes and an editor marks (the schema's description says so).
#![cfg(feature = "cli")]

use std::path::Path;

use consona::run::Study;
use consona::run::study::STUDY_SCHEMA;
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(STUDY_SCHEMA).expect("JSON")
}

fn read(study: &Value) -> Result<(), String> {
    let read =
        Study::parse(&study.to_string(), Path::new("study.yaml"), &|path| std::fs::read_to_string(path));
    read.map(drop).map_err(|error| error.to_string())
}

/// A schema with what it refers to.
fn resolved(root: &Value, node: &Value) -> Value {
    let Some(target) = node["$ref"].as_str() else { return node.clone() };
    let mut found = resolved(root, root.pointer(target.trim_start_matches('#')).expect("a target"));
    for more in node["allOf"].as_array().into_iter().flatten() {
        for (name, field) in more["properties"].as_object().into_iter().flatten() {
            // What is narrowed is probed by a test of its own.
            found["properties"].as_object_mut().expect("fields").remove(name);
            assert!(field.is_object() || field == &json!(false));
        }
    }
    found
}

fn choices(node: &Value) -> Vec<Value> {
    let listed = node["anyOf"].as_array().or(node["oneOf"].as_array());
    // The two names of a path are no choices of form.
    match listed.filter(|list| list.iter().all(|choice| choice.get("type").is_some())) {
        Some(list) => list.clone(),
        None => vec![node.clone()],
    }
}

/// Every place of a schema, as a pointer into a document, with what may stand there.
fn leaves(root: &Value, node: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    for choice in choices(&resolved(root, node)) {
        let choice = resolved(root, &choice);
        if !at.is_empty() {
            found.push((at.to_owned(), choice.clone()));
        }
        for (name, field) in choice["properties"].as_object().into_iter().flatten() {
            leaves(root, field, &format!("{at}/{name}"), found);
        }
        // Members are described once; a fallback has none of its own.
        if choice["items"].is_object() && !at.ends_with("/fallback") {
            leaves(root, &choice["items"], &format!("{at}/0"), found);
        }
        if choice["additionalProperties"].is_object() {
            let name = match at.rsplit('/').next() {
                Some("weights") => "goals",
                Some("settings") => "review",
                _ => "some",
            };
            leaves(root, &choice["additionalProperties"], &format!("{at}/{name}"), found);
        }
    }
}

/// Values at the bounds of a place and beyond them, and values of another kind.
fn probes(node: &Value) -> Vec<Value> {
    let number = |name: &str| node.get(name).and_then(Value::as_f64);
    let (low, high) = (number("minimum"), number("maximum"));
    if node.get("enum").is_some() {
        return vec![json!("zzz"), json!([])];
    }
    let mut values = vec![];
    match node["type"].as_str() {
        Some("integer") => {
            let whole = |name: &str| node.get(name).and_then(Value::as_i64);
            values.extend(whole("minimum").into_iter().flat_map(|low| [json!(low), json!(low - 1)]));
            values.extend(whole("maximum").into_iter().flat_map(|high| [json!(high), json!(high + 1)]));
            values.extend([json!(1.5), json!("one"), json!([]), json!({})]);
        }
        Some("number") => {
            values.extend(low.into_iter().flat_map(|low| [json!(low), json!(low - 0.0001)]));
            values.extend(high.into_iter().flat_map(|high| [json!(high), json!(high + 0.001)]));
            let above = number("exclusiveMinimum");
            values
                .extend(above.into_iter().flat_map(|low| [json!(low), json!(low + 0.001), json!(low - 1.0)]));
            values.extend([json!("many"), json!([]), json!({})]);
        }
        Some("string") => {
            values.push(json!({}));
            if node.get("minLength").is_some() || node.get("pattern").is_some() {
                values.extend([json!(""), json!("?")]);
            }
        }
        Some("boolean") => values.extend([json!(true), json!(false), json!("maybe"), json!(7), json!([])]),
        Some("array") => values.extend([json!([]), json!({ "zzz": 1 }), json!(7)]),
        Some("object") => {
            values.push(json!(7));
            if node["additionalProperties"] == json!(false) {
                values.extend([json!({ "zzz": 1 }), json!({})]);
            }
            values.push(json!([]));
        }
        _ => {}
    }
    values
}

/// Puts a value at a place, with lists and mappings on the way to it.
fn put(document: &mut Value, at: &str, value: Value) {
    let mut here = document;
    for step in at.split('/').skip(1) {
        if step == "0" {
            if !here.is_array() {
                *here = json!([null]);
            }
            here = &mut here[0];
        } else {
            if !here.is_object() {
                *here = json!({});
            }
            here = &mut here[step];
        }
    }
    *here = value;
}

/// A study in which only the value at a place can be wrong, without that value.
fn around(at: &str) -> Value {
    let mut study = json!({
        "name": "x",
        "input": { "path": "n.csv" },
        "panel": [
            { "model": "replay:a", "recording": "r.jsonl" },
            { "model": "replay:b", "recording": "r.jsonl" },
        ],
    });
    let mut set = |place: &str, value: Value| put(&mut study, place, value);
    let last = at.rsplit('/').next().unwrap_or_default();
    match at.split('/').nth(1).unwrap_or_default() {
        "ablation" => set("/ablation/evidence", json!("withheld")),
        "personas" if last == "min" => set("/personas/max", json!(50)),
        "embedder" => set("/embedder/model", json!("ollama:e")),
        "consensus" if last == "item_risk" => set("/consensus/calibration", json!("fitted.json")),
        "workstreams" => set("/workstreams/streams/0", json!({ "name": "one", "records": "1-" })),
        "quorum" if at.contains("laggards") => {
            set("/quorum/laggards", json!({ "after_models": 1, "wait_seconds": 1 }));
        }
        "panel" if at.contains("price") => set("/panel/0/price", json!({ "input": 1, "output": 1 })),
        "panel" if at.contains("batch") => set("/panel/0", json!({ "model": "openai:a" })),
        "schema" => set("/schema/traits/0", trait_around(at)),
        "clustering" => {
            if let Some(name) = at.split('/').nth(2) {
                set(&format!("/clustering/{name}"), numbers_of(name));
            }
        }
        "stages" => {
            for (place, value) in around_stages(at.trim_start_matches("/stages")) {
                set(&format!("/stages{place}"), value);
            }
        }
        _ => {}
    }
    study
}

/// A trait of the kind that has what stands at a place.
fn trait_around(at: &str) -> Value {
    let level = json!([{ "value": "low" }, "high"]);
    let last = at.rsplit('/').next().unwrap_or_default();
    if at.contains("levels") {
        return json!({ "name": "b", "kind": "ordinal", "levels": level });
    }
    if at.contains("categories") || last == "comparison" {
        return json!({ "name": "b", "kind": "categorical", "categories": level });
    }
    match last {
        "tolerance" | "unit" | "min" | "max" => json!({ "name": "b", "kind": "numeric", "tolerance": 1 }),
        _ => json!({ "name": "b", "kind": "text" }),
    }
}

/// Numbers with which an algorithm is accepted.
fn numbers_of(algorithm: &str) -> Value {
    match algorithm {
        "hdbscan" => json!({ "min_cluster_size": 2, "min_points": 2 }),
        "agglomerative" => json!({ "threshold": 0.5 }),
        name if name.ends_with("kmeans") || name.ends_with("mixture") => json!({ "n_clusters": 2 }),
        _ => json!({ "tolerance": 0.5, "min_points": 2 }),
    }
}

/// What has to stand around a place of the stages.
fn around_stages(at: &str) -> Vec<(String, Value)> {
    let last = at.rsplit('/').next().unwrap_or_default();
    if at.contains("parallel_groups/some") {
        return vec![("/parallel_groups/some".to_owned(), json!({ "stages": ["review", "coverage"] }))];
    }
    if at.starts_with("/models/0") {
        let mut around =
            vec![("/models/0".to_owned(), json!({ "model": "replay:c", "recording": "r.jsonl" }))];
        if at.contains("price") {
            around.push(("/models/0/price".to_owned(), json!({ "input": 1, "output": 1 })));
        }
        return around;
    }
    let kind = match last {
        "run" | "produces" => Some(json!({ "kind": "command", "run": ["true"] })),
        "allow_yes" => Some(json!({ "kind": "approval" })),
        "rework" => Some(json!({ "kind": "quality" })),
        _ => None,
    };
    if let (true, Some(kind)) = (at.contains("settings"), kind) {
        let order = json!(["panel", "consensus", "synthesis", "review"]);
        return vec![("/stage_order".to_owned(), order), ("/settings/review".to_owned(), kind)];
    }
    Vec::new()
}

/// What both take or both refuse, at every place of a schema.
fn disagreements(
    root: &Value,
    whole: impl Fn(&str) -> Value,
    accepts: impl Fn(&Value) -> Result<(), String>,
) -> Vec<String> {
    let validator = jsonschema::validator_for(root).expect("a schema");
    let mut places = Vec::new();
    leaves(root, root, "", &mut places);
    assert!(places.len() > 60, "{}", places.len());
    let mut apart = Vec::new();
    for (at, node) in places {
        for value in probes(&node) {
            let mut document = whole(&at);
            put(&mut document, &at, value.clone());
            let (published, read) = (validator.is_valid(&document), accepts(&document));
            if published != read.is_ok() {
                let reason = read.err().unwrap_or_default().lines().take(2).collect::<Vec<_>>().join(" | ");
                apart.push(format!("{at} = {value}: the schema says {published}, the reader {reason:?}"));
            }
        }
    }
    apart
}

/// Bounds, kinds and keys: whatever an editor marks the program refuses, and the other way round.
#[test]
fn the_schema_and_the_reader_agree_at_every_place_and_its_bounds() {
    let apart = disagreements(&schema(), around, read);
    assert!(apart.is_empty(), "{} disagreements:\n{}", apart.len(), apart.join("\n"));
}

#[test]
fn the_schema_of_a_stages_file_agrees_with_the_reader_too() {
    let output =
        assert_cmd::Command::cargo_bin("consona").expect("built").args(["schema", "stages"]).output();
    let schema: Value = serde_json::from_slice(&output.expect("started").stdout).expect("JSON");
    let whole = |at: &str| {
        let mut stages = json!({});
        for (place, value) in around_stages(at) {
            put(&mut stages, &place, value);
        }
        stages
    };
    let accepts = |stages: &Value| {
        let mut study = around("");
        study["stages"] = json!("stages.json");
        let text = stages.to_string();
        Study::parse(&study.to_string(), Path::new("study.yaml"), &|_| Ok(text.clone()))
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let apart = disagreements(&schema, whole, accepts);
    assert!(apart.is_empty(), "{} disagreements:\n{}", apart.len(), apart.join("\n"));
}

/// Words that mean a whole section, and what stands in for a member.
#[test]
fn names_of_algorithms_and_stand_ins_are_the_same_to_both() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let mut cases = Vec::new();
    for name in [
        "agreement",
        "consensus",
        "kmeans:3",
        "linfa-kmeans:3",
        "gaussian_mixture:2",
        "dbscan:0.8:2",
        "hdbscan:3:2",
        "agglomerative:0.5",
    ] {
        cases.push(("/clustering", json!(name), true));
        cases.push(("/consensus/algorithm", json!(name), true));
    }
    for name in ["kmeans", "kmeans:0", "kmeans:x", "magic", "dbscan:0.8", "agreement:2", ""] {
        cases.push(("/clustering", json!(name), false));
        cases.push(("/consensus/algorithm", json!(name), false));
    }
    cases.push((
        "/clustering",
        json!({ "kmeans": { "n_clusters": 2 }, "dbscan": { "tolerance": 1, "min_points": 2 } }),
        false,
    ));
    for (key, value) in [
        ("name", json!("n")),
        ("weight", json!(2)),
        ("samples", json!(2)),
        ("stance", json!("for")),
        ("stance_prompt", json!("s")),
    ] {
        let mut stand_in = json!({ "model": "replay:c", "recording": "r.jsonl" });
        cases.push(("/panel/0/fallback/0", stand_in.clone(), true));
        stand_in[key] = value;
        cases.push(("/panel/0/fallback/0", stand_in, false));
    }
    let member = json!({ "model": "replay:c", "recording": "r.jsonl" });
    cases.push(("/stages/models/0", member.clone(), true));
    for (key, value) in [("fallback", json!([{ "model": "ollama:d" }])), ("batch", json!(true))] {
        let mut of_stages = json!({ "model": "openai:c" });
        of_stages[key] = value;
        cases.push(("/stages/models/0", of_stages, false));
    }
    for (at, value, good) in cases {
        let mut study = around(at.trim_start_matches("/clustering"));
        put(&mut study, at, value.clone());
        assert_eq!(validator.is_valid(&study), good, "the schema: {at} = {value}");
        let answer = read(&study);
        assert_eq!(answer.is_ok(), good, "the reader: {at} = {value}: {answer:?}");
    }
}
