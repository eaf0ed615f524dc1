use super::*;
use crate::stages::adaptation::adapt;
use crate::stages::pipeline::Step;
use crate::stages::uncertainty::Score;

fn located(names: &[&str]) -> Vec<Located<String>> {
    (10..).zip(names).map(|(line, name)| Located { value: (*name).to_owned(), line: Some(line) }).collect()
}

fn definition(order: &[&str]) -> Definition {
    Definition {
        order: Some(located(order)),
        models: vec!["a".to_owned(), "b".to_owned()],
        ..Definition::default()
    }
}

fn group(name: &str, after: Option<&str>, stages: &[&str], before: Option<&str>) -> GroupDefinition {
    let side = |name: &str| Located { value: name.to_owned(), line: Some(99) };
    GroupDefinition {
        name: name.to_owned(),
        after: after.map(side),
        stages: located(stages),
        before: before.map(side),
    }
}

fn grouped(order: &[&str], groups: Vec<GroupDefinition>) -> Definition {
    Definition { groups: Some(groups), ..definition(order) }
}

fn with(order: &[&str], stage: StageDefinition) -> Definition {
    Definition { stages: vec![stage], ..definition(order) }
}

fn refused(definition: &Definition) -> (Option<u64>, String) {
    let misplaced = definition.check().map(drop).unwrap_err();
    (misplaced.line, misplaced.to_string())
}

const ORDER: [&str; 6] = ["panel", "consensus", "review", "coverage", "synthesis", "report"];

#[test]
fn p1_the_usual_pipeline_is_walked_in_its_order_with_one_group() {
    let pipeline = Pipeline::usual(vec!["a".to_owned()]).unwrap();
    let names: Vec<&str> = pipeline.stages().iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, DEFAULT_ORDER.map(Kind::name));
    let steps: Vec<Vec<usize>> = pipeline.steps().iter().map(Step::places).collect();
    assert_eq!(steps, [vec![0], vec![1], vec![2, 3, 4], vec![5], vec![6], vec![7], vec![8]]);
    assert_eq!(pipeline.stage("review").unwrap().settings.model.as_deref(), Some("a"));
    assert_eq!(pipeline.concurrency(), 3);
}

#[test]
fn p2_limits_have_their_documented_defaults() {
    let pipeline = Pipeline::usual(vec!["a".to_owned()]).unwrap();
    let settings = |name: &str| pipeline.stage(name).unwrap().settings.clone();
    let timeouts: Vec<f64> =
        ["panel", "review", "synthesis", "quality"].map(|name| settings(name).timeout_seconds).to_vec();
    assert_eq!(timeouts, [120.0, 15.0, 20.0, 10.0]);
    assert!((StageSettings::of(Kind::Command).timeout_seconds - 30.0).abs() < 1e-12);
    for stage in pipeline.stages() {
        let settings = &stage.settings;
        let numbers = (settings.retries, settings.concurrency, settings.min_success_ratio, settings.rework);
        assert_eq!(numbers, (2, 3, 0.75, 1), "{}", stage.name);
        assert!(settings.panel.is_nothing(), "the panel's members have limits of their own");
    }
    assert_eq!(pipeline.concurrency(), 3);
}

#[test]
fn p2_the_panels_stage_may_limit_its_calls() {
    let number = |value: f64| Some(Located::nowhere(value));
    let panel = StageDefinition {
        name: "panel".to_owned(),
        timeout: number(30.0),
        retries: Some(Located::nowhere(1)),
        lifetime: number(900.0),
        ..StageDefinition::default()
    };
    let pipeline = with(&ORDER, panel).check().unwrap();
    let settings = &pipeline.stage("panel").unwrap().settings;
    let limits = PanelLimits { timeout_seconds: Some(30.0), retries: Some(1), concurrency: None };
    assert_eq!(settings.panel, limits);
    assert_eq!((settings.lifetime_seconds, settings.asks_afresh), (Some(900.0), false));
}

#[test]
fn p8_reviews_and_narratives_have_a_lifetime_and_paid_drafts_have_none() {
    let pipeline = Pipeline::usual(vec!["a".to_owned()]).unwrap();
    let limited: Vec<(&str, f64, bool)> = pipeline
        .stages()
        .iter()
        .filter_map(|stage| {
            let lifetime = stage.settings.lifetime_seconds?;
            Some((stage.name.as_str(), lifetime, stage.settings.asks_afresh))
        })
        .collect();
    assert_eq!(limited, [("review", 600.0, false), ("synthesis", 1_800.0, false)]);
    let lifetime = Some(Located::nowhere(60.0));
    let review = StageDefinition { name: "review".to_owned(), lifetime, ..StageDefinition::default() };
    let pipeline = with(&ORDER, review).check().unwrap();
    let settings = &pipeline.stage("review").unwrap().settings;
    assert_eq!((settings.lifetime_seconds, settings.asks_afresh), (Some(60.0), true));
}

