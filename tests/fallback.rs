//! Models that stand in for others, and laggards that are not awaited: scripted models drive the real executor.

mod panel;

use std::path::Path;
use std::time::Duration;

use consona::provider::{Call, FailureKind, Scripted};
use consona::run::{CallStatus, RunOutcome, Study};
use consona::store::{Money, SlotStatus};
use panel::{after, bytes, derived, execute, failure, memory, models, paid, scripted, study};

const WITH_FALLBACK: [&str; 2] =
    ["model: 'scripted:a', fallback: [{model: 'scripted:x'}, {model: 'scripted:y'}]", "model: 'scripted:b'"];

fn named(call: &Call) -> Scripted {
    Scripted::text(format!("draft {} on {}", call.model, call.record))
}

/// Calls by model, in the order in which they were made.
fn asked(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.model.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_in_the_members_name_and_is_named() {
    let study = study(&WITH_FALLBACK, "");
    for kind in [FailureKind::RecordRejected, FailureKind::Transient, FailureKind::Unusable] {
        let provider = scripted(move |call| match call.model.as_str() {
            "a" | "x" => failure(kind),
            _ => named(call),
        });
        let store = memory();
        let report = execute(&study, 2, &provider, &store).await;
        assert_eq!(report.outcome, RunOutcome::Complete, "{kind:?}");
        assert_eq!((report.members[0].answered, report.members[0].errors.len()), (2, 0), "{kind:?}");
        let record = derived(&study, &store).remove(0);
        assert_eq!(models(&record), ["scripted:a", "scripted:b"], "{kind:?}");
        assert_eq!(record.results[0].content.as_deref(), Some("draft y on r0"));
        let note = record.results[0].note.as_deref().expect("somebody stood in");
        assert_eq!(note, format!("scripted:y stands in: {kind:?}"));
        assert_eq!(record.results[1].note, None);
        let votes: Vec<&str> = record.drafts.drafts().iter().map(|draft| draft.model.as_str()).collect();
        assert_eq!(votes, ["scripted:a", "scripted:b"], "one vote, in the member's name");
        // The run goes on: nobody is asked once more, least of all the one that failed.
        let before = provider.calls().len();
        let saved = bytes(&study, &store);
        execute(&study, 2, &provider, &store).await;
        assert_eq!((provider.calls().len(), bytes(&study, &store)), (before, saved), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_the_call_has_failed_once() {
    let study = study(&WITH_FALLBACK, "quorum: {min_success_ratio: 0.5}");
    let provider = scripted(|call| match call.model.as_str() {
        "b" => named(call),
        _ => failure(FailureKind::RecordRejected),
    });
    let store = memory();
    let report = execute(&study, 1, &provider, &store).await;
    assert_eq!((report.turnout.calls, report.turnout.answered), (2, 1));
    let record = derived(&study, &store).remove(0);
    assert_eq!(record.results[0].status, CallStatus::Error);
    assert_eq!(asked(&provider.calls()).iter().filter(|model| ["a", "x", "y"].contains(model)).count(), 3);
    execute(&study, 1, &provider, &store).await;
    assert_eq!(provider.calls().len(), 4, "all three have refused for good");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_given_later_takes_up_where_the_member_failed() {
    let (plain, later) =
        (study(&["model: 'scripted:a'", "model: 'scripted:b'"], ""), study(&WITH_FALLBACK, ""));
    assert_eq!(plain.fingerprint(), later.fingerprint(), "stored answers stay good");
    let provider = scripted(|call| match call.model.as_str() {
        "a" => failure(FailureKind::RecordRejected),
        _ => named(call),
    });
    let store = memory();
    execute(&plain, 1, &provider, &store).await;
    let report = execute(&later, 1, &provider, &store).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    assert_eq!(asked(&provider.calls()), ["a", "b", "x"]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_costs_its_own_price() {
    let member = "model: 'scripted:a', price: {input: 1, output: 1}, fallback: [{model: 'scripted:x', price: {input: 3, output: 5}}]";
    let study = study(&[member], "limits: {max_cost: 1}");
    let provider = scripted(|call| match call.model.as_str() {
        "a" => failure(FailureKind::RecordRejected),
        _ => paid("draft x", 100, 10),
    });
    let report = execute(&study, 1, &provider, &memory()).await;
    // 100 tokens at 3 and 10 at 5 a million.
    assert_eq!(report.cost, Money::from_amount(0.000_350));
}

fn refused(panel: &str) -> String {
    let text = format!("name: x\ninput: {{path: a}}\nlimits: {{max_cost: 1}}\npanel: [{panel}]\n");
    let parsed = Study::parse(&text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into()));
    parsed.expect_err("refused").to_string()
}

#[test]
fn a_model_votes_in_one_name_only_and_a_limit_needs_every_price() {
    let twice = refused("{model: 'scripted:a', fallback: [{model: 'scripted:b'}]}, {model: 'scripted:b'}");
    assert!(
        twice.contains("panel[0].fallback[0]") && twice.contains("`scripted:b` is asked for `panel[1]`"),
        "{twice}"
    );
    let shared = refused(
        "{model: 'scripted:a', fallback: [{model: 'scripted:c'}]}, {model: 'scripted:b', fallback: [{model: 'scripted:c'}]}",
    );
    assert!(shared.contains("must not vote in two names"), "{shared}");
    let named = refused("{model: 'scripted:a', fallback: [{model: 'scripted:b', weight: 2}]}");
    assert!(named.contains("panel[0].fallback[0].weight"), "{named}");
    let unpriced = refused("{model: 'scripted:a', fallback: [{model: 'openai:b'}]}");
    assert!(unpriced.contains("`openai:b` has no `price`"), "{unpriced}");
}

#[tokio::test(start_paused = true)]
async fn c9_laggards_are_cut_after_a_quorum_only_if_asked() {
    let three = [
        "model: 'scripted:a'",
        "model: 'scripted:b'",
        "model: 'scripted:c', fallback: [{model: 'scripted:x'}]",
    ];
    let slow = || {
        scripted(|call| match call.model.as_str() {
            "a" => after(1_000, "draft a"),
            "b" => after(2_000, "draft b"),
            _ => after(90_000, "draft c"),
        })
    };
    let patient = study(&three, "");
    assert_eq!(execute(&patient, 1, &slow(), &memory()).await.wall, Duration::from_secs(90));

    let rule = "quorum: {min_success_ratio: 0.6, laggards: {after_models: 2, wait_seconds: 5}}";
    let (hurried, store, provider) = (study(&three, rule), memory(), slow());
    let report = execute(&hurried, 1, &provider, &store).await;
    assert_eq!((report.wall, report.outcome), (Duration::from_secs(7), RunOutcome::Complete));
    let record = derived(&hurried, &store).remove(0);
    assert_eq!(record.results[2].status, CallStatus::Error);
    assert!(record.results[2].error_message.as_deref().is_some_and(|why| why.contains("not awaited")));
    assert_eq!(store.slots(0..1).expect("readable")[2].status, SlotStatus::Rejected);
    // Neither its fallback nor a continued run pays for it.
    execute(&hurried, 1, &provider, &store).await;
    assert_eq!(provider.calls().len(), 3);
}
