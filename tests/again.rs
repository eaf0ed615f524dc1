//! What a run tells of itself: asked again for want of certainty, streams that kept their estimates or not, figures of
//! every run. REQUIREMENTS P9, P10, W3, W4, W8, through the binary.

mod staged;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use consona::store::Store;
use serde_json::{Value, json};
use staged::{Demo, expect};

/// A study about two people: of one the models agree on everything, of the other on nothing until they are asked again.
fn vague(adaptive: &str, more: &str) -> Demo {
    let member = |name: &str| {
        format!(
            "  - {{model: 'replay:{name}', recording: told.jsonl, price: {{input: 10, output: 20}}{more}}}\n"
        )
    };
    let demo = Demo::new(|_| {
        format!(
            "name: again
question: Who is this?
input: {{path: people.jsonl, unit: record, id_field: id}}
personas: {{min: 1, max: 1}}
panel:
{}{}{}
schema: {{traits: [{{name: occupation, kind: text}}, {{name: town, kind: text}}]}}
stages:
  stage_order: [panel, consensus, report]
  {adaptive}
",
            member("a"),
            member("b"),
            member("c")
        )
    });
    let people = [json!({"id": "clear", "text": "A nurse"}), json!({"id": "vague", "text": "Who knows"})];
    let lines = |all: &[Value]| all.iter().map(|one| format!("{one}\n")).collect::<Vec<_>>().concat();
    fs::write(demo.path("people.jsonl"), lines(&people)).expect("written");
    let mut told: Vec<Value> = Vec::new();
    let mut draft = |record: &str, model: &str, sample: u32, occupation: &str, town: &str| {
        told.push(json!({
            "record": record, "model": model, "sample": sample,
            "persona": {"occupation": occupation, "town": town},
            "usage": {"input_tokens": 1000, "output_tokens": 500},
        }));
    };
    for (model, occupation, town) in
        [("a", "plumber", "Rome"), ("b", "violinist", "Oslo"), ("c", "judge", "Lima")]
    {
        draft("clear", model, 0, "nurse", "Paris");
        draft("vague", model, 0, occupation, town);
        draft("vague", model, 1, "judge", "Lima");
        draft("vague", model, 2, "judge", "Lima");
    }
    fs::write(demo.path("told.jsonl"), lines(&told)).expect("written");
    demo
}

fn near(value: &Value, wanted: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - wanted).abs() < 1e-9)
}

#[test]
fn p10_by_default_total_disagreement_is_asked_about_again_and_agreement_is_not() {
    let demo = vague("adaptive: {}", "");
    let (shown, said) = demo.run(0, &[]);
    let again = demo.state()["stage_outputs"]["consensus"]["adaptive"].clone();
    assert_eq!(again["records"][0], json!(["vague"]), "{again}");
    assert!(again["rounds"][0]["before"].as_f64() > Some(70.0), "{again}");
    assert!(again["rounds"][0]["after"].as_f64() < again["rounds"][0]["before"].as_f64(), "{again}");
    assert!(shown.contains("Asked again, for personas are uncertain"), "{shown}");
    assert!(said.contains("asking again about 1 record"), "it is not silent meanwhile: {said}");
    let results = fs::read_to_string(demo.path("run/results.jsonl")).expect("results");
    assert!(!results.lines().any(|line| line.contains("\"clear\"") && line.contains("\"sample\":1")));
}

#[test]
fn p10_what_asking_again_cost_is_in_every_figure_and_in_the_reports() {
    let demo = vague("adaptive: {ask_again_rounds: 1}", "");
    demo.run(0, &[]);
    // Six calls of the panel and three more, each 1000 × 10 + 500 × 20 millionths.
    let (metrics, summary) = (demo.json("metrics.json"), demo.json("summary.json"));
    assert!(near(&metrics["cost"], 0.18), "{metrics}");
    assert_eq!((&metrics["calls"], &metrics["attempts"]), (&json!(9), &json!(9)), "{metrics}");
    assert_eq!(metrics["members"][0]["answered"], 3);
    assert!(near(&metrics["success_without_retry"], 1.0), "{metrics}");
    assert!(near(&summary["pipeline"]["cost"], 0.18), "{}", summary["pipeline"]);
    assert_eq!(summary["pipeline"]["asked_again"]["rounds"][0]["calls"], 3);
    let report = fs::read_to_string(demo.path("run/report.md")).expect("a report");
    assert!(report.contains("# Asked again\n\n- Round 1: 1 persona, 3 calls, cost 0.060000;"), "{report}");
    // The same run again: nothing is asked, and the figures stay.
    demo.run(0, &[]);
    assert_eq!(demo.json("metrics.json")["calls"], 9);
    assert!(near(&demo.json("summary.json")["pipeline"]["cost"], 0.18));
}

