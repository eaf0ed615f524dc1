//! The binary, as people and scripts meet it: help, exit codes, errors, files, the demo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Runs `consona` at the top of the project, in a terminal of a hundred columns.
fn consona(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("consona").expect("built");
    command.env_remove("CONSONA_LOG").env("COLUMNS", "100").env_remove("OPENAI_API_KEY");
    command.args(arguments).output().expect("started")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("temporary folder")
}

fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).expect("written");
    path.to_string_lossy().into_owned()
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_string_lossy().into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn lines(path: impl AsRef<Path>) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Drafts of three models about two people; on `london` they differ about the occupation.
const DRAFTS: &str = r#"{"record":"london","model":"a","persona":{"age":"28","occupation":"nurse","location":"London"}}
{"record":"london","model":"b","persona":{"age":"29","occupation":"Nurse","location":"London, UK"}}
{"record":"london","model":"c","persona":{"age":"late 20s","occupation":"plumber","location":"london"}}
{"record":"paris","model":"c","persona":{"age":"60","occupation":"teacher"}}
{"record":"paris","model":"a","persona":{"age":61,"occupation":"Teacher"}}
"#;

#[test]
fn help_is_for_people() {
    for command in [
        "",
        "init",
        "run",
        "plan",
        "approve",
        "reject",
        "modify",
        "check",
        "models",
        "consensus",
        "consult",
        "mcp",
        "serve",
        "embed",
        "explain",
        "evaluate",
        "evaluate consensus",
        "evaluate matching",
        "evaluate embedding",
        "evaluate divergence",
        "evaluate labels",
        "completions",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let output = consona(&arguments);
        assert_eq!(output.status.code(), Some(0), "{command}");
        insta::assert_snapshot!(format!("help {command}").trim().replace(' ', "_"), stdout(&output));
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = consona(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("evaluate"), "{shell}");
    }
}

