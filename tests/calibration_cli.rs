//! `consona calibrate`, and what becomes of its file.

#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

fn consona(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("consona").expect("built");
    command.env_remove("CONSONA_LOG").env("COLUMNS", "100");
    command.args(arguments).output().expect("started")
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).expect("JSON")
}

fn read(path: &str, name: &str) -> String {
    fs::read_to_string(Path::new(path).join(name)).expect("readable")
}

const WORK: [&str; 3] = ["nurse", "farmer", "software engineer"];

/// Drafts of four models about `records` people, and their gold. In every third record the models are
/// divided, and the two who say the same are right in half of these.
fn labelled(folder: &TempDir, records: usize) -> [String; 2] {
    let (mut drafts, mut gold) = (String::new(), String::new());
    for place in 0..records {
        let right = WORK[place % 3];
        let said = if place % 3 == 0 {
            let popular = if place % 2 == 0 { right } else { WORK[(place + 1) % 3] };
            [popular, popular, WORK[(place + 2) % 3], right]
        } else {
            [right; 4]
        };
        for (model, said) in ["a", "b", "c", "d"].iter().zip(said) {
            let draft =
                json!({"record": format!("r{place}"), "model": model, "persona": {"occupation": said}});
            writeln!(drafts, "{draft}").expect("in memory");
        }
        let cell = json!({"record": format!("r{place}"), "trait": "occupation", "accepted": [right]});
        writeln!(gold, "{cell}").expect("in memory");
    }
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    };
    [write("drafts.jsonl", &drafts), write("gold.jsonl", &gold)]
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_string_lossy().into_owned()
}

#[test]
fn forty_labelled_records_make_a_calibration_that_is_used_and_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled(&folder, 40);
    let file = path(&folder, "calibration.json");
    let fit = ["calibrate", "--drafts", &drafts, "--gold", &gold, "--out", &file, "--json"];
    let fitted = json_of(&consona(&fit));
    assert_eq!((&fitted["provenance"]["values"], &fitted["provenance"]["records"]), (&40.into(), &40.into()));
    let quality = &fitted["quality"];
    for figure in ["ece", "brier", "auroc"] {
        let at = |end: &str| quality[figure][end].as_f64().expect("a number");
        assert!(at("low") <= at("value") + 0.05 && at("value") <= at("high") + 0.05, "{quality}");
    }
    assert!(quality["method"].as_str().expect("words").contains("10-fold"), "{quality}");
    // The models are divided where they are wrong: confidence must tell.
    assert!(quality["auroc"]["value"].as_f64().expect("a number") > 0.7, "{quality}");
    assert_eq!(json_of(&consona(&fit)), fitted, "the same seed, the same file");
    let out = path(&folder, "out");
    let consensus = ["consensus", &drafts, "--out", &out, "--calibration", &file, "--coverage", "0.9"];
    let shown = stdout(&consona(&consensus));
    assert!(
        shown.contains("calibrated confidence 0.") && !shown.contains("uncalibrated confidence"),
        "{shown}"
    );
    let summary: Value = serde_json::from_str(&read(&out, "summary.json")).expect("JSON");
    assert_eq!(summary["calibrated"], true);
    assert_eq!(summary["calibration"]["status"], "calibrated");
    assert_eq!(summary["calibration"]["quality"]["ece"], quality["ece"]);
    assert_eq!(summary["diagnosis"]["left_out"].as_array().expect("a list").len(), 4);
    assert_eq!(summary["diagnosis"]["alpha"]["occupation"]["measurement"], "nominal");
    assert!(summary["dependence"]["n_eff"].as_f64().expect("a number") < 4.0);
    let first = read(&out, "consensus.jsonl");
    let persona: Value = serde_json::from_str(first.lines().next().expect("a line")).expect("JSON");
    let work = &persona["traits"]["occupation"];
    assert_eq!(
        (&work["confidence_status"], &persona["confidence_status"]),
        (&"calibrated".into(), &"calibrated".into())
    );
    assert!(work["prediction_set"]["values"].as_array().is_some_and(|values| !values.is_empty()), "{work}");
}

