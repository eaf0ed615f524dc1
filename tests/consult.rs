//! One question to several models: REQUIREMENTS C1 to C8, in the library and on the command line.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic where the tests would")]

#[path = "consult/command.rs"]
mod command;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use consona::consult::{Answer, Consultation, Question, Stance, Status, Transcript, Voice};
use consona::embed::StaticEmbedder;
use consona::provider::{
    Call, Completion, FailureKind, HttpProvider, Provider, ProviderError, Scripted, ScriptedProvider, Usage,
};
use consona::run::Reserve;
use consona::run::consult::{ConsultError, MemberOptions, Request, Roster, consult, member};
use consona::run::study::{Laggards, PanelMember, Study};
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

const DEMO: &str = "data/demo/consultation.jsonl";

fn scripted(script: impl Fn(&Call) -> Scripted + Send + Sync + 'static) -> Arc<ScriptedProvider> {
    Arc::new(ScriptedProvider::new("s", script))
}

/// Models of one scripted provider, each under its own name.
fn roster(models: &[&str], provider: &Arc<ScriptedProvider>) -> Roster {
    let seat = |model: &&str| {
        let member = member(&format!("scripted:{model}"), &MemberOptions::default()).unwrap();
        (member, Arc::clone(provider) as Arc<dyn Provider>)
    };
    Roster::new(models.iter().map(seat).collect(), None)
}

fn request(roster: &Roster, question: &str) -> Request {
    Request {
        question: Question { text: question.to_owned(), files: Vec::new() },
        voices: roster.voices(),
        synthesiser: None,
        earlier: Transcript::default(),
        confirmed: false,
    }
}

async fn ask(roster: &Roster, request: Request) -> (Consultation, Transcript) {
    let embedder = Arc::new(StaticEmbedder::embedded().unwrap());
    consult(roster, request, embedder, None).await.unwrap()
}

fn refusal(message: &str) -> Scripted {
    Scripted::failure(ProviderError::new(FailureKind::RecordRejected, message))
}

