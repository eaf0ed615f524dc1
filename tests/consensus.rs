//! The promises of a consensus, through the public interface.

use consona::consensus::{ConsensusParams, ConsensusPersona, Engine, PersonaKind, Subject, TraitConsensus};
use consona::dataset::{DraftDefaults, read_drafts};
use consona::embed::StaticEmbedder;
use consona::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema, TraitValue};
use proptest::prelude::*;

fn model(name: &str) -> ModelName {
    ModelName::new(name).expect("a valid name")
}

fn draft(name: &str, traits: &[(&str, &str)]) -> Draft {
    let mut draft = Draft::new(RecordId::new("r").expect("a valid id"), model(name));
    for (name, value) in traits {
        draft.traits.insert((*name).to_owned(), TraitValue::Text((*value).to_owned()));
    }
    draft
}

fn personas(drafts: Vec<Draft>, panel: &[ModelName], subject: Subject) -> Vec<ConsensusPersona> {
    let schema = TraitSchema::default_persona().with_inferred(&drafts);
    let embedder = StaticEmbedder::embedded().expect("the table is compiled in");
    let settings = ConsensusParams::new().subject(subject).check().expect("the defaults are valid");
    let engine = Engine::new(&schema, &embedder, panel.to_vec(), settings).expect("no weights");
    let record = drafts.first().map(|draft| draft.record.clone()).expect("there are drafts");
    let records = [RecordDrafts::new(record, drafts, panel)];
    let learned = engine.learn(records.as_slice()).expect("nothing fails here");
    let mut all = Vec::new();
    engine
        .decide(records.as_slice(), &learned, |found| {
            all.extend(found);
            Ok(())
        })
        .expect("nothing fails here");
    all
}

fn about_one(drafts: Vec<Draft>, panel: &[ModelName]) -> ConsensusPersona {
    let mut found = personas(drafts, panel, Subject::One);
    assert_eq!(found.len(), 1, "one subject, one persona");
    found.remove(0)
}

fn age_of(answers: &[(&str, &str)]) -> TraitConsensus {
    let panel: Vec<ModelName> = answers.iter().map(|(name, _)| model(name)).collect();
    let mut panel_once = panel.clone();
    panel_once.dedup();
    let drafts = answers.iter().enumerate().map(|(place, (name, age))| {
        let mut draft = draft(name, &[("age", age)]);
        draft.sample = u32::try_from(place).expect("few answers");
        draft
    });
    let persona = about_one(drafts.collect(), &panel_once);
    persona.traits.get("age").expect("somebody answered").clone()
}

#[test]
fn m4_three_personas_from_three_models_and_the_invented_one_apart() {
    let recordings = include_str!("../data/demo/recordings.jsonl");
    let drafts: Vec<&str> = recordings.lines().filter(|line| !line.contains("\"failures\"")).collect();
    let lines = drafts.join("\n");
    let schema = TraitSchema::default_persona();
    let loaded = read_drafts("recordings.jsonl", lines.as_bytes(), &DraftDefaults::default(), &schema)
        .expect("the demo reads");
    assert!(loaded.set_aside.is_empty(), "{:?}", loaded.set_aside);
    let found = personas(loaded.items, &[model("aurora"), model("basalt"), model("cinder")], Subject::Auto);
    let kinds: Vec<(PersonaKind, usize)> =
        found.iter().map(|persona| (persona.kind, persona.support)).collect();
    let consensus = (PersonaKind::Consensus, 3);
    assert_eq!(kinds, [consensus, consensus, consensus, (PersonaKind::Minority, 1)]);
    assert_eq!(found[3].models, [model("cinder")]);
    let divergent: Vec<String> = found[..3]
        .iter()
        .flat_map(|persona| {
            persona.traits.iter().filter(|(_, found)| found.divergent).map(|(name, _)| name.clone())
        })
        .collect();
    assert_eq!(divergent, ["tech_savviness"]);
    assert!(found.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));
}

