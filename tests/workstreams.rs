//! Workstreams: REQUIREMENTS W1 to W4, with scripted models and through the binary.

#[expect(dead_code, reason = "shared with tests that need more of it")]
mod panel;
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod staged;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use consona::embed::StaticEmbedder;
use consona::provider::{Call, FailureKind, Provider, Scripted, ScriptedProvider};
use consona::run::{
    Drafting, Event, Run, RunOutcome, RunReport, Settings, StreamReport, StreamStatus, Study,
};
use consona::run::{Workload, drafts};
use consona::stages::workstreams::{Alarm, Step};
use consona::store::Store;
use panel::{after, failure, memory, records, scripted, study};
use staged::{Demo, expect};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

const THREE: [&str; 3] = ["model: 'scripted:a'", "model: 'scripted:b'", "model: 'scripted:c'"];

fn named(call: &Call) -> String {
    format!("draft {} on {}", call.model, call.record)
}

/// Works on the streams of a study about so many records; answers what was told on the way.
async fn work(
    study: &Study,
    count: usize,
    provider: &Arc<ScriptedProvider>,
    store: &Arc<Store>,
) -> (RunReport, Vec<StreamReport>, Vec<Event>) {
    let (sender, receiver) = unbounded_channel();
    let run = panel::run(study, provider, store).with_events(sender);
    let (records, embedder) = (records(count), StaticEmbedder::embedded().expect("shipped"));
    let section = study.workstreams.as_ref().expect("workstreams");
    let load = Workload::new(study, section, &records, &embedder).expect("a workload");
    let (report, streams) = run.execute_streams(&load).await.expect("the run goes on");
    drop(run);
    (report, streams, told(receiver))
}

