//! Gates: a run waits for a person, in any terminal, for as long as it takes.

mod changed;
mod staged;

use changed::change;
use serde_json::json;
use staged::{Demo, expect};

#[test]
fn p7_a_gate_is_a_stored_state_that_another_terminal_answers() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    let (shown, _) = demo.run(5, &[]);
    assert!(shown.contains("`approval` waits for a person"), "{shown}");
    for line in [
        "consona approve ",
        "consona reject ",
        "consona modify ",
        "artefacts/approved.json",
        "3 consensus personas",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert_eq!(demo.state()["status"], "waiting_for_approval");
    let before = demo.state()["stages"]["synthesis"]["started_ms"].clone();
    // However often it is asked: nothing goes past the gate.
    demo.run(5, &[]);
    assert_eq!(demo.state()["stages"]["report"]["status"], "pending");
    let (shown, _) = expect(0, &["approve", &run, "--reason", "reads well"]);
    assert!(shown.contains("`approval` is approved"), "{shown}");
    assert_eq!(demo.state()["status"], "pending", "the report is still to be made");
    let (shown, _) = demo.run(0, &[]);
    assert!(shown.contains("report completed"), "{shown}");
    let state = demo.state();
    assert_eq!((&state["status"], &state["current_stage"]), (&json!("completed"), &json!(null)));
    assert_eq!(state["stages"]["synthesis"]["started_ms"], before, "nothing is made twice");
    assert_eq!(state["stage_outputs"]["approval"]["decisions"][0]["reason"], "reads well");
    let report = std::fs::read_to_string(demo.path("run/report.md")).expect("written");
    assert!(report.contains("approve: reads well") && report.contains("## Marta"), "{report}");
    let metrics = &demo.json("summary.json")["pipeline"];
    assert_eq!((&metrics["approvals"], &metrics["first_attempt_approval"]), (&json!(1), &json!(1.0)));
    let (_, said) = expect(2, &["approve", &run]);
    assert!(said.contains("`approval` was approved already; the run is complete"), "{said}");
}

#[test]
fn p7_a_rejection_is_kept_with_its_reason_and_stops_the_run() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    demo.run(5, &[]);
    expect(2, &["reject", &run]);
    expect(0, &["reject", &run, "--reason", "too few students"]);
    let (shown, _) = demo.run(5, &[]);
    assert!(shown.contains("`approval` was rejected: too few students"), "{shown}");
    assert_eq!(demo.state()["status"], "rejected");
    assert!(!demo.path("run/report.md").exists());
    let (shown, _) = demo.run(5, &["--redo", "approval"]);
    assert!(shown.contains("`approval` waits for a person"), "{shown}");
    let earlier = &demo.state()["stages"]["approval"]["output"]["earlier"]["decisions"][0];
    assert_eq!(earlier["reason"], "too few students");
}

#[test]
fn p7_an_edit_is_applied_and_asked_again_and_reaches_the_report() {
    let demo = Demo::new(|text| text);
    let run = demo.text("run");
    demo.run(5, &[]);
    let edit = demo.text("edit.json");
    let put = |value: serde_json::Value| std::fs::write(&edit, value.to_string()).expect("written");
    put(json!({"personas": {"corpus/9": {"age": 30}}}));
    let (_, said) = expect(3, &["modify", &run, "--edit", &edit]);
    assert!(said.contains("there is no `corpus/9`"), "{said}");
    put(
        json!({"narratives": {"corpus/2": "Marta comes after the late shift."}, "personas": {"corpus/4": null}}),
    );
    let (shown, _) = expect(0, &["modify", &run, "--edit", &edit, "--reason", "clearer"]);
    assert!(shown.contains("waits again"), "{shown}");
    demo.run(5, &[]);
    expect(0, &["approve", &run]);
    demo.run(0, &[]);
    let report = std::fs::read_to_string(demo.path("run/report.md")).expect("written");
    assert!(
        report.contains("Marta comes after the late shift.") && report.contains("Edited by a person"),
        "{report}"
    );
    assert!(!report.contains("Victor"), "{report}");
    let personas = std::fs::read_to_string(demo.path("run/consensus.jsonl")).expect("written");
    assert!(personas.contains("Victor"), "what the models said stays as it is");
    let metrics = &demo.json("summary.json")["pipeline"];
    assert_eq!((&metrics["modifications"], &metrics["first_attempt_approval"]), (&json!(1), &json!(0.0)));
}

