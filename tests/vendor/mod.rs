//! A vendor with batches, of either kind, on this machine: it keeps books of what it answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Which vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    OpenAi,
    Anthropic,
}

pub(crate) const BOTH: [Kind; 2] = [Kind::OpenAi, Kind::Anthropic];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// What comes of a question.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Reply(String),
    /// A failure with the vendor's word for it.
    Errored(&'static str, u16),
    Expired,
    /// No line at all.
    Missing,
    /// A line that is no JSON.
    Garbled,
    /// A line whose answer is none.
    Hollow,
}

/// What is done with the next request that makes a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    Told,
    /// It is made, and the answer never comes.
    Untold,
    /// It is not made, and the answer never comes.
    Swallowed,
    /// It is made, and the answer is a failure.
    Failed,
    /// It is not made, and that is said.
    Busy,
}

/// Tokens of every reply.
pub(crate) const INPUT: u64 = 1_000;
pub(crate) const OUTPUT: u64 = 100;

type Script = Box<dyn Fn(&str, usize) -> Said + Send + Sync>;

struct Batch {
    id: String,
    tag: Value,
    entries: Vec<(String, Value)>,
    lines: Vec<String>,
    failed: Option<Value>,
}

/// The books.
pub(crate) struct Books {
    kind: Kind,
    script: Script,
    files: BTreeMap<String, Vec<u8>>,
    batches: Vec<Batch>,
    /// How often each question was answered, and so charged.
    pub(crate) answered: BTreeMap<String, usize>,
    asked: BTreeMap<String, usize>,
    pub(crate) making: Making,
    /// Batches do not end.
    pub(crate) held: bool,
    /// Batches are unknown to whoever asks.
    pub(crate) unknown: bool,
    pub(crate) requests: usize,
    pub(crate) delay: Duration,
    /// The place in the next batch that makes the whole of it invalid.
    pub(crate) invalid: Option<usize>,
    pub(crate) synchronous: usize,
}

/// The vendor.
#[derive(Clone)]
pub(crate) struct Vendor {
    pub(crate) kind: Kind,
    pub(crate) uri: String,
    books: Arc<Mutex<Books>>,
    _server: Arc<MockServer>,
}

struct Responder(Arc<Mutex<Books>>);

impl Vendor {
    /// Opens shop; the script answers a question by its text and by how often it was asked before.
    pub(crate) async fn open(
        kind: Kind,
        script: impl Fn(&str, usize) -> Said + Send + Sync + 'static,
    ) -> Self {
        let books = Arc::new(Mutex::new(Books {
            kind,
            script: Box::new(script),
            files: BTreeMap::new(),
            batches: Vec::new(),
            answered: BTreeMap::new(),
            asked: BTreeMap::new(),
            making: Making::Told,
            held: false,
            unknown: false,
            requests: 0,
            delay: Duration::ZERO,
            invalid: None,
            synchronous: 0,
        }));
        // Not one of the pool: a request of one test must never reach the books of another.
        let server = MockServer::builder().start().await;
        Mock::given(any()).respond_with(Responder(Arc::clone(&books))).mount(&server).await;
        Self { kind, uri: format!("{}/v1", server.uri()), books, _server: Arc::new(server) }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many batches there are.
    pub(crate) fn batches(&self) -> usize {
        self.books().made()
    }

    /// How many questions stand in each of them.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.books().batches.iter().map(|batch| batch.entries.len()).collect()
    }

    /// Replies that were charged for.
    pub(crate) fn charged(&self) -> u64 {
        self.books().answered.values().sum::<usize>() as u64
    }

