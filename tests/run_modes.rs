//! The three modes, partial failure, and resuming: scripted models drive the real executor.

mod panel;

use std::time::Duration;

use consona::provider::{Call, FailureKind, ProviderError, Scripted};
use consona::run::{CallStatus, Event, Run, RunError, RunOutcome, Settings};
use consona::store::{Money, SlotStatus, Store};
use panel::{
    Plain, after, bytes, derived, execute, failure, memory, models, paid, questions, run, scripted, study,
};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

const THREE: [&str; 3] = ["model: 'scripted:a'", "model: 'scripted:b'", "model: 'scripted:c'"];

fn named(call: &Call) -> String {
    format!("draft {} on {}", call.model, call.record)
}

fn asked(call: &Call) -> &str {
    &call.prompt.messages[0].content
}

/// How many planned calls are done with.
fn settled(store: &Store) -> u64 {
    let done = |status| matches!(status, SlotStatus::Answered | SlotStatus::Unusable | SlotStatus::Rejected);
    store.slots(0..u64::MAX).expect("slots").iter().filter(|slot| done(slot.status)).count() as u64
}

#[tokio::test(start_paused = true)]
async fn c8_two_slow_models_take_as_long_as_the_slower_one() {
    for mode in ["parallel", "consensus"] {
        let study = study(&THREE[..2], &format!("mode: {mode}"));
        let provider = scripted(|call| after(if call.model == "a" { 3_000 } else { 5_000 }, named(call)));
        let report = execute(&study, 1, &provider, &memory()).await;
        assert_eq!(report.wall, Duration::from_secs(5), "{mode}");
        assert_eq!(report.parallel_efficiency(), Some(1.6), "8 s of answers in 5 s");
    }
    let one_by_one = study(&THREE[..2], "mode: sequential");
    let provider = scripted(|call| after(if call.model == "a" { 3_000 } else { 5_000 }, named(call)));
    assert_eq!(execute(&one_by_one, 1, &provider, &memory()).await.wall, Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn c1_the_order_of_the_panel_survives_inverted_delays() {
    let study = study(&THREE, "mode: parallel");
    let delays = |first: u64, step: i64| {
        scripted(move |call| {
            let place = i64::from(call.model.as_bytes()[0] - b'a');
            after(first.saturating_add_signed(step * place), named(call))
        })
    };
    let (rising, falling) = (memory(), memory());
    execute(&study, 3, &delays(10, 100), &rising).await;
    execute(&study, 3, &delays(500, -100), &falling).await;
    assert_eq!(bytes(&study, &rising), bytes(&study, &falling));
    for record in derived(&study, &falling) {
        assert_eq!(models(&record), ["scripted:a", "scripted:b", "scripted:c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn c2_failure_of_some_is_data_in_the_order_of_the_panel() {
    let study = study(&THREE, "quorum: {min_success_ratio: 0.5}");
    let provider = scripted(|call| match call.model.as_str() {
        "b" => failure(FailureKind::RecordRejected),
        _ => after(1_200, named(call)),
    });
    let store = memory();
    let report = execute(&study, 1, &provider, &store).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(report.members[1].errors.keys().collect::<Vec<_>>(), ["RecordRejected"]);
    let record = derived(&study, &store).remove(0);
    let statuses: Vec<CallStatus> = record.results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [CallStatus::Success, CallStatus::Error, CallStatus::Success]);
    let shown = serde_json::to_value(&record.results[..2]).unwrap();
    assert_eq!(shown[0]["latency_ms"], 1_200);
    let (good, bad) = (shown[0].as_object().unwrap(), shown[1].as_object().unwrap());
    assert_eq!((&good["model"], &good["stance"]), (&"scripted:a".into(), &"neutral".into()));
    assert_eq!((&good["status"], &good["content"]), (&"success".into(), &"draft a on r0".into()));
    assert_eq!((&bad["status"], &bad["error_message"]), (&"error".into(), &"RecordRejected".into()));
    assert!(good["error_message"].is_null() && bad["content"].is_null());
}

#[tokio::test(start_paused = true)]
async fn c3_a_panel_that_is_silent_loses_the_quorum_and_says_why_for_each() {
    let study = study(&THREE, "");
    let provider = scripted(|_| failure(FailureKind::Transient));
    let store = memory();
    let report = execute(&study, 1, &provider, &store).await;
    assert_eq!(report.outcome, RunOutcome::TooFewModels);
    assert!(report.members.iter().all(|member| member.failed == 1 && member.errors["Transient"] == 1));
    assert_eq!(report.records_below_quorum.len(), 1);
    let record = derived(&study, &store).remove(0);
    assert!(record.drafts.drafts().is_empty());
    assert!(record.results.iter().all(|result| result.error_message.as_deref() == Some("Transient")));
}

#[tokio::test(start_paused = true)]
async fn p3_below_three_quarters_the_work_is_kept_all_the_same() {
    let study = study(&THREE, "");
    let provider = scripted(|call| match call.model.as_str() {
        "b" => failure(FailureKind::RecordRejected),
        _ => Scripted::text(named(call)),
    });
    let store = memory();
    // Two of three calls are below .75.
    assert_eq!(execute(&study, 2, &provider, &store).await.outcome, RunOutcome::TooFewModels);
    assert_eq!(derived(&study, &store).iter().map(|record| record.drafts.drafts().len()).sum::<usize>(), 4);
}

#[tokio::test(start_paused = true)]
async fn c4_one_model_with_two_stances_is_asked_twice_and_differently() {
    let members = ["model: 'scripted:a', stance: for", "model: 'scripted:a', stance: against"];
    let study = study(&members, "mode: parallel");
    let provider = scripted(|call| Scripted::text(named(call)));
    let store = memory();
    execute(&study, 1, &provider, &store).await;
    let prompts: Vec<String> = provider.calls().iter().map(|call| asked(call).to_owned()).collect();
    assert!(prompts[0].contains("as for") && prompts[1].contains("as against"), "{prompts:?}");
    let record = derived(&study, &store).remove(0);
    assert_eq!(models(&record), ["scripted:a (for)", "scripted:a (against)"]);
}

#[tokio::test(start_paused = true)]
async fn c5_nobody_sees_a_draft_unless_the_mode_is_sequential() {
    for mode in ["parallel", "consensus"] {
        let study = study(&THREE, &format!("mode: {mode}"));
        let provider = scripted(|call| Scripted::text(named(call)));
        execute(&study, 2, &provider, &memory()).await;
        assert!(provider.calls().iter().all(|call| asked(call).ends_with("earlier []")), "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn m3_each_model_sees_the_whole_drafts_of_those_before_it() {
    let study = study(&["model: 'scripted:a', samples: 2", THREE[1], THREE[2]], "mode: sequential");
    let provider = scripted(|call| match call.model.as_str() {
        "b" => failure(FailureKind::RecordRejected),
        _ => Scripted::text(format!("draft {}{}, Zoe", call.model, call.sample)),
    });
    execute(&study, 1, &provider, &memory()).await;
    let seen = |model: &str| {
        let calls = provider.calls();
        asked(calls.iter().find(|call| call.model == model).unwrap()).to_owned()
    };
    assert!(seen("a").ends_with("earlier []"));
    for model in ["b", "c"] {
        for whole in
            ["\"name\":\"a0\"", "\"name\":\"a1\"", "\"name\":\"Zoe\"", "\"goals\":[\"a1 wants rest\"]"]
        {
            assert!(seen(model).contains(whole), "{model} does not see {whole}: {}", seen(model));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn m6_two_samples_of_one_model_are_two_sessions_and_one_voice() {
    let study = study(&["model: 'scripted:a', samples: 2", THREE[1]], "");
    let provider = scripted(|call| {
        Scripted::text("draft Ada, Bo").after(Duration::from_millis(u64::from(9 - call.sample)))
    });
    let store = memory();
    execute(&study, 1, &provider, &store).await;
    let drafts = derived(&study, &store).remove(0).drafts;
    assert_eq!(drafts.models().len(), 2);
    assert_eq!(drafts.sessions(), [0, 0, 1, 1, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_refuses_stops_and_the_others_go_on() {
    let members = ["model: 'openai:a', concurrency: 1", "model: 'anthropic:b', concurrency: 1"];
    let study = study(&members, "quorum: {min_success_ratio: 0.5}");
    let provider = scripted(|call| match call.model.as_str() {
        "a" => failure(FailureKind::ProviderRejected),
        _ => after(10, named(call)),
    });
    let report = execute(&study, 5, &provider, &memory()).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!((report.members[0].failed, report.members[1].answered), (5, 5));
    let refused = provider.calls().iter().filter(|call| call.model == "a").count();
    assert_eq!(refused, 1, "a provider that has refused is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_holds_back_every_call_to_the_provider_for_as_long_as_it_says() {
    let study = study(&["model: 'scripted:a', concurrency: 1"], "");
    let provider = scripted(|call| match (call.record.as_str(), call.attempt) {
        ("r0", 0) => {
            let mut error = ProviderError::new(FailureKind::RateLimited, "slow down");
            error.retry_after = Some(Duration::from_secs(7));
            Scripted::failure(error)
        }
        _ => Scripted::text(named(call)),
    });
    let report = execute(&study, 3, &provider, &memory()).await;
    assert_eq!((report.outcome, report.wall), (RunOutcome::Complete, Duration::from_secs(7)));
    assert_eq!(provider.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_to_wait_beyond_the_cap_is_parked_and_its_calls_stay_owed() {
    let study = study(&THREE[..1], "retry: {cap_seconds: 5}");
    let provider = scripted(|_| {
        let mut error = ProviderError::new(FailureKind::RateLimited, "come back tomorrow");
        error.retry_after = Some(Duration::from_secs(86_400));
        Scripted::failure(error)
    });
    let store = memory();
    let report = execute(&study, 2, &provider, &store).await;
    assert_eq!((report.outcome, settled(&store)), (RunOutcome::TooFewModels, 0));
    let patient = scripted(|call| Scripted::text(named(call)));
    assert_eq!(execute(&study, 2, &patient, &store).await.outcome, RunOutcome::Complete);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_as_configured_and_never_multiplied() {
    let count = |kind: FailureKind, attempts: u32| async move {
        let study = study(&THREE[..1], &format!("retry: {{max_attempts: {attempts}}}"));
        let provider = scripted(move |_| failure(kind));
        execute(&study, 1, &provider, &memory()).await;
        provider.calls().len()
    };
    assert_eq!(count(FailureKind::Transient, 1).await, 1);
    assert_eq!(count(FailureKind::Transient, 9).await, 3);
    assert_eq!(count(FailureKind::NotSent, 4).await, 4);
    assert_eq!(count(FailureKind::UnknownOutcome, 9).await, 2);
    assert_eq!(count(FailureKind::RecordRejected, 9).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_ends_at_its_time_limit() {
    let study = study(&["model: 'scripted:a', timeouts: {total: 30}"], "retry: {max_attempts: 1}");
    let provider = scripted(|call| after(86_400_000, named(call)));
    let report = execute(&study, 1, &provider, &memory()).await;
    assert_eq!(report.members[0].errors.keys().collect::<Vec<_>>(), ["no answer within 31 s"]);
}

#[tokio::test(start_paused = true)]
async fn prose_is_repaired_once_and_the_repair_counts() {
    let study = study(&THREE[..2], "");
    let provider = scripted(|call| match (call.model.as_str(), call.attempt) {
        ("a", 1) => Scripted::text("draft Ada"),
        _ => Scripted::text("I would rather chat."),
    });
    let store = memory();
    let report = execute(&study, 1, &provider, &store).await;
    assert_eq!((report.members[0].answered, report.members[0].repairs), (1, 1));
    assert_eq!((report.members[1].unusable, report.members[1].repairs), (1, 1));
    assert_eq!(report.members[0].retries, 0, "a repair is no retry");
    let calls = provider.calls();
    assert_eq!(calls.len(), 4);
    let mended = calls.iter().find(|call| call.attempt == 1).unwrap();
    let turns: Vec<&str> = mended.prompt.messages.iter().skip(1).map(|turn| turn.content.as_str()).collect();
    assert_eq!(turns, ["I would rather chat.", "mend: no draft in it"]);
    let again = execute(&study, 1, &provider, &store).await;
    assert_eq!(
        (provider.calls().len(), again.members[1].unusable),
        (4, 1),
        "a discard is not paid for again"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_in_flight_than_configured() {
    let members = ["model: 'openai:a', concurrency: 2, samples: 3", "model: 'anthropic:b', concurrency: 9"];
    let provider = scripted(|call| after(100, named(call)));
    let wide = study(&members, "concurrency: 4");
    execute(&wide, 9, &provider, &memory()).await;
    assert_eq!(provider.most_in_flight(), 4);
    let narrow = study(&members[..1], "concurrency: 4");
    let provider = scripted(|call| after(100, named(call)));
    execute(&narrow, 9, &provider, &memory()).await;
    assert_eq!(provider.most_in_flight(), 2);
}

const PRICED: &str =
    "model: 'openai:a', price: {input: 1, output: 2}, max_output_tokens: 100, concurrency: 8";

#[tokio::test(start_paused = true)]
async fn a_limit_without_prices_is_refused() {
    let study = study(&["model: 'openai:a'"], "");
    let settings = Settings { max_cost: Some(Money::from_amount(1.0)), ..Settings::from(&study) };
    let provider = scripted(|call| Scripted::text(named(call)));
    let seats = vec![(study.panel[0].clone(), provider as _)];
    let refused = Run::new(settings, seats, std::sync::Arc::new(Plain), memory()).unwrap_err();
    assert!(matches!(refused, RunError::Unpriced { .. }), "{refused}");
    assert!(refused.to_string().contains("`openai:a` has no price"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_never_overshot_and_a_higher_one_goes_on_from_there() {
    let study = study(&[PRICED], "limits: {max_cost: 0.0035}");
    let provider = scripted(|_| paid("draft Ada", 50, 100).after(Duration::from_millis(9)));
    let store = memory();
    let report = execute(&study, 40, &provider, &store).await;
    // A call costs 50 × 1 + 100 × 2 = 250 millionths. Before the last one there must be room for
    // its bound of more than 512 + 200, so at most (3500 − 712) / 250 + 1 = 12 calls are made.
    let RunOutcome::LimitReached { outstanding } = report.outcome else { panic!("{:?}", report.outcome) };
    assert!(report.cost <= Money::from_amount(0.003_5), "{}", report.cost);
    assert!((8..=12).contains(&(40 - outstanding)), "{outstanding} of 40 are owed");
    assert_eq!(report.cost, Money::from_amount(0.000_25).times(40 - outstanding));
    let paid_before = provider.calls().len() as u64;
    let generous = panel::study(&[PRICED], "limits: {max_cost: 1}");
    let report = execute(&generous, 40, &provider, &store).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(provider.calls().len(), 40);
    assert_eq!(report.members[0].reused, paid_before);
    assert_eq!(report.cost, Money::from_amount(0.01), "the ledger is the sum of what 40 calls cost");
}

#[tokio::test(start_paused = true)]
async fn after_a_request_to_stop_no_call_is_made_and_those_in_flight_are_kept() {
    let study = study(&["model: 'scripted:a', concurrency: 2"], "");
    let token = CancellationToken::new();
    let stop = token.clone();
    let provider = scripted(move |call| {
        if call.record.as_str() == "r2" {
            stop.cancel();
        }
        after(1_000, named(call))
    });
    let store = memory();
    let first = run(&study, &provider, &store).with_cancellation(&token);
    let report = first.execute(questions(&study, 10)).await.unwrap();
    let made = provider.calls().len() as u64;
    assert_eq!(report.outcome, RunOutcome::Interrupted { outstanding: 10 - made });
    assert!((3..=4).contains(&made), "{made} calls");
    assert_eq!(settled(&store), made, "what was in flight is stored");
    assert_eq!(execute(&study, 10, &provider, &store).await.outcome, RunOutcome::Complete);
    assert_eq!(provider.calls().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn events_tell_of_each_call_in_order() {
    let study = study(&THREE[..1], "");
    let provider = scripted(|call| match call.attempt {
        0 => failure(FailureKind::Transient),
        _ => Scripted::text(named(call)),
    });
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let report = run(&study, &provider, &memory()).with_events(sender).execute(questions(&study, 1)).await;
    report.unwrap();
    let mut names = Vec::new();
    while let Ok(event) = events.try_recv() {
        names.push(serde_json::to_value(&event).unwrap()["event"].as_str().unwrap().to_owned());
        if let Event::Planned { calls, .. } = event {
            assert_eq!(calls, Some(1));
        }
    }
    let expected =
        ["planned", "started", "retrying", "started", "stored", "finished", "unit_finished", "ended"];
    assert_eq!(names, expected);
}

#[tokio::test(start_paused = true)]
async fn a_changed_question_is_a_new_question() {
    let provider = scripted(|call| Scripted::text(named(call)));
    let store = memory();
    execute(&study(&THREE[..1], ""), 2, &provider, &store).await;
    execute(&study(&THREE[..1], "retry: {max_attempts: 1}"), 2, &provider, &store).await;
    assert_eq!(provider.calls().len(), 2, "how often is tried changes no question");
    execute(&study(&["model: 'scripted:a', temperature: 1"], ""), 2, &provider, &store).await;
    assert_eq!(provider.calls().len(), 4);
}

/// A panel with everything that can happen: slow and quick answers, failures that pass and failures that stay, prose.
fn troubled(call: &Call) -> Scripted {
    let place = call.record.as_str().len()
        + usize::from(call.record.as_str().as_bytes()[1])
        + usize::from(call.model.as_bytes()[0]);
    let is_repair = call.prompt.messages.len() > 1;
    let answer = match (place % 6, call.attempt) {
        (0, 0) => failure(FailureKind::Transient),
        (1, _) if !is_repair => Scripted::text("let me think"),
        (2, _) => failure(FailureKind::RecordRejected),
        (3, 0) => failure(FailureKind::RateLimited),
        (4, _) => Scripted::text("never JSON"),
        _ => Scripted::text(format!("draft {}{} after {}", call.model, call.sample, asked(call).len())),
    };
    answer.after(Duration::from_millis(20 + (place as u64 * 37) % 400))
}

const TROUBLED: [&str; 3] = [
    "model: 'openai:a', concurrency: 2",
    "model: 'anthropic:b', samples: 2",
    "model: 'gemini:c', concurrency: 1",
];

async fn cut_and_resumed(mode: &str, cuts: &[u64]) -> (String, usize, u64) {
    let study = study(&TROUBLED, &format!("mode: {mode}\nretry: {{budget_floor: 1000}}"));
    let (provider, store) = (scripted(troubled), memory());
    for &cut in cuts {
        // Dropping the future is what a killed process leaves: nothing after the last commit.
        let whole = run(&study, &provider, &store);
        let limited = tokio::time::timeout(Duration::from_millis(cut), whole.execute(questions(&study, 5)));
        let _ = limited.await;
    }
    let report = execute(&study, 5, &provider, &store).await;
    (bytes(&study, &store), provider.calls().len(), report.turnout.answered)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_run_cut_at_any_point_and_resumed_equals_the_uncut_run(
        cuts in prop::collection::vec(0_u64..3_000, 1..4),
        mode in prop::sample::select(vec!["parallel", "consensus", "sequential"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (uncut, calls, answered) = runtime.block_on(cut_and_resumed(mode, &[]));
        let (resumed, calls_resumed, answered_resumed) = runtime.block_on(cut_and_resumed(mode, &cuts));
        for (uncut, resumed) in uncut.lines().zip(resumed.lines()) {
            prop_assert_eq!(uncut, resumed);
        }
        prop_assert_eq!(uncut.lines().count(), resumed.lines().count());
        prop_assert_eq!(answered, answered_resumed);
        // Each cut loses at most what was in flight (2 + 3 + 1 calls) and the failures that came before on the way to
        // those answers (one each).
        prop_assert!(calls_resumed <= calls + cuts.len() * 12, "{} against {}", calls_resumed, calls);
    }
}

#[tokio::test]
async fn a_killed_run_goes_on_in_its_folder_and_pays_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(&THREE, "");
    let provider = scripted(|call| after(u64::from(call.model == "c") * 600_000, named(call)));
    {
        let store = std::sync::Arc::new(Store::open(folder.path()).unwrap());
        let whole = run(&study, &provider, &store);
        // The third model never answers; the first two have been stored when the run is dropped.
        let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
        let whole = whole.with_events(sender);
        let running = whole.execute(questions(&study, 1));
        let watching = async {
            let mut finished = 0;
            while finished < 2 {
                finished += usize::from(matches!(events.recv().await, Some(Event::Finished { .. })));
            }
        };
        tokio::select! {
            _ = running => panic!("the third model has not answered"),
            () = watching => {}
        }
        assert!(matches!(Store::open(folder.path()), Err(consona::store::StoreError::Locked { .. })));
    }
    let quick = scripted(|call| Scripted::text(named(call)));
    let store = std::sync::Arc::new(Store::open(folder.path()).unwrap());
    let report = execute(&study, 1, &quick, &store).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(quick.calls().iter().map(|call| call.model.as_str()).collect::<Vec<_>>(), ["c"]);
    let uncut = memory();
    execute(&study, 1, &quick, &uncut).await;
    assert_eq!(bytes(&study, &store), bytes(&study, &uncut));
}

#[tokio::test(start_paused = true)]
async fn c9_a_call_that_hangs_is_given_up_long_before_the_longest_time_if_asked_for() {
    for (adaptive, waited) in [(true, 10), (false, 121)] {
        let member = format!("model: 'scripted:a', concurrency: 1, timeouts: {{adaptive: {adaptive}}}");
        let study = study(&[&member], "retry: {max_attempts: 1}");
        let provider =
            scripted(|call| after(if call.record.as_str() == "r29" { 900_000 } else { 1_000 }, named(call)));
        let report = execute(&study, 30, &provider, &memory()).await;
        assert_eq!(
            report.wall,
            Duration::from_secs(29 + waited),
            "29 answers and one that hangs; adaptive: {adaptive}"
        );
        assert_eq!(report.members[0].answered, 29);
    }
}
