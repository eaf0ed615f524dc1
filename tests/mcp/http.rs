//! The tools over HTTP: who is heard, and who is not.

use super::*;

/// A server over HTTP.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(place: &Place, further: &[&str]) -> Self {
        let words = [&["serve", "--mcp", "--listen", "localhost:0"], further].concat();
        let mut child = place.command(&words, "study.yaml").env("MCP_TOKEN", "let-me-in").spawn().unwrap();
        let mut told = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut told).unwrap();
        // Refusals are logged; a pipe that nobody reads would take the server down with the first of them.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let url = told.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{told}")).to_owned();
        Self { child, url }
    }

    fn post(&self) -> reqwest::RequestBuilder {
        reqwest::Client::new().post(&self.url).header("accept", "application/json, text/event-stream")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session over HTTP.
struct Session<'a> {
    served: &'a Served,
    id: String,
}

impl<'a> Session<'a> {
    async fn open(served: &'a Served) -> Self {
        let opening = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialisation()});
        let reply = served.post().json(&opening).send().await.unwrap();
        let id = reply.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let session = Self { served, id };
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        session
    }

    async fn send(&self, message: &Value) -> String {
        let reply = self.served.post().header("mcp-session-id", &self.id).json(message).send().await.unwrap();
        assert!(reply.status().is_success(), "{reply:?}");
        reply.text().await.unwrap()
    }

    /// Every message of the stream that answers a tool call; the last one is the answer.
    async fn tool(&self, tool: &str, arguments: &Value) -> Vec<Value> {
        let message =
            json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": call(tool, arguments)});
        let stream = self.send(&message).await;
        let data = stream.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
        data.filter(|data| !data.is_empty()).map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

#[tokio::test]
async fn c10_over_http_concurrent_callers_get_their_own_answers_and_their_own_progress() {
    let place = Place::new();
    let served = Served::start(&place, &[]);
    let (one, other) = (Session::open(&served).await, Session::open(&served).await);
    let question = |model: &str| json!({"question": "Open?", "models": [{"model": model}]});
    let (aurora, basalt) = (question("replay:aurora"), question("replay:basalt"));
    let (first, second) = tokio::join!(one.tool("consensus", &aurora), other.tool("consensus", &basalt));
    for (messages, model) in [(first, "replay:aurora"), (second, "replay:basalt")] {
        assert_eq!(messages.len(), 2, "one step and one answer: {messages:?}");
        assert_eq!(messages[0]["params"]["message"], json!(format!("{model} answered")));
        let found = &messages[1]["result"]["structuredContent"];
        assert_eq!(found["results"].as_array().unwrap().len(), 1);
        assert_eq!(found["results"][0]["model"], json!(model));
    }
}

#[tokio::test]
async fn over_http_host_origin_and_body_are_checked() {
    let place = Place::new();
    let served = Served::start(&place, &["--allow-origin", "https://app.example.com:443"]);
    let opening = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialisation()});
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(served.post().json(&opening)).await, 200);
    assert_eq!(status(served.post().json(&opening).header("host", "evil.example")).await, 403);
    assert_eq!(status(served.post().json(&opening).header("origin", "https://evil.example")).await, 403);
    assert_eq!(status(served.post().json(&opening).header("origin", "https://app.example.com")).await, 200);
    let long = served.post().header("content-type", "application/json").body(vec![b' '; 5 * 1024 * 1024]);
    // The server may hang up before the whole body has been sent; then nobody can read its answer.
    let refused = long.send().await.map_or_else(|error| error.is_request(), |reply| reply.status() == 413);
    assert!(refused);
    assert_eq!(status(served.post().json(&opening)).await, 200, "it goes on");
}

#[tokio::test]
async fn over_http_a_token_is_asked_for_where_one_is_set() {
    let place = Place::new();
    let served = Served::start(&place, &["--token-env", "MCP_TOKEN"]);
    let opening = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialisation()});
    let lower = served.post().json(&opening).header("authorization", "bearer let-me-in");
    assert_eq!(lower.send().await.unwrap().status().as_u16(), 200, "a scheme has no case");
    for (token, expected) in [(None, 401), (Some("wrong"), 401), (Some("let-me-in"), 200)] {
        let mut request = served.post().json(&opening);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{token:?}");
    }
}

#[test]
fn beyond_this_machine_nothing_is_served_without_a_token() {
    let place = Place::new();
    let served = place.command(&["serve", "--mcp", "--listen", "0.0.0.0:0"], "study.yaml").output().unwrap();
    assert_eq!(served.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&served.stderr).contains("a token is required"));
    let words = ["serve", "--mcp", "--listen", "0.0.0.0:0", "--token-env", "MCP_TOKEN"];
    let served = place.command(&words, "study.yaml").env("MCP_TOKEN", "let-me-in").output().unwrap();
    assert_eq!(served.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&served.stderr).contains("the token has 9 characters; it needs 16 or more")
    );
}