#[test]
fn g7_without_groups_the_stages_go_one_by_one() {
    let steps: Vec<usize> =
        definition(&ORDER).check().unwrap().steps().iter().map(|step| step.places().len()).collect();
    assert_eq!(steps, [1; 6]);
}

#[test]
fn g1_a_group_is_data_alone() {
    let pipeline =
        grouped(&ORDER, vec![group("x", Some("consensus"), &["coverage", "review"], None)]).check();
    let pipeline = pipeline.unwrap();
    assert_eq!(pipeline.groups()[0].stages, ["review", "coverage"]);
    assert_eq!(pipeline.steps()[2].places(), [2, 3]);
}

#[test]
fn g2_unknown_stages_are_refused_with_their_line() {
    let (line, why) = refused(&definition(&["panel", "consensus", "reviews"]));
    assert_eq!(line, Some(12));
    assert!(why.contains("`stage_order[2]`") && why.contains("did you mean `review`?"), "{why}");
    let (line, why) = refused(&grouped(&ORDER, vec![group("x", None, &["review", "checking"], None)]));
    assert_eq!(line, Some(11));
    assert!(why.contains("`parallel_groups.x.stages`: `checking` is not in `stage_order`"), "{why}");
    let (_, why) =
        refused(&with(&ORDER, StageDefinition { name: "quality".to_owned(), ..StageDefinition::default() }));
    assert!(why.contains("`settings.quality`: `quality` is not in `stage_order`"), "{why}");
    let (line, why) =
        refused(&grouped(&ORDER, vec![group("x", Some("nobody"), &["review", "coverage"], None)]));
    assert!(line == Some(99) && why.contains("`parallel_groups.x.after`"), "{why}");
}

#[test]
fn g2_names_that_two_stages_could_share_a_folder_under_are_refused() {
    let (line, why) = refused(&definition(&["panel", "consensus", "fact check"]));
    assert_eq!(line, Some(12));
    assert!(why.contains("`fact check` cannot be the name of a stage"), "{why}");
}

#[test]
fn g2_a_stage_that_waits_for_a_person_is_refused_in_a_group() {
    let order = ["panel", "consensus", "coverage", "approval"];
    let (line, why) = refused(&grouped(&order, vec![group("x", None, &["coverage", "approval"], None)]));
    assert!(line == Some(11) && why.contains("`approval` waits for a person"), "{why}");
}

#[test]
fn g2_sides_that_contradict_the_order_are_refused() {
    let (line, why) =
        refused(&grouped(&ORDER, vec![group("x", Some("synthesis"), &["review", "coverage"], None)]));
    assert_eq!(line, Some(99));
    assert!(why.contains("`after: synthesis` contradicts `stage_order`"), "{why}");
    let (_, why) = refused(&grouped(&ORDER, vec![group("x", None, &["review", "coverage"], Some("panel"))]));
    assert!(why.contains("`before: panel` contradicts"), "{why}");
    let (_, why) = refused(&grouped(&ORDER, vec![group("x", None, &["review", "report"], None)]));
    assert!(why.contains("`coverage` stands between `review` and `report`"), "{why}");
}

#[test]
fn g2_groups_that_overlap_are_refused() {
    let order = ["panel", "consensus", "review", "coverage", "evidence"];
    let groups = vec![
        group("x", None, &["review", "coverage"], None),
        group("y", None, &["coverage", "evidence"], None),
    ];
    let (_, why) = refused(&grouped(&order, groups));
    assert!(why.contains("`coverage` is in the group `x` already"), "{why}");
    let (_, why) = refused(&grouped(&order, vec![group("x", None, &["review"], None)]));
    assert!(why.contains("at least two stages; this one has 1"), "{why}");
}

