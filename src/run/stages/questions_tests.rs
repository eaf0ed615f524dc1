use super::*;
use crate::provider::{FailureKind, ProviderError, Scripted, ScriptedProvider};
use crate::run::Study;
use std::path::Path;

const STUDY: &str = "name: x\ninput: {path: a}\npanel:\n  - {model: 'scripted:a', name: a}\n  - {model: 'scripted:b', name: b}";

fn member(place: usize) -> PanelMember {
    let none: &dyn Fn(&Path) -> std::io::Result<String> = &|_| Err(std::io::ErrorKind::NotFound.into());
    Study::parse(STUDY, Path::new("s.yaml"), none).unwrap().panel[place].clone()
}

fn seat(
    place: usize,
    script: impl Fn(&crate::provider::Call) -> Scripted + Send + Sync + 'static,
) -> (Seat, Arc<ScriptedProvider>) {
    let provider = Arc::new(ScriptedProvider::new("scripted", script));
    (Seat { member: member(place), provider: provider.clone() }, provider)
}

fn desk(folder: &Path, seats: Vec<Seat>) -> Desk {
    Desk {
        folder: folder.to_owned(),
        seats,
        settings: StageSettings { retries: 0, ..StageSettings::of(crate::stages::pipeline::Kind::Review) },
        retry: RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() },
        max_cost: None,
        budget: Budget::new(None, Money::ZERO),
        seed: 1,
        round: 0,
        halt: CancellationToken::new(),
    }
}

fn questions(n: usize) -> Vec<Question> {
    (0..n)
        .map(|at| Question {
            about: RecordId::new(&format!("r{at}")).unwrap(),
            prompt: Prompt {
                system: String::new(),
                messages: vec![Message { role: Role::User, content: format!("q{at}") }],
                schema: None,
            },
        })
        .collect()
}

/// Answers that begin with `ok` can be used.
fn check() -> Check {
    Box::new(|_, text| if text.starts_with("ok") { Vec::new() } else { vec!["not ok".to_owned()] })
}

fn down() -> Scripted {
    Scripted::failure(ProviderError::new(FailureKind::Transient, "down".to_owned()))
}

#[tokio::test]
async fn p2_what_the_model_does_not_answer_the_fallback_is_asked_and_the_rest_is_partial() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = seat(0, |call| match call.record.as_str() {
        "r1" | "r2" => down(),
        _ => Scripted::text("ok first"),
    });
    let (second, asked) =
        seat(1, |call| if call.record.as_str() == "r2" { down() } else { Scripted::text("ok second") });
    let answers = desk(folder.path(), vec![first, second]).ask(&questions(4), check()).await.unwrap();
    let said: Vec<Option<&str>> =
        answers.answers.iter().map(|answer| answer.as_ref().map(|answer| answer.content.as_str())).collect();
    assert_eq!(said, [Some("ok first"), Some("ok second"), None, Some("ok first")]);
    assert_eq!(answers.missing, [Missing { id: "r2".to_owned(), error: "down".to_owned() }]);
    assert!(answers.enough, "three of four are three quarters");
    assert_eq!(asked.calls().len(), 2, "only what was missing is asked of the fallback");
    assert_eq!((answers.figures.first_attempt, answers.figures.answered), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn p2_a_call_is_given_up_at_the_stages_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = seat(0, |_| Scripted::text("ok late").after(Duration::from_secs(3_600)));
    let mut desk = desk(folder.path(), vec![first]);
    desk.settings.timeout_seconds = 2.0;
    let answers = desk.ask(&questions(1), check()).await.unwrap();
    // One second of grace for a provider that does not keep the limit itself.
    assert_eq!(answers.missing[0].error, "no answer within 3 s");
}

#[test]
fn p2_a_provider_is_made_for_the_stages_time_limit() {
    let limited = in_time(member(0), 2.0);
    let times = [limited.timeouts.connect(), limited.timeouts.first_byte(), limited.timeouts.total()];
    assert_eq!(times, [Duration::from_secs(2); 3]);
    let longer = in_time(member(0), 300.0).timeouts;
    assert_eq!((longer.first_byte(), longer.total()), (Duration::from_secs(300), Duration::from_secs(300)));
    let own = PanelMember { timeouts: Timeouts::new(10.0, 5.0, 30.0, 120.0).unwrap(), ..member(0) };
    let longer = in_time(own, 300.0).timeouts;
    assert_eq!(longer.first_byte(), Duration::from_secs(5), "its own, where it has one");
}

