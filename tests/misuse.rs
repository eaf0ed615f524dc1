//! What people get wrong is answered with a reason, not with a hang or a guess.
#![cfg(feature = "cli")]

use std::fs;
use std::process::{Command, Output};

fn consona(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_consona")).args(arguments).output().expect("starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const STUDY: &str = "name: x\ninput: {path: notes.csv, unit: record}\npanel:\n";

#[test]
fn more_threads_than_a_machine_has_are_refused_before_they_are_begun() {
    let refused = consona(&["--threads", "100000", "check", "study.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("100000 is not in 1..=1024"), "{}", stderr(&refused));
}

#[test]
fn rows_of_nothing_are_set_aside_and_nobody_is_asked_about_them() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("notes.csv"), "id,note\n,\nb,I bake\nc,\n").expect("written");
    fs::write(path("r.jsonl"), r#"{"record":"b","model":"a","persona":{"age":30}}"#).expect("written");
    let study = path("study.yaml");
    fs::write(&study, format!("{STUDY}  - {{model: 'replay:a', recording: r.jsonl}}\n")).expect("written");
    let checked = consona(&["check", &study.to_string_lossy()]);
    let (told, said) = (String::from_utf8_lossy(&checked.stdout).into_owned(), stderr(&checked));
    assert!(told.contains("1 record (2 set aside)"), "{told}");
    assert!(said.contains("notes.csv:4") && said.contains("`c`") && said.contains("is empty"), "{said}");
}

#[test]
fn data_goes_to_another_machine_in_the_clear_only_when_the_study_says_so() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("notes.csv"), "id,note\nb,I bake\n").expect("written");
    let study = path("study.yaml");
    let member = "  - {model: 'mine:m', dialect: openai, base_url: 'http://192.0.2.1/v1', api_key_env: none";
    fs::write(&study, format!("{STUDY}{member}}}\n")).expect("written");
    let refused = consona(&["check", &study.to_string_lossy()]);
    assert_eq!(refused.status.code(), Some(3));
    let said = stderr(&refused);
    assert!(said.contains("your data would be sent to `192.0.2.1` without TLS"), "{said}");
    fs::write(&study, format!("{STUDY}{member}, allow_insecure_http: true}}\n")).expect("written");
    assert_eq!(consona(&["check", &study.to_string_lossy()]).status.code(), Some(0));
}
