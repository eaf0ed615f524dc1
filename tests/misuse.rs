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

/// A folder with data, a recording of one model, and studies about them.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("folder"));
        bench.write("notes.csv", "id,note\na,I bake\nb,I read\n");
        let answer = |id: &str| format!(r#"{{"record":"{id}","model":"a","persona":{{"age":30}}}}"#);
        bench.write("r.jsonl", &format!("{}\n{}\n", answer("a"), answer("b")));
        bench.write("study.yaml", &format!("{STUDY}{MEMBER}"));
        bench
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("written");
    }

    fn here(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consona"));
        command.current_dir(self.0.path()).args(arguments).output().expect("starts")
    }

    /// What is said of a command that is refused with an exit code.
    fn refused(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.here(arguments);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        told
    }

    /// What `check` says of the study with something added.
    fn of_study(&self, more: &str) -> String {
        self.write("wrong.yaml", &format!("{STUDY}{MEMBER}{more}"));
        self.refused(&["check", "wrong.yaml"], 3)
    }
}

const MEMBER: &str = "  - {model: 'replay:a', recording: r.jsonl}\n";

#[test]
fn a_study_is_neither_drafts_nor_data() {
    let bench = Bench::new();
    for arguments in [
        &["consensus", "study.yaml", "--out", "c"][..],
        &["embed", "study.yaml", "--field", "text", "--out", "v.npy"],
    ] {
        let told = bench.refused(arguments, 3);
        assert!(told.contains("`study.yaml` is YAML") && told.contains("consona run study.yaml"), "{told}");
    }
}

#[test]
fn a_stage_is_not_done_again_in_a_study_without_stages() {
    let bench = Bench::new();
    let told = bench.refused(&["run", "study.yaml", "--redo", "review", "--out", "o"], 2);
    assert!(told.contains("--redo review: the study has no `stages`"), "{told}");
}

#[test]
fn a_run_needs_a_folder_and_results_get_the_one_that_is_missing() {
    let bench = Bench::new();
    for out in ["notes.csv", "notes.csv/below"] {
        let told = bench.refused(&["run", "study.yaml", "--out", out], 2);
        assert!(told.contains("`notes.csv` is a file, and a folder is needed"), "{told}");
    }
    let embedded = bench.here(&["embed", "notes.csv", "--field", "note", "--out", "new/folder/v.npy"]);
    assert_eq!(embedded.status.code(), Some(0), "{}", stderr(&embedded));
    let blocked = bench.refused(&["embed", "notes.csv", "--field", "note", "--out", "notes.csv/v.npy"], 2);
    assert!(!blocked.contains(".consona-"), "{blocked}");
}

#[test]
fn what_is_wrong_in_a_study_is_told_with_its_file_and_its_line() {
    let bench = Bench::new();
    for (more, told) in [
        ("personas: {min: 3, max: 2}\n", "`wrong.yaml` line 5: `personas.min`"),
        ("quorum:\n  min_models: 4\n", "`wrong.yaml` line 6: `quorum.min_models`"),
        ("weights:\n  goals: 1\n  gaols: 1\n", "`wrong.yaml` line 7: `weights.gaols`"),
        ("embedder: {model: nowhere}\n", "`wrong.yaml` line 5: `embedder`"),
        (
            "clustering: kmeans\n",
            "`wrong.yaml` line 5: `clustering`: `kmeans` lacks its numbers; write `kmeans:3`",
        ),
        ("clustering:\n  kmeans: {n_clusters: 0}\n", "`wrong.yaml` line 6: `clustering`"),
        (
            "consensus:\n  item_support: 7\n",
            "`wrong.yaml` line 6: `consensus.item_support`: `7` is not a number",
        ),
        ("consensus: []\n", "`wrong.yaml` line 5: `consensus`: a list stands here"),
        ("consensus: {calibration: no.json}\n", "`no.json`, which `wrong.yaml` names, cannot be read"),
        (
            "stages: defualt\n",
            "`wrong.yaml` line 5: `stages`: there is no file `defualt`; did you mean `default`",
        ),
        (
            "schema:\n  traits:\n    - {name: a, kind: text}\n    - {name: b, kind: ordinal}\n",
            "`wrong.yaml` line 8: the trait schema cannot be used",
        ),
        (
            "workstreams:\n  streams:\n    - {name: one, records: 2-1}\n",
            "`wrong.yaml` line 7: `workstreams.streams`: workstream `one`: records `2-1`",
        ),
        (
            "workstreams:\n  streams:\n    - {name: one, records: 7-9}\n",
            "`wrong.yaml`: the section `workstreams` cannot be used",
        ),
    ] {
        let said = bench.of_study(more);
        assert!(said.contains(told), "{told}\n{said}");
        assert!(!said.contains("line 1 column"), "{said}");
    }
    bench.write("priced.yaml", &format!("{STUDY}  - model: openai:x\nlimits:\n  max_cost: 1\n"));
    let limit = bench.refused(&["check", "priced.yaml"], 3);
    assert!(limit.contains("`priced.yaml` line 6: `limits.max_cost`"), "{limit}");
    bench.write("empty.csv", "id,note\n");
    bench.write("of_nothing.yaml", &format!("{STUDY}{MEMBER}").replace("notes.csv", "empty.csv"));
    let none = bench.refused(&["check", "of_nothing.yaml"], 3);
    assert!(none.contains("`empty.csv`"), "{none}");
}

#[test]
fn a_path_on_the_command_line_is_not_spoken_of_as_if_a_study_named_it() {
    let bench = Bench::new();
    for arguments in
        [&["check", "no.yaml"][..], &["consult", "What?", "--model", "replay:a", "--recording", "no.jsonl"]]
    {
        let told = bench.refused(arguments, 3);
        assert!(told.contains("`no.") && !told.contains("relative to the study"), "{told}");
    }
    let folder = bench.refused(&["check", "."], 3);
    assert!(folder.contains("`.` is a folder") && !folder.contains("os error"), "{folder}");
}

/// A hundred calls that fail alike are told of as such.
#[test]
fn calls_that_end_alike_are_told_a_few_times_and_counted() {
    let bench = Bench::new();
    let rows: Vec<String> = (0..30).map(|place| format!("n{place},I bake")).collect();
    bench.write("notes.csv", &format!("id,note\n{}\n", rows.join("\n")));
    let run = bench.here(&["run", "study.yaml", "--out", "o", "--progress", "plain"]);
    let told = stderr(&run);
    let lines = told.lines().filter(|line| line.contains("replay:a about n")).count();
    assert_eq!(lines, 5, "{told}");
    assert!(told.contains("replay:a: 25 more calls ended like those above"), "{told}");
}

#[test]
fn a_share_without_a_question_says_so() {
    let bench = Bench::new();
    bench.write("study.yaml", &format!("{STUDY}{MEMBER}").replace("unit: record", "unit: corpus"));
    let empty = ["1/2", "2/2"].map(|shard| {
        let out = shard.replace('/', "-");
        stderr(&bench.here(&["run", "study.yaml", "--out", &out, "--shard", shard]))
    });
    let told = empty.iter().filter(|told| told.contains("no question fell to shard")).count();
    assert_eq!(told, 1, "{empty:?}");
}