#[tokio::test(start_paused = true)]
async fn p2_two_retries_wait_longer_and_longer() {
    let folder = tempfile::tempdir().unwrap();
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let clock = Arc::clone(&times);
    let (first, provider) = seat(0, move |_| {
        clock.lock().unwrap().push(tokio::time::Instant::now());
        down()
    });
    let mut desk = desk(folder.path(), vec![first]);
    desk.settings.retries = StageSettings::of(crate::stages::pipeline::Kind::Review).retries;
    desk.settings.min_success_ratio = 0.0;
    desk.retry.base = Duration::from_secs(100);
    desk.ask(&questions(1), check()).await.unwrap();
    // Nothing was answered, so it was asked once more one by one: three attempts, twice.
    assert_eq!(provider.calls().len(), 6);
    let times = times.lock().unwrap();
    for pair in times.windows(2).take(2) {
        assert!(pair[1] > pair[0], "it waits before it tries again");
    }
    assert!(
        times[1] - times[0] <= Duration::from_secs(100) && times[2] - times[1] <= Duration::from_secs(200)
    );
}

#[tokio::test]
async fn p3_below_the_quorum_what_is_missing_is_asked_once_more_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    // Every record fails at its first attempt, and is answered at its second.
    let (first, provider) = seat(0, |call| if call.attempt == 0 { down() } else { Scripted::text("ok") });
    let answers = desk(folder.path(), vec![first]).ask(&questions(3), check()).await.unwrap();
    assert!(answers.enough && answers.missing.is_empty());
    assert_eq!(provider.calls().len(), 6);
    assert_eq!((answers.figures.calls, answers.figures.retries, answers.figures.first_attempt), (3, 3, 0));
}

#[tokio::test]
async fn p3_a_stage_that_stays_below_keeps_what_it_has_and_never_asks_for_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = seat(0, |call| if call.record.as_str() == "r0" { Scripted::text("ok") } else { down() });
    let answers = desk(folder.path(), vec![first]).ask(&questions(3), check()).await.unwrap();
    assert!(!answers.enough && answers.missing.len() == 2 && answers.answers[0].is_some());
    let (first, provider) = seat(0, |_| Scripted::text("ok"));
    let answers = desk(folder.path(), vec![first]).ask(&questions(3), check()).await.unwrap();
    assert!(answers.enough);
    let asked: Vec<String> = provider.calls().iter().map(|call| call.record.to_string()).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(!asked.contains(&"r0".to_owned()));
}

#[tokio::test]
async fn an_unusable_answer_is_mended_once_and_a_new_round_asks_afresh() {
    let folder = tempfile::tempdir().unwrap();
    let script = |call: &crate::provider::Call| match call.prompt.messages.len() {
        1 => Scripted::text("well …"),
        _ => Scripted::text("ok mended"),
    };
    let (first, provider) = seat(0, script);
    let mut desk = desk(folder.path(), vec![first]);
    let answers = desk.ask(&questions(1), check()).await.unwrap();
    assert_eq!(answers.answers[0].as_ref().unwrap().content, "ok mended");
    assert!(provider.calls()[1].prompt.messages[2].content.contains("- not ok"));
    desk.ask(&questions(1), check()).await.unwrap();
    assert_eq!(provider.calls().len(), 2, "what is stored is not asked again");
    desk.round = 1;
    desk.ask(&questions(1), check()).await.unwrap();
    assert_eq!(provider.calls().len(), 4);
}

#[tokio::test]
async fn the_money_of_all_stages_is_one_budget() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, provider) = seat(0, |_| Scripted::text("ok"));
    first.member.price = Some(crate::run::price::Price::per_million(1e6, None, 1e6));
    let limit = Some(Money::from_amount(10_000.0));
    let mut desk = desk(folder.path(), vec![first]);
    desk.max_cost = limit;
    desk.budget = Budget::new(limit, Money::from_amount(9_999.0));
    let answers = desk.ask(&questions(2), check()).await.unwrap();
    assert_eq!(answers.interrupted, Some(true));
    assert!(provider.calls().is_empty());
}
