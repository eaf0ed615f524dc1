//! What somebody meets who uses the program for the first time: plans without keys, typing errors, money.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with two notes and recorded answers of three models.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("temporary folder"));
        place.write("notes.csv", "id,text\np1,I come late\np2,I come early\n");
        let mut lines = Vec::new();
        for (model, goal) in [("a", "Quiet"), ("b", "Quiet"), ("c", "Company")] {
            for record in ["p1", "p2"] {
                let persona = json!({"name": "Ada", "age": 35, "goals": [goal]});
                let usage = json!({"input_tokens": 1000, "output_tokens": 1000});
                lines.push(
                    json!({"record": record, "model": model, "persona": persona, "usage": usage}).to_string(),
                );
            }
        }
        place.write("answers.jsonl", &lines.join("\n"));
        place
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        self.text(name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// A study of these replayed members, 3 for a million tokens in and out.
    fn study(&self, members: &[&str], rest: &str) -> String {
        let price = "price: {input: 3, output: 3}";
        let member =
            |name: &&str| format!("  - {{model: 'replay:{name}', recording: answers.jsonl, {price}}}\n");
        let panel = members.iter().map(member).collect::<Vec<_>>().concat();
        let input = "input: {path: notes.csv, unit: record}\npersonas: {min: 1, max: 1}";
        self.write("study.yaml", &format!("name: notes\n{input}\npanel:\n{panel}{rest}\n"))
    }

    /// Runs `consona` in this folder; the keys of vendors are not set.
    fn at(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let mut command = Command::cargo_bin("consona").expect("built");
        command.current_dir(self.0.path()).env("COLUMNS", "100").env_remove("OPENAI_API_KEY").args(arguments);
        let output = command.output().expect("started");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let (shown, said) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{shown}\n{said}");
        (shown, said)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).expect(name)).expect("JSON")
    }
}

#[test]
fn a_plan_is_shown_before_there_are_keys() {
    let place = Place::new();
    let panel = "  - {model: 'openai:gpt-x', price: {input: 1, output: 1}}\n  - {model: 'replay:a', recording: answers.jsonl}";
    let study = place.write(
        "study.yaml",
        &format!("name: notes\ninput: {{path: notes.csv, unit: record}}\npanel:\n{panel}\n"),
    );
    let (shown, said) = place.at(3, &["check", &study]);
    assert!(shown.contains("is sound, and cannot be run yet: 2 records"), "{shown}");
    assert!(shown.contains("openai:gpt-x") && said.contains("OPENAI_API_KEY"), "{shown}{said}");
    let (shown, _) = place.at(3, &["models", &study]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(lines[0].contains("does not answer") && lines[0].contains("OPENAI_API_KEY"), "{shown}");
    assert!(lines[1].contains("replay:a") && lines[1].contains(" answers "), "{shown}");
}

#[test]
fn commands_that_read_create_nothing() {
    let place = Place::new();
    let nothing = place.text("nope");
    place.at(2, &["export", &nothing, "--to", "csv"]);
    place.at(2, &["report", &nothing]);
    place.at(2, &["status", &nothing]);
    place.at(2, &["explain", &nothing, "p1/1"]);
    place.at(2, &["compare", &nothing, &nothing]);
    assert!(!place.path("nope").exists());
}

#[test]
fn an_export_goes_to_standard_output_where_that_is_asked_for() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "");
    place.at(0, &["run", &study, "--out", "run"]);
    let (csv, _) = place.at(0, &["export", "run", "--to", "csv", "--out", "-"]);
    assert!(csv.starts_with("\"record\",\"persona_id\""), "{csv}");
    let (_, said) = place.at(2, &["export", "run", "--to", "card", "--out", "-"]);
    assert!(said.contains("writes several files"), "{said}");
    assert!(!place.path("-").exists());
}

#[cfg(unix)]
#[test]
fn a_run_on_a_medium_that_cannot_be_written_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "");
    place.at(0, &["run", &study, "--out", "run"]);
    for log in ["run/run.sqlite-wal", "run/run.sqlite-shm"] {
        let _ = fs::remove_file(place.path(log));
    }
    let mode = |mode| fs::set_permissions(place.path("run"), fs::Permissions::from_mode(mode)).expect("set");
    mode(0o500);
    // Whoever may write anywhere proves nothing here, but must not fail either.
    let (shown, _) = place.at(0, &["status", "run"]);
    let explained = place.at(0, &["explain", "run", "p1/1", "age", "--replies"]);
    mode(0o700);
    assert!(shown.contains("6 of 6 calls done") && explained.0.contains("reply "), "{shown}");
}

#[test]
fn files_of_a_folder_that_are_not_read_are_counted_and_named() {
    let place = Place::new();
    fs::create_dir(place.path("mixed")).expect("made");
    for name in ["a.txt", "b.txt", "c.docx", "d.pdf"] {
        place.write(&format!("mixed/{name}"), "I come late");
    }
    let panel = "panel:\n  - {model: 'replay:a', recording: answers.jsonl}";
    let study =
        place.write("study.yaml", &format!("name: x\ninput: {{path: mixed, unit: record}}\n{panel}\n"));
    let (_, said) = place.at(0, &["check", &study]);
    assert!(said.contains("2 files (") && said.contains("c.docx") && said.contains("d.pdf"), "{said}");
}

#[test]
fn a_new_run_says_when_one_of_the_study_stands_beside_it() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "");
    place.at(0, &["run", &study]);
    fs::create_dir(place.path("elsewhere")).expect("made");
    let mut command = Command::cargo_bin("consona").expect("built");
    let output = command
        .current_dir(place.path("elsewhere"))
        .args(["run", "../study.yaml"])
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("a new run begins in runs/notes; one of this study stands in"), "{said}");
    let (_, said) = place.at(0, &["run", &study]);
    assert!(said.contains("all of the 6 answers are stored; nothing is asked"), "{said}");
    assert!(!said.contains("a new run begins"), "{said}");
}