#[test]
fn m4_every_model_s_variation_is_noted_with_its_words() {
    let panel = [model("a"), model("b"), model("c")];
    let drafts = [("a", "nurse", "30"), ("b", "ward nurse", "31"), ("c", "plumber", "60")]
        .map(|(name, job, age)| draft(name, &[("occupation", job), ("age", age)]));
    let found = about_one(drafts.to_vec(), &panel);
    for (name, said) in [("occupation", ["nurse", "ward nurse", "plumber"]), ("age", ["30", "31", "60"])] {
        let variants = found.traits[name].variants.iter().flat_map(|variant| &variant.said);
        let mut told: Vec<(ModelName, String)> =
            variants.map(|one| (one.model.clone(), one.value.to_string())).collect();
        told.sort();
        let wanted = panel.iter().cloned().zip(said.map(str::to_owned));
        assert_eq!(told, wanted.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn m5_a_persona_of_one_model_is_kept_and_marked_however_often_that_model_says_it() {
    let panel = [model("a"), model("b"), model("c")];
    let nurse = [("name", "Ada"), ("age", "30"), ("occupation", "nurse"), ("location", "Oslo")];
    let judge = [("name", "Zoe"), ("age", "70"), ("occupation", "judge"), ("location", "Lima")];
    let mut drafts: Vec<Draft> = ["a", "b", "c"].map(|name| draft(name, &nurse)).to_vec();
    for sample in 0..3 {
        let mut alone = draft("c", &judge);
        (alone.sample, alone.position) = (sample, 1);
        drafts.push(alone);
    }
    let found = personas(drafts, &panel, Subject::Several);
    let told: Vec<(String, PersonaKind, usize)> =
        found.iter().map(|one| (one.traits["name"].value.to_string(), one.kind, one.support)).collect();
    // Never dropped, never promoted: three sittings of one model are one voice.
    let wanted =
        [("Ada".to_owned(), PersonaKind::Consensus, 3), ("Zoe".to_owned(), PersonaKind::Minority, 1)];
    assert_eq!(told, wanted);
    assert_eq!(found[1].models, [model("c")]);
}

#[test]
fn m6_two_drafts_of_one_model_are_one_vote() {
    let once = age_of(&[("a", "30"), ("b", "60"), ("c", "61")]);
    let thrice = age_of(&[("a", "30"), ("a", "30"), ("a", "30"), ("b", "60"), ("c", "61")]);
    assert_eq!(once.value, thrice.value);
    assert_eq!((once.support, once.n_models), (thrice.support, thrice.n_models));
    assert!((once.confidence - thrice.confidence).abs() < 1e-9);
}

#[test]
fn unanimous_answers_do_not_diverge_whatever_their_wording() {
    let found = age_of(&[("a", "28"), ("b", "1. 28 years old"), ("c", "** 28")]);
    assert!(!found.divergent && found.dissent.is_empty() && found.variants.len() == 1, "{found:?}");
    assert_eq!(found.value, TraitValue::Number(28.0));
    assert_eq!(found.support, 3);
}

#[test]
fn unknown_moves_nothing() {
    let without = age_of(&[("a", "28"), ("b", "29")]);
    let with = age_of(&[("a", "28"), ("b", "29"), ("c", "N/A")]);
    assert_eq!(without.value, with.value);
    assert_eq!(with.n_models, 2);
    assert!((without.confidence - with.confidence).abs() < 1e-12);
}

#[test]
fn an_agreeing_model_never_lowers_confidence() {
    let mut before = 0.0;
    for models in 1..8 {
        let names: Vec<String> = (0..models).map(|place| format!("m{place}")).collect();
        let answers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "40")).collect();
        let confidence = age_of(&answers).confidence;
        assert!(confidence >= before, "{models} models: {confidence} after {before}");
        before = confidence;
    }
}

#[test]
fn a_dissenter_is_named_with_the_words_that_were_said() {
    let found = age_of(&[("a", "28"), ("b", "27"), ("c", "28"), ("d", "Early 70s")]);
    assert_eq!(found.dissent.len(), 1);
    assert_eq!(found.dissent[0].model, model("d"));
    assert_eq!(found.dissent[0].value, TraitValue::Text("Early 70s".to_owned()));
    let last = found.variants.last().expect("two variants");
    assert_eq!((last.models.as_slice(), found.variants.len()), ([model("d")].as_slice(), 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_the_panel_changes_no_value_and_numbers_stay_in_range(
        ages in proptest::collection::vec(18_u32..90, 1..7),
        turn in 0_usize..7,
    ) {
        let names: Vec<String> = (0..ages.len()).map(|place| format!("m{place}")).collect();
        let drafts: Vec<Draft> = names
            .iter()
            .zip(&ages)
            .map(|(name, age)| draft(name, &[("age", &age.to_string()), ("occupation", "nurse")]))
            .collect();
        let panel: Vec<ModelName> = names.iter().map(|name| model(name)).collect();
        let mut turned = panel.clone();
        turned.rotate_left(turn % panel.len());
        let one = about_one(drafts.clone(), &panel);
        let other = about_one(drafts, &turned);
        for (name, found) in &one.traits {
            let same = &other.traits[name];
            prop_assert!((found.confidence - same.confidence).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&found.confidence));
            prop_assert!((0.0..=1.0).contains(&found.agreement));
            prop_assert!(found.support <= found.n_models);
            let shares: f64 = found.variants.iter().map(|variant| variant.share).sum();
            prop_assert!((shares - 1.0).abs() < 1e-9);
        }
        prop_assert!((one.confidence - other.confidence).abs() < 1e-9);
    }
}

#[test]
fn wordings_that_the_consensus_counts_as_one_agree_in_alpha_too() {
    let said = [
        ("r1", ["Student", "University student", "Undergraduate student"]),
        ("r2", ["Retired teacher", "Retired school teacher", "Retired teacher"]),
    ];
    let panel = ["a", "b", "c"].map(model);
    let records: Vec<RecordDrafts> = said
        .iter()
        .map(|(record, jobs)| {
            let record = RecordId::new(record).expect("a valid id");
            let drafts = jobs
                .iter()
                .zip(["a", "b", "c"])
                .map(|(job, name)| Draft { record: record.clone(), ..draft(name, &[("occupation", job)]) });
            RecordDrafts::new(record.clone(), drafts.collect(), &panel)
        })
        .collect();
    let (schema, embedder) =
        (TraitSchema::default_persona(), StaticEmbedder::embedded().expect("the table is compiled in"));
    let settings = ConsensusParams::new().subject(Subject::One).check().expect("the defaults are valid");
    let engine = Engine::new(&schema, &embedder, panel.to_vec(), settings).expect("no weights");
    let learned = engine.learn(records.as_slice()).expect("nothing fails here");
    engine
        .decide(records.as_slice(), &learned, |found| {
            let jobs = &found[0].traits["occupation"];
            assert_eq!((jobs.variants.len(), jobs.support), (1, 3), "one value to the consensus: {jobs:?}");
            Ok(())
        })
        .expect("nothing fails here");
    let alpha = engine.diagnose(records.as_slice(), &learned).expect("nothing fails here").alpha;
    assert_eq!(alpha["occupation"].alpha, Some(1.0), "and so to alpha");
}

#[test]
fn of_bios_that_say_the_same_one_is_told_that_was_written_for_the_name() {
    let about = |name: &str| format!("{name} works rotating shifts in the hospital and reads at night");
    // The name is a tie of three, which the words decide: none of the panel's orders may decide it.
    let named = [("a", "Marta"), ("b", "Dora"), ("c", "Ines")];
    for turn in 0..3 {
        let mut named = named;
        named.rotate_left(turn);
        let panel: Vec<ModelName> = named.iter().map(|(by, _)| model(by)).collect();
        let drafts =
            named.iter().map(|(by, name)| draft(by, &[("name", name), ("bio", &about(name))])).collect();
        let persona = about_one(drafts, &panel);
        let name = persona.traits["name"].value.to_string();
        assert_eq!(persona.traits["bio"].value.to_string(), about(&name));
        assert_eq!(persona.traits["bio"].support, 3, "they say the same");
    }
}

#[test]
fn half_of_the_models_or_fewer_are_no_majority() {
    assert!(age_of(&[("a", "20"), ("b", "40"), ("c", "60")]).lacks_majority());
    assert!(age_of(&[("a", "20"), ("b", "20"), ("c", "60"), ("d", "60")]).lacks_majority());
    assert!(!age_of(&[("a", "20"), ("b", "20"), ("c", "40")]).lacks_majority());
    assert!(!age_of(&[("a", "20"), ("b", "21")]).lacks_majority(), "they agree");
}