    /// Waits until the books say so.
    pub(crate) async fn until(&self, reached: impl Fn(&Books) -> bool) {
        while !reached(&self.books()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut books = self.0.lock().expect("no panic");
        books.requests += 1;
        let delay = books.delay;
        let answer = books.answer(request);
        if delay.is_zero() { answer } else { answer.set_delay(delay) }
    }
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// The last thing that was said to the model.
fn question(body: &Value) -> String {
    let messages = body["messages"].as_array().expect("messages");
    messages.last().expect("a turn")["content"].as_str().expect("text").to_owned()
}

impl Books {
    pub(crate) fn made(&self) -> usize {
        self.batches.len()
    }

    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().strip_prefix("/v1").expect("below the root").to_owned();
        let post = request.method.as_str() == "POST";
        let batches = if self.kind == Kind::OpenAi { "/batches" } else { "/messages/batches" };
        if path == "/files" && post {
            let id = format!("file-{}", self.files.len());
            self.files.insert(id.clone(), request.body.clone());
            return ok(&json!({ "id": id, "object": "file" }));
        }
        if path == batches {
            return if post { self.make(request) } else { self.list(request) };
        }
        if let Some(id) = path.strip_prefix(batches).and_then(|rest| rest.strip_prefix('/')) {
            let id = id.to_owned();
            return self.told_of(&id);
        }
        if let Some(rest) = path.strip_prefix("/files/") {
            let id = rest.trim_end_matches("/content").to_owned();
            return self.results(id.trim_start_matches("out-").trim_start_matches("err-"), &id);
        }
        self.synchronous += 1;
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        match self.say(&body) {
            Said::Reply(text) => ok(&self.reply(&text)),
            _ => ResponseTemplate::new(500),
        }
    }

    fn entries(&self, request: &Request) -> (Value, Vec<(String, Value)>) {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let named = |entry: &Value, field: &str| {
            (entry["custom_id"].as_str().expect("a name").to_owned(), entry[field].clone())
        };
        match self.kind {
            Kind::Anthropic => {
                let requests = body["requests"].as_array().expect("requests");
                (Value::Null, requests.iter().map(|entry| named(entry, "params")).collect())
            }
            Kind::OpenAi => {
                let file = &self.files[body["input_file_id"].as_str().expect("a file")];
                let text = String::from_utf8(file.clone()).expect("text");
                assert!(text.contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{text}");
                let lines = text.lines().filter(|line| line.starts_with('{'));
                let entries = lines.map(|line| serde_json::from_str(line).expect("JSON"));
                let entries: Vec<(String, Value)> = entries.map(|line: Value| named(&line, "body")).collect();
                assert_eq!(
                    (&body["endpoint"], &body["completion_window"]),
                    (&json!("/v1/chat/completions"), &json!("24h"))
                );
                (body["metadata"].clone(), entries)
            }
        }
    }

    fn make(&mut self, request: &Request) -> ResponseTemplate {
        let making = std::mem::replace(&mut self.making, Making::Told);
        let never = || ok(&json!({})).set_delay(Duration::from_secs(3_600));
        match making {
            Making::Swallowed => {
                self.making = Making::Swallowed;
                return never();
            }
            Making::Busy => return ResponseTemplate::new(429).insert_header("retry-after", "0"),
            Making::Told | Making::Untold | Making::Failed => {}
        }
        let (tag, entries) = self.entries(request);
        let mut names: Vec<&String> = entries.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), entries.len(), "names are unique");
        assert!(entries.iter().all(|(_, body)| body.get("stream").is_none()), "nothing streams");
        let id = format!("batch_{}", self.batches.len());
        let failed = self.invalid.take().map(
            |place| json!({"data": [{"code": "invalid_request", "message": "that one", "line": place + 1}]}),
        );
        let mut lines: Vec<String> = if failed.is_some() {
            Vec::new()
        } else {
            entries.iter().filter_map(|(name, body)| self.line(name, body)).collect()
        };
        // In any order but the one in which they were asked; with a line of somebody else's.
        lines.reverse();
        lines.push(json!({"custom_id": "somebody-0", "result": {"type": "expired"}}).to_string());
        lines.push(String::new());
        self.batches.push(Batch { id: id.clone(), tag, entries, lines, failed });
        match making {
            Making::Untold => never(),
            Making::Failed => ResponseTemplate::new(500),
            _ => ok(&self.told(self.batches.last().expect("just made"))),
        }
    }

    fn say(&mut self, body: &Value) -> Said {
        let question = question(body);
        let before = self.asked.entry(question.clone()).or_default();
        let said = (self.script)(&question, *before);
        *before += 1;
        if matches!(said, Said::Reply(_)) {
            *self.answered.entry(question).or_default() += 1;
        }
        said
    }

