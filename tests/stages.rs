//! Stages as data, walked through the binary: order, groups, state, what each stage makes.

#[path = "stages/limits.rs"]
mod limits;

mod changed;
mod staged;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use changed::change;
use serde_json::{Value, json};
use staged::{DEMO, Demo, expect};

/// The stages that a run begins, in the order in which it does.
fn begun(demo: &Demo, code: i32, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["--progress", "json"];
    arguments.extend(more);
    let (_, said) = demo.run(code, &arguments);
    let events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let begun = events.filter(|event| event["event"] == "stage_started");
    begun.filter_map(|event| event["stage"].as_str().map(str::to_owned)).collect()
}

fn gone_through(demo: &Demo) {
    demo.run(5, &[]);
    expect(0, &["approve", &demo.text("run")]);
    demo.run(0, &[]);
}

#[test]
fn what_stages_will_ask_is_told_before_anything_is_paid_for() {
    let (shown, _) = expect(0, &["check", DEMO]);
    let told = shown.lines().filter(|line| line.starts_with("The stage ")).collect::<Vec<_>>();
    assert_eq!(told.len(), 2, "{shown}");
    assert!(
        told[0].starts_with("The stage review asks ") && told[0].contains("at most 1 call more"),
        "{shown}"
    );
}

#[test]
fn p1_the_usual_pipeline_makes_what_it_promises() {
    let demo = Demo::new(|text| text);
    gone_through(&demo);
    let outputs = demo.state()["stage_outputs"].clone();
    assert_eq!(outputs["consensus"]["consensus"], 3);
    // P4: one review, with the conflict that the panel left.
    assert_eq!((&outputs["review"]["reviews"], &outputs["review"]["conflicts"]), (&json!(1), &json!(1)));
    let review = demo.json("artefacts/review.json");
    assert_eq!(review[0]["reviewer"], "editor");
    assert_eq!(review[0]["review"]["conflicts"][0]["trait"], "tech_savviness");
    // P5: the planted sentence is removed, and listed apart.
    let narratives = demo.json("artefacts/narratives.json");
    let of = |id: &str| narratives.as_array().unwrap().iter().find(|told| told["persona_id"] == id).unwrap();
    assert_eq!(of("corpus/1")["author"], "pen");
    assert!(of("corpus/1")["text"].as_str().unwrap().contains("He is a student."));
    let removed = of("corpus/1")["narrative"]["removed"].to_string();
    assert!(removed.contains("sports car"), "{removed}");
    assert_eq!(of("corpus/4")["author"], Value::Null, "a minority persona is not written up");
    // Coverage: what nobody speaks for, by id.
    assert_eq!(outputs["coverage"]["rows"], 12);
    assert!(outputs["evidence"]["evidence"].as_u64().unwrap() > 0);
    assert!(outputs["quality"]["verdict"].is_string());
    let report = fs::read_to_string(demo.path("run/report.md")).unwrap();
    let backed =
        "47 % of the values of consensus personas (17 of 36) rest on a passage that stands in the source";
    assert!(report.contains(backed) && report.contains("42 of 42 cited passages were found"), "{report}");
    assert!(
        report.contains("# Review")
            && report.contains("# Checks")
            && report.contains("Removed, for no trait"),
        "{report}"
    );
}