#[test]
fn g2_a_stage_that_needs_its_siblings_output_is_refused() {
    let (_, why) = refused(&grouped(&ORDER, vec![group("x", None, &["panel", "consensus"], None)]));
    assert!(why.contains("`consensus` needs `drafts` of `panel`, which goes at the same time"), "{why}");
    let second = StageDefinition {
        name: "again".to_owned(),
        kind: Some(Located::nowhere("review".to_owned())),
        ..StageDefinition::default()
    };
    let order = ["panel", "consensus", "review", "again"];
    let both = Definition {
        stages: vec![second],
        ..grouped(&order, vec![group("x", None, &["review", "again"], None)])
    };
    let (_, why) = refused(&both);
    assert!(why.contains("both make `review`"), "{why}");
}

#[test]
fn g2_a_stage_that_takes_its_siblings_output_into_account_is_refused() {
    let order = ["panel", "consensus", "synthesis", "quality"];
    let (_, why) = refused(&grouped(&order, vec![group("x", None, &["synthesis", "quality"], None)]));
    assert!(
        why.contains("`quality` needs `narratives` of `synthesis`, which goes at the same time"),
        "{why}"
    );
    let order = ["panel", "consensus", "review", "synthesis"];
    let (_, why) = refused(&grouped(&order, vec![group("x", None, &["review", "synthesis"], None)]));
    assert!(why.contains("`synthesis` needs `review` of `review`"), "{why}");
}

#[test]
fn g2_an_order_in_which_a_stage_cannot_see_what_it_looks_at_is_refused() {
    let (line, why) = refused(&definition(&["panel", "consensus", "quality", "synthesis"]));
    assert_eq!(line, Some(12));
    assert!(
        why.contains("`quality` takes `narratives` into account, which only `synthesis` behind it"),
        "{why}"
    );
    let (_, why) = refused(&definition(&["panel", "consensus", "report", "approval"]));
    assert!(
        why.contains("`report` takes `decision` into account") && why.contains("move `approval`"),
        "{why}"
    );
    // A gate may stand early, and stages may be missing.
    for order in [
        &["panel", "consensus", "approval", "coverage", "report"][..],
        &["panel", "consensus", "quality", "report"][..],
    ] {
        assert!(definition(order).check().is_ok(), "{order:?}");
    }
}

#[test]
fn g2_what_the_engine_makes_cannot_be_made_by_a_program() {
    let command = |produces: Option<&[&str]>| StageDefinition {
        name: "extra".to_owned(),
        kind: Some(Located::nowhere("command".to_owned())),
        run: Some(Located { value: vec!["true".to_owned()], line: Some(7) }),
        produces: produces.map(located),
        ..StageDefinition::default()
    };
    let order = ["panel", "consensus", "extra"];
    for name in ["personas", "drafts", "narratives", "decision", "report", "approved", "Personas"] {
        let (line, why) = refused(&with(&order, command(Some(&["weather", name]))));
        assert_eq!(line, Some(11), "{why}");
        assert!(why.contains(&format!("`extra` cannot make `{name}`")), "{why}");
    }
    assert!(with(&order, command(Some(&["weather"]))).check().is_ok());
    assert!(with(&order, command(None)).check().is_ok());
    let review = |produces: &[&str]| StageDefinition {
        name: "review".to_owned(),
        produces: Some(located(produces)),
        ..StageDefinition::default()
    };
    for produces in [&["foo", "bar"][..], &[][..]] {
        let (_, why) = refused(&with(&ORDER, review(produces)));
        assert!(why.contains("a stage of kind `review` has no `produces`"), "{why}");
    }
}

#[test]
fn g2_names_that_no_file_system_tells_apart_or_holds_are_refused() {
    let twice = StageDefinition {
        name: "Review".to_owned(),
        kind: Some(Located::nowhere("review".to_owned())),
        ..StageDefinition::default()
    };
    let (line, why) = refused(&with(&["panel", "consensus", "review", "Review"], twice));
    assert_eq!(line, Some(13));
    assert!(why.contains("`Review` and `review` differ in nothing but capitals"), "{why}");
    let long = "x".repeat(300);
    let (_, why) = refused(&definition(&["panel", "consensus", &long]));
    assert!(why.contains("cannot be the name of a stage; take up to 100 letters"), "{why}");
}

#[test]
fn p11_what_nobody_makes_is_missed_before_the_first_call() {
    let (line, why) = refused(&definition(&["panel", "review", "consensus"]));
    assert_eq!(line, Some(11));
    assert!(why.contains("`review` needs `personas`") && why.contains("move `consensus` before it"), "{why}");
    let needy = StageDefinition {
        name: "report".to_owned(),
        requires: Some(located(&["weather"])),
        ..StageDefinition::default()
    };
    let (_, why) = refused(&with(&ORDER, needy));
    assert!(why.contains("`report` needs `weather`") && why.contains("add a stage"), "{why}");
    let (_, why) = refused(&definition(&["panel", "panel"]));
    assert!(why.contains("stands in the order twice"), "{why}");
    assert!(refused(&definition(&[])).1.contains("no stage"));
}

