//! One question to several models: REQUIREMENTS C1 to C8, in the library and on the command line.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic where the tests would")]

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

fn consona(state: &Path) -> Command {
    let mut command = Command::cargo_bin("consona").unwrap();
    command.arg("consult").arg("--state").arg(state);
    command
}

fn demo(state: &Path, question: &str, models: &[&str]) -> Command {
    let mut command = consona(state);
    command.args([question, "--recording", DEMO]);
    for model in models {
        command.args(["--model", model]);
    }
    command
}

fn json_of(command: &mut Command, code: i32) -> Value {
    let output = command.arg("--json").assert().code(code).get_output().clone();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn c2_results_have_the_promised_fields_and_no_others() {
    let state = tempfile::tempdir().unwrap();
    let models = ["replay:aurora:for", "replay:cinder"];
    let answer = json_of(&mut demo(state.path(), "Open until eleven?", &models), 0);
    let results = answer["results"].as_array().unwrap();
    for result in results {
        let mut fields: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["content", "error_message", "latency_ms", "model", "stance", "status"]);
        assert!(result["latency_ms"].is_u64());
    }
    assert_eq!(
        (&results[0]["model"], &results[0]["stance"], &results[0]["status"], &results[0]["error_message"]),
        (&json!("replay:aurora"), &json!("for"), &json!("success"), &Value::Null)
    );
    assert_eq!(
        (&results[1]["stance"], &results[1]["status"], &results[1]["content"]),
        (&json!("neutral"), &json!("error"), &Value::Null)
    );
}

#[test]
fn c3_all_models_failing_is_an_error_with_an_exit_code_of_its_own() {
    let state = tempfile::tempdir().unwrap();
    let answer = json_of(&mut demo(state.path(), "Open?", &["replay:cinder", "replay:nobody"]), 4);
    assert_eq!((&answer["status"], &answer["synthesis"]), (&json!("error"), &Value::Null));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 2);
    assert_eq!(answer["errors"][0]["model"], json!("replay:cinder"));
}

#[test]
fn c4_the_same_model_and_stance_twice_is_refused_before_anybody_is_asked() {
    let state = tempfile::tempdir().unwrap();
    let models = ["replay:aurora", "replay:aurora:neutral"];
    let output = demo(state.path(), "Open?", &models).assert().code(2).get_output().clone();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("`replay:aurora` with the stance `neutral` is named twice"), "{told}");
}

#[test]
fn c6_a_continuation_id_carries_the_consultation_on() {
    let state = tempfile::tempdir().unwrap();
    let first = json_of(&mut demo(state.path(), "Open?", &["replay:aurora:for", "replay:basalt:against"]), 0);
    let id = first["continuation_id"].as_str().unwrap();
    let mut next = demo(state.path(), "Would a trial help?", &[]);
    let second = json_of(next.args(["--continue", id]), 0);
    assert_eq!(second["results"][0]["stance"], json!("for"), "the same voices, unnamed");
    assert!(second["results"][0]["content"].as_str().unwrap().starts_with("Yes. A trial"));
    assert_ne!(second["continuation_id"], first["continuation_id"]);
    for wrong in ["../../etc/passwd", "00000000000000000000000000000000"] {
        demo(state.path(), "On?", &[]).args(["--continue", wrong]).assert().code(2);
    }
}

/// The lines of a consultation at a level, without the time and the level before each.
fn logged(level: &str, further: &[&str]) -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let mut command = demo(state.path(), "Open?", &["replay:aurora:for", "replay:cinder"]);
    let command = command.env("CONSONA_LOG", level).arg("--quiet").args(further);
    let told = String::from_utf8(command.assert().success().get_output().stderr.clone()).unwrap();
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let lines = told.lines().filter_map(|line| Some(&line[line.find("consensus ")?..]));
    lines
        .map(|line| match line.split_once("latency=") {
            Some((before, after)) if digits(after) => format!("{before}latency=…"),
            _ => line.to_owned(),
        })
        .collect()
}

#[test]
fn c7_debug_lines_tell_the_dispatch_and_nothing_is_new_at_info() {
    let mut lines = logged("consona=debug", &[]);
    // The models answer at the same time.
    lines[1..3].sort_unstable();
    let expected = [
        "consensus dispatch models=[replay:aurora (for), replay:cinder]",
        "consensus model=replay:aurora (for) status=success latency=…",
        "consensus model=replay:cinder status=error latency=…",
        "consensus aggregation success=1 error=1",
    ];
    assert_eq!(lines, expected);
    let mut written = logged("consona=debug", &["--synthesise-with", "replay:basalt"]);
    written[1..3].sort_unstable();
    assert_eq!(written[..4], expected, "the model that writes is asked after them");
    assert_eq!(written[4], "consensus dispatch models=[replay:basalt]");
    assert_eq!(logged("consona=info", &[]), Vec::<String>::new());
}

