//! What a confidence must obey whatever the answers are, through the public interface.

use consona::consensus::{
    Calibration, ConfidenceStatus, ConsensusParams, ConsensusPersona, Engine, Subject, TraitConsensus,
};
use consona::embed::StaticEmbedder;
use consona::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema, TraitValue};
use proptest::prelude::*;

const WORK: [&str; 4] = ["nurse", "software engineer", "farmer", "unknown"];

/// What one model says: its number, a place in [`WORK`], an age. Who does not know the work says nothing
/// else.
type Answer = (usize, usize, u32);

fn drafts(answers: &[Answer]) -> Vec<Draft> {
    let record = RecordId::new("r").expect("a valid id");
    let mut samples = [0; 16];
    let answers = answers.iter().map(|(model, work, age)| {
        let mut draft = Draft::new(record.clone(), name(*model));
        draft.sample = samples[*model];
        samples[*model] += 1;
        draft.traits.insert("occupation".to_owned(), TraitValue::Text(WORK[*work].to_owned()));
        if WORK[*work] != "unknown" {
            draft.traits.insert("age".to_owned(), TraitValue::Number(f64::from(*age)));
        }
        draft
    });
    answers.collect()
}

fn name(model: usize) -> ModelName {
    ModelName::new(&format!("m{model}")).expect("a valid name")
}

fn decide(answers: &[Answer], panel: &[usize], params: ConsensusParams) -> ConsensusPersona {
    let schema = TraitSchema::default_persona();
    let embedder = StaticEmbedder::embedded().expect("the table is compiled in");
    let panel: Vec<ModelName> = panel.iter().map(|model| name(*model)).collect();
    let settings = params.subject(Subject::One).check().expect("valid");
    let engine = Engine::new(&schema, &embedder, panel.clone(), settings).expect("no weights");
    let records = [RecordDrafts::new(RecordId::new("r").expect("a valid id"), drafts(answers), &panel)];
    let learned = engine.learn(records.as_slice()).expect("nothing fails here");
    let mut all = Vec::new();
    let take = |found| {
        all.extend::<Vec<ConsensusPersona>>(found);
        Ok(())
    };
    engine.decide(records.as_slice(), &learned, take).expect("nothing fails here");
    all.remove(0)
}

fn persona(answers: &[Answer]) -> ConsensusPersona {
    let mut panel: Vec<usize> = answers.iter().map(|answer| answer.0).collect();
    panel.dedup();
    decide(answers, &panel, ConsensusParams::new())
}

fn work(persona: &ConsensusPersona) -> Option<&TraitConsensus> {
    persona.traits.get("occupation")
}

