//! What stages may take and what programs may do.

use super::*;

/// The demo with a reviewer at an address where somebody listens and never answers.
fn with_a_silent_reviewer(settings: &str) -> (Demo, std::net::TcpListener) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let demo = Demo::new(|text| {
        text.replace(
            r#"{model: "replay:editor", name: editor, recording: stages.jsonl}"#,
            &format!(r#"{{model: "vllm:x", name: editor, base_url: "http://{address}/v1"}}"#),
        )
        .replace("review: {model: editor}", &format!("review: {{model: editor, {settings}}}"))
    });
    (demo, listener)
}

#[test]
fn p2_the_limit_of_a_stage_is_kept_by_whoever_asks_for_it() {
    let (demo, _listener) = with_a_silent_reviewer("timeout: 0.5, retries: 0");
    let (_, said) = demo.run(4, &[]);
    // The provider's own words; the executor, which would give it a second more, knows of no limits.
    assert!(said.contains("stage review failed") && said.contains("limit of 0.5 s"), "{said}");
}

#[test]
fn a_quiet_run_still_says_what_failed() {
    let (demo, _listener) = with_a_silent_reviewer("timeout: 0.2, retries: 0");
    let (shown, said) = demo.run(4, &["-q"]);
    assert_eq!(shown, "");
    assert!(said.starts_with("stage review failed: ") && said.contains("--redo review"), "{said}");
}

#[test]
fn a_program_is_told_where_the_run_is_wherever_it_is_run() {
    let demo = with_programs("cat > input.json; echo {}", "echo null");
    let run = Command::new(assert_cmd::cargo::cargo_bin("consona"))
        .args(["run", "study.yaml", "--out", "run", "--allow-commands"])
        .current_dir(demo.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(6), "{said}");
    assert!(said.contains("stage other failed: the program's answer is `null`"), "{said}");
    let input: Value = serde_json::from_slice(&fs::read(demo.path("input.json")).unwrap()).unwrap();
    assert_eq!((&input["stage"], &input["round"]), (&json!("one"), &json!(0)));
    let folder = std::path::PathBuf::from(input["run_folder"].as_str().unwrap());
    assert!(folder.is_absolute() && folder.join("run.sqlite").exists(), "{}", folder.display());
    assert!(input["artefacts"]["personas"].is_array());
}

#[test]
fn g2_a_program_cannot_write_over_what_the_engine_makes() {
    let demo = with_programs("echo []", "echo 2");
    change(
        &demo,
        "requires: [personas], retries: 0, timeout: 60, run: [sh, -c, 'echo []']",
        "produces: [personas], run: [sh, -c, 'echo []']",
    );
    let (_, said) = demo.run(3, &["--allow-commands"]);
    assert!(said.contains("study.yaml` line ") && said.contains("`one` cannot make `personas`"), "{said}");
}