#[test]
fn p10_a_complex_study_is_asked_more_slowly_and_a_poor_one_leaves_out_what_it_may() {
    let adaptive = Some(Located::nowhere(AdaptiveRules::default()));
    let optional =
        |name: &str| StageDefinition { name: name.to_owned(), optional: true, ..StageDefinition::default() };
    let groups = Some(vec![group("x", None, &["review", "coverage"], None)]);
    let stages = vec![optional("coverage"), optional("consensus")];
    let pipeline = Definition { groups, stages, adaptive, ..definition(&ORDER) }.check().unwrap();
    let rules = pipeline.adaptive().unwrap();
    let score = |value: f64| Score { value, parts: std::collections::BTreeMap::new() };
    let slowed = pipeline.adapted(&adapt(&rules, &score(81.0), &[]));
    let review = &slowed.stage("review").unwrap().settings;
    assert_eq!((slowed.concurrency(), review.concurrency, review.rework), (2, 2, 2));
    // 15 s and half as much again.
    assert!((review.timeout_seconds - 22.5).abs() < 1e-12);
    let poor = pipeline.adapted(&adapt(&AdaptiveRules { constrained: true, ..rules }, &score(0.0), &[]));
    assert!(poor.stage("coverage").is_none() && poor.groups().is_empty());
    assert!(poor.stage("consensus").is_some(), "others need it");
    assert_eq!(poor.concurrency(), 1);
    let wild = AdaptiveRules { uncertain_above: 101.0, ..AdaptiveRules::default() };
    let adaptive = Some(Located { value: wild, line: Some(4) });
    let (line, why) = refused(&Definition { adaptive, ..definition(&ORDER) });
    assert!(line == Some(4) && why.contains("`uncertain_above` is 101; it must be 0 to 100"), "{why}");
}

#[test]
fn settings_that_nobody_reads_and_values_out_of_range_are_refused() {
    let stage = |name: &str| StageDefinition { name: name.to_owned(), ..StageDefinition::default() };
    let at = |value: &str| Some(Located { value: value.to_owned(), line: Some(7) });
    let (line, why) = refused(&with(&ORDER, StageDefinition { model: at("a"), ..stage("coverage") }));
    assert!(line == Some(7) && why.contains("of kind `coverage` has no `model`"), "{why}");
    let (_, why) = refused(&with(&ORDER, StageDefinition { model: at("c"), ..stage("review") }));
    assert!(why.contains("`c` is neither in the panel") && why.contains("a, b"), "{why}");
    let share = Some(Located { value: 1.5, line: Some(8) });
    let (line, why) = refused(&with(&ORDER, StageDefinition { min_success_ratio: share, ..stage("review") }));
    assert!(line == Some(8) && why.contains("`min_success_ratio` is 1.5; it must be 0 to 1"), "{why}");
    let (_, why) = refused(&with(&ORDER, StageDefinition { kind: at("revue"), ..stage("review") }));
    assert!(why.contains("`revue` is no kind of stage"), "{why}");
    let (_, why) = refused(&with(&ORDER, StageDefinition { kind: at("command"), ..stage("report") }));
    assert!(why.contains("a `command` needs `run`"), "{why}");
    let blank = Some(Located { value: vec![" ".to_owned()], line: Some(9) });
    let (line, why) =
        refused(&with(&ORDER, StageDefinition { kind: at("command"), run: blank, ..stage("report") }));
    assert!(line == Some(9) && why.contains("a `command` needs `run`"), "{why}");
    let order = ["panel", "consensus", "approval"];
    let gate = StageDefinition {
        optional: true,
        allow_yes: Some(Located { value: true, line: Some(5) }),
        ..stage("approval")
    };
    let (line, why) = refused(&with(&order, gate));
    assert!(line == Some(5) && why.contains("of kind `approval` has no `optional`"), "{why}");
    let rework = Some(Located { value: 1, line: Some(6) });
    let (line, _) = refused(&with(&ORDER, StageDefinition { rework, ..stage("elsewhere") }));
    assert_eq!(line, Some(6), "every setting knows its line");
    let (line, why) = refused(&grouped(&ORDER, vec![group("x", Some("consensus"), &[], None)]));
    assert!(line == Some(99) && why.contains("this one has 0"), "{why}");
}
