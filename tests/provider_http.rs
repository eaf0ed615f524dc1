//! Providers over HTTP: against wiremock, against sockets that misbehave, and against the
//! fault-injecting server of the evaluation data, where it is there.
#![cfg(feature = "run")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use consona::persona::{ModelName, RecordId};
use consona::prompt::{Message, Prompt, Role};
use consona::provider::{
    ApiKey, Call, Completion, Dialect, Endpoint, EndpointOptions, FailureKind, FinishReason, HttpProvider,
    Provider, ProviderError, SamplingOptions, Timeouts,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CANARY: &str = "sk-canary-0123456789abcdef0123456789";

const DIALECTS: [Dialect; 4] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama];

fn provider(dialect: Dialect, base_url: &str, timeouts: Timeouts) -> HttpProvider {
    let options = EndpointOptions {
        base_url: Some(base_url.to_owned()),
        dialect: Some(dialect),
        key_variable: Some("CANARY_KEY".to_owned()),
        ..EndpointOptions::default()
    };
    let endpoint = Endpoint::new("own", &options).expect("a valid endpoint");
    let key = ApiKey::new("CANARY_KEY", CANARY).expect("a valid key");
    HttpProvider::new(endpoint, Some(key), timeouts).expect("a provider")
}

/// First byte, idle and total in seconds.
fn limits(first_byte: f64, idle: f64, total: f64) -> Timeouts {
    Timeouts::new(1.0, first_byte, idle, total).expect("valid limits")
}

fn call(text: &str) -> Call {
    Call {
        record: RecordId::new("r1").expect("valid"),
        member: ModelName::new("m").expect("valid"),
        model: "model-a".to_owned(),
        sample: 0,
        part: 0,
        attempt: 0,
        prompt: Prompt {
            system: "Draft personas.".to_owned(),
            messages: vec![Message { role: Role::User, content: text.to_owned() }],
            schema: Some(std::sync::Arc::new(json!({
                "type": "object",
                "properties": { "personas": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "name": { "type": "string" }, "age": { "type": "integer" } },
                    "required": ["name", "age"]
                } } },
                "required": ["personas"]
            }))),
        },
        options: SamplingOptions::default(),
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/fixtures/provider").join(name)).expect("a fixture")
}

async fn answering(template: ResponseTemplate) -> (MockServer, HttpProvider) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(template).mount(&server).await;
    let provider = provider(Dialect::OpenAi, &format!("{}/v1", server.uri()), limits(5.0, 5.0, 10.0));
    (server, provider)
}

