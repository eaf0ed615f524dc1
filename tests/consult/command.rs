//! `consona consult`, as a person gives it.

use super::*;

fn consona(state: &Path) -> Command {
    let mut command = Command::cargo_bin("consona").unwrap();
    command.arg("consult").arg("--state").arg(state);
    command
}

fn demo(state: &Path, question: &str, models: &[&str]) -> Command {
    let mut command = consona(state);
    command.args([question, "--recording", DEMO]);
    for model in models {
        command.args(["--model", model]);
    }
    command
}

fn json_of(command: &mut Command, code: i32) -> Value {
    let output = command.arg("--json").assert().code(code).get_output().clone();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn c2_results_have_the_promised_fields_and_no_others() {
    let state = tempfile::tempdir().unwrap();
    let models = ["replay:aurora:for", "replay:cinder"];
    let answer = json_of(&mut demo(state.path(), "Open until eleven?", &models), 0);
    let results = answer["results"].as_array().unwrap();
    for result in results {
        let mut fields: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["content", "error_message", "latency_ms", "model", "stance", "status"]);
        assert!(result["latency_ms"].is_u64());
    }
    assert_eq!(
        (&results[0]["model"], &results[0]["stance"], &results[0]["status"], &results[0]["error_message"]),
        (&json!("replay:aurora"), &json!("for"), &json!("success"), &Value::Null)
    );
    assert_eq!(
        (&results[1]["stance"], &results[1]["status"], &results[1]["content"]),
        (&json!("neutral"), &json!("error"), &Value::Null)
    );
}

#[test]
fn c3_all_models_failing_is_an_error_with_an_exit_code_of_its_own() {
    let state = tempfile::tempdir().unwrap();
    let answer = json_of(&mut demo(state.path(), "Open?", &["replay:cinder", "replay:nobody"]), 4);
    assert_eq!((&answer["status"], &answer["synthesis"]), (&json!("error"), &Value::Null));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 2);
    assert_eq!(answer["errors"][0]["model"], json!("replay:cinder"));
}

#[test]
fn c4_the_same_model_and_stance_twice_is_refused_before_anybody_is_asked() {
    let state = tempfile::tempdir().unwrap();
    let models = ["replay:aurora", "replay:aurora:neutral"];
    let output = demo(state.path(), "Open?", &models).assert().code(2).get_output().clone();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("`replay:aurora` with the stance `neutral` is named twice"), "{told}");
}

#[test]
fn c6_a_continuation_id_carries_the_consultation_on() {
    let state = tempfile::tempdir().unwrap();
    let first = json_of(&mut demo(state.path(), "Open?", &["replay:aurora:for", "replay:basalt:against"]), 0);
    let id = first["continuation_id"].as_str().unwrap();
    let mut next = demo(state.path(), "Would a trial help?", &[]);
    let second = json_of(next.args(["--continue", id]), 0);
    assert_eq!(second["results"][0]["stance"], json!("for"), "the same voices, unnamed");
    assert!(second["results"][0]["content"].as_str().unwrap().starts_with("Yes. A trial"));
    assert_ne!(second["continuation_id"], first["continuation_id"]);
    for wrong in ["../../etc/passwd", "00000000000000000000000000000000"] {
        demo(state.path(), "On?", &[]).args(["--continue", wrong]).assert().code(2);
    }
}

/// The lines of a consultation at a level, without the time and the level before each.
fn logged(level: &str, further: &[&str]) -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let mut command = demo(state.path(), "Open?", &["replay:aurora:for", "replay:cinder"]);
    let command = command.env("CONSONA_LOG", level).arg("--quiet").args(further);
    let told = String::from_utf8(command.assert().success().get_output().stderr.clone()).unwrap();
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let lines = told.lines().filter_map(|line| Some(&line[line.find("consensus ")?..]));
    lines
        .map(|line| match line.split_once("latency=") {
            Some((before, after)) if digits(after) => format!("{before}latency=…"),
            _ => line.to_owned(),
        })
        .collect()
}

#[test]
fn c7_debug_lines_tell_the_dispatch_and_nothing_is_new_at_info() {
    let mut lines = logged("consona=debug", &[]);
    // The models answer at the same time.
    lines[1..3].sort_unstable();
    let expected = [
        "consensus dispatch models=[replay:aurora (for), replay:cinder]",
        "consensus model=replay:aurora (for) status=success latency=…",
        "consensus model=replay:cinder status=error latency=…",
        "consensus aggregation success=1 error=1",
    ];
    assert_eq!(lines, expected);
    let mut written = logged("consona=debug", &["--synthesise-with", "replay:basalt"]);
    written[1..3].sort_unstable();
    assert_eq!(written[..4], expected, "the model that writes is asked after them");
    assert_eq!(written[4], "consensus dispatch models=[replay:basalt]");
    assert_eq!(logged("consona=info", &[]), Vec::<String>::new());
}

