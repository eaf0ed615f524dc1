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
        ["review", "synthesis", "quality"].map(|name| settings(name).timeout_seconds).to_vec();
    assert_eq!(timeouts, [15.0, 20.0, 10.0]);
    let review = settings("review");
    assert_eq!((review.retries, review.concurrency, review.min_success_ratio), (2, 3, 0.75));
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
}
