//! Runs in shares, results derived again, and what a run tells about itself.
#![cfg(feature = "cli")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Everything that must not depend on how a run came about; `results.jsonl` tells how long calls took.
const FILES: [&str; 6] =
    ["consensus.jsonl", "personas.csv", "personas.md", "drafts.jsonl", "summary.json", "set_aside.jsonl"];

fn consona(arguments: &[&str]) -> Output {
    Command::cargo_bin("consona")
        .expect("built")
        .env("COLUMNS", "100")
        .args(arguments)
        .output()
        .expect("started")
}

fn done(arguments: &[&str]) -> Output {
    let output = consona(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A study of 24 records and three recorded members, of which one is silent about some records.
struct Batch {
    folder: TempDir,
}

impl Batch {
    fn new() -> Self {
        let batch = Self { folder: tempfile::tempdir().expect("temporary folder") };
        let mut rows = "id,text\n".to_owned();
        let mut recording = String::new();
        for number in 0..24 {
            writeln!(rows, "r{number},I am respondent {number}.").expect("text");
            for (place, model) in ["a", "b", "c"].iter().enumerate() {
                let age = 20 + number + if *model == "c" && number % 3 == 0 { 30 } else { 0 };
                let line = if place == 1 && number % 5 == 0 {
                    json!({"record": format!("r{number}"), "model": model, "reply": "I would rather chat."})
                } else {
                    let persona = json!({"name": format!("P{number}"), "age": age, "occupation": "nurse"});
                    json!({"record": format!("r{number}"), "model": model, "persona": persona})
                };
                writeln!(recording, "{line}").expect("text");
            }
        }
        fs::write(batch.path("rows.csv"), rows).expect("written");
        fs::write(batch.path("recording.jsonl"), recording).expect("written");
        let member = |model: &str| format!("  - {{model: 'replay:{model}', recording: recording.jsonl}}\n");
        let panel: String = ["a", "b", "c"].iter().map(|model| member(model)).collect();
        let study = format!(
            "name: batch\ninput: {{path: rows.csv, unit: record}}\nretry: {{repair: false}}\n\
             quorum: {{min_success_ratio: 0.5}}\npanel:\n{panel}"
        );
        fs::write(batch.path("study.yaml"), study).expect("written");
        batch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    fn run(&self, out: &str, more: &[&str]) -> Output {
        let (study, out) = (self.text("study.yaml"), self.text(out));
        done(&[&["run", &study, "--out", &out], more].concat())
    }
}

fn assert_same(one: &Path, other: &Path) {
    for name in FILES {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).expect("readable");
        assert!(read(one) == read(other), "{name} differs");
    }
    assert!(!fs::read(one.join("consensus.jsonl")).expect("readable").is_empty());
}

#[test]
fn shards_put_together_equal_the_run_over_everything() {
    let batch = Batch::new();
    batch.run("whole", &[]);
    let names = ["first", "second", "third"];
    for (name, shard) in names.iter().zip(["1/3", "2/3", "3/3"]) {
        batch.run(name, &["--shard", shard]);
    }
    // In another order than that of the shards.
    let parts = [batch.text("third"), batch.text("first"), batch.text("second")];
    let merged = batch.text("merged");
    done(&["merge", &parts[0], &parts[1], &parts[2], "--out", &merged]);
    assert_same(&batch.path("whole"), &batch.path("merged"));
    let again = consona(&["merge", &parts[0], "--out", &merged]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("there is a run in it already"), "{}", said(&again));
    // A merged run is a run: nothing is left to ask.
    batch.run("merged", &[]);
    assert_same(&batch.path("whole"), &batch.path("merged"));
}

#[test]
fn runs_of_different_studies_or_data_are_not_put_together() {
    let batch = Batch::new();
    batch.run("first", &["--shard", "1/2"]);
    let study = fs::read_to_string(batch.path("study.yaml")).expect("readable");
    fs::write(batch.path("study.yaml"), format!("question: Who else?\n{study}")).expect("written");
    batch.run("second", &["--shard", "2/2"]);
    let out = batch.text("out");
    let refused = consona(&["merge", &batch.text("first"), &batch.text("second"), "--out", &out]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("Who else?"), "{}", said(&refused));
    let missing = consona(&["merge", &batch.text("nowhere"), "--out", &out]);
    assert!(said(&missing).contains("it is no run folder"), "{}", said(&missing));
    fs::write(batch.path("study.yaml"), study).expect("written");
    let rows = fs::read_to_string(batch.path("rows.csv")).expect("readable").replace("I am", "I was");
    fs::write(batch.path("rows.csv"), rows).expect("written");
    batch.run("other", &["--shard", "1/2"]);
    let clash = consona(&["merge", &batch.text("first"), &batch.text("other"), "--partial", "--out", &out]);
    assert!(said(&clash).contains("different data"), "{}", said(&clash));
    assert!(!batch.path("out").join("run.sqlite").exists(), "nothing is left of a merge that failed");
}

#[test]
fn what_is_derived_is_derived_again_without_asking_anybody() {
    let batch = Batch::new();
    batch.run("run", &[]);
    batch.run("kept", &[]);
    for name in FILES {
        fs::remove_file(batch.path("run").join(name)).expect("removed");
    }
    // Without the recording, nobody could be asked.
    fs::remove_file(batch.path("recording.jsonl")).expect("removed");
    done(&["consensus", &batch.text("run"), "--recompute"]);
    assert_same(&batch.path("kept"), &batch.path("run"));
    let changed = fs::read_to_string(batch.path("study.yaml")).expect("readable");
    fs::write(batch.path("study.yaml"), format!("question: Who else?\n{changed}")).expect("written");
    done(&["consensus", &batch.text("run"), "--recompute"]);
    let refused =
        consona(&["consensus", &batch.text("run"), "--recompute", "--study", &batch.text("study.yaml")]);
    assert_eq!(refused.status.code(), Some(2), "other questions have other answers");
    let nothing = consona(&["consensus", &batch.text("rows.csv"), "--recompute"]);
    assert!(said(&nothing).contains("is no run folder"), "{}", said(&nothing));
}

#[test]
fn a_run_tells_how_it_stands() {
    let batch = Batch::new();
    let shard = batch.run("run", &["--shard", "1/2"]);
    assert!(said(&shard).contains("consona merge"), "{}", said(&shard));
    let output = done(&["status", &batch.text("run"), "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&status["running"], &status["waiting"]), (&Value::Null, &json!(0)));
    assert_eq!(status["done"], status["planned"]);
    let models = status["models"].as_array().expect("models");
    let names: Vec<&str> = models.iter().filter_map(|model| model["model"].as_str()).collect();
    assert_eq!(names, ["replay:a", "replay:b", "replay:c"]);
    assert!(models[1]["unusable"].as_u64() > Some(0), "{models:?}");
    let text = String::from_utf8(done(&["status", &batch.text("run")]).stdout).expect("text");
    assert!(text.starts_with("Nobody works at it.\nreplay:a: "), "{text}");
    let nothing = consona(&["status", &batch.text("nowhere")]);
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn progress_for_programs_is_a_line_of_json_per_event() {
    let batch = Batch::new();
    let output = batch.run("run", &["--progress", "json"]);
    let lines = said(&output);
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.first().map(|event| &event["event"]), Some(&json!("planned")));
    assert_eq!(events.last().map(|event| &event["event"]), Some(&json!("ended")));
    assert_eq!(events.iter().filter(|event| event["event"] == "finished").count(), 72);
}

#[test]
fn a_merge_tells_which_shards_are_missing_and_takes_none_twice() {
    let batch = Batch::new();
    for (name, shard) in [("first", "1/3"), ("second", "2/3"), ("third", "3/3")] {
        batch.run(name, &["--shard", shard]);
    }
    let [first, second] = ["first", "second"].map(|name| batch.text(name));
    // A share is whole by itself.
    done(&["consensus", &first, "--recompute"]);
    let part = consona(&["merge", &first, &second, "--out", &batch.text("part")]);
    assert_eq!(part.status.code(), Some(6), "{}", said(&part));
    assert!(said(&part).contains("shard 3/3 is missing. Nothing is merged"), "{}", said(&part));
    assert!(said(&part).contains("--partial"), "{}", said(&part));
    assert!(!batch.path("part").exists(), "the folder is free for the same command with --partial");
    let accepted = done(&["merge", &first, &second, "--partial", "--out", &batch.text("part")]);
    assert!(said(&accepted).contains("shard 3/3 is missing. outstanding: "), "{}", said(&accepted));
    assert!(batch.path("part").join("consensus.jsonl").exists(), "what there is is derived");
    let link = format!("{first}/../first");
    for twice in [&first, &link] {
        let refused = consona(&["merge", &first, twice, "--out", &batch.text("twice")]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains("given twice"), "{}", said(&refused));
    }
    assert!(!batch.path("twice").join("run.sqlite").exists());
}

#[test]
fn what_is_derived_again_keeps_the_verdict_of_the_quorum() {
    let batch = Batch::new();
    let study = fs::read_to_string(batch.path("study.yaml")).expect("readable");
    let strict = study.replace("min_success_ratio: 0.5", "min_success_ratio: 0.99");
    fs::write(batch.path("study.yaml"), strict).expect("written");
    let (study, run) = (batch.text("study.yaml"), batch.text("run"));
    assert_eq!(consona(&["run", &study, "--out", &run]).status.code(), Some(4));
    let again = consona(&["consensus", &run, "--recompute"]);
    assert_eq!(again.status.code(), Some(4), "{}", said(&again));
    // Of 72 calls, one member leaves those about r0, r5, r10, r15 and r20 without an answer.
    assert!(said(&again).contains("too few models answered: 67 of 72 calls"), "{}", said(&again));
    assert!(batch.path("run").join("consensus.jsonl").exists(), "what there is is derived");
}

#[test]
fn one_voice_of_three_is_told_before_anything_else() {
    let batch = Batch::new();
    let mut recording = String::new();
    for number in 0..24 {
        let record = format!("r{number}");
        writeln!(recording, "{}", json!({"record": record, "model": "a", "persona": {"age": 30}}))
            .expect("text");
        for model in ["b", "c"] {
            writeln!(recording, "{}", json!({"record": record, "model": model, "reply": "No."}))
                .expect("text");
        }
    }
    fs::write(batch.path("recording.jsonl"), recording).expect("written");
    let study = fs::read_to_string(batch.path("study.yaml")).expect("readable");
    fs::write(batch.path("study.yaml"), study.replace("ratio: 0.5", "ratio: 0.3")).expect("written");
    let output = batch.run("run", &[]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("Warning: Only 1 of 3 models gave a usable answer"), "{text}");
    assert!(text.contains("described by 1 of 3 (2 gave no usable answer):"), "{text}");
    let cards = fs::read_to_string(batch.path("run/personas.md")).expect("written");
    assert!(cards.contains("described by 1 of 3 (2 gave no usable answer): replay:a; "), "{cards}");
    let page = fs::read_to_string(batch.path("run/report.html")).expect("written");
    assert!(page.contains("1 of 3 (2 gave no usable answer)") && page.contains("this is no consensus"));
    // Gold about other records judges nothing here.
    let gold = json!({"record": "p01", "trait": "age", "accepted": ["30"]}).to_string();
    fs::write(batch.path("gold.jsonl"), gold).expect("written");
    let refused = consona(&["report", &batch.text("run"), "--gold", &batch.text("gold.jsonl")]);
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(
        said(&refused).contains("`age` of `p01`") && said(&refused).contains("`r0`"),
        "{}",
        said(&refused)
    );
}
