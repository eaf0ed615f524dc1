//! A scripted panel that reads the jobs from the data and would name the same goal to anybody.

use std::path::Path;
use std::sync::Arc;

use consona::consensus::ablation::compare;
use consona::consensus::{ConsensusParams, ConsensusPersona, Engine};
use consona::dataset::Record;
use consona::embed::StaticEmbedder;
use consona::persona::{RecordDrafts, RecordId};
use consona::provider::{Call, Provider, Scripted, ScriptedProvider};
use consona::run::ablation::ablated;
use consona::run::{Drafting, Run, RunOutcome, Settings, Study, Unit, drafts, units};
use consona::store::Store;

const JOBS: [&str; 4] = ["nurse", "baker", "plumber", "lawyer"];

fn study(evidence: &str) -> Study {
    let text = format!(
        "name: x\ninput: {{path: x, unit: record}}\nablation: {{evidence: {evidence}, units: 9}}\npanel:\n  \
         - model: 'scripted:a'\n  - model: 'scripted:b'\n"
    );
    Study::parse(&text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into())).expect("a study")
}

fn answer(call: &Call) -> Scripted {
    let asked = &call.prompt.messages[0].content;
    let job = JOBS.iter().find(|job| asked.contains(&format!("I am a {job}"))).unwrap_or(&"accountant");
    let persona = serde_json::json!({"name": "Ann", "occupation": job, "goals": ["save time"]});
    Scripted::text(serde_json::json!({"personas": [persona]}).to_string())
}

async fn personas(study: &Study, asked: &[Unit]) -> Vec<ConsensusPersona> {
    let provider: Arc<dyn Provider> = Arc::new(ScriptedProvider::new("scripted", answer));
    let seats = study.panel.iter().map(|member| (member.clone(), Arc::clone(&provider))).collect();
    let drafting = Arc::new(Drafting::new(study).expect("templates"));
    let store = Arc::new(Store::in_memory().expect("opened"));
    let run = Run::new(Settings::from(study), seats, drafting.clone(), store.clone()).expect("seated");
    let report = run.execute(asked.to_vec()).await.expect("asked");
    assert_eq!(report.outcome, RunOutcome::Complete);
    let records: Vec<RecordDrafts> = drafts(&store, drafting.as_ref(), &study.panel)
        .map(|derived| derived.expect("readable").drafts)
        .collect();
    let embedder = StaticEmbedder::embedded().expect("shipped");
    let settings = ConsensusParams::new().check().expect("valid");
    let engine = Engine::new(&study.schema, &embedder, study.members(), settings).expect("valid");
    let learned = engine.learn(records.as_slice()).expect("learns");
    let mut found = Vec::new();
    engine
        .decide(records.as_slice(), &learned, |some| {
            found.extend(some);
            Ok(())
        })
        .expect("decides");
    found
}

#[tokio::test]
async fn what_a_panel_says_without_the_data_is_told_from_what_it_reads() {
    for evidence in ["withheld", "shuffled"] {
        let study = study(evidence);
        let records = JOBS.iter().enumerate().map(|(place, job)| Record {
            id: RecordId::new(&format!("r{place}")).expect("valid"),
            fields: [("text".to_owned(), format!("I am a {job}.").into())].into_iter().collect(),
            origin: String::new(),
        });
        let all: Vec<Unit> = units(records, &study.input).collect();
        let again = ablated(&all, study.ablation.expect("asked for"), study.seed);
        let (with, without) = (personas(&study, &all).await, personas(&study, &again).await);
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let traits = compare(&study.schema, &embedder, &with, &without).expect("compares");
        assert_eq!((traits["goals"].values, traits["goals"].same), (4, 4), "{evidence}");
        assert_eq!((traits["occupation"].values, traits["occupation"].same), (4, 0), "{evidence}");
        assert!(!traits.contains_key("name"), "names are everybody's own choice");
    }
}
