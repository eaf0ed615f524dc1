use super::*;
use crate::stages::pipeline::{Definition, GroupDefinition, Located, StageDefinition};
use serde_json::json;
use std::collections::BTreeMap;

/// Work by a script: how each stage ends, in the order in which it is asked.
#[derive(Debug, Default)]
struct Script {
    ends: Mutex<BTreeMap<String, Vec<Ended>>>,
    done: Mutex<Vec<String>>,
    /// Changes the fingerprints of the stages whose names begin with it.
    version: Mutex<String>,
    /// Stages of a group wait here for each other.
    meet: Option<tokio::sync::Barrier>,
}

impl Script {
    fn with(self, stage: &str, ends: Vec<Ended>) -> Self {
        self.ends.lock().unwrap().insert(stage.to_owned(), ends);
        self
    }

    fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.done.lock().unwrap())
    }
}

impl Work for Script {
    fn fingerprint(&self, stage: &Stage) -> String {
        format!("{}{}", stage.name, self.version.lock().unwrap())
    }

    fn is_made(&self, _: &Stage) -> bool {
        true
    }

    fn perform<'a>(&'a self, given: Given<'a>) -> LocalBoxFuture<'a, Ended> {
        Box::pin(async move {
            let name = given.stage.name.clone();
            if let Some(meet) = self.meet.as_ref().filter(|_| matches!(name.as_str(), "review" | "coverage"))
            {
                meet.wait().await;
            }
            self.done.lock().unwrap().push(format!("{name}{}", given.round));
            let mut ends = self.ends.lock().unwrap();
            match ends.get_mut(&name).filter(|ends| !ends.is_empty()) {
                Some(ends) => match ends.remove(0) {
                    // Whoever checks heeds the bound, as the real check does.
                    Ended::Rework { output, .. } if !given.may_rework => Ended::Completed(output),
                    ended => ended,
                },
                None => Ended::Completed(json!({ "from": name })),
            }
        })
    }
}

fn names(names: &[&str]) -> Vec<Located<String>> {
    names.iter().map(|name| Located::nowhere((*name).to_owned())).collect()
}

fn definition() -> Definition {
    Definition {
        order: Some(names(&[
            "panel",
            "consensus",
            "review",
            "coverage",
            "synthesis",
            "quality",
            "approval",
            "report",
        ])),
        groups: Some(vec![GroupDefinition {
            name: "checks".to_owned(),
            stages: names(&["review", "coverage"]),
            ..GroupDefinition::default()
        }]),
        models: vec!["a".to_owned()],
        ..Definition::default()
    }
}

fn failed(error: &str) -> Ended {
    Ended::Failed { error: error.to_owned(), output: json!({"kept": 2}), too_few: true }
}

struct Place {
    folder: tempfile::TempDir,
    store: Arc<Store>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("run")).unwrap());
        Self { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    async fn walk(&self, pipeline: &Pipeline, script: &Script) -> PipelineOutcome {
        let walk = Walk::new(pipeline, script, Arc::clone(&self.store), self.path()).unwrap();
        walk.go().await.unwrap()
    }

    fn file(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path().join(state::FILE)).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn g3_a_siblings_failure_cancels_nobody_and_only_it_is_done_again() {
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let script = Script::default().with("review", vec![failed("no answer")]);
    let outcome = place.walk(&pipeline, &script).await;
    let stages = vec![("review".to_owned(), "no answer".to_owned())];
    assert_eq!(outcome, PipelineOutcome::Failed { stages, too_few: true });
    assert_eq!(script.done(), ["panel0", "consensus0", "review0", "coverage0"]);
    let file = place.file();
    assert_eq!(file["status"], "failed");
    assert_eq!(file["stages"]["review"]["error"], "no answer");
    assert_eq!(file["stages"]["review"]["output"], json!({"kept": 2}), "what there is of it is kept");
    assert_eq!(file["stages"]["coverage"]["status"], "completed");
    assert_eq!(file["parallel_group_status"]["checks"]["status"], "failed");
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["review0", "synthesis0", "quality0", "approval0", "report0"]);
    assert_eq!(place.file()["status"], "completed");
}

#[tokio::test]
async fn g1_the_stages_of_a_group_go_at_the_same_time() {
    // Each waits until the other has begun: one after the other they would wait for ever.
    let script = Script { meet: Some(tokio::sync::Barrier::new(2)), ..Script::default() };
    assert_eq!(Place::new().walk(&definition().check().unwrap(), &script).await, PipelineOutcome::Complete);
}