#[test]
fn p10_compare_names_the_rules_that_were_set_differently_and_the_price_of_them() {
    let (one, other) =
        (vague("adaptive: {ask_again_rounds: 1}", ""), vague("adaptive: {uncertain_above: 100}", ""));
    one.run(0, &[]);
    other.run(0, &[]);
    let (shown, _) = expect(0, &["compare", &one.text("run"), &other.text("run"), "--json"]);
    let found: Value = serde_json::from_str(&shown).expect("JSON");
    assert!(near(&found["runs"][0]["cost"], 0.18) && near(&found["runs"][1]["cost"], 0.12), "{found}");
    let settings = found["settings"].as_array().expect("a list").iter();
    let named: Vec<&str> = settings.filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(
        named,
        ["asked.stages.adaptive.ask_again_rounds", "asked.stages.adaptive.uncertain_above"],
        "{found}"
    );
}

#[test]
fn p10_asking_again_is_part_of_the_estimate_that_is_confirmed() {
    let demo = vague("adaptive: {ask_again_rounds: 3}", "");
    let (shown, _) = expect(0, &["check", &demo.text("study.yaml")]);
    // Three rounds of both records, a further sample each.
    assert!(shown.contains("The stage consensus asks replay:a at most 6 calls more"), "{shown}");
    assert!(shown.contains("Complexity ") && shown.contains("nothing changes"), "{shown}");
    let text = fs::read_to_string(demo.path("study.yaml")).expect("the study");
    let (json, _) = expect(0, &["check", &demo.text("study.yaml"), "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let panel = json["plan"]["cost"].as_f64().expect("a price");
    // Just enough for the panel, and not for what may follow.
    let limits = format!("limits: {{confirm_above: {}}}\n", panel * 1.01);
    fs::write(demo.path("study.yaml"), text + &limits).expect("written");
    demo.run(5, &[]);
}

#[test]
fn p10_who_is_asked_again_is_the_model_that_stands_in_for_a_member() {
    let demo = vague("adaptive: {ask_again_rounds: 1}", "");
    let text = fs::read_to_string(demo.path("study.yaml")).expect("the study");
    let with = text.replace(
        "{model: 'replay:a', recording: told.jsonl, ",
        "{model: 'replay:a', recording: told.jsonl, fallback: [{model: 'replay:d', recording: told.jsonl, price: {input: 10, output: 20}}], ",
    );
    assert_ne!(text, with);
    fs::write(demo.path("study.yaml"), with).expect("written");
    let told = fs::read_to_string(demo.path("told.jsonl")).expect("recordings");
    let other: String = told
        .lines()
        .filter(|line| {
            line.contains("\"vague\"") && line.contains("\"sample\":1") && line.contains("\"model\":\"a\"")
        })
        .map(|line| line.replace("\"model\":\"a\"", "\"model\":\"d\"") + "\n")
        .collect();
    fs::write(demo.path("told.jsonl"), told + &other).expect("written");
    demo.run(0, &[]);
    let results = fs::read_to_string(demo.path("run/results.jsonl")).expect("results");
    let again: Vec<Value> = results
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|call: &Value| call["sample"] == 1)
        .collect();
    let notes: Vec<&Value> = again.iter().map(|call| &call["note"]).collect();
    assert_eq!(notes.len(), 3, "{again:?}");
    assert_eq!(notes[0], "replay:d is asked as another model");
    assert!(notes[1].is_null() && notes[2].is_null(), "who has nobody to stand in gives another sample");
}

#[test]
fn p10_a_complex_study_has_narratives_written_again_where_sentences_were_left_out() {
    let complex = Demo::new(|text| text + "  adaptive: {complex_above: 1, ask_again_rounds: 0}\n");
    let (_, said) = complex.run(5, &[]);
    assert!(said.contains("adapted: complexity"), "{said}");
    let synthesis = complex.state()["stage_outputs"]["synthesis"].clone();
    assert_eq!(synthesis["synthesis_rounds"], 2, "{synthesis}");
    // Three narratives, and the one of which a sentence was taken out once more.
    assert_eq!(synthesis["calls"]["calls"], 4, "{synthesis}");
    let plain = Demo::new(|text| text);
    plain.run(5, &[]);
    let synthesis = plain.state()["stage_outputs"]["synthesis"].clone();
    assert!(synthesis.get("synthesis_rounds").is_none() && synthesis["calls"]["calls"] == 3, "{synthesis}");
}

const HALVES: &str = "
workstreams:
  retries: 0
  halvings: 0
  streams:
    - {name: first, records: 1-6, tasks: [read, draft], estimate_minutes: 9}
    - {name: second, records: 7-, estimate_minutes: 0.0000001}
";

/// The demo in two streams of a corpus each; `second` may be silent.
fn halves(second: bool) -> Demo {
    let demo = Demo::new(|_| fs::read_to_string("data/demo/study.yaml").expect("the demo") + HALVES);
    let recordings = fs::read_to_string(demo.path("recordings.jsonl")).expect("copied");
    let filed = |half: &str| recordings.replace("\"corpus\"", &format!("\"{half}\""));
    let down: String = ["aurora", "basalt", "cinder"]
        .map(|model| {
            format!(
                "{{\"record\": \"second\", \"model\": \"{model}\", \"failures\": [{{\"status\": 400}}]}}\n"
            )
        })
        .concat();
    let rest = if second { filed("second") } else { down };
    fs::write(demo.path("recordings.jsonl"), filed("first") + &rest).expect("written");
    demo
}

#[test]
fn w3_whether_an_estimate_was_kept_is_told_everywhere_and_tasks_reach_the_report() {
    let demo = halves(true);
    let (shown, _) = demo.run(0, &[]);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Workstream second done: the estimate of 0.0 s was not kept."), "{shown}");
    let streams = demo.json("workstreams.json");
    let kept: Vec<&Value> = (0..2).map(|place| &streams[place]["kept_its_estimate"]).collect();
    assert_eq!(kept, [true, false]);
    let asked = demo.json("summary.json")["asked"]["workstreams"].clone();
    assert_eq!(
        (&asked[0]["kept_its_estimate"], &asked[1]["kept_its_estimate"]),
        (&json!(true), &json!(false))
    );
    let (status, _) = expect(0, &["status", &demo.text("run")]);
    assert!(status.contains("stream first done; its estimate was kept\n"), "{status}");
    assert!(status.contains("stream second done; its estimate was not kept\n"), "{status}");
    let report = fs::read_to_string(demo.path("run/report.html")).expect("the report");
    for said in ["Tasks: read, draft", "the estimate of 9 min was kept", "was not kept"] {
        assert!(report.contains(said), "{said}");
    }
    let (plan, _) = expect(0, &["plan", &demo.text("study.yaml")]);
    assert!(plan.contains("first: all; tasks: read, draft; estimated at 9 min"), "{plan}");
    let (drawn, _) = expect(0, &["plan", &demo.text("study.yaml"), "--mermaid"]);
    assert!(drawn.contains("subgraph workstreams") && drawn.contains("stream1[\"second\"]"), "{drawn}");
    let (json, _) = expect(0, &["plan", &demo.text("study.yaml"), "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["workstreams"][0]["name"], "first");
}

#[test]
fn w4_streams_that_are_done_keep_their_results_where_another_fails() {
    let demo = halves(false);
    let (_, said) = demo.run(4, &[]);
    assert!(
        said.contains("too few models answered in second; what the other streams gave is written"),
        "{said}"
    );
    let personas = fs::read_to_string(demo.path("run/consensus.jsonl")).expect("personas");
    assert!(personas.contains("\"record\":\"first\"") && !personas.contains("\"record\":\"second\""));
    let (status, _) = expect(0, &["status", &demo.text("run")]);
    assert!(status.contains("stream second failed"), "{status}");
}

#[test]
fn w4_no_quorum_of_the_whole_makes_up_for_a_stream_that_failed() {
    let demo = halves(false);
    let text = fs::read_to_string(demo.path("study.yaml")).expect("the study");
    let easy = text + "\nquorum: {min_models: 1, min_success_ratio: 0.25}\n";
    fs::write(demo.path("study.yaml"), easy).expect("written");
    demo.run(4, &[]);
    assert_eq!(demo.json("metrics.json")["outcome"], "too_few_models");
    assert!(fs::read_to_string(demo.path("run/consensus.jsonl")).is_ok(), "what was done is written");
}

#[test]
fn w8_a_run_without_stages_has_its_figures_too() {
    let demo = Demo::new(|_| fs::read_to_string("data/demo/study.yaml").expect("the demo"));
    demo.run(0, &[]);
    let metrics = demo.json("metrics.json");
    // Basalt fails once: two of three calls at the first attempt.
    assert!(near(&metrics["success_without_retry"], 2.0 / 3.0), "{metrics}");
    let figure = |name: &str| metrics[name].as_u64().unwrap_or_else(|| panic!("{name}: {metrics}"));
    let (sitting, wall, busy) = (figure("sitting_ms"), figure("wall_ms"), figure("busy_ms"));
    assert!(sitting >= wall, "{metrics}");
    assert!(figure("coordination_overhead_ms").abs_diff(sitting - wall) <= 1, "{metrics}");
    assert_eq!(figure("time_saved_ms"), busy.saturating_sub(wall), "{metrics}");
    let quality = metrics["synthesis_quality"].as_f64().expect("passages are cited");
    let grounding = demo.json("summary.json")["counts"]["grounding"].clone();
    assert!((0.0..=1.0).contains(&quality) && quality > 0.0, "{grounding}");
    let summary = fs::read_to_string(demo.path("run/summary.json")).expect("a summary");
    assert!(!summary.contains("_ms\""), "times stay out of the summary");
}

#[test]
fn p9_time_retries_bytes_and_decisions_are_told() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    expect(0, &["modify", &demo.text("run"), "--edit", &edit(&demo)]);
    demo.run(5, &[]);
    expect(0, &["approve", &demo.text("run")]);
    let (_, said) = demo.run(0, &["--log", "json"]);
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let logged: Vec<Value> = lines.filter(|line| line["message"] == "pipeline measured").collect();
    let rate = |name: &str| &logged[0][name];
    assert!(near(rate("consona.pipeline.approval_rate"), 1.0), "{logged:?}");
    assert!(near(rate("consona.pipeline.modification_rate"), 0.5), "{logged:?}");
    let figures = demo.json("summary.json")["pipeline"].clone();
    let panel = &figures["stages"][0];
    assert_eq!((&panel["stage"], &panel["calls"]["retries"]), (&json!("panel"), &json!(1)), "{panel}");
    assert!(panel["duration_ms"].is_u64() && panel["calls"]["bytes"].as_u64() > Some(100), "{panel}");
    // One gate decided, and passed; one edit of the two things that a person said.
    assert!(near(&figures["approval_rate"], 1.0) && near(&figures["modification_rate"], 0.5), "{figures}");
    let results = fs::read_to_string(demo.path("run/results.jsonl")).expect("results");
    for line in results.lines() {
        let call: Value = serde_json::from_str(line).expect("JSON");
        let length = call["content"].as_str().map(str::len);
        assert_eq!(call["bytes"].as_u64(), length.map(|length| length as u64), "{call}");
    }
}

fn edit(demo: &Demo) -> String {
    fs::write(demo.path("edit.json"), r#"{"personas": {"corpus/1": {"age": 22}}}"#).expect("written");
    demo.text("edit.json")
}

/// Killed while two of the three further answers are stored, and taken up again: the round is finished and told whole,
/// as in a run that nobody disturbed.
#[test]
fn p10_a_round_that_was_killed_is_finished_and_its_figures_are_those_of_the_whole() {
    let (calm, killed) =
        (vague("adaptive: {ask_again_rounds: 2}", ""), vague("adaptive: {ask_again_rounds: 2}", ""));
    calm.run(0, &[]);
    let told = fs::read_to_string(killed.path("told.jsonl")).expect("the recording");
    let waits = json!({"record": "vague", "model": "b", "sample": 1, "failures": [{"status": 503, "retry_after": 600}]});
    fs::write(killed.path("told.jsonl"), format!("{waits}\n{told}")).expect("written");
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("consona"))
        .args(["run", &killed.text("study.yaml"), "--out", &killed.text("run")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    // Six calls of the panel and two of the round, each 1000 × 10 + 500 × 20 millionths.
    let spent = || {
        let store = Store::read(&killed.path("run")).ok()?;
        Some(store.spend().ok()?.iter().map(|member| member.cost.amount()).sum::<f64>())
    };
    while !spent().is_some_and(|spent| spent > 0.159) {
        assert!(child.try_wait().expect("asked").is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    fs::write(killed.path("told.jsonl"), told).expect("written");
    killed.run(0, &[]);
    let again = |demo: &Demo| demo.state()["stage_outputs"]["consensus"]["adaptive"].clone();
    assert_eq!(again(&killed), again(&calm));
    assert_eq!(again(&killed)["rounds"][0]["calls"], 3);
    let drafts = |demo: &Demo| fs::read_to_string(demo.path("run/drafts.jsonl")).expect("drafts");
    assert_eq!(drafts(&killed), drafts(&calm));
}
