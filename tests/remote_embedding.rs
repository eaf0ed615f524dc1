//! Endpoints that embed, as the command line asks them: in batches, retried, and never twice.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A vector for every text: its length, its first byte and 1.
fn vector(text: &str) -> Vec<f32> {
    vec![text.len() as f32, f32::from(text.bytes().next().unwrap_or_default()), 1.0]
}

struct OpenAi;

impl Respond for OpenAi {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let texts = body["input"].as_array().expect("texts");
        // In reverse: the index says which text a vector belongs to.
        let data: Vec<Value> = texts
            .iter()
            .enumerate()
            .rev()
            .map(|(index, text)| json!({"index": index, "embedding": vector(text.as_str().expect("text"))}))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({"data": data, "model": body["model"]}))
    }
}

struct Tei;

impl Respond for Tei {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let texts = body["inputs"].as_array().expect("texts");
        ResponseTemplate::new(200)
            .set_body_json(texts.iter().map(|text| vector(text.as_str().expect("text"))).collect::<Vec<_>>())
    }
}

fn consona(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("consona").expect("built");
    command.current_dir(folder).env_remove("OPENAI_API_KEY");
    command
}

fn records(folder: &Path, count: usize) {
    let lines: Vec<String> =
        (0..count).map(|n| json!({"id": format!("r{n}"), "text": format!("text {n}")}).to_string()).collect();
    std::fs::write(folder.join("records.jsonl"), lines.join("\n")).expect("written");
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("started")).await.expect("ended")
}

fn embed(folder: &Path, embedder: &str) -> Command {
    let mut command = consona(folder);
    command.args([
        "embed",
        "records.jsonl",
        "--field",
        "text",
        "--out",
        "v.npy",
        "--json",
        "--embedder",
        embedder,
    ]);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_retried_and_what_was_answered_is_never_asked_again() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().expect("folder"));
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "0.1");
    Mock::given(method("POST")).respond_with(busy).up_to_n_times(1).expect(1).mount(&server).await;
    // 300 texts in batches of 128 are three requests, whatever was refused before.
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .respond_with(OpenAi)
        .expect(3)
        .mount(&server)
        .await;
    records(folder.path(), 300);
    let embedder = format!("vllm:m@{}/v1", server.uri());
    for _ in 0..2 {
        let output = run(embed(folder.path(), &embedder)).await;
        assert!(output.status.success(), "{}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((&answer["rows"], &answer["dimension"]), (&json!(300), &json!(3)));
        assert_eq!(answer["embedder"], json!(embedder));
    }
    let rows = consona::files::read_npy(&folder.path().join("v.npy")).expect("readable");
    let expected = ndarray::Array1::from(vector("text 299"));
    let length = expected.dot(&expected).sqrt();
    assert!((&rows.row(299) - &(expected / length)).iter().all(|off| off.abs() < 1e-6));
}

#[tokio::test(flavor = "multi_thread")]
async fn text_embeddings_inference_is_asked_in_its_own_words() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().expect("folder"));
    Mock::given(method("POST")).and(path("/embed")).respond_with(Tei).expect(2).mount(&server).await;
    records(folder.path(), 40);
    let output = run(embed(folder.path(), &format!("tei:bge@{}", server.uri()))).await;
    assert!(output.status.success(), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_answers_nonsense_is_named_and_nothing_is_written() {
    for (body, complaint) in [
        (json!({"data": [{"index": 0, "embedding": [1.0]}]}), "answered 1 vectors for 2 texts"),
        (
            json!({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}),
            "2 components beside one of 1",
        ),
        (json!({"data": [{"index": 0, "embedding": [0.0]}, {"index": 1, "embedding": [1.0]}]}), "all zeros"),
        (json!({"error": {"message": "no such model"}}), "holds no vectors"),
    ] {
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().expect("folder"));
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
        records(folder.path(), 2);
        let output = run(embed(folder.path(), &format!("mine:m@{}", server.uri()))).await;
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains(complaint), "{}", said(&output));
        assert!(!folder.path().join("v.npy").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_where_the_study_says_and_is_never_told() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().expect("folder"));
    let canary = "sk-canary-0123456789abcdef";
    Mock::given(header("authorization", format!("Bearer {canary}").as_str()))
        .respond_with(ResponseTemplate::new(401).set_body_string(format!("bad key {canary}")))
        // No more than were in flight together when the first refusal came.
        .expect(1..=4)
        .mount(&server)
        .await;
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo");
    let study = std::fs::read_to_string(format!("{demo}/study.yaml")).expect("the demo");
    let section =
        format!("\nembedder:\n  model: mine:m\n  base_url: {}\n  api_key_env: MINE_KEY\n", server.uri());
    for entry in std::fs::read_dir(demo).expect("the demo") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    std::fs::write(folder.path().join("study.yaml"), study + &section).expect("written");
    let asked = |key: Option<&str>| {
        let mut command = consona(folder.path());
        command.args(["run", "study.yaml", "--out", "run", "-vv"]).env_remove("MINE_KEY");
        if let Some(key) = key {
            command.env("MINE_KEY", key);
        }
        run(command)
    };
    let output = asked(None).await;
    assert!(said(&output).contains("MINE_KEY") && !folder.path().join("run").exists(), "{}", said(&output));
    let output = asked(Some(canary)).await;
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("401") && !said(&output).contains("canary"), "{}", said(&output));
    for entry in std::fs::read_dir(folder.path().join("run")).expect("the run") {
        let content = std::fs::read(entry.expect("a file").path()).expect("readable");
        assert!(!String::from_utf8_lossy(&content).contains("canary"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn personas_are_compared_by_an_endpoint_in_few_questions() {
    let (server, folder) = (MockServer::start().await, tempfile::tempdir().expect("folder"));
    Mock::given(method("POST")).respond_with(OpenAi).mount(&server).await;
    let lines: Vec<String> = (0..60)
        .flat_map(|record| ["a", "b", "c"].map(|model| (record, model)))
        .map(|(record, model)| {
            let persona = json!({"occupation": format!("baker of bread {record}{model}"), "age": 30});
            json!({"record": format!("r{record}"), "model": model, "persona": persona}).to_string()
        })
        .collect();
    std::fs::write(folder.path().join("drafts.jsonl"), lines.join("\n")).expect("written");
    let command = || {
        let mut command = consona(folder.path());
        let embedder = format!("mine:m@{}", server.uri());
        command.args(["consensus", "drafts.jsonl", "--out", "o", "--quiet", "--embedder", &embedder]);
        command
    };
    let output = run(command()).await;
    assert!(output.status.success(), "{}", said(&output));
    let first = std::fs::read(folder.path().join("o/consensus.jsonl")).expect("written");
    let asked = server.received_requests().await.expect("recorded").len();
    assert!(asked <= 6, "180 occupations and the ruler are {asked} questions");
    let output = run(command()).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(server.received_requests().await.expect("recorded").len(), asked, "all are kept");
    assert_eq!(std::fs::read(folder.path().join("o/consensus.jsonl")).expect("written"), first);
}
