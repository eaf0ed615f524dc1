//! What a person approved, edited or rejected reaches everything that is handed on.
#![cfg(feature = "cli")]

mod staged;

use std::fs;

use serde_json::{Value, json};
use staged::{Demo, expect};

fn edit(demo: &Demo, edit: &Value) -> String {
    let path = demo.text("edit.json");
    fs::write(&path, edit.to_string()).expect("written");
    path
}

#[test]
fn an_approved_edit_reaches_every_export_and_says_whose_it_is() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    demo.run(5, &[]);
    let path = edit(&demo, &json!({"personas": {"corpus/1": {"age": 22}, "corpus/4": null}}));
    let (shown, _) = expect(0, &["modify", &run, "--edit", &path]);
    assert!(shown.contains("waits again"), "{shown}");
    let approved = demo.json("artefacts/approved.json");
    let age = &approved["personas"][0]["traits"]["age"];
    assert_eq!((&age["value"], &age["confidence_status"]), (&json!(22), &json!("set_by_person")));
    expect(0, &["approve", &run]);
    demo.run(0, &[]);
    let report = fs::read_to_string(demo.path("run/report.md")).expect("written");
    assert!(report.contains("age is 22 (the models: 21)"), "{report}");
    let told = approved["narratives"][0]["text"].as_str().expect("a text");
    assert!(
        !told.contains("21") && shown.contains("Jonas is 21."),
        "the old age is taken out: {told} {shown}"
    );
    let page = fs::read_to_string(demo.path("run/report.html")).expect("written");
    assert!(page.contains("with edits: of corpus") && page.contains("age is 22"), "the page says so first");
    let (csv, said) = expect(0, &["export", &run, "--to", "csv", "--out", "-"]);
    assert!(said.contains("with edits: of corpus/1 age is 22; corpus/4 is removed"), "{said}");
    let row = "\"corpus/1\",\"consensus\",\"age\",22,1.0000,\"set_by_person\"";
    assert!(csv.contains(row) && !csv.contains("Victor"), "{csv}");
    let line = csv.lines().find(|line| line.contains(row)).expect("the row");
    assert!(!line.contains("replay:"), "no model stands behind what a person set: {line}");
    let (lines, _) = expect(0, &["export", &run, "--to", "jsonl", "--out", "-"]);
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!((lines.lines().count(), &first["traits"]["age"]["was"]), (3, &json!(21)));
    let (text, _) = expect(0, &["export", &run, "--to", "md", "--out", "-"]);
    assert!(text.contains("> Note: these are the personas as a person approved them"), "{text}");
    assert!(text.contains("- **age**: 22 (set by a person, support 0 of 3; the models: 21)"), "{text}");
    let (told, _) = expect(0, &["explain", &run, "corpus/1", "age"]);
    assert!(
        told.contains("age: 22") && told.contains("A person set it at the approval; 0 of 3 models"),
        "{told}"
    );
    assert!(
        page.contains("set by a person") && page.contains("the models: 21"),
        "the value's row says it too"
    );
    let models = fs::read_to_string(demo.path("run/consensus.jsonl")).expect("written");
    assert!(models.contains("Victor"), "what the models said stays as it is");
}

#[test]
fn a_persona_that_a_person_removed_leaves_earlier_exports_too() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    demo.run(5, &[]);
    let (cards, folder) = (demo.text("cards"), demo.text("folder"));
    for (form, out) in [("card", &cards), ("folder", &folder)] {
        expect(0, &["export", &run, "--to", form, "--out", out]);
    }
    fs::write(demo.path("cards/99.txt"), "my own notes").expect("written");
    let path = edit(&demo, &json!({"personas": {"corpus/4": null, "corpus/1": {"bio": null}}}));
    expect(0, &["modify", &run, "--edit", &path]);
    let told = &demo.json("artefacts/approved.json")["narratives"][0];
    assert!(told["removed_by_edit"].is_null(), "what other traits support stays: {told}");
    expect(0, &["approve", &run]);
    for (form, out) in [("card", &cards), ("folder", &folder)] {
        let (_, said) = expect(0, &["export", &run, "--to", form, "--out", out]);
        assert!(
            said.contains("1 persona of an earlier export, no longer in this one, are removed"),
            "{said}"
        );
    }
    assert!(!demo.path("cards/04.txt").exists() && !demo.path("folder/04").exists());
    assert!(
        demo.path("cards/03.txt").exists() && demo.path("cards/99.txt").exists(),
        "nothing else is touched"
    );
    demo.run(0, &[]);
    let report = fs::read_to_string(demo.path("run/report.md")).expect("written");
    assert!(report.contains("Edited by a person at the approval: bio is removed"), "{report}");
    assert!(!report.contains("corpus/4"), "{report}");
}

#[test]
fn what_nobody_approved_is_handed_on_with_a_note() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    let (shown, _) = demo.run(5, &[]);
    for part in ["Consensus persona corpus/1", "Panel:\n  replay:aurora: 1 answered", "\nCost: 0.00\n"] {
        assert!(shown.contains(part), "a staged run tells what others do: {part}: {shown}");
    }
    let (status, _) = expect(5, &["status", &run]);
    for command in ["consona approve ", "consona reject ", "consona modify "] {
        assert!(status.contains(command), "{status}");
    }
    let (_, said) = expect(0, &["export", &run, "--to", "csv"]);
    assert!(said.contains("`approval` still waits for a person: nobody has approved"), "{said}");
    expect(0, &["reject", &run, "--reason", "too few students"]);
    let (_, said) = expect(0, &["report", &run]);
    assert!(said.contains("rejected these personas at `approval`: too few students"), "{said}");
    let page = fs::read_to_string(demo.path("run/report.html")).expect("written");
    assert!(page.contains("rejected these personas at"), "the page says so");
    let (_, said) = expect(2, &["approve", &run]);
    assert!(said.contains("`approval` was rejected: too few students already; change the study"), "{said}");
}

#[test]
fn an_edit_of_what_is_not_there_is_refused_with_what_was_meant() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    demo.run(5, &[]);
    let path = edit(&demo, &json!({"personas": {"corpus/1": {"age": 22, "ocupation": "x"}}}));
    let (_, said) = expect(3, &["modify", &run, "--edit", &path]);
    assert!(said.contains("`corpus/1` has no trait `ocupation`; did you mean `occupation`?"), "{said}");
    assert_eq!(demo.json("artefacts/approved.json")["edited"], json!([]), "nothing of it is applied");
}

#[test]
fn an_optional_review_without_a_usable_answer_is_made_by_the_rules() {
    let panel = |text: String| text.replace("review: {model: editor}", "review: {model: \"replay:aurora\"}");
    let demo = Demo::new(panel);
    let (_, said) = expect(0, &["check", &demo.text("study.yaml")]);
    let (checked, _) = expect(0, &["check", &demo.text("study.yaml"), "--json"]);
    assert!(checked.contains("`review` asks replay:aurora, whose recording holds"), "{checked} {said}");
    let (_, said) = demo.run(4, &[]);
    assert!(said.contains("`optional: true`") && said.contains("--redo review"), "the way out: {said}");
    let optional = |text: String| {
        text.replace("review: {model: editor}", "review: {model: \"replay:aurora\", optional: true}")
    };
    let demo = Demo::new(optional);
    demo.run(5, &[]);
    let review = demo.json("artefacts/review.json");
    assert!(review[0]["reviewer"].is_null(), "{review}");
    assert_eq!(demo.state()["stages"]["review"]["status"], "completed");
}