#[test]
fn c6_what_was_said_to_one_endpoint_goes_to_no_other() {
    let state = tempfile::tempdir().unwrap();
    let closed = |port: u16| format!("http://127.0.0.1:{port}/v1");
    let ask = |further: &[&str]| {
        let mut command = consona(state.path());
        command.args(["Open?", "--model", "vllm:m", "--key-env", "none", "--timeout", "5"]).args(further);
        command
    };
    let first = json_of(&mut ask(&["--base-url", &closed(9)]), 4);
    let id = first["continuation_id"].as_str().unwrap();
    let elsewhere = ask(&["--base-url", &closed(10), "--continue", id]).assert().code(2).get_output().clone();
    let told = String::from_utf8(elsewhere.stderr).unwrap();
    assert!(told.contains("`vllm:m` was asked at http://127.0.0.1:9/v1 (openai)"), "{told}");
    json_of(&mut ask(&["--base-url", &closed(9), "--continue", id]), 4);
}

#[test]
fn c6_what_could_not_be_carried_on_is_not_asked() {
    let state = tempfile::tempdir().unwrap();
    let long = state.path().join("long.txt");
    std::fs::write(&long, vec![b'a'; 16 * 1024 * 1024 - 100]).unwrap();
    let mut command = demo(state.path(), "Open?", &["replay:aurora"]);
    let told = command.arg("--file").arg(&long).assert().code(2).get_output().clone();
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("above the 16 MiB of a consultation"), "{told}");
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 1, "nothing is kept");
    let image = state.path().join("image.png");
    std::fs::write(&image, [0x89, 0xff, 0xfe]).unwrap();
    let mut command = demo(state.path(), "Open?", &["replay:aurora"]);
    let told = command.arg("--file").arg(&image).assert().code(2).get_output().clone();
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("is no text in UTF-8"), "{told}");
}

#[test]
fn c9_what_the_providers_tell_stands_beside_the_answers() {
    let state = tempfile::tempdir().unwrap();
    let models = ["replay:aurora:for", "replay:cinder"];
    let answer = json_of(&mut demo(state.path(), "Open until eleven?", &models), 0);
    let told = answer["metadata"].as_array().unwrap();
    let mut fields: Vec<&str> = told[0].as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "attempts",
            "cost",
            "finish_reason",
            "input_tokens",
            "latency_ms",
            "model",
            "output_tokens",
            "provider",
            "response_model",
            "stance"
        ]
    );
    assert_eq!((&told[0]["model"], &told[0]["stance"]), (&json!("replay:aurora"), &json!("for")));
    assert_eq!((&told[0]["finish_reason"], &told[0]["attempts"]), (&json!("stop"), &json!(1)));
    assert_eq!((&told[1]["model"], &told[1]["finish_reason"]), (&json!("replay:cinder"), &Value::Null));
    assert_eq!(answer["cost"], json!(0.0), "recordings cost nothing");
}

#[test]
fn files_reach_the_models_and_contradictions_are_shown_with_both_sides() {
    let state = tempfile::tempdir().unwrap();
    let notes = state.path().join("notes.md");
    std::fs::write(&notes, "Visitors after eight: 41.").unwrap();
    let mut command =
        demo(state.path(), "Open until eleven?", &["replay:aurora:for", "replay:basalt:against"]);
    let answer = json_of(command.arg("--file").arg(&notes), 0);
    let agreement = &answer["agreement"];
    assert!(agreement["claims"][0]["support"] == json!(2), "{agreement}");
    assert_eq!(agreement["contradictions"].as_array().unwrap().len(), 1, "{agreement}");
    let id = answer["continuation_id"].as_str().unwrap();
    let kept = std::fs::read_to_string(state.path().join(format!("{id}.json"))).unwrap();
    assert!(kept.contains("Visitors after eight: 41.") && kept.contains("<data>"));
}

#[test]
fn a_panel_can_be_taken_from_a_study() {
    let state = tempfile::tempdir().unwrap();
    let recording = std::path::absolute(DEMO).unwrap();
    let study = state.path().join("study.yaml");
    let member = |name: &str, stance: &str| {
        format!(
            "  - {{model: 'replay:{name}', name: {name}, stance: {stance}, recording: '{}'}}\n",
            recording.display()
        )
    };
    let text = format!(
        "name: x\ninput: {{path: none.csv}}\npanel:\n{}{}",
        member("aurora", "for"),
        member("basalt", "neutral")
    );
    std::fs::write(&study, text).unwrap();
    let whole = json_of(consona(state.path()).arg("Open?").arg("--panel").arg(&study), 0);
    assert_eq!(whole["results"][0]["model"], json!("aurora"));
    assert_eq!(whole["results"][0]["stance"], json!("for"));
    let mut one = consona(state.path());
    let one = json_of(one.arg("Open?").arg("--panel").arg(&study).args(["--model", "basalt:against"]), 0);
    assert_eq!(one["results"][0]["stance"], json!("against"));
    consona(state.path())
        .arg("Open?")
        .arg("--panel")
        .arg(&study)
        .args(["--model", "cinder"])
        .assert()
        .code(2);
}

#[test]
fn a_voice_is_read_from_a_transcript_as_it_was_written() {
    let voice = Voice { model: "a".to_owned(), stance: Stance::For, stance_prompt: None };
    let written = serde_json::to_value(&voice).unwrap();
    assert_eq!(written, json!({"model": "a", "stance": "for"}));
    assert_eq!(serde_json::from_value::<Voice>(written).unwrap(), voice);
}
