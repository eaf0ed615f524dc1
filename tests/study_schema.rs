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