/// Adds an age to every draft.
fn with_ages(drafts: &str) {
    let text = fs::read_to_string(drafts).expect("written");
    fs::write(drafts, text.replace("{\"occupation\"", "{\"age\":30,\"occupation\"")).expect("written");
}

#[test]
fn traits_of_a_kind_without_labels_stay_calibrated_on_other_data() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled(&folder, 40);
    with_ages(&drafts);
    let (file, out) = (path(&folder, "calibration.json"), path(&folder, "out"));
    stdout(&consona(&["calibrate", "--drafts", &drafts, "--gold", &gold, "--out", &file]));
    let consensus = ["consensus", &drafts, "--out", &out, "--calibration", &file, "--coverage", "0.9"];
    let shown = stdout(&consona(&consensus));
    assert!(
        shown.contains("Confidences of categorical traits are calibrated probabilities")
            && shown.contains("those of numeric, ordinal traits"),
        "{shown}"
    );
    let first = read(&out, "consensus.jsonl");
    let persona: Value = serde_json::from_str(first.lines().next().expect("a line")).expect("JSON");
    let traits = &persona["traits"];
    assert_eq!(traits["occupation"]["confidence_status"], "calibrated");
    assert_eq!(traits["age"]["confidence_status"], "calibrated_on_other_data");
    assert!(traits["age"]["prediction_set"].is_null() && !traits["occupation"]["prediction_set"].is_null());
}

#[test]
fn gold_about_others_is_told_and_gold_about_nobody_here_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled(&folder, 40);
    let text = fs::read_to_string(&gold).expect("written");
    let elsewhere = path(&folder, "elsewhere.jsonl");
    fs::write(&elsewhere, text.replace("\"record\":\"r", "\"record\":\"person-")).expect("written");
    let file = path(&folder, "calibration.json");
    for command in [
        ["evaluate", "consensus", "--drafts", &drafts, "--gold", &elsewhere].as_slice(),
        &["calibrate", "--drafts", &drafts, "--gold", &elsewhere, "--out", &file],
    ] {
        let refused = consona(command);
        assert_eq!(refused.status.code(), Some(3));
        let said = stderr(&refused);
        assert!(said.contains("`occupation` of `person-0`") && said.contains("is `r0`"), "{said}");
    }
    fs::write(&gold, format!("{text}{{\"record\":\"r1\",\"trait\":\"shoe\",\"accepted\":[\"42\"]}}\n"))
        .expect("written");
    let told = stderr(&consona(&["evaluate", "consensus", "--drafts", &drafts, "--gold", &gold]));
    assert!(told.contains("1 of 41 labelled values") && told.contains("`shoe` of `r1`"), "{told}");
    // `job` is another name of the trait, and so no stranger.
    fs::write(&gold, text.replace("\"occupation\"", "\"job\"")).expect("written");
    let told = consona(&["evaluate", "consensus", "--drafts", &drafts, "--gold", &gold]);
    assert_eq!((told.status.code(), stderr(&told).as_str()), (Some(0), ""));
    let many = ["evaluate", "consensus", "--drafts", &drafts, "--gold", &gold, "--committee-size", "7"];
    let refused = consona(&many);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("`--committee-size 7` asks for more members than there are"));
}

#[test]
fn too_few_labelled_records_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled(&folder, 29);
    let file = path(&folder, "calibration.json");
    let output = consona(&["calibrate", "--drafts", &drafts, "--gold", &gold, "--out", &file]);
    assert_ne!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("29 labelled values of 29 records"), "{}", stderr(&output));
    assert!(stderr(&output).contains("at least 30"), "{}", stderr(&output));
    assert!(!Path::new(&file).exists(), "no half result");
}