#[test]
fn c6_what_was_said_to_one_endpoint_goes_to_no_other() {
    let state = tempfile::tempdir().unwrap();
    let closed = |port: u16| format!("http://127.0.0.1:{port}/v1");
    let ask = |further: &[&str]| {
        let mut command = consona(state.path());
        command.args(["Open?", "--model", "vllm:m", "--key-env", "none", "--timeout", "5"]).args(further);
        command
    };
    let first = json_of(&mut ask(&["--base-url", &closed(9)]), 4);
    let id = first["continuation_id"].as_str().unwrap();
    let elsewhere = ask(&["--base-url", &closed(10), "--continue", id]).assert().code(2).get_output().clone();
    let told = String::from_utf8(elsewhere.stderr).unwrap();
    assert!(told.contains("`vllm:m` was asked at http://127.0.0.1:9/v1 (openai)"), "{told}");
    json_of(&mut ask(&["--base-url", &closed(9), "--continue", id]), 4);
}

#[test]
fn c6_what_could_not_be_carried_on_is_not_asked() {
    let state = tempfile::tempdir().unwrap();
    let long = state.path().join("long.txt");
    std::fs::write(&long, vec![b'a'; 16 * 1024 * 1024 - 100]).unwrap();
    let mut command = demo(state.path(), "Open?", &["replay:aurora"]);
    let told = command.arg("--file").arg(&long).assert().code(2).get_output().clone();
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("above the 16 MiB of a consultation"), "{told}");
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 1, "nothing is kept");
    let image = state.path().join("image.png");
    std::fs::write(&image, [0x89, 0xff, 0xfe]).unwrap();
    let mut command = demo(state.path(), "Open?", &["replay:aurora"]);
    let told = command.arg("--file").arg(&image).assert().code(2).get_output().clone();
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("is no text in UTF-8"), "{told}");
}

#[test]
fn c9_what_the_providers_tell_stands_beside_the_answers() {
    let state = tempfile::tempdir().unwrap();
    let models = ["replay:aurora:for", "replay:cinder"];
    let answer = json_of(&mut demo(state.path(), "Open until eleven?", &models), 0);
    let told = answer["metadata"].as_array().unwrap();
    let mut fields: Vec<&str> = told[0].as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "attempts",
            "cost",
            "finish_reason",
            "input_tokens",
            "latency_ms",
            "model",
            "output_tokens",
            "provider",
            "response_model",
            "stance"
        ]
    );
    assert_eq!((&told[0]["model"], &told[0]["stance"]), (&json!("replay:aurora"), &json!("for")));
    assert_eq!((&told[0]["finish_reason"], &told[0]["attempts"]), (&json!("stop"), &json!(1)));
    assert_eq!((&told[1]["model"], &told[1]["finish_reason"]), (&json!("replay:cinder"), &Value::Null));
    assert_eq!(answer["cost"], json!(0.0), "recordings cost nothing");
}

#[test]
fn files_reach_the_models_and_contradictions_are_shown_with_both_sides() {
    let state = tempfile::tempdir().unwrap();
    let notes = state.path().join("notes.md");
    std::fs::write(&notes, "Visitors after eight: 41.").unwrap();
    let mut command =
        demo(state.path(), "Open until eleven?", &["replay:aurora:for", "replay:basalt:against"]);
    let answer = json_of(command.arg("--file").arg(&notes), 0);
    let agreement = &answer["agreement"];
    assert!(agreement["claims"][0]["support"] == json!(2), "{agreement}");
    assert_eq!(agreement["contradictions"].as_array().unwrap().len(), 1, "{agreement}");
    let id = answer["continuation_id"].as_str().unwrap();
    let kept = std::fs::read_to_string(state.path().join(format!("{id}.json"))).unwrap();
    assert!(kept.contains("Visitors after eight: 41.") && kept.contains("<data>"));
}

#[test]
fn a_panel_can_be_taken_from_a_study() {
    let state = tempfile::tempdir().unwrap();
    let recording = std::path::absolute(DEMO).unwrap();
    let study = state.path().join("study.yaml");
    let member = |name: &str, stance: &str| {
        format!(
            "  - {{model: 'replay:{name}', name: {name}, stance: {stance}, recording: '{}'}}\n",
            recording.display()
        )
    };
    let text = format!(
        "name: x\ninput: {{path: none.csv}}\npanel:\n{}{}",
        member("aurora", "for"),
        member("basalt", "neutral")
    );
    std::fs::write(&study, text).unwrap();
    let whole = json_of(consona(state.path()).arg("Open?").arg("--panel").arg(&study), 0);
    assert_eq!(whole["results"][0]["model"], json!("aurora"));
    assert_eq!(whole["results"][0]["stance"], json!("for"));
    let mut one = consona(state.path());
    let one = json_of(one.arg("Open?").arg("--panel").arg(&study).args(["--model", "basalt:against"]), 0);
    assert_eq!(one["results"][0]["stance"], json!("against"));
    consona(state.path())
        .arg("Open?")
        .arg("--panel")
        .arg(&study)
        .args(["--model", "cinder"])
        .assert()
        .code(2);
}

#[test]
fn a_voice_is_read_from_a_transcript_as_it_was_written() {
    let voice = Voice { model: "a".to_owned(), stance: Stance::For, stance_prompt: None };
    let written = serde_json::to_value(&voice).unwrap();
    assert_eq!(written, json!({"model": "a", "stance": "for"}));
    assert_eq!(serde_json::from_value::<Voice>(written).unwrap(), voice);
}
