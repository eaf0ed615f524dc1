//! `consona compare`: two runs side by side, through the binary, on recorded answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

fn consona(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("consona").expect("built");
    command.env_remove("CONSONA_LOG").env("COLUMNS", "100").args(arguments);
    command.output().expect("started")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The demo study with something replaced, run into a folder of that name.
fn run(folder: &TempDir, name: &str, from: &str, to: &str) -> String {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    for file in ["interviews.jsonl", "recordings.jsonl"] {
        fs::copy(demo.join(file), folder.path().join(file)).expect("copied");
    }
    let text = fs::read_to_string(demo.join("study.yaml")).expect("readable");
    assert!(from.is_empty() || text.contains(from), "the demo has no `{from}`");
    let study = folder.path().join(format!("{name}.yaml"));
    fs::write(&study, text.replace(from, to)).expect("written");
    let out = folder.path().join(name);
    let (study, out) = (study.to_string_lossy().into_owned(), out.to_string_lossy().into_owned());
    let output = consona(&["run", &study, "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output.stderr));
    out
}

fn compared(before: &str, after: &str) -> Value {
    let output = consona(&["compare", before, after, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect()
}

/// Whoever is left out of the panel takes the persona that it alone saw with it, and the rest is matched.
#[test]
fn a_smaller_panel_loses_the_persona_that_one_model_alone_saw() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let three = run(&folder, "three", "", "");
    let two = run(&folder, "two", "  - {model: \"replay:cinder\", recording: recordings.jsonl}\n", "");
    let found = compared(&three, &two);
    assert_eq!(names(&found["vanished"]), ["Victor"], "{}", found["vanished"]);
    assert_eq!(found["appeared"], Value::Array(Vec::new()));
    let matched = found["matched"].as_array().expect("a list");
    assert_eq!(matched.len(), 3);
    for pair in matched {
        assert!(pair["similarity"].as_f64().is_some_and(|similarity| similarity > 0.5), "{pair}");
        for change in pair["traits"].as_array().expect("a list") {
            assert!(change["trait"].is_string() && change["confidence"].is_array(), "{change}");
        }
    }
    let (before, after) = (&found["runs"][0], &found["runs"][1]);
    assert_eq!((&before["personas"], &after["personas"]), (&4.into(), &3.into()));
    assert_eq!((&before["calls"], &after["calls"]), (&3.into(), &2.into()));
    assert_eq!((&before["attempts"], &after["attempts"]), (&4.into(), &3.into()));
    assert!(before["wall_ms"].is_u64() && before["cost"].is_number() && before["echo_share"].is_number());
    assert_eq!(found["settings"][0]["what"], "panel");
    let back = compared(&two, &three);
    assert_eq!(names(&back["appeared"]), ["Victor"], "the other way round");

    let output = consona(&["compare", &three, &two]);
    let text = said(&output.stdout);
    assert!(
        text.contains("Set differently:") && text.contains("panel: replay:aurora, replay:basalt"),
        "{text}"
    );
    assert!(text.contains("Vanished:\n  corpus/4 Victor, confidence"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

/// A setting that changes nothing but what lists keep shows up as the setting and as the items.
#[test]
fn a_changed_setting_is_named_beside_what_it_changed() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let base = run(&folder, "base", "", "");
    let strict = run(&folder, "strict", "seed: 1", "seed: 1\nconsensus: {item_support: 0.9}");
    let found = compared(&base, &strict);
    let settings = found["settings"].as_array().expect("a list");
    let changed: Vec<&str> = settings.iter().filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(changed, ["settings.item_support"], "{settings:?}");
    let changes = found["matched"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|pair| pair["traits"].as_array().cloned().unwrap_or_default());
    let lists: Vec<Value> = changes.filter(|change| change.get("items_vanished").is_some()).collect();
    assert!(!lists.is_empty(), "{found}");
    let twin = format!("{base}-twin");
    fs::create_dir(&twin).expect("made");
    for file in
        fs::read_dir(&base).expect("listed").filter_map(Result::ok).filter(|file| file.path().is_file())
    {
        fs::copy(file.path(), Path::new(&twin).join(file.file_name())).expect("copied");
    }
    let same = compared(&base, &twin);
    assert_eq!(same["settings"], Value::Array(Vec::new()));
    let matched = same["matched"].as_array().expect("a list");
    assert!(
        matched.len() == 4 && matched.iter().all(|pair| pair["traits"] == Value::Array(Vec::new())),
        "{same}"
    );
}

/// Files of personas can be compared without the rest of their run, and what is none is refused with its line.
#[test]
fn a_file_of_personas_is_enough_and_anything_else_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let out = run(&folder, "base", "", "");
    let file: PathBuf = Path::new(&out).join("consensus.jsonl");
    let file = file.to_string_lossy().into_owned();
    let found = compared(&file, &out);
    assert_eq!((&found["runs"][0]["calls"], &found["runs"][1]["calls"]), (&Value::Null, &3.into()));
    let drafts = Path::new(&out).join("drafts.jsonl").to_string_lossy().into_owned();
    let output = consona(&["compare", &out, &drafts]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        said(&output.stderr).contains("drafts.jsonl`, line 1, is no result of consona"),
        "{}",
        said(&output.stderr)
    );
    let output = consona(&["compare", &out, "no-such-folder"]);
    assert_ne!(output.status.code(), Some(0));
    assert!(said(&output.stderr).contains("no-such-folder"), "{}", said(&output.stderr));
}

#[test]
fn a_study_stands_for_its_run() {
    let folder = tempfile::tempdir().expect("folder");
    run(&folder, "three", "", "");
    run(&folder, "two", "\n  - {model: \"replay:cinder\", recording: recordings.jsonl}", "");
    let two = folder.path().join("two.yaml");
    let renamed =
        fs::read_to_string(&two).expect("written").replace("name: library-evenings", "name: of-two");
    fs::write(&two, renamed).expect("written");
    let here = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("consona").expect("built");
        command.current_dir(&folder).args(arguments).output().expect("started")
    };
    assert_eq!(here(&["run", "three.yaml", "--quiet"]).status.code(), Some(0));
    let early = here(&["compare", "three.yaml", "two.yaml"]);
    assert_eq!(early.status.code(), Some(2));
    let told = said(&early.stderr);
    assert!(told.contains("`two.yaml` has no run here") && told.contains("`runs/of-two`"), "{told}");
    assert_eq!(here(&["run", "two.yaml", "--quiet"]).status.code(), Some(0));
    let output = here(&["compare", "three.yaml", "two.yaml", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["runs"][1]["run"], "runs/of-two");
    assert_eq!(found["vanished"].as_array().map(Vec::len), Some(1), "{found}");
}

/// Two studies of one name share the folder of their runs: neither may answer for the other.
#[test]
fn a_study_never_stands_for_the_run_of_another_of_its_name() {
    let folder = tempfile::tempdir().expect("folder");
    run(&folder, "three", "", "");
    run(&folder, "two", "\n  - {model: \"replay:cinder\", recording: recordings.jsonl}", "");
    let here = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("consona").expect("built");
        command.current_dir(&folder).args(arguments).output().expect("started")
    };
    assert_eq!(here(&["run", "three.yaml", "--quiet"]).status.code(), Some(0));
    let other = here(&["compare", "three.yaml", "two.yaml"]);
    let told = said(&other.stderr);
    assert_eq!(other.status.code(), Some(2), "{told}");
    assert!(told.contains("`two.yaml` is not the study of the run in `runs/library-evenings`"), "{told}");
    assert!(told.contains("panel") && told.contains("--out") && told.contains("output:"), "{told}");
    // Settings after the answers are no part of what a run is: two such studies have one run.
    let strict = fs::read_to_string(folder.path().join("three.yaml")).expect("written");
    fs::write(folder.path().join("strict.yaml"), format!("{strict}\nconsensus: {{item_support: 0.9}}\n"))
        .expect("written");
    for twice in [["three.yaml", "strict.yaml"], ["runs/library-evenings", "three.yaml"]] {
        let one = here(&["compare", twice[0], twice[1]]);
        assert_eq!(one.status.code(), Some(2));
        assert!(said(&one.stderr).contains("lead to one run"), "{}", said(&one.stderr));
    }
    let read: Value = serde_saphyr::from_str(&strict).expect("YAML");
    fs::write(folder.path().join("three.json"), read.to_string()).expect("written");
    let json = here(&["compare", "three.json", "two", "--json"]);
    assert_eq!(json.status.code(), Some(0), "a study in JSON is one too: {}", said(&json.stderr));
}

#[test]
fn a_run_that_is_not_there_is_named_and_no_input_is_spoken_of() {
    let folder = tempfile::tempdir().expect("folder");
    let out = run(&folder, "base", "", "");
    let commands: [&[&str]; 5] = [
        &["compare", &out, "nope"],
        &["explain", "nope", "x"],
        &["explain", "-", "x"],
        &["status", "nope"],
        &["report", "nope"],
    ];
    for arguments in commands {
        let output = consona(arguments);
        let told = said(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(!told.contains("standard input"), "{told}");
    }
}