#[test]
fn a_changed_panel_is_told_by_who_is_missing() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "");
    place.at(0, &["run", &study, "--out", "run"]);
    let study = place.study(&["a", "b"], "");
    let (_, said) = place.at(2, &["run", &study, "--out", "run"]);
    assert!(said.contains("panel: without replay:c"), "{said}");
}

#[test]
fn a_mode_without_personas_says_how_to_form_some() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "mode: parallel");
    let (shown, _) = place.at(0, &["run", &study, "--out", "run"]);
    assert!(shown.contains("this mode forms no personas"), "{shown}");
    let (_, said) = place.at(2, &["export", "run", "--to", "csv"]);
    assert!(said.contains("consona consensus run/drafts.jsonl --out DIR"), "{said}");
}

#[test]
fn a_broken_result_is_named_with_its_file_and_line() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "");
    place.at(0, &["run", &study, "--out", "run"]);
    place.at(0, &["run", &study, "--out", "whole"]);
    let path = place.path("run/consensus.jsonl");
    let text = fs::read_to_string(&path).expect("written");
    fs::write(&path, format!("{text}{{\"half\n")).expect("written");
    let line = text.lines().count() + 1;
    for command in
        [vec!["export", "run", "--to", "csv"], vec!["report", "run"], vec!["compare", "run", "whole"]]
    {
        let (_, said) = place.at(3, &command);
        assert!(said.contains(&format!("consensus.jsonl`, line {line}, is no result of consona")), "{said}");
    }
}

#[test]
fn what_has_no_price_costs_an_unknown_amount_everywhere() {
    let place = Place::new();
    // Nobody listens at port 9: the attempt fails at once, and costs what nobody knows.
    let panel = "  - {model: 'ollama:nobody', base_url: 'http://127.0.0.1:9', api_key_env: none}";
    let study = place.write(
        "study.yaml",
        &format!(
            "name: x\ninput: {{path: notes.csv, unit: record}}\nretry: {{max_attempts: 1}}\npanel:\n{panel}\n"
        ),
    );
    let (shown, _) = place.at(0, &["check", &study]);
    assert!(shown.contains("The cost is unknown: no price is given"), "{shown}");
    let (shown, said) = place.at(4, &["run", &study, "--out", "run"]);
    assert!(shown.contains("Cost: unknown (no price for ollama:nobody)"), "{shown}");
    assert!(said.contains("cost so far unknown"), "{said}");
    let (status, _) = place.at(6, &["status", "run"]);
    assert!(status.contains("cost unknown") && !status.contains("cost 0.00"), "{status}");
    assert_eq!(place.json("run/metrics.json")["unpriced"], json!(["ollama:nobody"]));
}

#[test]
fn the_cost_of_the_ablation_is_named_and_a_resumed_run_counts_on() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "ablation: {evidence: withheld, units: 1}");
    let (shown, _) = place.at(0, &["run", &study, "--out", "run"]);
    // Six calls of 2,000 tokens at 3 per million are 0.036; three more for one record without its evidence 0.018.
    assert!(shown.contains("Cost: 0.054000 (of it ablation 0.018000)"), "{shown}");
    let (status, _) = place.at(0, &["status", "run"]);
    assert!(status.contains("cost 0.054000 (of it ablation 0.018000)"), "{status}");
    let (again, _) = place.at(0, &["run", &study, "--out", "run"]);
    assert!(again.contains("Cost: 0.054000 (of it ablation 0.018000)"), "{again}");
}

#[test]
fn a_plan_above_the_limit_is_known_before_and_the_way_on_is_said() {
    let place = Place::new();
    let study = place.study(&["a", "b", "c"], "limits: {max_cost: 0.02}");
    let (shown, _) = place.at(0, &["check", &study]);
    assert!(shown.contains("above `max_cost` (0.020000)"), "{shown}");
    let (_, said) = place.at(6, &["run", &study, "--out", "run"]);
    assert!(said.contains("above `max_cost` (0.020000): about "), "{said}");
    assert!(said.contains("`max_cost` is reached") && said.contains("Raise `max_cost` in "), "{said}");
    assert!(Path::new(&place.text("run/run.sqlite")).exists());
}

#[test]
fn the_documented_consultation_of_the_demos_panel_works() {
    let mut command = Command::cargo_bin("consona").expect("built");
    let asked = [
        "consult",
        "Should the library stay open until eleven?",
        "--panel",
        "data/demo/panel.yaml",
        "--json",
    ];
    let output = command.args(asked).output().expect("started");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(
        answer["synthesis"]["text"].as_str().is_some_and(|text| text.contains("Nurses and students")),
        "{answer}"
    );
}

/// What `cffconvert --validate` asks of a citation file.
#[test]
fn the_citation_has_what_a_citation_needs() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README");
    let (_, cited) = readme.split_once("## How to cite").expect("a chapter");
    let block = cited.split("```").nth(1).and_then(|block| block.strip_prefix("yaml")).expect("a block");
    let citation: Value = serde_saphyr::from_str(block).expect("YAML");
    for key in ["cff-version", "message", "title", "version", "date-released"] {
        assert!(citation[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {citation}");
    }
    assert_eq!(citation["version"], env!("CARGO_PKG_VERSION"));
    assert!(citation["authors"][0]["name"].is_string(), "{citation}");
    assert_eq!(citation["license"], json!(["MIT", "Apache-2.0"]));
}