fn told(mut receiver: UnboundedReceiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

fn statuses(streams: &[StreamReport]) -> Vec<(&str, StreamStatus)> {
    streams.iter().map(|row| (row.stream.name.as_str(), row.status)).collect()
}

fn steps(stream: &StreamReport) -> Vec<Step> {
    stream.setbacks.iter().map(|setback| setback.then.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn w1_independent_streams_begin_together_and_a_dependant_waits_for_its_own_only() {
    let study = study(
        &["model: 'scripted:m'"],
        "concurrency: 64
workstreams:
  streams:
    - {name: last, records: '3', depends_on: [quick]}
    - {name: quick, records: '1'}
    - {name: slow, records: '2'}",
    );
    let begun = Arc::new(Mutex::new(Vec::new()));
    let (seen, start) = (Arc::clone(&begun), Instant::now());
    let provider = scripted(move |call| {
        seen.lock().unwrap().push((call.record.to_string(), start.elapsed().as_secs()));
        after(if call.record.as_str() == "r1" { 9_000 } else { 3_000 }, named(call))
    });
    let (report, streams, events) = work(&study, 3, &provider, &memory()).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(report.wall, Duration::from_secs(9), "3 s and then 3 s beside 9 s");
    let begun = begun.lock().unwrap().clone();
    assert_eq!(begun, [("r0".to_owned(), 0), ("r1".to_owned(), 0), ("r2".to_owned(), 3)]);
    assert!(streams.iter().all(|row| row.status == StreamStatus::Done && row.answered == 1));
    let order: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::StreamStarted { stream, .. } => Some(stream.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["quick", "slow", "last"]);
}

#[tokio::test(start_paused = true)]
async fn w2_a_stream_is_worked_on_by_its_own_models() {
    let study = study(
        &THREE,
        "workstreams:
  streams:
    - {name: one, records: '1-2', models: ['scripted:a', 'scripted:b'], rationale: cheap}
    - {name: other, records: '3', models: ['scripted:c']}",
    );
    let (provider, store) = (scripted(|call| after(5, named(call))), memory());
    let (report, streams, _) = work(&study, 4, &provider, &store).await;
    let answered: Vec<u64> = report.members.iter().map(|member| member.answered).collect();
    assert_eq!(answered, [2, 2, 1], "nobody is asked about the fourth record");
    assert_eq!((streams[0].calls, streams[1].calls), (4, 1));
    let derived = panel::derived(&study, &store);
    let models: Vec<Vec<&str>> = derived.iter().map(panel::models).collect();
    assert_eq!(
        models,
        [vec!["scripted:a", "scripted:b"], vec!["scripted:a", "scripted:b"], vec!["scripted:c"]]
    );
    assert_eq!(streams[0].stream.rationale.as_deref(), Some("cheap"));
}

#[tokio::test(start_paused = true)]
async fn w3_a_stuck_stream_and_a_late_one_are_told_once_each() {
    let study = study(
        &["model: 'scripted:m'"],
        "concurrency: 1
workstreams:
  stuck_after_minutes: 0.5
  streams:
    - {name: all, records: '1-2', estimate_minutes: 1}",
    );
    let provider = scripted(|call| after(45_000, named(call)));
    let (_, streams, events) = work(&study, 2, &provider, &memory()).await;
    let kinds: Vec<&str> = streams[0]
        .alarms
        .iter()
        .map(|alarm| if matches!(alarm, Alarm::Stuck { .. }) { "stuck" } else { "late" })
        .collect();
    // Silent for 30 s twice, and 90 s instead of 60.
    assert_eq!(kinds, ["stuck", "late", "stuck"]);
    let alarms = events.iter().filter(|event| matches!(event, Event::StreamAlarm { .. })).count();
    assert_eq!(alarms, 3);
    assert_eq!(streams[0].status, StreamStatus::Done);
}

#[tokio::test(start_paused = true)]
async fn w3_a_stream_that_is_done_in_time_kept_its_estimate_and_a_blocked_one_has_none_to_keep() {
    let study = study(
        &["model: 'scripted:m'"],
        "retry: {max_attempts: 1}
workstreams:
  retries: 0
  halvings: 0
  streams:
    - {name: quick, records: '1', estimate_minutes: 60}
    - {name: open, records: '2'}
    - {name: lost, records: '3', estimate_minutes: 60}
    - {name: waits, records: '4', depends_on: [lost], estimate_minutes: 60}",
    );
    let provider = scripted(|call| match call.record.as_str() {
        "r2" => failure(FailureKind::RecordRejected),
        _ => after(5, named(call)),
    });
    let (_, streams, events) = work(&study, 4, &provider, &memory()).await;
    let (done, failed, blocked) = (StreamStatus::Done, StreamStatus::Failed, StreamStatus::Blocked);
    assert_eq!(statuses(&streams), [("quick", done), ("open", done), ("lost", failed), ("waits", blocked)]);
    let kept: Vec<Option<bool>> = streams.iter().map(StreamReport::kept_its_estimate).collect();
    assert_eq!(kept[..2], [Some(true), None], "without an estimate there is none to keep");
    assert_eq!((kept[3], streams[3].blocked_by.as_deref()), (None, Some("lost")));
    let begun = |event: &Event| matches!(event, Event::StreamStarted { stream, .. } if stream == "waits");
    assert!(!events.iter().any(begun), "it never began");
    assert!(!provider.calls().iter().any(|call| call.record.as_str() == "r3"));
}

const FAILING: &str = "concurrency: 8
personas: {min: 1, max: 5}
retry: {max_attempts: 1}
workstreams:
  retries: 1
  halvings: 1
  streams:
    - {name: first, records: '1-4', models: ['scripted:a'], fallback: ['scripted:b', 'scripted:c']}
    - {name: second, records: '5', models: ['scripted:a']}
    - {name: third, records: '6', models: ['scripted:a'], depends_on: [first]}";

#[tokio::test(start_paused = true)]
async fn w4_a_failing_stream_is_retried_and_then_switched_to_its_fallback() {
    let study = study(&THREE, FAILING);
    let provider = scripted(|call| match (call.model.as_str(), call.record.as_str()) {
        ("a", "r0" | "r1" | "r2") => failure(FailureKind::Transient),
        _ => after(5, named(call)),
    });
    let store = memory();
    let (report, streams, _) = work(&study, 6, &provider, &store).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(steps(&streams[0]), [Step::Retry, Step::Fallback { model: "scripted:b".to_owned() }]);
    assert_eq!((streams[0].setbacks[0].calls, streams[0].setbacks[0].reason.as_str()), (3, "Transient"));
    assert_eq!(
        statuses(&streams),
        [("first", StreamStatus::Done), ("second", StreamStatus::Done), ("third", StreamStatus::Done),]
    );
    let asked = |model: &str| provider.calls().iter().filter(|call| call.model == model).count();
    // Six records and three of them again; the three in its place; nobody needs the third.
    assert_eq!((asked("a"), asked("b"), asked("c")), (9, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn w4_a_stream_that_gives_up_blocks_its_dependants_only_and_is_tried_again_later() {
    let study = study(&THREE, FAILING);
    let broken = scripted(|call| match call.record.as_str() {
        "r0" | "r1" | "r2" | "r3" => failure(FailureKind::Transient),
        _ => after(5, named(call)),
    });
    let store = memory();
    let (report, streams, events) = work(&study, 6, &broken, &store).await;
    assert_eq!(report.outcome, RunOutcome::TooFewModels);
    assert_eq!(
        statuses(&streams),
        [("first", StreamStatus::Failed), ("second", StreamStatus::Done), ("third", StreamStatus::Blocked),]
    );
    let switched = |model: &str| Step::Fallback { model: model.to_owned() };
    let ladder = [
        Step::Retry,
        switched("scripted:b"),
        switched("scripted:c"),
        Step::Reduce { halvings: 1 },
        Step::GiveUp,
    ];
    assert_eq!(steps(&streams[0]), ladder);
    assert_eq!(streams[2].blocked_by.as_deref(), Some("first"));
    let blocked = |event: &Event| matches!(event, Event::StreamEnded { stream, blocked_by: Some(by), .. } if stream == "third" && by == "first");
    assert!(events.iter().any(blocked), "the dependant is told");

    let whole = scripted(|call| after(5, named(call)));
    let (report, streams, _) = work(&study, 6, &whole, &store).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert!(streams.iter().all(|row| row.status == StreamStatus::Done));
    assert_eq!(steps(&streams[0]), ladder, "what happened before stays written down");
    assert_eq!(whole.calls().len(), 5, "what is stored is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_done_is_not_begun_anew() {
    let study = study(&THREE, FAILING);
    let (provider, store) = (scripted(|call| after(5, named(call))), memory());
    let (first, _, _) = work(&study, 6, &provider, &store).await;
    let silent = scripted(|_| Scripted::text("nobody should be asked"));
    let (again, streams, events) = work(&study, 6, &silent, &store).await;
    assert!(silent.calls().is_empty());
    assert_eq!((again.outcome, again.turnout), (first.outcome, first.turnout));
    assert!(streams.iter().all(|row| row.status == StreamStatus::Done));
    assert!(!events.iter().any(|event| matches!(event, Event::StreamStarted { .. })));
}

const PERSONA: &str = r#"{"personas": [{"name": "Ada", "age": 31}]}"#;

#[tokio::test(start_paused = true)]
async fn w4_a_corpus_that_is_too_much_is_halved() {
    let study = study(
        &["model: 'scripted:m'"],
        "retry: {max_attempts: 1, repair: false}
personas: {min: 1, max: 3}
workstreams:
  streams:
    - {name: much, records: '1-4'}
    - {name: little, records: '5-6'}",
    );
    let study = Study {
        input: consona::run::study::Input { unit: consona::prompt::Unit::Corpus, ..study.input.clone() },
        ..study
    };
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let provider = scripted(move |call| {
        let text = &call.prompt.messages[0].content;
        let ids: Vec<String> =
            (0..6).map(|id| format!("r{id}")).filter(|id| text.contains(id.as_str())).collect();
        let most = ids.len();
        seen.lock().unwrap().push((call.record.to_string(), ids));
        if most > 2 { failure(FailureKind::RecordRejected) } else { Scripted::text(PERSONA) }
    });
    let drafting = Arc::new(Drafting::new(&study).expect("templates"));
    let store = memory();
    let seats = study.panel.iter().map(|member| (member.clone(), Arc::clone(&provider) as Arc<dyn Provider>));
    let run = Run::new(Settings::from(&study), seats.collect(), drafting.clone(), Arc::clone(&store))
        .expect("a run");
    let (records, embedder) = (records(6), StaticEmbedder::embedded().expect("shipped"));
    let load = Workload::new(&study, study.workstreams.as_ref().expect("streams"), &records, &embedder)
        .expect("fits");
    let (report, streams) = run.execute_streams(&load).await.expect("goes on");
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(statuses(&streams), [("much", StreamStatus::Reduced), ("little", StreamStatus::Done)]);
    let much: Vec<usize> = shown
        .lock()
        .unwrap()
        .iter()
        .filter(|(record, _)| record == "much")
        .map(|(_, ids)| ids.len())
        .collect();
    assert_eq!(*much.last().expect("asked"), 2, "{much:?}");
    let filed: Vec<String> = drafts(&store, drafting.as_ref(), &study.panel)
        .map(|derived| derived.expect("readable").drafts.record().to_string())
        .collect();
    assert_eq!(filed, ["much", "little"], "each stream is a corpus of its own");
}

#[test]
fn w1_what_cannot_be_split_is_told_before_anything_is_asked() {
    let two = |text: &str| {
        let demo = Demo::new(|_| {
            format!(
                "name: two\ninput: {{path: interviews.jsonl}}\npanel:\n  - {{model: 'replay:a', recording: recordings.jsonl}}\nworkstreams:\n  streams:\n{text}"
            )
        });
        expect(3, &["check", &demo.text("study.yaml")]).1
    };
    let circle = two(
        "    - {name: x, records: '1', depends_on: [y]}\n    - {name: y, records: '2', depends_on: [x]}\n",
    );
    assert!(circle.contains("x → y → x"), "{circle}");
    let model = two("    - {name: x, records: '1', models: [nobody]}\n");
    assert!(model.contains("there is no panel member `nobody`; there are: replay:a"), "{model}");
    assert!(model.contains("study.yaml` line 7"), "{model}");
    let none = two("    - {name: x, records: '100-'}\n");
    assert!(none.contains("takes none of the"), "{none}");
    let twice =
        two("    - {name: x, records: '1-3', overlap: true}\n    - {name: y, records: '3', overlap: true}\n");
    assert!(twice.contains("both ask `replay:a` about it"), "{twice}");
}

const STREAMS: &str = "
workstreams:
  streams:
    - name: first half
      records: 1-6
      models: ['replay:aurora', 'replay:basalt']
      rationale: Both read well.
      expected: Two people.
    - name: second half
      records: 7-
      depends_on: [first half]
";

#[test]
fn w2_the_rationale_reaches_the_report_and_every_stream_has_its_personas() {
    let demo = Demo::new(|_| {
        let study = std::fs::read_to_string("data/demo/study.yaml").expect("the demo");
        format!("{study}{STREAMS}")
    });
    let recordings = std::fs::read_to_string(demo.path("recordings.jsonl")).expect("copied");
    let filed = |half: &str| recordings.replace("\"corpus\"", &format!("\"{half}\""));
    std::fs::write(demo.path("recordings.jsonl"), filed("first half") + &filed("second half"))
        .expect("written");
    let (checked, _) = expect(0, &["check", &demo.text("study.yaml")]);
    assert!(
        checked.contains("Workstreams: first half (6 records)\nthen: second half (6 records)"),
        "{checked}"
    );
    let (plan, _) = expect(0, &["plan", &demo.text("study.yaml")]);
    assert!(plan.contains("  second half: all; waits for first half\n"), "{plan}");
    let (_, said) = demo.run(0, &[]);
    let (status, _) = expect(0, &["status", &demo.text("run")]);
    assert!(status.contains("stream first half done\nstream second half done\n"), "{status}");
    assert!(said.contains("stream first half begins: 2 calls to replay:aurora, replay:basalt"), "{said}");
    assert!(said.contains("stream second half done"), "{said}");
    let summary = demo.json("summary.json");
    let streams = &summary["asked"]["workstreams"];
    assert_eq!((&streams[0]["status"], &streams[0]["calls"]), (&"done".into(), &2.into()));
    assert_eq!(streams[0]["stream"]["rationale"], "Both read well.");
    let report = std::fs::read_to_string(demo.path("run/report.html")).expect("the report");
    assert!(report.contains("Both read well.") && report.contains("Expected: Two people."));
    let times = demo.json("workstreams.json");
    assert!(times[1]["started_ms"].as_u64() >= times[0]["ended_ms"].as_u64());
    let personas = std::fs::read_to_string(demo.path("run/consensus.jsonl")).expect("personas");
    for half in ["first half", "second half"] {
        assert!(personas.contains(&format!("\"record\":\"{half}\"")), "{half}");
    }
    let before = std::fs::read(demo.path("run/consensus.jsonl")).expect("personas");
    demo.run(0, &[]);
    assert_eq!(before, std::fs::read(demo.path("run/consensus.jsonl")).expect("personas"));
}
