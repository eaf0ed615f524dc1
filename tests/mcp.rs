//! The panel as a tool for agents: REQUIREMENTS C10, over both transports, spoken by hand.
//!
//! `tests/mcp/official_sdk.py` drives the same server with the official Python SDK (`.ci/run mcp`).

#![expect(clippy::unwrap_used, reason = "helpers of tests panic where the tests would")]

#[path = "mcp/http.rs"]
mod http;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const TOOLS: [&str; 5] = ["consensus", "explain", "generate_personas", "merge_personas", "run_status"];

/// A folder with a study whose panel answers from recordings, a file to read, a file outside, and a place for state.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let demo = |name: &str| fs::read_to_string(Path::new("data/demo").join(name)).unwrap();
        let recordings = demo("recordings.jsonl") + &demo("consultation.jsonl");
        fs::create_dir(place.path("allowed")).unwrap();
        place.write("allowed/notes.md", "Visitors after eight: 41.");
        place.write("secret.txt", "canary");
        place.write("recordings.jsonl", &recordings);
        place.write("interviews.jsonl", &demo("interviews.jsonl"));
        place.write("study.yaml", &demo("study.yaml"));
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn command(&self, words: &[&str], study: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consona"));
        command.args(words).args(["--panel", &self.path(study), "--allow", &self.path("allowed")]);
        command.args(["--state", &self.path("state")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        command
    }
}

fn initialisation() -> Value {
    json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "by-hand", "version": "1"}
    })
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}})
}

/// A client over standard input and output. Every line that the server writes must be a message.
struct Pipe {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
    /// Notifications since the last request.
    told: Vec<Value>,
}

impl Pipe {
    fn open(place: &Place, study: &str) -> Self {
        let mut child = place.command(&["mcp"], study).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut pipe = Self { child, input, output, next: 0, told: Vec::new() };
        let answer = pipe.request("initialize", &initialisation());
        assert_eq!(answer["result"]["serverInfo"]["name"], json!("consona"), "{answer}");
        pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        pipe
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
        self.input.flush().unwrap();
    }

    fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(message["jsonrpc"], json!("2.0"));
        message
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.told.clear();
        let id = self.begin(method, params);
        loop {
            let message = self.read();
            if message["id"] == json!(id) {
                return message;
            }
            self.told.push(message);
        }
    }

    fn tool(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.request("tools/call", &call(tool, arguments));
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// Why a tool gives nothing.
    fn refusal(&mut self, tool: &str, arguments: &Value) -> String {
        let answer = self.request("tools/call", &call(tool, arguments));
        if let Some(message) = answer["error"]["message"].as_str() {
            return message.to_owned();
        }
        assert_eq!(answer["result"]["isError"], json!(true), "{answer}");
        answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn two_voices(question: &str) -> Value {
    json!({
        "question": question,
        "models": [{"model": "replay:aurora", "stance": "for"}, {"model": "replay:basalt", "stance": "against"}],
    })
}

#[test]
fn c10_the_tools_are_listed_with_derived_schemas_that_allow_nothing_else() {
    let mut pipe = Pipe::open(&Place::new(), "study.yaml");
    let answer = pipe.request("tools/list", &json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    let mut names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, TOOLS);
    for tool in tools {
        assert_eq!(tool["inputSchema"]["additionalProperties"], json!(false), "{tool}");
        assert_eq!(tool["outputSchema"]["type"], json!("object"), "{tool}");
        let fields = tool["inputSchema"]["properties"].to_string();
        assert!(!fields.contains("base_url") && !fields.contains("key"), "{fields}");
    }
    let consensus = tools.iter().find(|tool| tool["name"] == json!("consensus")).unwrap();
    let fields = consensus["outputSchema"]["$defs"]["Answer"]["properties"].as_object().unwrap();
    let mut fields: Vec<&str> = fields.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["content", "error_message", "latency_ms", "model", "stance", "status"]);
}

#[test]
fn c10_the_answer_is_given_once_at_the_end_with_progress_on_the_way() {
    let mut pipe = Pipe::open(&Place::new(), "study.yaml");
    let result = pipe.tool("consensus", &two_voices("Open until eleven?"));
    let steps: Vec<f64> = pipe.told.iter().map(|told| told["params"]["progress"].as_f64().unwrap()).collect();
    assert_eq!(steps, [1.0, 2.0]);
    assert!(pipe.told.iter().all(|told| told["method"] == json!("notifications/progress")));
    assert_eq!(pipe.told[0]["params"]["total"], json!(2.0));
    let found = &result["structuredContent"];
    assert_eq!(result["isError"], json!(false));
    assert_eq!(result["content"][0]["text"].as_str().unwrap(), found.to_string(), "the same as text");
    assert_eq!(found["results"][1]["stance"], json!("against"));
    assert_eq!(found["agreement"]["claims"][0]["support"], json!(2));
    assert_eq!(found["agreement"]["contradictions"].as_array().unwrap().len(), 1);
    let next = json!({"question": "Would a trial help?", "continuation_id": found["continuation_id"]});
    let next = pipe.tool("consensus", &next);
    assert!(next["structuredContent"]["results"][0]["content"].as_str().unwrap().starts_with("Yes. A trial"));
    pipe.tool("consensus", &json!({"question": "Open?", "files": ["notes.md"]}));
}

#[test]
fn c3_when_all_models_fail_the_result_is_an_error_that_names_them() {
    let mut pipe = Pipe::open(&Place::new(), "study.yaml");
    let result =
        pipe.tool("consensus", &json!({"question": "Open?", "models": [{"model": "replay:cinder"}]}));
    assert_eq!(result["isError"], json!(true));
    let found = &result["structuredContent"];
    assert_eq!((&found["status"], &found["synthesis"]), (&json!("error"), &Value::Null));
    assert_eq!(found["errors"][0]["model"], json!("replay:cinder"));
}

#[test]
fn a_caller_chooses_neither_endpoints_nor_keys_nor_unlisted_models() {
    let mut pipe = Pipe::open(&Place::new(), "study.yaml");
    for field in ["base_url", "api_key_env", "recording"] {
        let mut voice = json!({"model": "replay:aurora"});
        voice[field] = json!("http://169.254.169.254/");
        let refused = pipe.refusal("consensus", &json!({"question": "?!", "models": [voice]}));
        assert!(refused.contains(&format!("unknown field `{field}`")), "{refused}");
    }
    for model in ["openai:gpt-5", "replay:aurora@http://evil.example", "ollama:x:for"] {
        let refused = pipe.refusal("consensus", &json!({"question": "?!", "models": [{"model": model}]}));
        assert!(refused.contains("there are `replay:aurora`, `replay:basalt`, `replay:cinder`"), "{refused}");
    }
    let writer = json!({"question": "?!", "synthesise_with": "openai:gpt-5"});
    assert!(pipe.refusal("consensus", &writer).contains("no model is called `openai:gpt-5`"));
    let twice = json!({"question": "?!", "models": [{"model": "replay:aurora"}, {"model": "replay:aurora", "stance": "neutral"}]});
    assert!(pipe.refusal("consensus", &twice).contains("named twice"));
    let odd = json!({"question": "?!", "continuation_id": "../../secret"});
    assert!(pipe.refusal("consensus", &odd).contains("is no continuation id"));
}

#[test]
fn nothing_outside_the_allowed_folders_is_read() {
    let place = Place::new();
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path("secret.txt"), place.path("allowed/link.txt")).unwrap();
    let mut pipe = Pipe::open(&place, "study.yaml");
    let outside = [
        place.path("secret.txt"),
        "../secret.txt".to_owned(),
        "link.txt".to_owned(),
        "/etc/passwd".to_owned(),
    ];
    for path in &outside {
        for (tool, arguments) in [
            ("consensus", json!({"question": "?!", "files": [path]})),
            ("generate_personas", json!({"files": [path]})),
            ("merge_personas", json!({"files": [path]})),
            ("explain", json!({"run": path, "persona": "x"})),
            ("run_status", json!({"run": path})),
        ] {
            let refused = pipe.refusal(tool, &arguments);
            assert!(refused.contains("in the folders that this server may read"), "{tool} {path}: {refused}");
            assert!(!refused.contains("canary"));
        }
    }
    assert!(pipe.refusal("run_status", &json!({"run": ".."})).contains("may read"));
}