fn assert_secret(error: &ProviderError) {
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_call_carries_its_key_as_a_header_and_is_answered() {
    let server = MockServer::start().await;
    let answer = json!({ "choices": [{ "message": { "content": "{}" }, "finish_reason": "stop" }] });
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {CANARY}").as_str()))
        .and(header("content-type", "application/json"))
        .and(body_partial_json(json!({ "model": "model-a", "stream": false })))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .expect(1)
        .mount(&server)
        .await;
    let provider = provider(Dialect::OpenAi, &format!("{}/v1/", server.uri()), Timeouts::default());
    let completion = provider.complete(&call("hello")).await.expect("an answer");
    assert_eq!((completion.content.as_str(), completion.finish_reason), ("{}", FinishReason::Stop));
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_is_stored_without_it() {
    let answer = json!({ "choices": [{ "message": { "content": format!("my key is {CANARY}") } }] });
    let (_server, provider) = answering(ResponseTemplate::new(200).set_body_json(answer)).await;
    let completion = provider.complete(&call("hello")).await.expect("an answer");
    assert_eq!(completion.content, "my key is [key]");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = MockServer::start().await;
    for status in [301, 302, 303, 307, 308] {
        let template = ResponseTemplate::new(status).insert_header("location", elsewhere.uri().as_str());
        let (_server, provider) = answering(template).await;
        let error = provider.complete(&call("hello")).await.expect_err("refused");
        assert_eq!((error.kind, error.status), (FailureKind::ProviderRejected, Some(status)));
    }
    assert_eq!(elsewhere.received_requests().await.map(|requests| requests.len()), Some(0));
}

#[tokio::test]
async fn one_call_is_one_request_whatever_the_answer() {
    for status in [429, 500, 503] {
        let (server, provider) = answering(ResponseTemplate::new(status)).await;
        assert!(provider.complete(&call("hello")).await.is_err());
        assert_eq!(server.received_requests().await.map(|requests| requests.len()), Some(1));
    }
}

#[tokio::test]
async fn compressed_answers_are_read_and_bombs_are_not() {
    let gzip = |name| {
        ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(fixture(name))
    };
    let (_server, provider) = answering(gzip("success.json.gz")).await;
    let completion = provider.complete(&call("hello")).await.expect("an answer");
    assert_eq!(completion.content, r#"{"personas":[{"name":"Ada","age":31}]}"#);
    // 16 KiB of bytes that are 16 MiB of text.
    let (_server, provider) = answering(gzip("bomb.json.gz")).await;
    let error = provider.complete(&call("hello")).await.expect_err("too long");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (FailureKind::Unusable, "the answer is longer than 8 MiB")
    );
}

#[tokio::test]
async fn the_cap_is_exact() {
    let content = |bytes: usize| {
        let frame = json!({ "choices": [{ "message": { "content": "" } }] }).to_string().len();
        json!({ "choices": [{ "message": { "content": "x".repeat(bytes - frame) } }] }).to_string()
    };
    let limit = consona::provider::BODY_LIMIT;
    let (_server, provider) = answering(ResponseTemplate::new(200).set_body_string(content(limit))).await;
    assert!(provider.complete(&call("hello")).await.is_ok());
    let (_server, provider) = answering(ResponseTemplate::new(200).set_body_string(content(limit + 1))).await;
    assert_eq!(
        provider.complete(&call("hello")).await.map_err(|error| error.kind),
        Err(FailureKind::Unusable)
    );
}

#[tokio::test]
async fn a_probe_tells_whether_the_key_is_accepted() {
    let server = MockServer::start().await;
    let models = json!({ "data": [{ "id": "a" }, { "id": "b" }] });
    Mock::given(method("GET"))
        .and(path("/v1/models"))
        .and(header("authorization", format!("Bearer {CANARY}").as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_json(models))
        .mount(&server)
        .await;
    let asked = provider(Dialect::OpenAi, &format!("{}/v1", server.uri()), Timeouts::default());
    let said = "answers, the key is accepted, the model is one of the 2 that it lists";
    assert_eq!(asked.probe("a").await, Ok(said.to_owned()));
    let said = asked.probe("aa").await.expect("answers");
    assert!(said.ends_with("not among the 2 that it lists: is its name right?"), "{said}");
    let refusal = json!({ "error": { "message": format!("bad key {CANARY}") } });
    Mock::given(path("/v1/api/tags"))
        .respond_with(ResponseTemplate::new(401).set_body_json(refusal))
        .mount(&server)
        .await;
    let refused = provider(Dialect::Ollama, &format!("{}/v1", server.uri()), Timeouts::default());
    let error = refused.probe("a").await.expect_err("refused");
    assert_eq!(error.kind, FailureKind::ProviderRejected);
    assert_eq!(error.message, "HTTP 401: bad key [key] (is it the right key for this endpoint?)");
}

/// Listens, reads each request's beginning and hands the socket to `misbehave`.
async fn misbehaving<F, Fut>(misbehave: F) -> String
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0_u8; 4_096];
            if socket.read(&mut request).await.is_ok() {
                tokio::spawn(misbehave(socket));
            }
        }
    });
    format!("http://{address}/v1")
}

async fn failure(base_url: &str, timeouts: Timeouts) -> ProviderError {
    let provider = provider(Dialect::OpenAi, base_url, timeouts);
    let error = provider.complete(&call("hello")).await.expect_err("no answer");
    assert_secret(&error);
    error
}

#[tokio::test]
async fn a_closed_port_is_told_from_a_lost_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = format!("http://{}/v1", listener.local_addr().expect("an address"));
    drop(listener);
    let refused = failure(&closed, Timeouts::default()).await;
    assert_eq!(refused.kind, FailureKind::NotSent, "{refused}");
    assert!(refused.message.starts_with("no connection: Connection refused"), "{refused}");
    // Most who ask Ollama have it on their own machine, and forgot to start it.
    let ollama = provider(Dialect::Ollama, &closed, Timeouts::default());
    let refused = ollama.complete(&call("hello")).await.expect_err("no answer");
    assert!(refused.message.contains("`ollama serve` starts it"), "{refused}");
    let base_url = misbehaving(|socket| async { drop(socket) }).await;
    let lost = failure(&base_url, Timeouts::default()).await;
    assert_eq!(lost.kind, FailureKind::UnknownOutcome, "{lost}");
}