#[tokio::test]
async fn g4_a_run_killed_in_a_group_does_only_the_incomplete_stages_again() {
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let script = Script::default();
    for (number, name, status) in [
        (0, "panel", StageStatus::Completed),
        (1, "consensus", StageStatus::Completed),
        (2, "review", StageStatus::Running),
        (3, "coverage", StageStatus::Completed),
    ] {
        let (name, fingerprint) = (name.to_owned(), name.to_owned());
        let row = StoredStage { name, place: number, status, fingerprint, ..StoredStage::default() };
        place.store.put_stage(row).await.unwrap();
    }
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["review0", "synthesis0", "quality0", "approval0", "report0"]);
}

#[tokio::test]
async fn g5_a_state_file_of_an_earlier_form_is_taken_up() {
    let place = Place::new();
    let older =
        json!({"current_stage": "review", "stage_outputs": {"panel": {}, "consensus": {}, "coverage": {}}});
    state::write(&place.path(), &older).unwrap();
    let script = Script::default();
    place.walk(&definition().check().unwrap(), &script).await;
    assert_eq!(script.done()[0], "review0");
}

#[tokio::test]
async fn p7_nothing_goes_past_a_gate_however_often_it_is_asked() {
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let script = Script::default().with("approval", vec![Ended::Waiting(json!({"summary": "x"}))]);
    let waiting = PipelineOutcome::Waiting { stage: "approval".to_owned() };
    assert_eq!(place.walk(&pipeline, &script).await, waiting);
    script.done();
    assert_eq!(place.walk(&pipeline, &script).await, waiting);
    assert!(script.done().is_empty());
    assert_eq!(place.file()["status"], "waiting_for_approval");
    assert_eq!(place.file()["current_stage"], "approval");
    let mut row = place.store.stages().unwrap().into_iter().find(|row| row.name == "approval").unwrap();
    row.status = StageStatus::Rejected;
    row.error = Some("too thin".to_owned());
    place.store.put_stage(row.clone()).await.unwrap();
    let rejected = PipelineOutcome::Rejected { stage: "approval".to_owned(), reason: "too thin".to_owned() };
    assert_eq!(place.walk(&pipeline, &script).await, rejected);
    row.status = StageStatus::Completed;
    place.store.put_stage(row).await.unwrap();
    assert_eq!(place.walk(&pipeline, &script).await, PipelineOutcome::Complete);
    assert_eq!(script.done(), ["report0"]);
}

#[tokio::test]
async fn p7_what_was_approved_is_asked_again_when_it_has_changed() {
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let script = Script::default();
    assert_eq!(place.walk(&pipeline, &script).await, PipelineOutcome::Complete);
    script.done();
    *script.version.lock().unwrap() = "2".to_owned();
    assert_eq!(place.walk(&pipeline, &script).await, PipelineOutcome::Complete);
    assert_eq!(script.done().len(), 8, "every stage rests on something else now");
}

#[tokio::test]
async fn p6_a_quality_check_sends_narratives_back_and_only_so_often() {
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let back = || Ended::Rework { artefact: "narratives".to_owned(), output: json!({}) };
    let script = Script::default().with("quality", vec![back()]);
    assert_eq!(place.walk(&pipeline, &script).await, PipelineOutcome::Complete);
    let done = script.done();
    assert_eq!(&done[4..], ["synthesis0", "quality0", "synthesis1", "quality1", "approval0", "report0"]);
    // One round is the usual bound, and a second wish for it is not granted; two are where the study says two.
    let twice = StageDefinition {
        name: "quality".to_owned(),
        rework: Some(Located::nowhere(2)),
        ..StageDefinition::default()
    };
    for (stages, rounds) in [(Vec::new(), 2), (vec![twice], 3)] {
        let pipeline = Definition { stages, ..definition() }.check().unwrap();
        let script = Script::default().with("quality", vec![back(), back(), back(), back()]);
        assert_eq!(Place::new().walk(&pipeline, &script).await, PipelineOutcome::Complete);
        let written = script.done().iter().filter(|name| name.starts_with("synthesis")).count();
        assert_eq!(written, rounds);
    }
}

#[tokio::test]
async fn an_optional_stage_that_fails_takes_along_what_needs_it_and_nobody_else() {
    let place = Place::new();
    let optional = |name: &str, requires: Option<Vec<Located<String>>>| StageDefinition {
        name: name.to_owned(),
        optional: true,
        requires,
        ..StageDefinition::default()
    };
    let stages = vec![optional("coverage", None), optional("synthesis", Some(names(&["coverage"])))];
    let pipeline = Definition { stages, ..definition() }.check().unwrap();
    let script = Script::default().with("coverage", vec![failed("no rows")]);
    assert_eq!(place.walk(&pipeline, &script).await, PipelineOutcome::Complete);
    let file = place.file();
    assert_eq!(file["stages"]["coverage"]["status"], "failed");
    assert_eq!(file["stages"]["synthesis"]["status"], "skipped");
    let why = file["stages"]["synthesis"]["error"].as_str().unwrap();
    assert_eq!(why, "it needs `coverage`, which `coverage` has not made");
}