#[cfg(unix)]
#[test]
fn c10_links_inside_a_result_folder_are_not_followed_out_of_it() {
    let place = Place::new();
    let outside = place.path("outside");
    let run = ["run", &place.path("study.yaml"), "--out", &outside, "--quiet"];
    assert!(Command::new(env!("CARGO_BIN_EXE_consona")).args(run).status().unwrap().success());
    fs::create_dir(place.path("allowed/evil")).unwrap();
    for file in fs::read_dir(&outside).unwrap() {
        let file = file.unwrap();
        let link = Path::new(&place.path("allowed/evil")).join(file.file_name());
        std::os::unix::fs::symlink(file.path(), link).unwrap();
    }
    let mut pipe = Pipe::open(&place, "study.yaml");
    let refused = pipe.refusal("explain", &json!({"run": "evil", "persona": "corpus/1"}));
    assert_eq!(refused, "there is no result in the folder `evil`");
    let refused = pipe.refusal("run_status", &json!({"run": "evil"}));
    assert_eq!(refused, "there is no run in the folder `evil`");
}

#[test]
fn c10_a_refusal_does_not_tell_where_the_folders_are() {
    let place = Place::new();
    let mut pipe = Pipe::open(&place, "study.yaml");
    for path in ["missing.txt", "../secret.txt"] {
        let refused = pipe.refusal("consensus", &json!({"question": "?!", "files": [path]}));
        let parent = place.0.path().display().to_string();
        assert!(refused.contains("may read") && !refused.contains(&parent), "{refused}");
    }
}

#[test]
fn c6_files_that_are_too_long_together_are_not_asked_about() {
    let place = Place::new();
    let half = "a".repeat(9 * 1024 * 1024);
    for name in ["one.txt", "two.txt"] {
        place.write(&format!("allowed/{name}"), &half);
    }
    let mut pipe = Pipe::open(&place, "study.yaml");
    let refused = pipe.refusal("consensus", &json!({"question": "?!", "files": ["one.txt", "two.txt"]}));
    assert!(refused.contains("are 18 MiB, above the 16 MiB of a consultation"), "{refused}");
}

#[test]
fn c10_what_costs_more_than_confirm_above_is_refused_for_there_is_nobody_to_say_yes() {
    let place = Place::new();
    place.write(
        "dear.yaml",
        "name: x\ninput: {path: a}\nlimits: {confirm_above: 0.0001}\npanel:\n  - {model: 'vllm:m', base_url: \
         'http://127.0.0.1:9/v1', price: {input: 1, output: 1}}\n",
    );
    let mut pipe = Pipe::open(&place, "dear.yaml");
    let refused = pipe.refusal("consensus", &json!({"question": "Well?!"}));
    assert!(refused.contains("above 0.000100 (`confirm_above`) a person has to confirm"), "{refused}");
}

#[test]
fn m5_what_one_model_alone_says_is_no_consensus() {
    let mut pipe = Pipe::open(&Place::new(), "study.yaml");
    let nameless = pipe.refusal("merge_personas", &json!({"drafts": [{"occupation": "nurse"}]}));
    assert!(nameless.contains("`drafts[0]` has no `model`"), "{nameless}");
    let alone = json!({"drafts": [{"record": "r", "model": "a", "persona": {"occupation": "nurse"}}]});
    let merged = pipe.tool("merge_personas", &alone)["structuredContent"].clone();
    assert_eq!(
        (&merged["consensus"], &merged["minority"], &merged["alone"]),
        (&json!(0), &json!(0), &json!(1))
    );
}