#[tokio::test]
async fn silence_before_and_within_an_answer_ends() {
    let silent = misbehaving(|socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let error = failure(&silent, Timeouts::new(0.1, 0.1, 60.0, 60.0).expect("valid")).await;
    assert_eq!(error.kind, FailureKind::UnknownOutcome);
    assert_eq!(error.message, "no whole answer within the first_byte limit of 0.1 s");

    let stuck = misbehaving(|mut socket| async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = failure(&stuck, limits(60.0, 0.1, 60.0)).await;
    assert_eq!(error.kind, FailureKind::UnknownOutcome);
    assert_eq!(error.message, "no whole answer within the idle limit of 0.1 s");
}

#[tokio::test]
async fn a_drip_that_never_pauses_ends_too() {
    let dripping = misbehaving(|mut socket| async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while socket.write_all(b"1\r\n \r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let error = failure(&dripping, limits(60.0, 60.0, 0.4)).await;
    assert_eq!(error.kind, FailureKind::UnknownOutcome);
    assert_eq!(error.message, "no whole answer within the total limit of 0.4 s");
}

#[tokio::test]
async fn a_status_is_believed_although_its_body_breaks_off() {
    let cut = misbehaving(|mut socket| async move {
        let _ =
            socket.write_all(b"HTTP/1.1 429 X\r\nretry-after: 4\r\ncontent-length: 99\r\n\r\n{\"er").await;
    })
    .await;
    let error = failure(&cut, Timeouts::default()).await;
    assert_eq!((error.kind, error.retry_after), (FailureKind::RateLimited, Some(Duration::from_secs(4))));
}

#[tokio::test]
async fn a_compressed_answer_that_breaks_off_is_a_lost_one() {
    let cut = misbehaving(|mut socket| async move {
        let head = b"HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: 9999\r\n\r\n";
        let _ = socket.write_all(&[&head[..], &fixture("success.json.gz")[..40]].concat()).await;
    })
    .await;
    assert_eq!(failure(&cut, Timeouts::default()).await.kind, FailureKind::UnknownOutcome);
}

/// The fault-injecting server, ended when dropped.
struct FaultyServer {
    child: Child,
    url: String,
}

impl FaultyServer {
    /// Starts the server, or says why it cannot.
    fn start() -> Result<(Self, Vec<String>), String> {
        let data = std::env::var_os("CONSONA_EVAL_DATA").ok_or("CONSONA_EVAL_DATA is not set")?;
        let script = PathBuf::from(data).join("../tools/faulty_llm_server.py");
        let list =
            Command::new("python3").arg(&script).arg("--list").output().map_err(|error| error.to_string())?;
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let faults: Vec<String> =
            list.lines().flat_map(|line| line.split_whitespace().skip(1)).map(str::to_owned).collect();
        if faults.is_empty() {
            return Err(format!("`{}` lists no faults", script.display()));
        }
        let mut child = Command::new("python3")
            .arg(&script)
            .args(["--port", "0", "--hang-seconds", "4", "--max-seconds", "120"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let url = line.trim().strip_prefix("LISTENING ").unwrap_or_default().to_owned();
        Ok((Self { child, url }, faults))
    }

    fn provider(&self, dialect: Dialect) -> HttpProvider {
        let prefix = match dialect {
            Dialect::Gemini => "/v1beta",
            Dialect::Ollama => "",
            _ => "/v1",
        };
        provider(dialect, &format!("{}{prefix}", self.url), limits(1.5, 1.0, 3.0))
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests is told what did not run")]
fn skipped(reason: &str) {
    eprintln!("skipped: the fault-injecting server cannot be started: {reason}");
}

/// The outcome that a fault must have, at every vendor.
fn expected(fault: &str) -> Result<FinishReason, FailureKind> {
    use FailureKind::{ProviderRejected, RateLimited, RecordRejected, Transient, UnknownOutcome, Unusable};
    match fault {
        "429_quota" | "401" | "402" | "403" | "404" | "redirect" => Err(ProviderRejected),
        "400" | "400_ctx" | "413" | "422" => Err(RecordRejected),
        "503" | "529" => Err(RateLimited),
        _ if fault.starts_with("429") => Err(RateLimited),
        "408" | "409" | "500" | "502_html" | "504" => Err(Transient),
        "reset" | "reset_mid" | "early_close" | "hang" | "hang_free" | "truncate" | "never_end"
        | "bad_chunk" | "huge_header" => Err(UnknownOutcome),
        "flood" | "huge" | "gzip_bomb" | "gzip_corrupt" | "empty" | "no_content" | "latin1" | "html200"
        | "error200" | "no_choices" | "null_content" | "wrong_types" | "deep_env" | "dup_env"
        | "long_string" | "many_items" => Err(Unusable),
        "length" => Ok(FinishReason::Length),
        _ => Ok(FinishReason::Stop),
    }
}

/// Arguments that keep a fault small.
fn marker(fault: &str) -> String {
    let argument = match fault {
        "slow_headers" => "=0.002",
        "huge" | "gzip_bomb" => "=12",
        "deep" => "=2000",
        _ => "",
    };
    format!("[[fault:{fault}{argument}]]")
}

fn check(fault: &str, dialect: Dialect, result: &Result<Completion, ProviderError>) {
    let place = format!("{fault} at {dialect}");
    let got = result.as_ref().map(|completion| completion.finish_reason.clone()).map_err(|error| error.kind);
    match (fault, dialect) {
        // Only some vendors have a word for a refusal.
        ("refusal", Dialect::Ollama) => assert_eq!(got, Ok(FinishReason::Stop), "{place}"),
        ("refusal", _) => assert_eq!(got, Ok(FinishReason::Refusal), "{place}"),
        // How long a body these make depends on the server's words.
        ("long_string" | "many_items", _) if got == Ok(FinishReason::Stop) => {}
        _ => assert_eq!(got, expected(fault), "{place}: {result:?}"),
    }
    let Err(error) = result else { return };
    assert_secret(error);
    assert!(error.message.chars().count() < 300, "{place}: {error}");
    let wait = error.retry_after.map(|wait| wait.as_secs_f64());
    match fault {
        "429" | "429_ms" | "429_body" => assert_eq!(wait, Some(1.0), "{place}"),
        "429_date" => assert!(wait.is_some_and(|wait| wait > 0.0 && wait <= 2.0), "{place}: {wait:?}"),
        "429_huge" => assert_eq!(wait, Some(86_400.0), "{place}"),
        _ => assert_eq!(wait, None, "{place}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_at_every_vendor_has_one_typed_outcome() {
    let (server, faults) = match FaultyServer::start() {
        Ok(started) => started,
        Err(reason) => {
            skipped(&reason);
            return;
        }
    };
    let providers: Vec<HttpProvider> = DIALECTS.iter().map(|dialect| server.provider(*dialect)).collect();
    let mut asked: Vec<(String, &HttpProvider, Dialect)> = Vec::new();
    for fault in &faults {
        for (provider, dialect) in providers.iter().zip(DIALECTS) {
            asked.push((fault.clone(), provider, dialect));
        }
    }
    let total = asked.len();
    let outcomes: Vec<_> = stream::iter(asked)
        .map(|(fault, provider, dialect)| async move {
            let result = provider.complete(&call(&format!("Who are they? {}", marker(&fault)))).await;
            (fault, dialect, result)
        })
        .buffer_unordered(24)
        .collect()
        .await;
    assert_eq!(outcomes.len(), total);
    for (fault, dialect, result) in &outcomes {
        check(fault, *dialect, result);
    }
    let stats: Value =
        reqwest::get(format!("{}/stats", server.url)).await.expect("stats").json().await.expect("JSON");
    for none in ["leaked_headers", "key_in_url", "bad_requests"] {
        assert_eq!(stats[none], 0, "{none}");
    }
    // One call is one attempt: nothing beneath retries.
    assert_eq!(stats["max_attempts"], 1);
    assert_eq!(stats["requests"], total);
}

#[tokio::test]
async fn an_answer_too_many_is_never_taken_for_the_next_ones() {
    let server = match FaultyServer::start() {
        Ok((server, _)) => server,
        Err(reason) => {
            skipped(&reason);
            return;
        }
    };
    for dialect in DIALECTS {
        let provider = server.provider(dialect);
        for round in 0..10 {
            let plain = format!("Who is number {round}?");
            let doubled = provider.complete(&call(&format!("Another question. {}", marker("desync")))).await;
            let next = provider.complete(&call(&plain)).await;
            let alone = server.provider(dialect).complete(&call(&plain)).await;
            let text =
                |result: Result<Completion, ProviderError>| result.map(|completion| completion.content);
            let next = text(next);
            assert_ne!(next, text(doubled), "{dialect}");
            assert_eq!(next, text(alone), "{dialect}");
        }
    }
}