    fn reply(&self, text: &str) -> Value {
        match self.kind {
            Kind::Anthropic => json!({
                "id": "msg", "model": "m", "stop_reason": "end_turn", "content": [{"type": "text", "text": text}],
                "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT}}),
            Kind::OpenAi => json!({
                "id": "chat", "model": "m", "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": INPUT, "completion_tokens": OUTPUT}}),
        }
    }

    fn line(&mut self, name: &str, body: &Value) -> Option<String> {
        let said = self.say(body);
        let error =
            |word: &str| json!({"type": "error", "error": {"type": word, "message": "said the vendor"}});
        let line = match (self.kind, said) {
            (_, Said::Missing) => return None,
            (_, Said::Garbled) => return Some(format!("{{\"custom_id\": \"{name}\", \"resu")),
            (Kind::Anthropic, Said::Reply(text)) => {
                json!({"custom_id": name, "result": {"type": "succeeded", "message": self.reply(&text)}})
            }
            (Kind::OpenAi, Said::Reply(text)) => {
                json!({"custom_id": name, "error": null, "response": {"status_code": 200, "body": self.reply(&text)}})
            }
            (Kind::Anthropic, Said::Errored(word, _)) => {
                json!({"custom_id": name, "result": {"type": "errored", "error": error(word)}})
            }
            (Kind::OpenAi, Said::Errored(word, status)) => {
                json!({"custom_id": name, "error": null, "response": {"status_code": status, "body": error(word)}})
            }
            (Kind::Anthropic, Said::Expired) => json!({"custom_id": name, "result": {"type": "expired"}}),
            (Kind::OpenAi, Said::Expired) => {
                json!({"custom_id": name, "response": null, "error": {"code": "batch_expired", "message": "late"}})
            }
            (Kind::Anthropic, Said::Hollow) => json!({"custom_id": name, "result": {"type": "succeeded"}}),
            (Kind::OpenAi, Said::Hollow) => json!({"custom_id": name, "response": {"body": 1}}),
        };
        Some(line.to_string())
    }

    fn told(&self, batch: &Batch) -> Value {
        let count = batch.entries.len();
        match self.kind {
            Kind::Anthropic => json!({
                "id": batch.id, "type": "message_batch", "created_at": now(), "results_url": "http://192.0.2.1/x",
                "processing_status": if self.held { "in_progress" } else { "ended" },
                "request_counts": {"processing": if self.held { count } else { 0 },
                                   "succeeded": if self.held { 0 } else { count }}}),
            Kind::OpenAi => json!({
                "id": batch.id, "object": "batch", "metadata": batch.tag, "errors": batch.failed,
                "created_at": std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs(),
                "status": if batch.failed.is_some() { "failed" } else if self.held { "in_progress" } else { "completed" },
                "output_file_id": format!("out-{}", batch.id), "error_file_id": format!("err-{}", batch.id)}),
        }
    }

    fn told_of(&self, id: &str) -> ResponseTemplate {
        if self.unknown {
            return ResponseTemplate::new(404).set_body_json(json!({"error": {"message": "no such batch"}}));
        }
        if let Some(id) = id.strip_suffix("/results") {
            return self.results(id, "both");
        }
        let batch = self.batches.iter().find(|batch| batch.id == id);
        batch.map_or_else(|| ResponseTemplate::new(404), |batch| ok(&self.told(batch)))
    }

    /// Half of the lines of either file, or all.
    fn results(&self, id: &str, file: &str) -> ResponseTemplate {
        let batch = self.batches.iter().find(|batch| batch.id == id).expect("a known batch");
        let half = batch.lines.len() / 2;
        let lines = match &file[..3] {
            "out" => &batch.lines[..half],
            "err" => &batch.lines[half..],
            _ => &batch.lines[..],
        };
        ResponseTemplate::new(200).set_body_string(lines.join("\n"))
    }

    /// One batch on a page, newest first.
    fn list(&self, request: &Request) -> ResponseTemplate {
        let after = request.url.query_pairs().find(|(name, _)| name == "after" || name == "after_id");
        let after = after.map(|(_, id)| id.into_owned());
        let mut newest = self.batches.iter().rev();
        if let Some(after) = after {
            newest.find(|batch| batch.id == after).expect("a known cursor");
        }
        let page: Vec<Value> = newest.by_ref().take(1).map(|batch| self.told(batch)).collect();
        let more = newest.next().is_some();
        ok(&json!({ "data": page, "has_more": more }))
    }
}

/// This moment as RFC 3339 has it; only the day counts.
fn now() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs();
    let (mut days, mut year) = (seconds / 86_400, 1970);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let time = seconds % 86_400;
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.5Z", month + 1, days + 1)
}