#[test]
fn personas_are_generated_merged_and_explained() {
    let place = Place::new();
    let run = place.path("allowed/run");
    let made = Command::new(env!("CARGO_BIN_EXE_consona"))
        .args(["run", &place.path("study.yaml"), "--out", &run, "--quiet"])
        .status()
        .unwrap();
    assert!(made.success());
    let mut pipe = Pipe::open(&place, "study.yaml");
    let rows = json!([{"id": "n1", "note": "I come after the late shift."}, "I study here every evening."]);
    let generated = pipe.tool("generate_personas", &json!({ "records": rows }))["structuredContent"].clone();
    assert_eq!(pipe.told.len(), 3, "three models are asked: {:?}", pipe.told);
    assert_eq!(generated["status"], json!("success"), "{generated}");
    let stored = fs::read_to_string(Path::new(&run).join("consensus.jsonl")).unwrap();
    let stored: Vec<Value> = stored.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |personas: &[Value]| -> Vec<Value> {
        personas.iter().map(|persona| json!([persona["persona_id"], persona["models"]])).collect()
    };
    assert_eq!(named(generated["personas"].as_array().unwrap()), named(&stored), "as a run has them");

    let merged =
        pipe.tool("merge_personas", &json!({"files": ["run/drafts.jsonl"]}))["structuredContent"].clone();
    assert_eq!(merged["personas"].as_array().unwrap().len(), stored.len());
    let inline = json!({"drafts": [
        {"record": "r", "model": "a", "persona": {"occupation": "nurse"}},
        {"record": "r", "model": "b", "persona": {"occupation": "Nurse"}},
    ]});
    let merged = pipe.tool("merge_personas", &inline)["structuredContent"].clone();
    assert_eq!((&merged["consensus"], &merged["personas"][0]["support"]), (&json!(1), &json!(2)));

    let id = stored[0]["persona_id"].as_str().unwrap();
    let explained = pipe.tool("explain", &json!({"run": "run", "persona": id, "trait": "occupation"}));
    let explained = &explained["structuredContent"];
    assert_eq!(explained["traits"]["occupation"], stored[0]["traits"]["occupation"]);
    assert!(explained["explanation"].as_str().unwrap().contains("occupation"));
    let status = pipe.tool("run_status", &json!({ "run": run }))["structuredContent"].clone();
    assert_eq!(
        (&status["planned"], &status["done"], &status["running"]),
        (&json!(3), &json!(3), &Value::Null)
    );
    assert_eq!(status["models"][0]["model"], json!("replay:aurora"));
}

/// A study of one model at an endpoint that takes calls and never answers; tells when a call comes, and when it is
/// hung up.
fn silent_endpoint(place: &Place) -> mpsc::Receiver<&'static str> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    place.write(
        "silent.yaml",
        &format!("name: x\ninput: {{path: a}}\npanel:\n  - {{model: 'vllm:m', base_url: 'http://127.0.0.1:{port}/v1'}}\n"),
    );
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = vec![0; 65_536];
            if stream.read(&mut buffer).unwrap_or(0) == 0 {
                continue;
            }
            sender.send("called").unwrap();
            while stream.read(&mut buffer).unwrap_or(0) > 0 {}
            sender.send("hung up").unwrap();
        }
    });
    receiver
}

#[test]
fn c10_a_cancelled_request_abandons_its_calls_and_the_next_one_is_served() {
    let place = Place::new();
    let endpoint = silent_endpoint(&place);
    let mut pipe = Pipe::open(&place, "silent.yaml");
    let id = pipe.begin("tools/call", &call("consensus", &json!({"question": "Anybody?"})));
    let wait = Duration::from_secs(60);
    assert_eq!(endpoint.recv_timeout(wait), Ok("called"));
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    assert_eq!(endpoint.recv_timeout(wait), Ok("hung up"));
    let answer = pipe.request("tools/list", &json!({}));
    assert_eq!(answer["result"]["tools"].as_array().unwrap().len(), TOOLS.len());
    assert!(pipe.told.iter().all(|told| told["id"] != json!(id)), "a cancelled request has no answer");
}
