//! Gates: a run waits for a person, in any terminal, for as long as it takes.

mod staged;

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
    put(json!({"personas": {"corpus/9": {"kind": "minority"}}}));
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