#[test]
fn p7_yes_stands_for_a_person_only_where_the_study_says_so() {
    let demo = Demo::new(|text| text);
    let (_, said) = demo.run(2, &["--yes"]);
    assert!(
        said.contains("--yes cannot stand for a person at `approval`") && said.contains("allow_yes: true"),
        "{said}"
    );
    let demo =
        Demo::new(|text| text.replace("  settings:\n", "  settings:\n    approval: {allow_yes: true}\n"));
    demo.run(5, &[]);
    let demo =
        Demo::new(|text| text.replace("  settings:\n", "  settings:\n    approval: {allow_yes: true}\n"));
    demo.run(0, &["--yes"]);
    assert_eq!(demo.state()["stage_outputs"]["approval"]["decisions"][0]["reason"], "--yes");
}

/// Puts an edit to the gate that waits.
fn modify(demo: &Demo, code: i32, edit: &str) -> String {
    std::fs::write(demo.path("edit.json"), edit).expect("written");
    expect(code, &["modify", &demo.text("run"), "--edit", &demo.text("edit.json")]).1
}

#[test]
fn p7_an_edit_cannot_put_words_into_the_mouths_of_models() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    let before = demo.json("artefacts/approved.json");
    for (edit, said) in [
        (r#"{"personas":{"corpus/2":{"confidence":7}}}"#, "`confidence` says what the models did"),
        (r#"{"personas":{"corpus/2":{"support":99,"models":["evil"]}}}"#, "cannot be set"),
        (
            r#"{"personas":{"corpus/2":{"traits":{"age":{"support":99}}}}}"#,
            "`support` says what the models did",
        ),
        (
            r#"{"narratives":{"corpus/1":{"text":"Jonas is a millionaire.","author":"pen"}}}"#,
            "`author` cannot be set",
        ),
        (r#"{"narratives":{"corpus/1":{"persona_id":"corpus/2"}}}"#, "`persona_id` cannot be set"),
        (
            r#"{"personas":{"corpus/1":{"age":22},"corpus/1":{"age":23}}}"#,
            "`corpus/1` stands in `personas` twice",
        ),
        (r#"{"personas":{"corpus/1":{"age":22,"age":23}}}"#, "`age` stands in `personas.corpus/1` twice"),
        ("[]", "it is no object"),
        ("{", "is no JSON"),
    ] {
        let told = modify(&demo, 3, edit);
        assert!(told.contains(said), "{edit}: {told}");
    }
    assert_eq!(demo.json("artefacts/approved.json"), before, "all of an edit or nothing of it");
    modify(&demo, 0, r#"{"narratives":{"corpus/1":{"text":"Jonas is a millionaire."}}}"#);
    expect(0, &["approve", &demo.text("run")]);
    demo.run(0, &[]);
    let report = std::fs::read_to_string(demo.path("run/report.md")).expect("written");
    let (_, jonas) = report.split_once("Jonas is a millionaire.").expect("the person's words");
    assert!(jonas.trim_start().starts_with("Narrative written by person."), "{report}");
    assert!(report.contains("uncalibrated confidence 0.83") && !report.contains("confidence 83"), "{report}");
    // Nothing waits any more, whatever the edit looks like.
    let told = modify(&demo, 2, "{");
    assert!(told.contains("`approval` was approved already"), "{told}");
}

#[test]
fn p7_what_is_edited_at_one_gate_is_there_at_the_next() {
    let demo = Demo::new(|text| {
        text.replace("synthesis, quality, approval, report]", "approval, synthesis, quality, second, report]")
            .replace("before: synthesis", "before: approval")
            .replace("  settings:\n", "  settings:\n    second: {kind: approval}\n")
    });
    demo.run(5, &[]);
    modify(&demo, 0, r#"{"personas":{"corpus/1":{"age":22}}}"#);
    expect(0, &["approve", &demo.text("run")]);
    let (shown, _) = demo.run(5, &[]);
    assert!(
        shown.contains("`second` waits") && shown.contains("Edits made before are in it: personas.corpus/1."),
        "{shown}"
    );
    let approved = demo.json("artefacts/approved.json");
    assert_eq!(approved["personas"][0]["traits"]["age"]["value"], 22);
    // The narrative was written from what the models say, and does not contradict the person.
    assert!(!approved["narratives"][0]["text"].as_str().expect("told").contains("21"), "{approved}");
    expect(0, &["approve", &demo.text("run")]);
    demo.run(0, &[]);
    let report = std::fs::read_to_string(demo.path("run/report.md")).expect("written");
    assert!(report.contains("Edited by a person at the approval: age is 22 (the models: 21)"), "{report}");
    let metrics = &demo.json("summary.json")["pipeline"];
    assert_eq!(
        (&metrics["approvals"], &metrics["modifications"]),
        (&json!(2), &json!(1)),
        "each counts once"
    );
}

#[test]
fn p7_a_gate_that_is_asked_again_keeps_edits_or_says_that_it_cannot() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    modify(&demo, 0, r#"{"personas":{"corpus/1":{"age":22}}}"#);
    let before = demo.json("artefacts/approved.json");
    let (shown, _) = demo.run(5, &["--redo", "approval"]);
    assert!(shown.contains("Edits made before are in it"), "{shown}");
    assert_eq!(demo.json("artefacts/approved.json"), before);
    // Other weights make other personas, and an id may be somebody else's.
    change(&demo, r#""replay:aurora", recording"#, r#""replay:aurora", weight: 3, recording"#);
    let (shown, said) = demo.run(5, &[]);
    for text in [&shown, &said] {
        assert!(text.contains("Edits made before are not in it (personas.corpus/1)"), "{shown}{said}");
    }
    assert_eq!(demo.json("artefacts/approved_before.json"), before);
    assert_eq!(demo.json("artefacts/approved.json")["edited"], json!([]));
}

#[test]
fn p7_of_decisions_at_the_same_time_one_is_made() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    let run = demo.text("run");
    let decide = |words: &[&str]| {
        let program = assert_cmd::cargo::cargo_bin("consona");
        let mut command = std::process::Command::new(program);
        command.args(words).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().expect("started")
    };
    let mut all: Vec<_> = (0..3)
        .flat_map(|_| [decide(&["approve", &run]), decide(&["reject", &run, "--reason", "no"])])
        .collect();
    let made = all.iter_mut().filter_map(|one| one.wait().ok()).filter(std::process::ExitStatus::success);
    assert_eq!(made.count(), 1);
    let gate = &demo.state()["stages"]["approval"];
    assert_eq!(gate["output"]["decisions"].as_array().map(Vec::len), Some(1), "{gate}");
}

#[test]
fn p7_yes_passes_a_gate_that_waits_already_and_a_rejection_has_a_reason() {
    let demo =
        Demo::new(|text| text.replace("  settings:\n", "  settings:\n    approval: {allow_yes: true}\n"));
    demo.run(5, &[]);
    modify(&demo, 0, r#"{"personas":{"corpus/1":{"age":22}}}"#);
    let (_, said) = expect(2, &["reject", &demo.text("run"), "--reason", " "]);
    assert!(said.contains("--reason is empty"), "{said}");
    demo.run(0, &["--yes"]);
    let decisions = demo.state()["stage_outputs"]["approval"]["decisions"].clone();
    assert_eq!((&decisions[0]["decision"], &decisions[1]["reason"]), (&json!("modify"), &json!("--yes")));
    assert_eq!(demo.json("artefacts/approved.json")["personas"][0]["traits"]["age"]["value"], 22);
}