fn names(answers: &[Answer]) -> Vec<&str> {
    answers.iter().map(|answer| answer.model.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn c1_all_calls_start_together_and_the_answers_are_in_the_order_of_the_models() {
    // The later a model is named, the sooner it answers.
    let provider = scripted(|call| {
        let place = u64::from(call.model.as_bytes()[0] - b'a');
        Scripted::text(format!("I am {}.", call.model)).after(Duration::from_secs(10 * (6 - place)))
    });
    let roster = roster(&["a", "b", "c", "d", "e"], &provider);
    let start = tokio::time::Instant::now();
    let (consultation, _) = ask(&roster, request(&roster, "Who?")).await;
    // 60, 50, 40, 30 and 20 s: the slowest, not 200.
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(provider.most_in_flight(), 5);
    assert_eq!(
        names(&consultation.results),
        ["scripted:a", "scripted:b", "scripted:c", "scripted:d", "scripted:e"]
    );
    let latencies: Vec<u64> = consultation.results.iter().map(|answer| answer.latency_ms / 1000).collect();
    assert_eq!(latencies, [60, 50, 40, 30, 20]);
}

#[tokio::test(start_paused = true)]
async fn c3_one_answer_is_a_success_and_none_is_an_error_without_synthesis() {
    let provider = scripted(|call| match call.model.as_str() {
        "a" => refusal("the key was refused"),
        "b" => Scripted::text("  \n"),
        _ => Scripted::text("Ship it on Monday. The tests are green."),
    });
    let some = roster(&["a", "c", "b"], &provider);
    let (consultation, _) = ask(&some, request(&some, "Ship it?")).await;
    assert_eq!(consultation.status, Status::Success);
    assert_eq!(consultation.errors, []);
    assert_eq!(
        consultation.note.as_deref(),
        Some("No answer from scripted:a (neutral), scripted:b (neutral).")
    );
    let synthesis = consultation.synthesis.unwrap();
    assert_eq!((synthesis.by, synthesis.text.as_str()), (None, "- scripted:c (neutral): Ship it on Monday"));
    let none = roster(&["a", "b"], &provider);
    let (consultation, _) = ask(&none, request(&none, "Ship it?")).await;
    assert_eq!(
        (consultation.status, consultation.synthesis, consultation.agreement),
        (Status::Error, None, None)
    );
    let reasons: Vec<&str> = consultation.errors.iter().map(|error| error.error_message.as_str()).collect();
    assert_eq!(reasons, ["the key was refused", "the answer is empty"]);
}

#[tokio::test(start_paused = true)]
async fn c3_a_model_that_is_named_for_it_writes_the_synthesis_out_of_the_successes() {
    let provider = scripted(|call| match (call.record.as_str(), call.model.as_str()) {
        ("synthesis", _) => Scripted::text("Both would ship."),
        (_, "a") => refusal("no"),
        (_, model) => Scripted::text(format!("mark-{model}: ship it.")),
    });
    let roster = roster(&["a", "b", "c"], &provider);
    let request = Request { synthesiser: Some("scripted:c".to_owned()), ..request(&roster, "Ship it?") };
    let (consultation, _) = ask(&roster, request).await;
    let synthesis = consultation.synthesis.unwrap();
    assert_eq!((synthesis.by.as_deref(), synthesis.text.as_str()), (Some("scripted:c"), "Both would ship."));
    let calls = provider.calls();
    let shown =
        &calls.iter().find(|call| call.record.as_str() == "synthesis").unwrap().prompt.messages[0].content;
    assert!(
        shown.contains("mark-b") && shown.contains("mark-c") && !shown.contains("`scripted:a`"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn c3_without_the_model_that_writes_it_the_synthesis_is_the_models_own_sentences() {
    let provider = scripted(|call| match call.record.as_str() {
        "synthesis" => refusal("out of money"),
        _ => Scripted::text("Ship it."),
    });
    let roster = roster(&["a", "b"], &provider);
    let request = Request { synthesiser: Some("scripted:b".to_owned()), ..request(&roster, "Ship it?") };
    let (consultation, _) = ask(&roster, request).await;
    assert_eq!(consultation.synthesis.unwrap().text, "- Ship it (2 of 2 models)");
    assert!(consultation.note.unwrap().contains("scripted:b wrote no synthesis (out of money)"));
}

#[tokio::test(start_paused = true)]
async fn c4_the_same_model_with_two_stances_is_asked_twice_and_has_one_vote() {
    let provider = scripted(|call| Scripted::text(format!("I was asked as {}. Rain is wet.", call.member)));
    let roster = roster(&["a"], &provider);
    let voice = |text: &str| roster.voice(text, None, None).unwrap();
    let voices = vec![voice("scripted:a:for"), voice("scripted:a:against")];
    let (consultation, _) = ask(&roster, Request { voices, ..request(&roster, "Well?") }).await;
    let stances: Vec<Stance> = consultation.results.iter().map(|answer| answer.stance).collect();
    assert_eq!(stances, [Stance::For, Stance::Against]);
    assert_eq!(names(&consultation.results), ["scripted:a", "scripted:a"]);
    let agreement = consultation.agreement.unwrap();
    assert_eq!((agreement.models, agreement.score), (1, None));
    assert!(agreement.claims.iter().all(|claim| claim.support == 1));
    let prompts: Vec<String> = provider.calls().iter().map(|call| call.prompt.system.clone()).collect();
    assert!(prompts[0].contains("Argue in favour") && prompts[1].contains("Argue against"));
    let twice = vec![voice("scripted:a:for"), voice("scripted:a:for")];
    let embedder = Arc::new(StaticEmbedder::embedded().unwrap());
    let refused =
        consult(&roster, Request { voices: twice, ..request(&roster, "Well?") }, embedder, None).await;
    assert!(matches!(refused, Err(ConsultError::Twice { .. })));
}

#[tokio::test(start_paused = true)]
async fn c5_no_model_sees_another_answer_not_even_in_a_later_turn() {
    let provider = scripted(|call| Scripted::text(format!("mark-{}-{}.", call.model, call.part)));
    let roster = roster(&["a", "b"], &provider);
    let (_, earlier) = ask(&roster, request(&roster, "First?")).await;
    let next = Request { voices: Vec::new(), earlier, ..request(&roster, "Second?") };
    let (consultation, transcript) = ask(&roster, next).await;
    assert_eq!(consultation.results[1].content.as_deref(), Some("mark-b-1."));
    assert_eq!(transcript.turns.len(), 2);
    for call in provider.calls() {
        let said: String = call.prompt.messages.iter().map(|message| message.content.as_str()).collect();
        let other = if call.model == "a" { "mark-b" } else { "mark-a" };
        assert!(!said.contains(other), "{said}");
        assert_eq!(said.contains(&format!("mark-{}-0", call.model)), call.part == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn c10_two_consultations_share_nothing_but_the_roster() {
    let provider = scripted(|call| {
        Scripted::text(call.prompt.messages[0].content.clone()).after(Duration::from_secs(1))
    });
    let roster = roster(&["a", "b"], &provider);
    let (one, other) =
        tokio::join!(ask(&roster, request(&roster, "Apples?!")), ask(&roster, request(&roster, "Pears?!")));
    assert_eq!(one.0.results[0].content.as_deref(), Some("Apples?!"));
    assert_eq!(other.0.results[1].content.as_deref(), Some("Pears?!"));
}

/// A roster from the panel of a study, whose models are all answered by one provider, the fallbacks too.
fn of_study(study: &str, provider: &Arc<ScriptedProvider>) -> Roster {
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let text = format!("name: x\ninput: {{path: a}}\n{study}");
    let study = Study::parse(&text, Path::new("s.yaml"), &|_| none("")).unwrap();
    let provider = || Arc::clone(provider) as Arc<dyn Provider>;
    let seats = study.panel.iter().map(|member| (member.clone(), provider())).collect();
    let of = |(place, primary): (usize, &PanelMember)| {
        let reserve = move |member: &PanelMember| (place, member.clone());
        primary.fallbacks.iter().map(reserve).collect::<Vec<_>>()
    };
    let reserves = study.panel.iter().enumerate().flat_map(of);
    let reserves = reserves.map(|(place, member)| Reserve { place, member, provider: provider() }).collect();
    Roster::new(seats, Some(&study)).with_reserves(reserves)
}

#[tokio::test(start_paused = true)]
async fn c9_a_fallback_stands_in_with_the_vote_and_the_weight_of_its_member() {
    let provider = scripted(|call| match call.model.as_str() {
        "a" => refusal("no such model"),
        "c" => Scripted::text("Buses are full."),
        model => Scripted::text(format!("Trains are late. I am {model}.")),
    });
    let panel = "panel:\n  - {model: 'scripted:a', weight: 3, fallback: [{model: 'scripted:b'}]}\n  \
                 - {model: 'scripted:c'}\n  - {model: 'scripted:d'}\n";
    let roster = of_study(panel, &provider);
    let (consultation, _) = ask(&roster, request(&roster, "Well?")).await;
    assert_eq!(consultation.results[0].content.as_deref(), Some("Trains are late. I am b."));
    assert!(consultation.note.unwrap().contains("scripted:b stands in: no such model"));
    let agreement = consultation.agreement.unwrap();
    assert_eq!((agreement.claims[0].text.as_str(), agreement.claims[0].weight), ("Trains are late", 4.0));
    // Pairs ac, ad, cd weigh 3, 3, 1 and share 0, 1 of 2 claims, 0: 3 × .5 / 7.
    assert!(agreement.score.is_some_and(|score| (score - 1.5 / 7.0).abs() < 1e-9), "{agreement:?}");
}

#[tokio::test(start_paused = true)]
async fn c9_a_server_learns_over_consultations_how_long_a_model_takes() {
    let provider = scripted(|call| {
        let hangs = call.prompt.messages.last().is_some_and(|message| message.content == "Hang!");
        Scripted::text("Here.").after(Duration::from_secs(if hangs { 100 } else { 1 }))
    });
    let study = "retry: {max_attempts: 1}\npanel:\n  - {model: 'scripted:a', timeouts: {adaptive: true, total: 110}}\n";
    let roster = of_study(study, &provider);
    for _ in 0..20 {
        ask(&roster, request(&roster, "There?")).await;
    }
    let (hung, _) = ask(&roster.clone(), request(&roster, "Hang!")).await;
    assert_eq!(hung.errors[0].error_message, "no answer within 10 s");
    let (fresh, _) = ask(&of_study(study, &provider), request(&roster, "Hang!")).await;
    assert_eq!(fresh.status, Status::Success, "who has seen nothing waits");
}

#[tokio::test(start_paused = true)]
async fn c9_laggards_are_not_awaited_where_that_is_asked_for() {
    let provider = scripted(|call| {
        Scripted::text("Here.").after(Duration::from_secs(if call.model == "b" { 60 } else { 1 }))
    });
    let all = roster(&["a", "b", "c"], &provider);
    let (whole, _) = ask(&all, request(&all, "There?")).await;
    assert_eq!(whole.note, None);
    let laggards = Laggards { after_models: 2, wait: Duration::from_secs(2) };
    let request = request(&all, "There?");
    let (consultation, _) = ask(&all.with_laggards(laggards), request).await;
    assert_eq!(consultation.note.as_deref(), Some("No answer from scripted:b (neutral)."));
}

#[tokio::test(start_paused = true)]
async fn c10_the_voices_and_the_synthesis_have_one_limit_of_cost() {
    // 1 per million tokens: each call costs 1000 × 10⁻⁶ + 1000 × 10⁻⁶ = .002, and is bounded by what is sent and
    // the 2000 tokens of an answer.
    let provider = scripted(|call| {
        let usage = Usage { input_tokens: 1_000, cached_input_tokens: 0, output_tokens: 1_000 };
        let mut scripted = Scripted::text(format!("I am {}.", call.model));
        scripted.outcome = scripted.outcome.map(|said| Completion { usage: Some(usage), ..said });
        scripted
    });
    let member = |name: &str| {
        format!("  - {{model: 'scripted:{name}', price: {{input: 1, output: 1}}, max_output_tokens: 2000}}\n")
    };
    let panel = format!("limits: {{max_cost: 0.006}}\npanel:\n{}{}", member("a"), member("b"));
    let roster = of_study(&panel, &provider);
    let request = Request { synthesiser: Some("scripted:a".to_owned()), ..request(&roster, "Well?") };
    let (consultation, _) = ask(&roster, request).await;
    assert_eq!(provider.calls().len(), 2, "the third could cost more than is left");
    assert_eq!(consultation.cost, Some(0.004));
    let note = consultation.note.unwrap();
    assert!(note.contains("scripted:a wrote no synthesis (it was not asked: the limit of cost"), "{note}");
}

#[tokio::test(start_paused = true)]
async fn c10_what_costs_more_than_confirm_above_is_asked_only_with_a_yes() {
    let provider = scripted(|_| Scripted::text("Yes."));
    let panel =
        "limits: {confirm_above: 0.0001}\npanel:\n  - {model: 'scripted:a', price: {input: 1, output: 1}}\n";
    let roster = of_study(panel, &provider);
    let embedder = || Arc::new(StaticEmbedder::embedded().unwrap());
    let refused = consult(&roster, request(&roster, "Well?"), embedder(), None).await.unwrap_err();
    assert!(refused.to_string().contains("a person has to confirm"), "{refused}");
    assert_eq!(provider.calls().len(), 0);
    let confirmed = Request { confirmed: true, ..request(&roster, "Well?") };
    assert!(consult(&roster, confirmed, embedder(), None).await.is_ok());
}

/// A model behind a real endpoint that takes so long.
fn mock(model: &str, milliseconds: u64) -> Mock {
    let message = json!({"role": "assistant", "content": format!("{model} answers.")});
    let body = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
    let reply = ResponseTemplate::new(200).set_body_json(body).set_delay(Duration::from_millis(milliseconds));
    Mock::given(method("POST")).and(body_partial_json(json!({ "model": model }))).respond_with(reply)
}

#[tokio::test]
async fn c8_two_slow_models_take_as_long_as_the_slower_one() {
    let server = MockServer::start().await;
    for model in ["tortoise", "snail"] {
        mock(model, 1_500).mount(&server).await;
    }
    let base_url = Some(format!("{}/v1", server.uri()));
    let options = MemberOptions { base_url, ..MemberOptions::default() };
    let seats = ["vllm:tortoise", "vllm:snail"].map(|model| {
        let member = member(model, &options).unwrap();
        let provider = HttpProvider::new(member.endpoint.clone().unwrap(), None, member.timeouts).unwrap();
        (member, Arc::new(provider) as Arc<dyn Provider>)
    });
    let roster = Roster::new(seats.into(), None);
    let start = Instant::now();
    let (consultation, _) = ask(&roster, request(&roster, "How far?")).await;
    let (wall, latencies) = (start.elapsed(), consultation.results.iter().map(|answer| answer.latency_ms));
    let sum = Duration::from_millis(latencies.sum());
    assert_eq!(consultation.status, Status::Success);
    assert!(wall < sum, "{wall:?} in all, {sum:?} one after the other");
}

#[tokio::test(start_paused = true)]
async fn c8_the_wall_time_is_that_of_the_slowest_with_mixed_ends_and_when_all_fail() {
    let provider = scripted(|call| match call.model.as_str() {
        "a" => Scripted::text("Here.").after(Duration::from_secs(20)),
        "b" => refusal("no").after(Duration::from_secs(30)),
        _ => refusal("never").after(Duration::from_secs(25)),
    });
    for (models, status) in [(&["a", "b"][..], Status::Success), (&["b", "c"], Status::Error)] {
        let roster = roster(models, &provider);
        let start = tokio::time::Instant::now();
        let (consultation, _) = ask(&roster, request(&roster, "Well?")).await;
        assert_eq!((consultation.status, start.elapsed().as_secs()), (status, 30), "{models:?}");
    }
}