#[test]
fn a_command_that_is_not_understood_exits_with_2() {
    for arguments in
        [vec!["frobnicate"], vec!["consensus"], vec![], vec!["consensus", "x", "--out", "y", "--seed", "z"]]
    {
        let output = consona(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn drafts_become_personas_in_every_format() {
    let folder = folder();
    let drafts = file(&folder, "drafts.jsonl", DRAFTS);
    let out = path(&folder, "out");
    let output = consona(&["consensus", &drafts, "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).is_empty(), "nothing moves where there is no terminal: {}", stderr(&output));
    let shown = stdout(&output).replace(&*folder.path().to_string_lossy(), "DIR");
    insta::assert_snapshot!("consensus_on_a_terminal", shown);
    let personas = lines(Path::new(&out).join("consensus.jsonl"));
    assert_eq!(personas.len(), 2);
    assert_eq!(personas[0]["record"], "london");
    assert_eq!(personas[0]["kind"], "consensus");
    let occupation = &personas[0]["traits"]["occupation"];
    assert_eq!(occupation["value"], "nurse");
    assert_eq!((&occupation["support"], &occupation["n_models"]), (&2.into(), &3.into()));
    assert_eq!(occupation["divergent"], true);
    assert_eq!(occupation["variants"][1]["models"], serde_json::json!(["c"]));
    insta::assert_snapshot!(
        "consensus_as_csv",
        fs::read_to_string(Path::new(&out).join("personas.csv")).expect("readable")
    );
    insta::assert_snapshot!(
        "consensus_as_markdown",
        fs::read_to_string(Path::new(&out).join("personas.md")).expect("readable")
    );
    let summary: Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("summary.json")).expect("readable"))
            .expect("JSON");
    assert_eq!(summary["counts"]["drafts"], 5);
    assert_eq!(summary["counts"]["records"], 2);
    assert_eq!(summary["panel"][0]["model"], "a");
    assert_eq!(summary["seed"], 1);
    assert!(fs::read(Path::new(&out).join("set_aside.jsonl")).expect("readable").is_empty());
}

/// Everything that `consensus` writes, by name.
fn written(out: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(out).expect("readable").map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            (
                path.file_name().expect("named").to_string_lossy().into_owned(),
                fs::read(path).expect("readable"),
            )
        })
        .collect()
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let folder = folder();
    let drafts = "data/demo/recordings.jsonl";
    let results: Vec<_> = ["1", "2", "8", "8"]
        .iter()
        .enumerate()
        .map(|(place, threads)| {
            let out = path(&folder, &format!("out{place}"));
            let output = consona(&["consensus", drafts, "--out", &out, "--threads", threads]);
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            written(&out)
        })
        .collect();
    assert_eq!(results[0].len(), 6);
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_panel_has_the_order_that_was_asked_for_and_others_are_counted() {
    let folder = folder();
    let drafts = file(&folder, "drafts.jsonl", DRAFTS);
    let out = path(&folder, "out");
    let output = consona(&["consensus", &drafts, "--out", &out, "--models", "c,a", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = json(&output);
    assert_eq!(summary["panel"][0]["model"], "c");
    assert_eq!(summary["counts"]["drafts_of_other_models"], 1);
    assert_eq!(summary["counts"]["drafts_used"], 4);
    let personas = lines(Path::new(&out).join("consensus.jsonl"));
    assert_eq!(personas[0]["models"], serde_json::json!(["c", "a"]));
}

#[test]
fn a_bad_draft_is_set_aside_and_the_rest_goes_on_unless_strict() {
    let folder = folder();
    let drafts = file(&folder, "drafts.jsonl", format!("{DRAFTS}{{\"record\": \"x\", broken\n"));
    let out = path(&folder, "out");
    let output = consona(&["consensus", &drafts, "--out", &out, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(json(&output)["counts"]["set_aside"], 1);
    let aside = lines(Path::new(&out).join("set_aside.jsonl"));
    assert_eq!(aside[0]["line"], 6);
    let strict = consona(&["consensus", &drafts, "--out", &path(&folder, "strict"), "--strict"]);
    assert_eq!(strict.status.code(), Some(3));
    assert!(stderr(&strict).contains("drafts.jsonl:6"), "{}", stderr(&strict));
    assert!(!Path::new(&path(&folder, "strict/consensus.jsonl")).exists(), "no half result");
}

#[test]
fn persona_files_of_other_tools_are_read_beside_ours_and_from_standard_input() {
    let folder = folder();
    let drafts = file(&folder, "drafts.jsonl", DRAFTS);
    let other = file(
        &folder,
        "tool.json",
        r#"{"record": "london", "personas": [{"demographics": {"age": 27}, "painPoints": ["rent"]}]}"#,
    );
    let out = path(&folder, "out");
    let output = consona(&["consensus", &drafts, &other, "--out", &out, "--subject", "one", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(json(&output)["panel"][3]["model"], "tool");
    let mut command = Command::cargo_bin("consona").expect("built");
    let piped = command
        .args(["consensus", "-", "--out", &out, "--json"])
        .write_stdin(DRAFTS)
        .output()
        .expect("started");
    assert_eq!(json(&piped)["counts"]["drafts"], 5);
}

/// The error of a command without the temporary folder's name, and its exit code.
fn complaint(folder: &TempDir, arguments: &[&str]) -> String {
    let output = consona(arguments);
    let text = stderr(&output).replace(&*folder.path().to_string_lossy(), "DIR");
    format!("exit {}\n{text}", output.status.code().expect("an exit code"))
}

#[test]
fn bad_input_is_told_in_words_that_help() {
    let folder = folder();
    let out = path(&folder, "out");
    let drafts = file(&folder, "drafts.jsonl", DRAFTS);
    let several = file(
        &folder,
        "several.jsonl",
        "{\"model\":\"a\",\"personas\":[{\"name\":\"Ada\"},{\"name\":\"Bo\"}]}\n{\"model\":\"b\",\"persona\":{\"name\":\"Ada\"}}\n",
    );
    let empty = file(&folder, "empty.jsonl", "\n \n");
    let binary = file(&folder, "binary.jsonl", [0x50, 0x4b, 0x03, 0x04, 0x00, 0x00]);
    let prose = file(&folder, "prose.jsonl", "The model would rather not.\n");
    let schema =
        file(&folder, "schema.json", r#"{"traits":[{"name":"age","kind":"numeric","tolerance":-1}]}"#);
    let consensus = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["consensus", "--out", &out].into_iter().chain(arguments.iter().copied()).collect();
        complaint(&folder, &all)
    };
    let cases = [
        ("missing_file", consensus(&[&path(&folder, "nowhere.jsonl")])),
        ("empty_file", consensus(&[&empty])),
        ("binary_file", consensus(&[&binary])),
        ("prose_instead_of_drafts", consensus(&[&prose])),
        ("unknown_model", consensus(&[&drafts, "--models", "a,gpt-9"])),
        ("model_named_twice", consensus(&[&drafts, "--models", "a,a"])),
        ("unknown_embedder", consensus(&[&drafts, "--embedder", "glove"])),
        ("unknown_algorithm", consensus(&[&drafts, "--algorithm", "magic"])),
        ("k_above_the_number_of_drafts", consensus(&[&several, "--algorithm", "linfa_kmeans:9"])),
        ("schema_out_of_range", consensus(&[&drafts, "--schema", &schema])),
        (
            "missing_gold",
            complaint(
                &folder,
                &["evaluate", "consensus", "--drafts", &drafts, "--gold", &path(&folder, "gold.jsonl")],
            ),
        ),
        (
            "gold_that_is_none",
            complaint(&folder, &["evaluate", "consensus", "--drafts", &drafts, "--gold", &prose]),
        ),
    ];
    for (name, text) in cases {
        insta::assert_snapshot!(format!("error_{name}"), text);
    }
    assert!(!Path::new(&out).join("consensus.jsonl").exists(), "no half result");
}

/// A study with a panel of two recordings, changed by what each case puts into it.
fn study(folder: &TempDir, name: &str, panel: &str, rest: &str) -> String {
    let text = format!(
        "name: case\ninput: {{path: notes.txt, unit: corpus}}\npersonas: {{min: 1, max: 2}}\npanel:\n{panel}\n{rest}\n"
    );
    file(folder, name, text)
}

#[test]
fn a_study_that_cannot_be_run_says_why_before_anything_is_asked() {
    let folder = folder();
    file(&folder, "notes.txt", "I come late and want quiet.\n");
    file(&folder, "rows.csv", "id,text\n1,a\n1,b\n");
    file(&folder, "r.jsonl", "{\"record\":\"corpus\",\"model\":\"a\",\"persona\":{\"name\":\"Ada\"}}\n");
    let replay = "  - {model: 'replay:a', recording: r.jsonl}";
    let cases = [
        ("unknown_provider", study(&folder, "1.yaml", "  - model: frontier:x", "")),
        ("missing_key", study(&folder, "2.yaml", "  - model: openai:gpt-4.1-mini", "")),
        ("unknown_key", study(&folder, "3.yaml", replay, "sede: 3")),
        ("weight_of_an_unknown_trait", study(&folder, "4.yaml", replay, "weights: {shoe_size: 2}")),
        ("model_and_stance_twice", study(&folder, "5.yaml", &format!("{replay}\n{replay}"), "")),
        ("setting_out_of_range", study(&folder, "6.yaml", replay, "consensus: {divergence_share: 7}")),
        ("missing_recording", study(&folder, "7.yaml", "  - {model: 'replay:a', recording: no.jsonl}", "")),
        ("unknown_study", path(&folder, "nowhere.yaml")),
    ];
    for (name, study) in cases {
        insta::assert_snapshot!(format!("study_{name}"), complaint(&folder, &["check", &study]));
    }
    let duplicates = file(
        &folder,
        "8.yaml",
        format!("name: case\ninput: {{path: rows.csv, unit: corpus}}\npanel:\n{replay}\n"),
    );
    insta::assert_snapshot!("study_duplicate_record_ids", complaint(&folder, &["check", &duplicates]));
    file(&folder, "rows.csv", "id,text\n1,a\n2,b,c\n3,d\n");
    insta::assert_snapshot!("study_malformed_csv_row", complaint(&folder, &["check", &duplicates]));
}

#[test]
fn too_few_answers_exit_with_4_and_keep_what_came() {
    let folder = folder();
    file(&folder, "notes.txt", "I come late and want quiet.\n");
    file(
        &folder,
        "r.jsonl",
        "{\"record\":\"corpus\",\"model\":\"a\",\"persona\":{\"name\":\"Ada\"}}\n{\"record\":\"corpus\",\"model\":\"b\",\"reply\":\"I would rather talk about the weather.\"}\n",
    );
    let panel = "  - {model: 'replay:a', recording: r.jsonl}\n  - {model: 'replay:b', recording: r.jsonl}";
    let study = study(&folder, "study.yaml", panel, "quorum: {min_models: 2}");
    let out = path(&folder, "run");
    let output = consona(&["run", &study, "--out", &out]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("too few models answered"), "{}", stderr(&output));
    assert_eq!(lines(Path::new(&out).join("drafts.jsonl")).len(), 1);
    let results = lines(Path::new(&out).join("results.jsonl"));
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&"success".into(), &"error".into()));
    assert!(!Path::new(&out).join("consensus.jsonl").exists(), "no synthesis below the quorum");
}

#[test]
fn a_plan_above_the_confirmed_cost_waits_for_a_person() {
    let folder = folder();
    file(&folder, "notes.txt", "I come late and want quiet.\n");
    file(&folder, "r.jsonl", "{\"record\":\"corpus\",\"model\":\"a\",\"persona\":{\"name\":\"Ada\"}}\n");
    let panel = "  - {model: 'replay:a', recording: r.jsonl, price: {input: 1000, output: 1000}}";
    let study = study(&folder, "study.yaml", panel, "limits: {confirm_above: 0.01}");
    let out = path(&folder, "run");
    let waiting = consona(&["run", &study, "--out", &out]);
    assert_eq!(waiting.status.code(), Some(5), "{}", stderr(&waiting));
    assert!(stderr(&waiting).contains("--yes") && !Path::new(&out).exists());
    assert_eq!(consona(&["run", &study, "--out", &out, "--yes"]).status.code(), Some(0));
}

#[test]
fn a_limit_leaves_work_outstanding_and_the_same_command_goes_on() {
    let folder = folder();
    file(&folder, "notes.txt", "I come late and want quiet.\n");
    file(&folder, "r.jsonl", "{\"record\":\"corpus\",\"model\":\"a\",\"persona\":{\"name\":\"Ada\"}}\n");
    let panel = "  - {model: 'replay:a', recording: r.jsonl, price: {input: 1000, output: 1000}}";
    let out = path(&folder, "run");
    let limited = study(&folder, "study.yaml", panel, "limits: {max_cost: 0.0001}");
    let stopped = consona(&["run", &limited, "--out", &out]);
    assert_eq!(stopped.status.code(), Some(6), "{}", stderr(&stopped));
    assert!(stderr(&stopped).contains("outstanding: 1 call."), "{}", stderr(&stopped));
    let unlimited = study(&folder, "study.yaml", panel, "");
    assert_eq!(consona(&["run", &unlimited, "--out", &out]).status.code(), Some(0));
}

#[test]
fn the_demo_finds_what_was_planted() {
    let folder = folder();
    let out = path(&folder, "run");
    let output = consona(&["run", "data/demo/study.yaml", "--out", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let personas = lines(Path::new(&out).join("consensus.jsonl"));
    let kinds: Vec<&Value> = personas.iter().map(|persona| &persona["kind"]).collect();
    assert_eq!(kinds, ["consensus", "consensus", "consensus", "minority"]);
    assert!(personas[..3].iter().all(|persona| persona["support"] == 3));
    assert_eq!(personas[3]["models"], serde_json::json!(["replay:cinder"]));
    let divergent = |persona: &Value| persona["traits"]["tech_savviness"]["divergent"] == true;
    assert_eq!(personas.iter().filter(|persona| divergent(persona)).count(), 1);
    let shown = stdout(&output).replace(&*folder.path().to_string_lossy(), "DIR");
    insta::assert_snapshot!("demo_on_a_terminal", shown);
    // A second time nothing is asked, and every byte but those of the metrics is the same.
    let before: Vec<_> = results_of(&out);
    let again = consona(&["run", "data/demo/study.yaml", "--out", &out]);
    assert_eq!(again.status.code(), Some(0));
    assert!(stdout(&again).contains("of them stored before"));
    assert_eq!(results_of(&out), before);
}

/// The files of a run that depend on nothing but the stored answers.
fn results_of(out: &str) -> Vec<Vec<u8>> {
    [
        "consensus.jsonl",
        "personas.csv",
        "personas.md",
        "summary.json",
        "drafts.jsonl",
        "results.jsonl",
        "set_aside.jsonl",
    ]
    .iter()
    .map(|name| fs::read(Path::new(out).join(name)).expect("readable"))
    .collect()
}

#[test]
fn a_plan_is_shown_without_asking_anybody() {
    let output = consona(&["check", "data/demo/study.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!("check_of_the_demo", stdout(&output));
    let probes = json(&consona(&["models", "data/demo/study.yaml", "--json"]));
    assert_eq!(probes[0]["model"], "replay:aurora");
    assert!(probes.as_array().expect("a list").iter().all(|probe| probe["answers"] == true));
}

#[test]
fn the_example_study_is_written_once() {
    let folder = folder();
    let study = path(&folder, "study.yaml");
    assert_eq!(consona(&["init", &study]).status.code(), Some(0));
    let text = fs::read_to_string(&study).expect("readable");
    assert!(text.contains("panel:"));
    assert_eq!(consona(&["init", &study]).status.code(), Some(2));
    assert_eq!(fs::read_to_string(&study).expect("readable"), text);
}

#[test]
fn evaluations_have_the_promised_keys() {
    let folder = folder();
    let drafts = file(&folder, "drafts.jsonl", DRAFTS);
    let gold = file(
        &folder,
        "gold.jsonl",
        "{\"record\":\"london\",\"trait\":\"occupation\",\"accepted\":[\"nurse\",\"Nurse\"]}\n{\"record\":\"paris\",\"trait\":\"occupation\",\"accepted\":[],\"half\":[\"teacher\",\"Teacher\"]}\n",
    );
    let report = json(&consona(&["evaluate", "consensus", "--drafts", &drafts, "--gold", &gold, "--json"]));
    assert_eq!(report["cells"], 2);
    // One cell right, one right by half: (1 + ½) / 2.
    assert_eq!(report["consensus"]["accuracy"], 0.75);
    // Member a: (1 + ½) / 2; b: (1 + 0) / 2; c: (0 + ½) / 2.
    assert_eq!(report["members"]["best_model"], "a");
    assert_eq!(report["members"]["mean"], 0.5);
    for key in ["ece", "brier", "auroc"] {
        assert!(report["plurality"].get(key).is_some(), "{key}");
    }
    assert!(report["per_trait"]["occupation"].is_object());
    // Half of the second cell is wrong, about which nobody dissents; the right one is flagged: the worst of orders.
    assert_eq!((&report["divergence"]["n"], &report["divergence"]["wrong"]), (&2.into(), &0.5.into()));
    for key in ["flag_auroc", "dissenting_share_auroc"] {
        assert_eq!(report["divergence"][key], 0.0, "{key}");
    }
    let planted = file(
        &folder,
        "planted.jsonl",
        "{\"cell\":\"p\",\"attr\":\"occupation\",\"answers\":{\"a\":{\"guess\":\"nurse\"},\"b\":{\"guess\":\"Nurse\"},\"c\":{\"guess\":\"nurse\"},\"d\":{\"guess\":\"lorry driver\"}},\"planted\":\"d\"}\n",
    );
    let report = json(&consona(&["evaluate", "divergence", "--planted", &planted, "--json"]));
    for key in ["precision", "recall", "f1", "right_model"] {
        assert_eq!(report[key], 1.0, "{key}");
    }
}

/// The whole of the real drafts, where they are at hand.
#[test]
#[expect(clippy::print_stderr, reason = "says that it was skipped")]
fn every_real_person_gets_one_persona() {
    let Ok(data) = std::env::var("CONSONA_EVAL_DATA") else {
        eprintln!("skipped: CONSONA_EVAL_DATA is not set");
        return;
    };
    let folder = folder();
    let out = path(&folder, "out");
    let drafts = format!("{data}/synthpai_dev/drafts.jsonl");
    let output = consona(&["consensus", &drafts, "--out", &out, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let counts = &json(&output)["counts"];
    let persons: std::collections::BTreeSet<String> =
        lines(&drafts).iter().map(|draft| draft["record"].to_string()).collect();
    assert!(persons.len() > 100, "the file is the whole one");
    assert_eq!((&counts["records"], &counts["personas"]), (&persons.len().into(), &persons.len().into()));
    let aside = lines(Path::new(&out).join("set_aside.jsonl"));
    assert!(aside.iter().all(|entry| entry["reason"].as_str().is_some_and(|reason| !reason.is_empty())));
}
