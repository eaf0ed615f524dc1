use super::*;
use crate::consensus::testing::{personas, said as drafted};
use crate::embed::StaticEmbedder;
use crate::persona::ModelName;
use crate::provider::{Call, Scripted, ScriptedProvider};
use crate::run::retry::RetryPolicy;
use crate::run::stages::approval::APPROVED;
use crate::run::stages::questions::Seat;
use crate::run::stages::{checks, gate, report};
use crate::run::{Budget, Study};
use crate::stages::pipeline::{Kind, StageSettings};
use crate::stages::review::without_model;
use crate::store::Money;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// A run folder with one persona that three models agree on.
struct Place {
    folder: tempfile::TempDir,
    material: Arc<Material>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "name: x\ninput: {path: a}\npersonas: {min: 1, max: 1}\npanel:\n  - {model: 'scripted:a', name: pen}\nstages: default";
        let none: &dyn Fn(&Path) -> std::io::Result<String> = &|_| Err(std::io::ErrorKind::NotFound.into());
        let study = Study::parse(text, Path::new("s.yaml"), none).unwrap();
        let of = |model| drafted(model, &[("age", "21"), ("occupation", "Student")]);
        let line = serde_json::to_string(&personas(&[of("a"), of("b"), of("c")])[0]).unwrap();
        std::fs::write(folder.path().join("consensus.jsonl"), line).unwrap();
        let embedder = Arc::new(StaticEmbedder::embedded().unwrap());
        let material =
            Arc::new(Material { folder: folder.path().to_owned(), study, rows: Vec::new(), embedder });
        Self { folder, material }
    }

    fn desk(&self, provider: &Arc<ScriptedProvider>) -> Desk {
        let member = self.material.study.panel[0].clone();
        Desk {
            folder: self.folder.path().join("stages").join("synthesis"),
            seats: vec![Seat { member, provider: provider.clone() }],
            settings: StageSettings { retries: 0, ..StageSettings::of(Kind::Synthesis) },
            retry: RetryPolicy::default(),
            max_cost: None,
            budget: Budget::new(None, Money::ZERO),
            seed: 1,
            round: 0,
            halt: CancellationToken::new(),
        }
    }

    /// Narratives by a model that says this; what it was asked.
    async fn told(&self, sentences: &'static [&'static str]) -> (Vec<Told>, Vec<Call>) {
        let script = move |_: &Call| {
            let claims: Vec<Value> =
                sentences.iter().map(|text| serde_json::json!({"text": text, "traits": [1]})).collect();
            Scripted::text(serde_json::json!({ "sentences": claims }).to_string())
        };
        let provider = Arc::new(ScriptedProvider::new("scripted", script));
        let ended = synthesis(&self.material, &self.desk(&provider), "narratives", 1).await;
        assert!(matches!(ended, Ended::Completed(_)), "{ended:?}");
        (artefacts::get(self.folder.path(), "narratives").unwrap(), provider.calls())
    }
}

#[tokio::test]
async fn p4_the_reviewers_guidance_reaches_whoever_writes_the_narrative() {
    let place = Place::new();
    let persona = place.material.personas().unwrap().remove(0);
    let mut review = without_model(std::slice::from_ref(&persona), &place.material.study.schema);
    review.guidance = vec!["Say nothing about the harbour.".to_owned()];
    let reviewer = Some(ModelName::new("editor").unwrap());
    let reviewed = Reviewed { record: persona.record, reviewer, review };
    artefacts::put(place.folder.path(), "review", &[reviewed]).unwrap();
    let (_, calls) = place.told(&["He is a student."]).await;
    let asked = format!("{:?}", calls[0].prompt);
    assert!(asked.contains("Say nothing about the harbour."), "{asked}");
}

#[tokio::test]
async fn p5_a_narrative_of_which_nothing_is_grounded_is_cut_from_the_traits_and_has_no_author() {
    let place = Place::new();
    let (told, _) = place.told(&["A dragon sings opera.", "The moon is made of cheese."]).await;
    assert_eq!((&told[0].author, &told[0].narrative.author), (&None, &None));
    assert_eq!(told[0].replaced.as_deref(), Some("pen"));
    assert!(told[0].text.contains("Student"), "{}", told[0].text);
    assert_eq!(told[0].narrative.removed.len(), 2, "what was taken out is listed");
    // P6: the quality check sees it, and asks for it again while it may.
    let ended = checks::quality(&place.material, "quality", true);
    assert!(matches!(ended, Ended::Rework { .. }), "{ended:?}");
    let quality: Value = artefacts::get(place.folder.path(), "quality").unwrap();
    assert!(quality.to_string().contains("0 % of the sentences are supported"), "{quality}");
    let ended = report(&place.material);
    assert!(matches!(ended, Ended::Completed(_)), "{ended:?}");
    let text = std::fs::read_to_string(place.folder.path().join("report.md")).unwrap();
    assert!(!text.contains("written by pen"), "{text}");
    assert!(text.contains("no trait supports a sentence of what pen wrote"), "{text}");
    // A number says what it may be taken for, and is no percentage.
    let sure = "described by 3 of 3 models, confidence 0.90 (calibrated on other data)";
    assert!(text.contains(sure), "{text}");
}

#[tokio::test]
async fn p7_a_later_gate_begins_with_what_was_edited_at_an_earlier_one() {
    let place = Place::new();
    place.told(&["He is 21.", "He is a student."]).await;
    let folder = place.folder.path();
    assert!(matches!(gate(&place.material, "one", false), Ended::Waiting(_)));
    let approved: Value = artefacts::get(folder, APPROVED).unwrap();
    let id = approved["personas"][0]["persona_id"].as_str().unwrap().to_owned();
    let edit = serde_json::json!({"personas": {&id: {"age": 22}}});
    let schema = &place.material.study.schema;
    let mut edited = super::super::edit::apply(approved, &edit, Some(schema)).unwrap();
    edited["edits"] = serde_json::json!([edit]);
    artefacts::put(folder, APPROVED, &edited).unwrap();
    let Ended::Waiting(output) = gate(&place.material, "two", false) else { panic!("it waits") };
    assert_eq!(artefacts::get::<Value>(folder, APPROVED).unwrap(), edited);
    assert!(output["summary"].to_string().contains("Edits made before are in it"), "{output}");
    assert_eq!(output["removed_by_edit"][&id], serde_json::json!(["He is 21."]));
    // Other personas: the edits are nobody's, and that is said and kept.
    let other = std::fs::read_to_string(folder.join("consensus.jsonl")).unwrap().replace("Student", "Baker");
    std::fs::write(folder.join("consensus.jsonl"), other).unwrap();
    let Ended::Waiting(output) = gate(&place.material, "two", false) else { panic!("it waits") };
    let lost = output["edits_lost"].as_str().unwrap();
    assert!(lost.contains("the personas are no longer those that were edited"), "{lost}");
    assert_eq!(artefacts::get::<Value>(folder, "approved_before").unwrap(), edited);
    let fresh: Value = artefacts::get(folder, APPROVED).unwrap();
    assert_eq!(fresh["personas"][0]["traits"]["age"]["value"], 21);
}

#[test]
fn p10_the_second_round_names_the_sentences_that_were_left_out_to_their_own_author_alone() {
    let removed = BTreeMap::from([("x/1".to_owned(), vec!["He drives a sports car.".to_owned()])]);
    assert_eq!(
        left_out(&removed, "x/1"),
        [
            "An earlier version said «He drives a sports car.», which no trait supports: leave it out, or say what a trait says."
        ]
    );
    assert!(left_out(&removed, "x/2").is_empty());
}
