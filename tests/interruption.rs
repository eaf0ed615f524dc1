//! A run that is interrupted by its user.
#![cfg(unix)]

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An interruption while the first of three calls is in flight: its answer is awaited and stored, the
/// others are left, and the same command makes them and only them.
#[tokio::test]
async fn an_interrupted_run_drains_and_goes_on() {
    let server = MockServer::start().await;
    let content = r#"{"personas": [{"name": "Ada"}]}"#;
    let answer = serde_json::json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]});
    let reply = ResponseTemplate::new(200).set_body_json(answer).set_delay(Duration::from_millis(400));
    Mock::given(any()).respond_with(reply).mount(&server).await;
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("rows.csv"), "id,text\n1,a\n2,b\n3,c\n").expect("written");
    let text = format!(
        "name: case\ninput: {{path: rows.csv, unit: record}}\npersonas: {{min: 1, max: 1}}\nconcurrency: 1\npanel:\n  - {{model: 'vllm:x', base_url: '{}/v1'}}\n",
        server.uri()
    );
    let (study, out) = (folder.path().join("study.yaml"), folder.path().join("run"));
    std::fs::write(&study, text).expect("written");
    let run = || {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("consona"));
        command.arg("run").arg(&study).arg("--out").arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("started")
    };
    let child = run();
    while server.received_requests().await.expect("recorded").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("started");
    assert!(killed.success());
    let output =
        tokio::task::spawn_blocking(|| child.wait_with_output()).await.expect("joined").expect("ended");
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert!(said(&output).contains("outstanding: 2 calls. To go on: consona run"), "{}", said(&output));
    let child = run();
    let output =
        tokio::task::spawn_blocking(|| child.wait_with_output()).await.expect("joined").expect("ended");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(server.received_requests().await.expect("recorded").len(), 3, "nothing is asked twice");
    let personas = std::fs::read_to_string(out.join("consensus.jsonl")).expect("written");
    assert_eq!(personas.lines().count(), 3);
}