#[test]
fn every_output_says_what_a_confidence_may_be_taken_for() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, _] = labelled(&folder, 3);
    for (name, status, words) in [
        ("none", "uncalibrated", "uncalibrated confidence"),
        ("shipped", "calibrated_on_other_data", "(calibrated on other data)"),
    ] {
        let out = path(&folder, name);
        let shown = stdout(&consona(&["consensus", &drafts, "--out", &out, "--calibration", name]));
        let cards = read(&out, "personas.md");
        for text in [&shown, &cards] {
            assert!(text.contains(words), "{text}");
        }
        assert!(read(&out, "personas.csv").contains(status));
        assert!(read(&out, "consensus.jsonl").contains(&format!("\"confidence_status\":\"{status}\"")));
        let summary: Value = serde_json::from_str(&read(&out, "summary.json")).expect("JSON");
        assert_eq!(summary["calibration"]["status"], status);
        assert_eq!(summary["calibrated"], false, "only the user's own labels calibrate");
    }
}

#[test]
fn a_study_names_its_calibration() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled(&folder, 40);
    let file = path(&folder, "mine.json");
    stdout(&consona(&["calibrate", "--drafts", &drafts, "--gold", &gold, "--out", &file]));
    let recording = fs::canonicalize("data/demo/recordings.jsonl").expect("the demo");
    let demo = fs::read_to_string("data/demo/study.yaml").expect("the demo");
    let input = fs::canonicalize("data/demo").expect("the demo").to_string_lossy().into_owned();
    assert!(recording.exists());
    for entry in fs::read_dir(&input).expect("the demo").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
        }
    }
    let study = path(&folder, "study.yaml");
    fs::write(&study, format!("{demo}\nconsensus: {{calibration: mine.json}}\n")).expect("written");
    let out = path(&folder, "run");
    stdout(&consona(&["run", &study, "--out", &out]));
    let summary: Value = serde_json::from_str(&read(&out, "summary.json")).expect("JSON");
    assert_eq!(summary["calibration"]["status"], "calibrated");
    assert_eq!(summary["settings"]["calibration"], "mine.json");
    fs::write(&study, format!("{demo}\nconsensus: {{calibration: nowhere.json}}\n")).expect("written");
    let refused = consona(&["run", &study, "--out", &path(&folder, "other")]);
    assert!(stderr(&refused).contains("nowhere.json"), "{}", stderr(&refused));
}

#[test]
fn an_evaluation_draws_a_reliability_diagram() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled(&folder, 30);
    let options = ["evaluate", "consensus", "--drafts", &drafts, "--gold", &gold];
    let report = json_of(&consona(&[&options[..], &["--coverage", "0.9", "--json"]].concat()));
    let bins = report["pooled"]["bins"].as_array().expect("a list");
    assert_eq!(bins.len(), 10);
    let n: u64 = bins.iter().map(|bin| bin["n"].as_u64().expect("a count")).sum();
    assert_eq!((n, &report["pooled"]["n"]), (30, &30.into()));
    for score in ["accuracy", "ece", "brier", "auroc"] {
        assert!(report["consensus"][score].is_number() && report["pooled"][score].is_number(), "{report}");
    }
    assert_eq!(report["confidence_status"], "calibrated_on_other_data");
    assert_eq!(report["sets"]["n"], 30);
    let shown = stdout(&consona(&[&options[..], &["--calibration", "none"]].concat()));
    assert!(shown.contains("Confidence (uncalibrated) against accuracy, 30 answers"), "{shown}");
}