#[tokio::test]
async fn p8_a_finished_stage_expires_in_a_finished_run_only() {
    let place = Place::new();
    let lifetime = Some(Located::nowhere(0.0));
    let review = StageDefinition { name: "review".to_owned(), lifetime, ..StageDefinition::default() };
    let pipeline = Definition { stages: vec![review], ..definition() }.check().unwrap();
    let script = Script::default().with("synthesis", vec![failed("once")]);
    place.walk(&pipeline, &script).await;
    script.done();
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done()[0], "synthesis0", "an unfinished run keeps what it has");
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["review1"], "asked again, with fresh answers");
}

/// A run whose stages all ended in 1970, but for those that stand otherwise.
async fn aged(otherwise: &[(&str, StageStatus)]) -> Place {
    let place = Place::new();
    let order = definition().order.unwrap();
    for (number, name) in (0..).zip(order.into_iter().map(|name| name.value)) {
        let other = otherwise.iter().find(|(stage, _)| *stage == name);
        let status = other.map_or(StageStatus::Completed, |(_, status)| *status);
        let (fingerprint, ended_ms) = (name.clone(), Some(1));
        let row =
            StoredStage { name, place: number, status, fingerprint, ended_ms, ..StoredStage::default() };
        place.store.put_stage(row).await.unwrap();
    }
    place
}

#[tokio::test]
async fn p8_the_usual_lifetimes_end_in_a_finished_run_and_ask_nobody_afresh() {
    let pipeline = definition().check().unwrap();
    let (place, script) = (aged(&[]).await, Script::default());
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["review0", "synthesis0"], "the round of the stored answers");
    place.walk(&pipeline, &script).await;
    assert!(script.done().is_empty(), "they are fresh now");
    let (place, script) = (aged(&[("report", StageStatus::Pending)]).await, Script::default());
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["report0"], "nothing expires in an unfinished run");
}

#[tokio::test]
async fn p8_a_failed_optional_stage_does_not_keep_the_others_fresh_for_ever() {
    let optional =
        StageDefinition { name: "coverage".to_owned(), optional: true, ..StageDefinition::default() };
    let pipeline = Definition { stages: vec![optional], ..definition() }.check().unwrap();
    let (place, script) = (aged(&[("coverage", StageStatus::Failed)]).await, Script::default());
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["review0", "coverage0", "synthesis0"]);
    let (place, script) = (aged(&[("review", StageStatus::Failed)]).await, Script::default());
    place.walk(&pipeline, &script).await;
    assert_eq!(script.done(), ["review0"], "a run that failed is not finished");
}

#[tokio::test]
async fn g4_whoever_reads_the_state_while_it_is_written_reads_a_whole_one() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let script = Script::default();
    place.walk(&pipeline, &script).await;
    let (path, over) = (place.path().join(state::FILE), Arc::new(AtomicBool::new(false)));
    let ended = Arc::clone(&over);
    let reader = std::thread::spawn(move || {
        let mut halves = 0;
        while !ended.load(Ordering::SeqCst) {
            let text = std::fs::read(&path).unwrap();
            halves += usize::from(serde_json::from_slice::<Value>(&text).is_err());
        }
        halves
    });
    for version in 0..4 {
        // Every stage is done again, and has much to say.
        *script.version.lock().unwrap() = version.to_string();
        for stage in pipeline.stages() {
            let said = Ended::Completed(json!({ "said": "x".repeat(50_000) }));
            script.ends.lock().unwrap().insert(stage.name.clone(), vec![said]);
        }
        place.walk(&pipeline, &script).await;
    }
    over.store(true, Ordering::SeqCst);
    assert_eq!(reader.join().unwrap(), 0, "a file that was half written was read");
}

#[tokio::test]
async fn an_interrupted_walk_begins_nothing_new() {
    let place = Place::new();
    let pipeline = definition().check().unwrap();
    let script = Script::default().with("consensus", vec![Ended::Interrupted { limit: true }]);
    assert_eq!(place.walk(&pipeline, &script).await, PipelineOutcome::Interrupted { limit: true });
    assert_eq!(place.file()["status"], "interrupted");
    let token = CancellationToken::new();
    token.cancel();
    script.done();
    let walk = Walk::new(&pipeline, &script, Arc::clone(&place.store), place.path()).unwrap();
    let outcome = walk.with_cancellation(&token).go().await.unwrap();
    assert_eq!(outcome, PipelineOutcome::Interrupted { limit: false });
    assert!(script.done().is_empty());
}
