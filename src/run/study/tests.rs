use super::*;
use crate::run::study::{EXAMPLE, Mode};

fn parse(text: &str) -> Result<Study, StudyError> {
    let read: Read<'_> = &|path| match path.to_str() {
        Some("studies/stages.yaml") => {
            Ok("stage_order: [panel, consensus]\nsettings:\n  consensus:\n    model: openai:a\n".to_owned())
        }
        Some("studies/traits.json") => Ok(r#"{"traits": [{"name": "budget", "kind": "text"}]}"#.to_owned()),
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    Study::parse(text, Path::new("studies/study.yaml"), read)
}

fn refused(text: &str) -> String {
    parse(text).map(drop).expect_err("refused").to_string()
}

const SMALL: &str = "name: x\ninput: {path: notes.csv}\n";

fn with_panel(panel: &str) -> String {
    format!("{SMALL}panel:\n{panel}")
}

#[test]
fn the_example_study_loads_as_it_is() {
    let study = parse(EXAMPLE).expect("the example is a study");
    assert!(study.panel.len() >= 2);
    assert_eq!(study.mode, Mode::Consensus);
}

#[test]
fn json_is_a_study_too_and_means_the_same() {
    let yaml = parse(&with_panel("  - {model: 'openai:a', seed: 7}")).unwrap();
    let json = parse(r#"{"name":"x","input":{"path":"notes.csv"},"panel":[{"seed":7,"model":"openai:a"}]}"#);
    assert_eq!(json.unwrap(), yaml);
}

#[test]
fn a_small_study_gets_the_documented_defaults() {
    let study = parse(&with_panel("  - model: openai:a")).unwrap();
    assert_eq!(study.input.paths, [PathBuf::from("studies/notes.csv")]);
    assert_eq!((study.input.unit, study.input.records_per_call), (Unit::Record, 40));
    assert_eq!((study.quorum.min_models, study.quorum.min_success_ratio), (1, 0.75));
    assert_eq!((study.personas.min, study.personas.max), (1, 1), "one person, one persona");
    assert_eq!(study.several_of_one(), None);
    let member = &study.panel[0];
    assert_eq!(member.name.as_str(), "openai:a");
    assert_eq!((member.samples, member.max_output_tokens(), member.price), (1, 4_096, None));
}

#[test]
fn a_record_is_one_person_and_a_corpus_are_several() {
    let of = |unit: &str, personas: &str| {
        let text = format!(
            "name: x\ninput: {{path: notes.csv, unit: {unit}}}\n{personas}panel:\n  - model: openai:a\n"
        );
        let study = parse(&text).expect("fits");
        (study.personas.min, study.personas.max, study.several_of_one().is_some())
    };
    assert_eq!(of("record", ""), (1, 1, false));
    assert_eq!(of("record", "personas: {max: 3}\n"), (1, 3, true));
    assert_eq!(of("record", "personas: {min: 2}\n"), (2, 2, true));
    assert_eq!(of("corpus", ""), (1, 5, false));
    assert_eq!(of("corpus", "personas: {min: 7}\n"), (7, 7, false));
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    let text = with_panel("  - model: openai:a\n    temprature: 1");
    let error = refused(&text);
    assert!(error.contains("did you mean `temperature`?"), "{error}");
    assert!(error.contains('5') && error.contains("temprature: 1"), "no line or snippet: {error}");
    let error = refused(&with_panel("  - model: openai:a\n    api_key: sk-1"));
    assert!(error.contains("`api_key_env`"), "{error}");
    assert!(!error.contains("sk-1") && error.contains("api_key: ***"), "{error}");
    let inline = refused(&with_panel("  - {model: 'openai:a', api_key: \"sk-1\", colour: red}"));
    assert!(!inline.contains("sk-1"), "{inline}");
}

#[test]
fn an_answer_that_comes_whole_may_begin_as_late_as_it_may_end() {
    let of = |given: &str| {
        parse(&with_panel(&format!("  - {{model: 'openai:a'{given}}}"))).unwrap().panel[0].timeouts
    };
    let seconds = |given: &str| (of(given).first_byte().as_secs(), of(given).total().as_secs());
    assert_eq!(seconds(""), (120, 120));
    assert_eq!(seconds(", timeouts: {total: 900}"), (900, 900));
    assert_eq!(seconds(", timeouts: {first_byte: 5}"), (5, 120));
}

#[test]
fn a_number_out_of_range_is_shown_where_it_stands() {
    let error = refused(&with_panel("  - model: openai:a\n    temperature: 3"));
    assert!(error.contains("temperature") && error.contains("temperature: 3"), "{error}");
    let error = refused(&with_panel("  - model: openai:a\n    timeouts: {idle: 0}"));
    assert!(error.contains("`panel[0].timeouts`: timeout `idle` is `0` s"), "{error}");
}

#[test]
fn duplicate_keys_are_refused() {
    let error = refused(&with_panel("  - model: openai:a\n    model: openai:b"));
    assert!(error.contains("duplicate") && error.contains("model"), "{error}");
}

#[test]
fn the_same_model_with_the_same_stance_is_refused_and_with_another_is_not() {
    let twice = "  - model: openai:a\n  - model: openai:b\n  - model: openai:a\n    weight: 2";
    let error = refused(&with_panel(twice));
    assert!(error.contains("line 6") && error.contains("is already `panel[0]`"), "{error}");
    let stances = "  - {model: 'openai:a', stance: for}\n  - {model: 'openai:a', stance: against}";
    let study = parse(&with_panel(stances)).unwrap();
    assert_eq!(study.panel[1].name.as_str(), "openai:a (against)");
}

#[test]
fn twins_with_names_of_their_own_are_told_apart() {
    let names = "  - {model: 'openai:a', name: one}\n  - {model: 'openai:a', name: two}";
    let study = parse(&with_panel(names)).unwrap();
    assert_eq!(study.panel.iter().map(|member| member.twin).collect::<Vec<_>>(), [0, 1]);
    let equal = "  - {model: 'openai:a', name: one}\n  - {model: 'openai:b', name: one}";
    assert!(refused(&with_panel(equal)).contains("`one` names two members"));
}

#[test]
fn a_limit_needs_a_price_for_every_member() {
    let limit = "limits: {max_cost: 1}\n";
    let unpriced = format!("{limit}{}", with_panel("  - model: openai:a"));
    assert!(refused(&unpriced).contains("`openai:a` has no `price`"));
    let priced = with_panel(
        "  - {model: 'openai:a', price: {input: 1, output: 2}}\n  - {model: 'replay:b', recording: b.jsonl}",
    );
    parse(&format!("{limit}{priced}")).expect("recordings are free");
}

#[test]
fn a_weight_for_an_unknown_trait_is_refused() {
    let error = refused(&format!("weights: {{shoe size: 1}}\n{}", with_panel("  - model: openai:a")));
    assert!(error.contains("no trait is called `shoe size`"), "{error}");
}

#[test]
fn a_schema_is_found_beside_the_study() {
    let panel = with_panel("  - model: openai:a");
    let study = parse(&format!("schema: traits.json\n{panel}")).unwrap();
    assert_eq!(study.schema.definitions().len(), 1);
    let missing = refused(&format!("schema: nowhere.json\n{panel}"));
    assert!(
        missing.contains("`studies/nowhere.json`, which `studies/") && missing.contains("cannot be read"),
        "{missing}"
    );
}

#[test]
fn only_what_answers_depend_on_changes_the_fingerprint() {
    let base = with_panel("  - {model: 'openai:a', temperature: 1}");
    let print = |text: &str| parse(text).unwrap().fingerprint();
    let free = format!(
        "concurrency: 9\nretry: {{max_attempts: 1}}\nweights: {{age: 2}}\nconsensus: {{item_support: 0.6}}\nclustering: kmeans:2\n{base}"
    );
    assert_eq!(print(&base), print(&free));
    assert_ne!(print(&base), print(&base.replace("temperature: 1", "temperature: 0")));
    assert_ne!(print(&base), print(&format!("question: why\n{base}")));
    assert_ne!(print(&base), print(&format!("schema: traits.json\n{base}")));
}

#[test]
fn a_quorum_larger_than_the_panel_is_refused() {
    let error = refused(&format!("quorum: {{min_models: 3}}\n{}", with_panel("  - model: openai:a")));
    assert!(error.contains("`3` is more than the 1 members"), "{error}");
}

#[test]
fn an_unknown_provider_is_told_the_one_that_was_meant() {
    let error = refused(&with_panel("  - model: opneai:a"));
    assert!(
        error.contains("line 4: `panel[0].model`") && error.contains("did you mean `openai`?"),
        "{error}"
    );
    let own = "  - {model: 'mine:a', base_url: 'http://localhost:9/v1', dialect: openai}";
    let study = parse(&with_panel(own)).expect("an own endpoint that is described");
    assert_eq!(study.panel[0].address(), "http://localhost:9/v1");
}

#[test]
fn one_model_under_two_provider_names_is_still_one_model() {
    let alias =
        "  - model: vllm:a\n  - {model: 'mine:a', base_url: 'http://localhost:8000/v1/', dialect: openai}";
    assert!(refused(&with_panel(alias)).contains("is already `panel[0]`"));
}

#[test]
fn a_key_in_place_of_its_variable_is_refused_and_not_shown() {
    let error = refused(&with_panel("  - {model: 'openai:a', api_key_env: sk-secret}"));
    assert!(error.contains("`panel[0].api_key_env`") && !error.contains("sk-secret"), "{error}");
}

#[test]
fn a_recording_belongs_to_a_replayed_member() {
    assert!(refused(&with_panel("  - model: replay:a")).contains("needs a `recording`"));
    let other = refused(&with_panel("  - {model: 'openai:a', recording: a.jsonl}"));
    assert!(other.contains("only `replay` reads recordings"), "{other}");
}

#[test]
fn g7_a_study_has_no_stages_until_it_says_so_and_then_the_usual_ones() {
    let panel = with_panel("  - model: openai:a");
    assert_eq!(parse(&panel).unwrap().stages, None);
    let study = parse(&format!("stages: default\n{panel}")).unwrap();
    let pipeline = study.stages.unwrap().pipeline;
    assert_eq!(pipeline.stages().len(), 9);
    assert_eq!(pipeline.groups()[0].stages, ["review", "coverage", "evidence"]);
}

#[test]
fn g2_what_is_wrong_with_stages_is_said_with_file_line_and_reason() {
    let inline = "stages:\n  stage_order: [panel, consensus, review, coverage]\n  parallel_groups:\n    checks:\n      after: consensus\n      stages:\n        - review\n        - coverag\n";
    let error = refused(&format!("{inline}{}", with_panel("  - model: openai:a")));
    assert!(error.contains("`studies/study.yaml` line 8: `parallel_groups.checks.stages`"), "{error}");
    assert!(error.contains("`coverag` is not in `stage_order`"), "{error}");
    let error = refused(&format!("stages: stages.yaml\n{}", with_panel("  - model: openai:a")));
    assert!(error.contains("`studies/stages.yaml` line 4: `settings.consensus.model`"), "{error}");
    let error = refused(&format!("stages: nowhere.yaml\n{}", with_panel("  - model: openai:a")));
    assert!(
        error.contains("`studies/nowhere.yaml`, which `studies/") && error.contains("cannot be read"),
        "{error}"
    );
    let error = refused(&format!("stages: {{stage_ordr: [panel]}}\n{}", with_panel("  - model: openai:a")));
    assert!(error.contains("did you mean `stage_order`?"), "{error}");
}

#[test]
fn stages_may_ask_models_that_are_not_in_the_panel() {
    let own = "stages:\n  models:\n    - {model: 'replay:pen', name: pen, recording: pen.jsonl}\n  settings: {synthesis: {model: pen}}\n";
    let study = parse(&format!("{own}{}", with_panel("  - model: openai:a"))).unwrap();
    let stages = study.stages.as_ref().unwrap();
    assert_eq!(stages.pipeline.stage("synthesis").unwrap().settings.model.as_deref(), Some("pen"));
    assert_eq!(stages.pipeline.stage("review").unwrap().settings.model.as_deref(), Some("openai:a"));
    assert_eq!(study.model("pen").unwrap().recording, Some(PathBuf::from("studies/pen.jsonl")));
    let twice = own.replace("name: pen", "name: 'openai:a'").replace("model: pen", "model: 'openai:a'");
    assert!(refused(&format!("{twice}{}", with_panel("  - model: openai:a"))).contains("names two models"));
    let limited = format!(
        "limits: {{max_cost: 1}}\nstages: {{models: [{{model: 'openai:b'}}]}}\n{}",
        with_panel("  - {model: 'openai:a', price: {input: 1, output: 2}}")
    );
    assert!(refused(&limited).contains("`openai:b` has no `price`"));
}
