//! Evidence and explanation, as a person at the command line meets them.

use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

fn consona(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("consona")
        .expect("built")
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("ended"), text(&output.stdout), text(&output.stderr))
}

fn draft(model: &str, occupation: &str, quote: &str) -> String {
    let persona = json!({"occupation": occupation, "goals": ["sleep more"]});
    let evidence = json!({"occupation": [{"quote": quote}]});
    json!({"record": "r1", "model": model, "persona": persona, "evidence": evidence}).to_string()
}

fn written(folder: &Path) {
    let drafts = [
        draft("a", "Nurse", "I work nights at the hospital"),
        draft("b", "Nurse", "as a nurse I love parrots"),
        draft("c", "Baker", "I bake bread for the whole street"),
    ];
    std::fs::write(folder.join("drafts.jsonl"), drafts.join("\n")).expect("written");
    let source = json!({"id": "r1", "text": "I work nights at the hospital, so I shop online."});
    std::fs::write(folder.join("source.jsonl"), source.to_string()).expect("written");
}

#[test]
fn cited_passages_are_looked_for_in_the_source() {
    let folder = tempfile::tempdir().expect("folder");
    written(folder.path());
    let (code, text, error) =
        consona(folder.path(), &["consensus", "drafts.jsonl", "--source", "source.jsonl", "--out", "o"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("echo"), "three models want to sleep more and cite nothing: {text}");
    let line = std::fs::read_to_string(folder.path().join("o/consensus.jsonl")).expect("written");
    let persona: Value = serde_json::from_str(line.lines().next().expect("one")).expect("JSON");
    let backing = |name: &str| persona["traits"][name]["backing"].clone();
    assert_eq!(backing("occupation"), json!({"basis": "evidence", "rows": 1, "models": 1}));
    assert_eq!(backing("goals"), json!({"basis": "echo", "rows": 0, "models": 0}));
    let summary = std::fs::read_to_string(folder.path().join("o/summary.json")).expect("written");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    let counts = &summary["counts"]["grounding"];
    assert_eq!((&counts["evidence"], &counts["echo"], &counts["exact"]), (&json!(1), &json!(1), &json!(1)));
}

#[test]
fn a_number_is_explained_down_to_the_votes() {
    let folder = tempfile::tempdir().expect("folder");
    written(folder.path());
    let folder = folder.path();
    let (code, _, error) =
        consona(folder, &["consensus", "drafts.jsonl", "--source", "source.jsonl", "--out", "o", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    let (code, text, error) = consona(folder, &["explain", "o", "r1/1", "occupation"]);
    assert_eq!(code, 0, "{error}");
    for said in ["a: Nurse", "c: Baker", "right with probability", "stands in row r1", "drafts.jsonl:3"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("goals"), "{text}");
    let (code, text, _) = consona(folder, &["explain", "o", "r1", "--json"]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &value["persona_id"]), (0, &json!("r1/1")));
    for (arguments, said) in [
        (["explain", "o", "nobody", "occupation"], "`r1/1`"),
        (["explain", "o", "r1", "shoe_size"], "`occupation`"),
        (["explain", "elsewhere", "r1", "occupation"], "does not exist"),
    ] {
        let (code, _, error) = consona(folder, &arguments);
        assert!(code != 0 && error.contains(said), "{error}");
    }
}

#[test]
fn the_replies_of_a_run_can_be_read_again() {
    let folder = tempfile::tempdir().expect("folder");
    let study = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo/study.yaml");
    let (code, _, error) = consona(folder.path(), &["run", study, "--out", "o", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    let (code, text, error) = consona(folder.path(), &["explain", "o", "corpus/1", "age", "--replies"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("\nreply ") && text.contains("personas"), "{text}");
    assert!(text.contains("stands in row"), "the demo cites its interviews: {text}");
}

#[test]
fn an_ablation_is_asked_planned_and_told() {
    let folder = tempfile::tempdir().expect("folder");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo");
    for entry in std::fs::read_dir(demo).expect("the demo") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    let study = std::fs::read_to_string(folder.path().join("study.yaml")).expect("the demo");
    let study = study + "\nablation: {evidence: withheld}\n";
    std::fs::write(folder.path().join("study.yaml"), study).expect("written");
    let (code, text, error) = consona(folder.path(), &["check", "study.yaml"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("The ablation asks 3 calls more"), "{text}");
    let (code, text, error) = consona(folder.path(), &["run", "study.yaml", "--out", "o"]);
    assert_eq!(code, 0, "{error}");
    // Recordings answer the same whatever they are shown: all of it is an echo.
    assert!(text.contains("Without any data the panel says the same of: age 100 %"), "{text}");
    let ablation = std::fs::read_to_string(folder.path().join("o/ablation.json")).expect("written");
    let ablation: Value = serde_json::from_str(&ablation).expect("JSON");
    assert_eq!((&ablation["units"], &ablation["traits"]["age"]["share"]), (&json!(1), &json!(1.0)));
}