#[test]
fn g7_a_study_without_stages_leaves_what_it_always_left() {
    let demo = Demo::new(|text| text.split("\nstages:").next().unwrap().to_owned());
    demo.run(0, &[]);
    let mut names: Vec<String> = fs::read_dir(demo.path("run"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with("run."))
        .collect();
    names.sort();
    let expected = [
        "consensus.jsonl",
        "drafts.jsonl",
        "metrics.json",
        "personas.csv",
        "personas.md",
        "report.html",
        "results.jsonl",
        "set_aside.jsonl",
        "summary.json",
    ];
    assert_eq!(names, expected);
    assert!(demo.json("summary.json").get("pipeline").is_none());
    let staged = Demo::new(|text| text);
    staged.run(5, &[]);
    let read = |demo: &Demo, name: &str| fs::read(demo.path("run").join(name)).unwrap();
    for name in ["consensus.jsonl", "personas.csv", "personas.md", "drafts.jsonl"] {
        assert_eq!(read(&demo, name), read(&staged, name), "{name}: stages change no consensus");
    }
}

#[test]
fn g2_a_wrong_pipeline_is_refused_with_file_line_and_reason_before_anything_is_asked() {
    let demo =
        Demo::new(|text| text.replace("[review, coverage, evidence], before", "[review, coverag], before"));
    let (_, said) = demo.run(3, &[]);
    assert!(said.contains("study.yaml` line 32: `parallel_groups.checks.stages`"), "{said}");
    assert!(said.contains("`coverag` is not in `stage_order`"), "{said}");
    assert!(!demo.path("run").exists());
    let (_, said) = expect(3, &["plan", &demo.text("study.yaml")]);
    assert!(said.contains("`coverag`"), "{said}");
}

#[test]
fn g6_stages_are_drawn_with_what_goes_at_the_same_time() {
    let (shown, _) = expect(0, &["plan", DEMO]);
    assert!(
        shown.contains("┌ checks: at the same time\n  │ review: needs personas; makes review; asks editor"),
        "{shown}"
    );
    let (shown, _) = expect(0, &["plan", DEMO, "--mermaid"]);
    assert!(shown.starts_with("flowchart TD\n") && shown.contains("subgraph g2[\"checks\"]"), "{shown}");
    let (shown, _) = expect(0, &["plan", DEMO, "--json"]);
    let plan: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(plan["stages"][2]["settings"]["timeout_seconds"], 15.0);
    let (shown, _) = expect(0, &["plan", "data/demo/study.yaml"]);
    assert!(shown.contains("no section `stages`"), "{shown}");
}

/// The demo with two programs in a group, and no gate.
fn with_programs(one: &str, other: &str) -> Demo {
    Demo::new(|text| {
        let stages = text.find("\nstages:").expect("a staged demo");
        let program = |script: &str| {
            format!(
                "{{kind: command, requires: [personas], retries: 0, timeout: 60, run: [sh, -c, '{script}']}}"
            )
        };
        format!(
            "{}\nstages:\n  stage_order: [panel, consensus, one, other, report]\n  parallel_groups: {{pair: {{stages: [one, other]}}}}\n  settings:\n    one: {}\n    other: {}\n",
            &text[..stages],
            program(one),
            program(other)
        )
    })
}

#[test]
fn g1_stages_of_a_group_go_at_the_same_time_and_g6_it_is_told() {
    // Each program waits until the other has begun: one after the other they would run out of time.
    let meet = |own: &str, other: &str| {
        format!("touch {own}.began; while [ ! -e {other}.began ]; do sleep 0.05; done; echo {{}}")
    };
    let demo = with_programs(&meet("one", "other"), &meet("other", "one"));
    let (_, said) = demo.run(2, &[]);
    assert!(said.contains("--allow-commands"), "{said}");
    let (_, said) = demo.run(0, &["--allow-commands", "--progress", "json"]);
    let events: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |event: &str, stage: &str| {
        events.iter().position(|said| said["event"] == event && said["stage"] == stage).expect(stage)
    };
    assert!(at("stage_started", "other") < at("stage_ended", "one"), "{said}");
    assert!(at("stage_started", "one") < at("stage_ended", "other"), "{said}");
    assert_eq!(events[at("stage_started", "one")]["group"], "pair");
}

#[test]
fn g3_a_siblings_failure_cancels_nobody_and_only_it_is_done_again() {
    let demo = with_programs("test -e mended || { echo broken >&2; exit 3; }; echo {}", "sleep 0.3; echo 7");
    let (_, said) = demo.run(6, &["--allow-commands"]);
    assert!(said.contains("stage one failed") && said.contains("broken"), "{said}");
    let state = demo.state();
    assert_eq!(state["stages"]["one"]["status"], "failed");
    assert_eq!(state["stages"]["other"]["status"], "completed");
    assert_eq!(demo.json("artefacts/other.json"), json!(7));
    fs::write(demo.path("mended"), "").unwrap();
    demo.run(0, &["--allow-commands"]);
    let after = demo.state();
    for stage in ["panel", "consensus", "other"] {
        assert_eq!(after["stages"][stage]["ended_ms"], state["stages"][stage]["ended_ms"], "{stage}");
    }
}

#[cfg(unix)]
#[test]
fn g4_a_run_killed_in_a_group_resumes_with_the_incomplete_stage_only() {
    let demo = with_programs("test -e seen && { echo 1; exit; }; touch seen; exec sleep 50", "echo 2");
    let (study, out) = (demo.text("study.yaml"), demo.text("run"));
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("consona"))
        .args(["run", &study, "--out", &out, "--allow-commands"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let state = || fs::read_to_string(demo.path("run/orchestration_state.json")).ok();
    let ready = || {
        let state: Option<Value> = state().and_then(|text| serde_json::from_str(&text).ok());
        demo.path("seen").exists()
            && state.is_some_and(|state| state["stages"]["other"]["status"] == "completed")
    };
    while !ready() {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = demo.state();
    assert_eq!(before["stages"]["one"]["status"], "running");
    assert_eq!(
        (&before["current_stage"], &before["parallel_group_status"]["pair"]["status"]),
        (&json!("one"), &json!("running"))
    );
    demo.run(0, &["--allow-commands"]);
    let after = demo.state();
    for stage in ["panel", "consensus", "other"] {
        assert_eq!(after["stages"][stage], before["stages"][stage], "{stage} is not done again");
    }
    assert_eq!(demo.json("artefacts/one.json"), json!(1));
}

#[test]
fn p2_a_model_that_does_not_answer_gives_a_partial_result_with_id_and_error() {
    let demo = Demo::new(|text| {
        text.replace("min_success_ratio", "")
            .replace("review: {model: editor}", "review: {model: editor}\n    quality: {rework: 0}")
    });
    // `pen` never learned of one persona, and `editor`, its fallback, of none.
    let recording = fs::read_to_string(demo.path("stages.jsonl")).unwrap();
    let fewer: Vec<&str> = recording.lines().filter(|line| !line.contains("\"corpus/3\"")).collect();
    fs::write(demo.path("stages.jsonl"), fewer.join("\n")).unwrap();
    let (shown, said) = demo.run(4, &[]);
    assert!(
        said.contains("stage synthesis failed: 2 of 3 questions were answered; corpus/3:"),
        "{shown}{said}"
    );
    let state = demo.state();
    assert_eq!(state["stages"]["synthesis"]["output"]["missing"][0]["id"], "corpus/3");
    // With a smaller share it is enough, and nothing that is stored is asked again.
    let study = fs::read_to_string(demo.path("study.yaml")).unwrap();
    fs::write(
        demo.path("study.yaml"),
        study.replace("fallback: editor", "fallback: editor, min_success_ratio: 0.5"),
    )
    .unwrap();
    demo.run(5, &[]);
    let output = demo.state()["stage_outputs"]["synthesis"].clone();
    assert_eq!((&output["by_model"], &output["missing"][0]["id"]), (&json!(2), &json!("corpus/3")));
}

#[test]
fn p11_a_missing_requirement_is_an_error_before_the_first_call() {
    let demo = Demo::new(|text| {
        text.replace("stage_order: [panel, consensus, review", "stage_order: [consensus, panel, review")
    });
    let (_, said) = demo.run(3, &[]);
    assert!(said.contains("`consensus` needs `drafts`") && said.contains("move `panel` before it"), "{said}");
    assert!(!demo.path("run").exists());
}

#[test]
fn p12_logs_are_json_under_opentelemetrys_names() {
    let demo = Demo::new(|text| text);
    let (_, said) = demo.run(5, &["--log", "json", "--progress", "plain"]);
    // Every line is JSON, also those about progress.
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let call = lines.iter().find(|line| line["gen_ai.request.model"] == "editor").expect(&said);
    assert_eq!(call["gen_ai.operation.name"], "chat");
    assert_eq!(
        (&call["gen_ai.usage.input_tokens"], &call["gen_ai.usage.output_tokens"]),
        (&json!(2100), &json!(180))
    );
    assert!(lines.iter().any(|line| line["consona.stage.name"] == "coverage"), "{said}");
}

#[test]
fn p3_a_panel_below_its_quorum_is_asked_once_more_one_by_one() {
    let demo =
        Demo::new(|text| format!("{text}\nquorum: {{min_success_ratio: 0.9}}\nretry: {{max_attempts: 1}}\n"));
    let recordings = fs::read_to_string(demo.path("recordings.jsonl")).unwrap();
    let down = r#"{"record": "corpus", "model": "cinder", "failures": [{"status": 500}]}"#;
    fs::write(demo.path("recordings.jsonl"), format!("{down}\n{recordings}")).unwrap();
    demo.run(5, &[]);
    let panel = &demo.state()["stages"]["panel"];
    assert_eq!((&panel["status"], &panel["output"]["answered"]), (&json!("completed"), &json!(3)), "{panel}");
}

#[test]
fn p9_p12_what_each_call_took_and_what_the_run_used_is_told() {
    let demo = Demo::new(|text| text);
    let (_, said) = demo.run(5, &["--log", "json", "--progress", "plain"]);
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let calls: Vec<&Value> = lines.iter().filter(|line| line["message"] == "call").collect();
    assert!(calls.iter().any(|call| call["consona.answer.bytes"].as_u64() > Some(100)), "{said}");
    assert!(calls.iter().any(|call| call["error.type"].is_string()), "basalt fails once: {said}");
    let used = &demo.json("metrics.json")["resources"];
    assert!(used["database_bytes"].as_u64() > Some(10_000), "{used}");
    if cfg!(target_os = "linux") {
        assert!(used["peak_memory_bytes"].as_u64() > Some(1 << 20), "{used}");
    }
}

#[test]
fn w8_figures_of_the_pipeline_stand_in_the_summary() {
    let demo = Demo::new(|text| text);
    gone_through(&demo);
    let metrics = demo.json("summary.json")["pipeline"].clone();
    assert_eq!(metrics["stages"].as_array().unwrap().len(), 9);
    // Panel 3 (basalt fails once), review 1, synthesis 3: six of seven at the first attempt.
    let share = metrics["success_without_retry"].as_f64().unwrap();
    assert!((share - 6.0 / 7.0).abs() < 1e-9, "{metrics}");
    for key in ["wall_ms", "coordination_overhead_ms", "time_saved_ms"] {
        assert!(metrics[key].is_u64(), "{key}: {metrics}");
    }
    assert!(metrics["synthesis_quality"].as_f64().unwrap() < 1.0, "one sentence was removed: {metrics}");
}

#[test]
fn w8_figures_of_the_pipeline_survive_a_recomputation() {
    let demo = Demo::new(|text| text);
    // Before the gate, with a stage that has not begun, and after it.
    demo.run(5, &[]);
    let (waiting, recompute) = (demo.json("summary.json"), || {
        expect(0, &["consensus", &demo.text("run"), "--recompute", "--no-report"]);
        demo.json("summary.json")
    });
    assert_eq!(waiting["pipeline"]["stages"][8]["status"], "pending", "{waiting}");
    assert_eq!(recompute(), waiting);
    expect(0, &["approve", &demo.text("run")]);
    demo.run(0, &[]);
    let complete = demo.json("summary.json");
    assert_ne!(complete["pipeline"], waiting["pipeline"]);
    fs::remove_file(demo.path("run/summary.json")).unwrap();
    assert_eq!(recompute(), complete);
}

#[test]
fn g5_a_state_file_of_an_earlier_form_is_read_where_the_database_has_none() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    let outputs = demo.state()["stage_outputs"].clone();
    // The same run folder as an earlier program would have left it: a flat file, no table.
    let database = rusqlite::Connection::open(demo.path("run/run.sqlite")).unwrap();
    let earlier = "DROP VIEW in_batches; DROP TABLE batch_calls; DROP TABLE batches; DROP TABLE stages; DROP TABLE seals;
        PRAGMA user_version = 2;";
    database.execute_batch(earlier).unwrap();
    drop(database);
    let mut older = outputs.clone();
    for later in ["synthesis", "quality", "approval"] {
        older.as_object_mut().unwrap().remove(later);
    }
    let older = json!({"current_stage": "synthesis", "stage_outputs": older}).to_string();
    fs::write(demo.path("run/orchestration_state.json"), older).unwrap();
    let begun = begun(&demo, 5, &[]);
    assert_eq!(begun, ["synthesis", "quality", "approval"]);
}

#[test]
fn p10_only_what_is_uncertain_is_asked_again_and_what_it_cost_and_gained_is_told() {
    let demo = Demo::new(|_| {
        "name: again
question: Who is this?
input: {path: rows.csv, unit: record}
personas: {min: 1, max: 1}
panel:
  - {model: 'replay:a', recording: drafts.jsonl}
  - {model: 'replay:b', recording: drafts.jsonl}
  - {model: 'replay:c', recording: drafts.jsonl}
schema: {traits: [{name: occupation, kind: text}, {name: town, kind: text}]}
stages:
  stage_order: [panel, consensus]
  adaptive: {uncertain_above: 30, ask_again_rounds: 1}
"
        .to_owned()
    });
    fs::write(demo.path("rows.csv"), "id,text\nclear,She is a nurse in Paris\nvague,They said little\n")
        .unwrap();
    let mut drafts: Vec<String> = Vec::new();
    let mut draft = |record: &str, model: &str, sample: u32, occupation: &str, town: &str| {
        let persona = json!({"occupation": occupation, "town": town});
        drafts.push(
            json!({"record": record, "model": model, "sample": sample, "persona": persona}).to_string(),
        );
    };
    for (model, occupation, town) in
        [("a", "plumber", "Rome"), ("b", "violinist", "Oslo"), ("c", "baker", "Lima")]
    {
        draft("clear", model, 0, "nurse", "Paris");
        draft("vague", model, 0, occupation, town);
        draft("vague", model, 1, "baker", "Lima");
    }
    fs::write(demo.path("drafts.jsonl"), drafts.join("\n")).unwrap();
    demo.run(0, &[]);
    let adaptive = demo.state()["stage_outputs"]["consensus"]["adaptive"].clone();
    let round = &adaptive["rounds"][0];
    assert_eq!(adaptive["records"], json!([["vague"]]), "{adaptive}");
    assert!(round["after"].as_f64() < round["before"].as_f64(), "{adaptive}");
    assert!(round["cost"].is_number() && adaptive["stopped"].is_string(), "{adaptive}");
    let results = fs::read_to_string(demo.path("run/results.jsonl")).unwrap();
    let asked: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let again =
        |record: &str| asked.iter().filter(|call| call["record"] == record && call["sample"] == 1).count();
    assert_eq!((again("clear"), again("vague")), (0, 3));
    // Nothing is done twice on the next sitting.
    let before = demo.state();
    demo.run(0, &[]);
    assert_eq!(demo.state()["stages"], before["stages"]);
}

#[test]
fn p8_a_stage_is_done_again_when_what_it_is_made_from_changes_or_by_hand() {
    let demo = Demo::new(|text| text);
    assert_eq!(begun(&demo, 5, &[]).len(), 8);
    assert!(begun(&demo, 5, &[]).is_empty(), "nothing has changed");
    // A parameter: the recorded answers are the same, so nothing rests on another result.
    change(&demo, "name: pen, recording", "name: pen, temperature: 0.9, recording");
    assert_eq!(begun(&demo, 5, &[]), ["synthesis"]);
    // Who is asked next.
    change(&demo, ", fallback: editor", "");
    assert_eq!(begun(&demo, 5, &[]), ["synthesis"]);
    // Another model under the same name says something else, which is checked and asked about.
    let recording = fs::read_to_string(demo.path("stages.jsonl")).unwrap();
    let other = recording
        .replace(r#""model": "pen""#, r#""model": "quill""#)
        .replace("He is a student.", "He studies.");
    fs::write(demo.path("stages.jsonl"), other).unwrap();
    change(&demo, r#""replay:pen", name: pen"#, r#""replay:quill", name: pen"#);
    assert_eq!(begun(&demo, 5, &[]), ["synthesis", "quality", "approval"]);
    // The schema: what models say is read another way, and the stages look at it.
    change(&demo, "levels: [low, medium, high]", "levels: [low, medium, high]\n      weight: 2");
    let again = begun(&demo, 5, &[]);
    assert!(again.contains(&"consensus".to_owned()) && again.contains(&"review".to_owned()), "{again:?}");
    assert!(!again.contains(&"panel".to_owned()), "{again:?}");
    // By hand.
    assert_eq!(begun(&demo, 5, &["--redo", "coverage"])[0], "coverage");
    // The input.
    let rows = fs::read_to_string(demo.path("interviews.jsonl")).unwrap();
    let fewer: Vec<&str> = rows.lines().skip(1).collect();
    fs::write(demo.path("interviews.jsonl"), fewer.join("\n")).unwrap();
    assert_eq!(begun(&demo, 5, &[])[..2], ["panel", "consensus"]);
}

#[test]
fn p8_a_changed_program_is_run_again() {
    let demo = with_programs("true; . ./prog.sh", "echo 2");
    change(&demo, "run: [sh, -c, 'true; . ./prog.sh']", "run: [sh, prog.sh]");
    fs::write(demo.path("prog.sh"), "echo 1").unwrap();
    demo.run(0, &["--allow-commands"]);
    fs::write(demo.path("prog.sh"), "echo 7").unwrap();
    assert_eq!(begun(&demo, 0, &["--allow-commands"]), ["one"]);
    assert_eq!(demo.json("artefacts/one.json"), json!(7));
}

#[test]
fn p4_the_review_comes_when_all_drafts_are_there() {
    let demo = Demo::new(|text| text);
    let (_, said) = demo.run(5, &["--progress", "json"]);
    let events: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |event: &str, stage: &str| {
        events.iter().position(|said| said["event"] == event && said["stage"] == stage).expect(stage)
    };
    assert!(at("stage_ended", "panel") < at("stage_started", "review"), "{said}");
    assert!(at("stage_ended", "review") < at("stage_started", "synthesis"), "{said}");
    let ended = &demo.state()["stages"]["panel"]["output"];
    assert_eq!(ended["answered"], 3, "{ended}");
}
