//! The published schema of study files says what the reader accepts.
#![cfg(feature = "run")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use consona::provider::KNOWN_PROVIDERS;
use consona::run::Study;
use consona::run::study::{EXAMPLE, STUDY_SCHEMA};
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(STUDY_SCHEMA).expect("JSON")
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

#[test]
fn the_studies_that_ship_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let demo = std::fs::read_to_string("data/demo/study.yaml").expect("the demo");
    let staged = std::fs::read_to_string("data/demo/staged.yaml").expect("the demo");
    for text in [EXAMPLE, demo.as_str(), staged.as_str()] {
        let errors: Vec<String> = validator.iter_errors(&yaml(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn what_the_reader_refuses_the_schema_refuses() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for (path, value) in [
        ("/nonsense", json!(1)),
        ("/panel", json!([])),
        ("/mode", json!("blind")),
        ("/input/format", json!("xml")),
        ("/seed", json!("one")),
    ] {
        let mut study = yaml(EXAMPLE);
        let (parent, name) = path.rsplit_once('/').expect("a path");
        study.pointer_mut(parent).expect("there")[name] = value;
        assert!(!validator.is_valid(&study), "{path}");
        assert!(read(&study).is_err(), "{path}");
    }
}

fn read(study: &Value) -> Result<Study, String> {
    Study::parse(&study.to_string(), Path::new("study.yaml"), &|path| std::fs::read_to_string(path)).map_err(
        |error| {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text.push_str(&error.to_string());
                cause = error.source();
            }
            text
        },
    )
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
            let whole = |value: f64| json!(value as i64);
            values.extend(low.into_iter().flat_map(|low| [whole(low), whole(low - 1.0)]));
            values.extend(high.into_iter().flat_map(|high| [whole(high), whole(high + 1.0)]));
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
        "schema" => {
            let one = match last {
                "levels" => json!({ "name": "b", "kind": "ordinal", "levels": ["low", "high"] }),
                "tolerance" | "unit" | "min" | "max" => {
                    json!({ "name": "b", "kind": "numeric", "tolerance": 1 })
                }
                _ if at.contains("levels") => {
                    json!({ "name": "b", "kind": "ordinal", "levels": [{ "value": "low" }, "high"] })
                }
                _ if at.contains("categories") => {
                    json!({ "name": "b", "kind": "categorical", "categories": [{ "value": "low" }] })
                }
                "comparison" => json!({ "name": "b", "kind": "categorical" }),
                _ => json!({ "name": "b", "kind": "text" }),
            };
            set("/schema/traits/0", one);
        }
        "clustering" => {
            if let Some(name) = at.split('/').nth(2) {
                let numbers = json!({ "n_clusters": 2 });
                let dense = json!({ "tolerance": 0.5, "min_points": 2 });
                let of_hdbscan = json!({ "min_cluster_size": 2, "min_points": 2 });
                let value = match name {
                    "hdbscan" => of_hdbscan,
                    "agglomerative" => json!({ "threshold": 0.5 }),
                    name if name.ends_with("kmeans") || name.ends_with("mixture") => numbers,
                    _ => dense,
                };
                set(&format!("/clustering/{name}"), value);
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
        "run" => Some(json!({ "kind": "command", "run": ["true"] })),
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
    let apart = disagreements(&schema(), around, |study| read(study).map(drop));
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
    for (at, value, good) in cases {
        let mut study = around(at.trim_start_matches("/clustering"));
        put(&mut study, at, value.clone());
        assert_eq!(validator.is_valid(&study), good, "the schema: {at} = {value}");
        let answer = read(&study);
        assert_eq!(answer.is_ok(), good, "the reader: {at} = {value}: {answer:?}");
    }
}

#[test]
fn every_provider_that_is_known_stands_in_the_schema() {
    let schema = schema();
    let model = schema["properties"]["panel"]["items"]["properties"]["model"]["description"].as_str();
    for provider in KNOWN_PROVIDERS {
        assert!(model.expect("described").contains(&format!("`{}`", provider.name)), "{}", provider.name);
    }
}

/// The fields that the refusal of an unknown one names.
fn expected(error: &str) -> BTreeSet<String> {
    let list = error.split_once("there are\n").map_or("", |(_, list)| list);
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    lines
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn the_schema_names_the_fields_that_the_reader_knows() {
    let schema = schema();
    for path in [
        "",
        "/input",
        "/personas",
        "/panel/0",
        "/panel/0/batch",
        "/panel/0/timeouts",
        "/panel/0/price",
        "/quorum",
        "/retry",
        "/limits",
        "/quorum/laggards",
        "/ablation",
        "/stages",
        "/workstreams",
    ] {
        let mut study = yaml(EXAMPLE);
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        if study.pointer(path).is_none() {
            study.pointer_mut(parent).expect("there")[name] = json!({});
        }
        study.pointer_mut(path).expect("there")["zzz"] = json!(1);
        let error = read(&study).expect_err("an unknown field");
        let known = expected(&error);
        let place: String = path
            .split('/')
            .skip(1)
            .map(|step| if step == "0" { "/items".to_owned() } else { format!("/properties/{step}") })
            .collect();
        let object = schema.pointer(&place).expect("published");
        let object = object["anyOf"].as_array().and_then(|choices| choices.last()).unwrap_or(object);
        let fields = object["properties"].as_object().expect("an object");
        let published: BTreeSet<String> = fields.keys().cloned().collect();
        assert_eq!(published, known, "{path}: {error}");
    }
}

/// Whoever begins with the example finds every section, and what stands there as a comment is right.
#[test]
fn the_example_shows_every_section_and_its_comments_hold() {
    for name in schema()["properties"].as_object().expect("fields").keys() {
        let shown =
            EXAMPLE.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{name}:")));
        assert!(shown, "`{name}` is not in the example");
    }
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let streams = "# workstreams:\n#   streams:\n#     - {name: first, records: 1-50}\n";
    let rest = "#     - {name: rest, records: 51-, depends_on: [first]}\n";
    for comment in ["# clustering: kmeans:3", "# stages: default", &format!("{streams}{rest}")] {
        assert!(EXAMPLE.contains(comment), "{comment}");
        let text = EXAMPLE.replace(comment, &comment.replace("# ", ""));
        let study = yaml(&text);
        assert!(validator.is_valid(&study), "{comment}");
        assert!(read(&study).is_ok(), "{comment}: {:?}", read(&study));
    }
}

const REFERENCE: &str = "src/docs/study.md";

/// The reference of study files that the documentation shows.
fn reference(schema: &Value) -> String {
    let mut text = "# The study file\n\n".to_owned();
    text.push_str(schema["description"].as_str().expect("a description"));
    text.push_str(
        "\n\nYAML or JSON. This page is generated from the schema that `consona schema study` writes; name that in the first line of a \
         study\n(`# yaml-language-server: $schema=study.schema.json`), and an editor completes and checks it. `consona init` writes a \
         commented example.\n",
    );
    section(&mut text, "", schema, &[]);
    text.push_str("\n## Providers\n\nWhat can stand before the colon of `model`.\n\n| provider | asked at | key in |\n|---|---|---|\n");
    for provider in KNOWN_PROVIDERS {
        let key = provider.key_variable.map_or("none".to_owned(), |variable| format!("`{variable}`"));
        writeln!(text, "| `{}` | `{}` | {key} |", provider.name, provider.base_url).expect("a string");
    }
    text.push_str(
        "\n`replay` reads a `recording`. Any other name is an endpoint of your own: give its `base_url` and `dialect`, and with \
         `api_key_env` the variable of its key, or `none`.\n",
    );
    text
}

/// A table of an object's fields, then one of each object in it.
fn section(text: &mut String, path: &str, object: &Value, required: &[&str]) {
    let own: Vec<&str> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .chain(required.iter().copied())
        .collect();
    if !path.is_empty() {
        writeln!(text, "\n## `{path}`\n\n{}", object["description"].as_str().unwrap_or_default())
            .expect("a string");
    }
    text.push_str("\n| field | is | means |\n|---|---|---|\n");
    let mut below: Vec<(String, &Value)> = Vec::new();
    for (name, field) in object["properties"].as_object().expect("fields") {
        let must = if own.contains(&name.as_str()) { " **(needed)**" } else { "" };
        let default = field
            .get("default")
            .map(|value| format!(" Default: `{}`.", value.to_string().trim_matches('"')))
            .unwrap_or_default();
        let description = field["description"].as_str().expect("a description");
        writeln!(text, "| `{name}`{must} | {} | {description}{default} |", kind(field)).expect("a string");
        let step = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let listed = field["anyOf"].as_array().or(field["oneOf"].as_array());
        let choices = std::iter::once(field).chain(listed.into_iter().flatten());
        for choice in choices {
            if choice["additionalProperties"]["properties"].is_object() {
                below.push((format!("{step}.NAME"), &choice["additionalProperties"]));
            }
            if choice["properties"].is_object() {
                below.push((step.clone(), choice));
            } else if choice["items"]["properties"].is_object() {
                below.push((format!("{step}[]"), &choice["items"]));
            }
        }
    }
    for (path, object) in below {
        section(text, &path, object, &[]);
    }
}

/// What a field may be, in words.
fn kind(field: &Value) -> String {
    if let Some(values) = field["enum"].as_array() {
        return values
            .iter()
            .map(|value| format!("`{}`", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(name) = field["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return if name == "items" { "mapping".to_owned() } else { format!("as `{name}`") };
    }
    // Fields of which one is needed are no choices of form.
    let typed = |list: &&Vec<Value>| {
        list.iter().all(|choice| choice.get("required").is_none_or(|_| choice.get("type").is_some()))
    };
    if let Some(choices) = field["anyOf"].as_array().or(field["oneOf"].as_array()).filter(typed) {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let word = match field["type"].as_str() {
        Some("string") => "text".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => format!("list of {}", kind(&field["items"])),
        Some("object") => "mapping".to_owned(),
        other => other.unwrap_or("anything").to_owned(),
    };
    let bound = |name: &str| field.get(name).map(|value| value.to_string().trim_end_matches(".0").to_owned());
    match (bound("minimum"), bound("exclusiveMinimum"), bound("maximum")) {
        (Some(low), _, Some(high)) => format!("{word}, {low} to {high}"),
        (Some(low), _, None) => format!("{word}, from {low}"),
        (None, Some(low), Some(high)) => format!("{word}, above {low}, at most {high}"),
        (None, Some(low), None) => format!("{word}, above {low}"),
        (None, None, Some(high)) => format!("{word}, at most {high}"),
        (None, None, None) => word,
    }
}

#[test]
fn the_reference_is_that_of_the_schema() {
    let wanted = reference(&schema());
    if std::env::var_os("CONSONA_UPDATE").is_some() {
        std::fs::write(REFERENCE, &wanted).expect("written");
    }
    let kept = std::fs::read_to_string(REFERENCE).expect("the reference");
    assert_eq!(kept, wanted, "{REFERENCE} is stale: run this test with CONSONA_UPDATE=1");
}