fn panel_of_answers() -> impl Strategy<Value = Vec<Answer>> {
    proptest::collection::vec((0_usize..3, 20_u32..60), 1..7).prop_map(|answers| {
        answers.into_iter().enumerate().map(|(model, (work, age))| (model, work, age)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// With votes of equal weight: learned weights are another matter, for a model that agrees on one trait
    /// and not on another shifts trust between the others.
    #[test]
    fn an_agreeing_model_never_lowers_confidence(answers in panel_of_answers()) {
        let persona = |answers: &[Answer]| {
            let panel: Vec<usize> = answers.iter().map(|answer| answer.0).collect();
            decide(answers, &panel, ConsensusParams::new().reliability_power(0.0))
        };
        let before = persona(&answers);
        let found = work(&before).expect("all answer");
        let winner = WORK.iter().position(|work| found.value.to_string() == *work).expect("one of the words");
        let mut more = answers.clone();
        more.push((answers.len(), winner, answers[0].2));
        let after = persona(&more);
        let now = work(&after).expect("all answer");
        prop_assert_eq!(&now.value, &found.value);
        prop_assert!(now.confidence >= found.confidence - 1e-9, "{} after {}", now.confidence, found.confidence);
    }

    #[test]
    fn a_model_that_repeats_itself_changes_nothing(answers in panel_of_answers(), place in 0_usize..6) {
        let again = answers[place % answers.len()];
        let mut repeated = answers.clone();
        repeated.push(again);
        repeated.sort_by_key(|answer| answer.0);
        let (once, twice) = (persona(&answers), persona(&repeated));
        for (name, found) in &once.traits {
            let same = &twice.traits[name];
            prop_assert_eq!(&found.value, &same.value);
            prop_assert!((found.confidence - same.confidence).abs() < 1e-9, "{}", name);
        }
    }

    #[test]
    fn an_abstention_moves_nothing(answers in panel_of_answers()) {
        let mut more: Vec<Answer> = answers.clone();
        more.push((answers.len(), 3, 40));
        let (without, with) = (persona(&answers), persona(&more));
        for (name, found) in &without.traits {
            let same = &with.traits[name];
            prop_assert_eq!(&found.value, &same.value);
            prop_assert_eq!((found.support, found.n_models), (same.support, same.n_models));
            prop_assert!((found.confidence - same.confidence).abs() < 1e-9, "{}", name);
        }
    }

    #[test]
    fn the_order_of_the_panel_changes_no_confidence_and_it_is_in_range(
        answers in panel_of_answers(), turn in 0_usize..6,
    ) {
        let mut panel: Vec<usize> = answers.iter().map(|answer| answer.0).collect();
        let one = decide(&answers, &panel, ConsensusParams::new().coverage(0.9));
        panel.rotate_left(turn % answers.len());
        let other = decide(&answers, &panel, ConsensusParams::new().coverage(0.9));
        prop_assert!((0.0..=1.0).contains(&one.confidence));
        for (name, found) in &one.traits {
            prop_assert!((0.0..=1.0).contains(&found.confidence));
            prop_assert_eq!(&found.value, &other.traits[name].value);
            prop_assert!((found.confidence - other.traits[name].confidence).abs() < 1e-9);
            let set = found.prediction_set.as_ref().expect("a set was asked for");
            prop_assert!(set.values.contains(&found.variants[0].value), "the winner belongs to its set");
        }
    }
}

#[test]
fn a_confidence_says_what_it_may_be_taken_for() {
    let answers = [(0, 0, 30), (1, 0, 31), (2, 1, 30)];
    let of = |calibration| decide(&answers, &[0, 1, 2], ConsensusParams::new().calibration(calibration));
    let (shipped, none) = (of(Calibration::Shipped), of(Calibration::None));
    assert_eq!(shipped.confidence_status, ConfidenceStatus::CalibratedOnOtherData);
    assert_eq!(none.confidence_status, ConfidenceStatus::Uncalibrated);
    let (shipped, none) = (work(&shipped).expect("answers"), work(&none).expect("answers"));
    assert!((none.confidence - none.parts.score()).abs() < 1e-12, "the plain score, nothing is calibrated");
    assert!((shipped.confidence - none.confidence).abs() > 1e-3);
    assert_eq!((shipped.prediction_set.is_none(), &shipped.value), (true, &none.value));
}

#[test]
fn a_persona_is_as_uncalibrated_as_its_least_calibrated_trait() {
    let record = RecordId::new("r").expect("a valid id");
    let mut draft = Draft::new(record.clone(), name(0));
    draft.traits.insert("age".to_owned(), TraitValue::Number(30.0));
    draft.traits.insert("goals".to_owned(), TraitValue::List(vec!["sleep".to_owned()]));
    let schema = TraitSchema::default_persona();
    let embedder = StaticEmbedder::embedded().expect("the table is compiled in");
    let settings = ConsensusParams::new().check().expect("valid");
    let engine = Engine::new(&schema, &embedder, vec![name(0)], settings).expect("no weights");
    let records = [RecordDrafts::new(record, vec![draft], &[name(0)])];
    let learned = engine.learn(records.as_slice()).expect("nothing fails here");
    let take = |found: Vec<ConsensusPersona>| {
        assert_eq!(found[0].traits["age"].confidence_status, ConfidenceStatus::CalibratedOnOtherData);
        assert_eq!(found[0].traits["goals"].confidence_status, ConfidenceStatus::Uncalibrated);
        assert_eq!(found[0].confidence_status, ConfidenceStatus::Uncalibrated);
        Ok(())
    };
    engine.decide(records.as_slice(), &learned, take).expect("nothing fails here");
}

#[test]
fn a_calibration_file_that_nobody_brought_is_refused() {
    let params = ConsensusParams::new().calibration(Calibration::File("mine.json".to_owned()));
    assert_eq!(params.missing_calibration(), Some("mine.json"));
    let error = params.check().expect_err("no file was read").to_string();
    assert!(error.contains("`mine.json`"), "{error}");
    assert!(ConsensusParams::new().coverage(1.0).check().is_err());
}

#[test]
fn leaving_a_model_out_tells_whose_vote_decides() {
    // Two against two ties are broken by the order: the fifth, m4, decides for the nurse.
    let answers = [(0, 0, 30), (1, 0, 30), (2, 1, 30), (3, 1, 30), (4, 0, 30)];
    let schema = TraitSchema::default_persona();
    let embedder = StaticEmbedder::embedded().expect("the table is compiled in");
    let panel: Vec<ModelName> = (0..5).map(name).collect();
    let settings = ConsensusParams::new().reliability_power(0.0).check().expect("valid");
    let engine = Engine::new(&schema, &embedder, panel.clone(), settings).expect("no weights");
    let records: Vec<RecordDrafts> = (0..3)
        .map(|place| {
            let record = RecordId::new(&format!("r{place}")).expect("a valid id");
            let mut drafts = drafts(&answers);
            for draft in &mut drafts {
                draft.record = record.clone();
            }
            RecordDrafts::new(record, drafts, &panel)
        })
        .collect();
    let learned = engine.learn(records.as_slice()).expect("nothing fails here");
    let diagnosis = engine.diagnose(records.as_slice(), &learned).expect("nothing fails here");
    let left_out = &diagnosis.left_out;
    assert_eq!(
        left_out.iter().map(|out| out.values).collect::<Vec<_>>(),
        [6; 5],
        "two traits, three records"
    );
    assert_eq!(left_out[2].changed, Some(0.0), "the nurses are three without the engineer");
    // Nominal: three against two in each of three records, 9 and 6 of 15 values. Observed
    // 3 · 2 · 6 / 4 = 9; expected (225 − 81 − 36) / 14 = 108 / 14; alpha = 1 − 9 · 14 / 108.
    let alpha = diagnosis.alpha["occupation"];
    assert!((alpha.alpha.expect("values differ") - (1.0 - 126.0 / 108.0)).abs() < 1e-12, "{alpha:?}");
    assert_eq!(diagnosis.alpha["age"].alpha, None, "nothing varies");
}