#[test]
fn sets_cover_the_truth_of_unseen_people() {
    let Ok(data) = std::env::var("CONSONA_EVAL_DATA") else {
        eprintln!("skipped: CONSONA_EVAL_DATA names no evaluation data");
        return;
    };
    let folder = tempfile::tempdir().expect("temporary folder");
    let set = Path::new(&data).join("synthpai_dev");
    let drafts = set.join("drafts.jsonl").to_string_lossy().into_owned();
    // Every second person, in the order of the file, calibrates; the others are held out.
    let text = fs::read_to_string(set.join("gold.jsonl")).expect("readable");
    let mut people: Vec<String> = Vec::new();
    let mut halves = [String::new(), String::new()];
    for line in text.lines() {
        let cell: Value = serde_json::from_str(line).expect("JSON");
        let record = cell["record"].as_str().expect("a record").to_owned();
        let place = people.iter().position(|known| *known == record).unwrap_or_else(|| {
            people.push(record);
            people.len() - 1
        });
        writeln!(halves[place % 2], "{line}").expect("in memory");
    }
    let gold = halves.map(|half| {
        let path = folder.path().join(format!("{}.jsonl", half.len()));
        fs::write(&path, half).expect("written");
        path.to_string_lossy().into_owned()
    });
    let file = path(&folder, "calibration.json");
    let fit = ["calibrate", "--from-scratch", "--drafts", &drafts, "--gold", &gold[0], "--out", &file];
    stdout(&consona(&fit));
    let report = json_of(&consona(&[
        "evaluate",
        "consensus",
        "--drafts",
        &drafts,
        "--gold",
        &gold[1],
        "--calibration",
        &file,
        "--coverage",
        "0.9",
        "--json",
    ]));
    // 130 values: two standard errors of a share of .9 are .053.
    let covered = report["sets"]["covered"].as_f64().expect("a share");
    assert!(covered >= 0.847, "{}", report["sets"]);
    assert!(report["pooled"]["brier"].as_f64().expect("a number") <= 0.18, "{}", report["pooled"]);
}

/// Sixty lists of which two models know the right items and a third adds an invented one.
fn labelled_lists(folder: &TempDir) -> [String; 2] {
    let [drafts, gold] = labelled(folder, 60);
    let mut more_drafts = fs::read_to_string(&drafts).expect("written");
    let mut more_gold = fs::read_to_string(&gold).expect("written");
    for place in 0..60 {
        let right = ["visit the seaside", "repair old clocks"];
        for (model, goals) in [("a", &right[..]), ("b", &right), ("c", &[right[0], "invest in gold mines"])] {
            let draft = json!({"record": format!("l{place}"), "model": model, "persona": {"goals": goals}});
            writeln!(more_drafts, "{draft}").expect("in memory");
        }
        let cell = json!({"record": format!("l{place}"), "trait": "goals", "accepted": right});
        writeln!(more_gold, "{cell}").expect("in memory");
    }
    fs::write(&drafts, more_drafts).expect("written");
    fs::write(&gold, more_gold).expect("written");
    [drafts, gold]
}

#[test]
fn labelled_lists_set_the_support_of_items() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [drafts, gold] = labelled_lists(&folder);
    let file = path(&folder, "calibration.json");
    let fitted =
        json_of(&consona(&["calibrate", "--drafts", &drafts, "--gold", &gold, "--out", &file, "--json"]));
    assert_eq!(fitted["list_support"]["lists"], 60);
    let goals = |options: &[&str]| {
        let out = path(&folder, "out");
        let asked = [&["consensus", &drafts, "--out", &out, "--calibration", &file], options].concat();
        stdout(&consona(&asked));
        let last = read(&out, "consensus.jsonl").lines().last().expect("a line").to_owned();
        let persona: Value = serde_json::from_str(&last).expect("JSON");
        persona["traits"]["goals"]["value"].clone()
    };
    // The invented item has a third of the votes, the right ones two thirds and all of them.
    assert_eq!(goals(&["--item-risk", "0.05"]), json!(["visit the seaside", "repair old clocks"]));
    let output = consona(&["consensus", &drafts, "--out", &path(&folder, "x"), "--item-risk", "0.05"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("label lists, fit with `consona calibrate`"), "{}", stderr(&output));
    let output = consona(&[
        "consensus",
        &drafts,
        "--out",
        &path(&folder, "x"),
        "--calibration",
        &file,
        "--item-risk",
        "0.01",
    ]);
    assert!(
        stderr(&output).contains("`item_risk` is `0.01`"),
        "sixty lists promise no 1 %: {}",
        stderr(&output)
    );
}
