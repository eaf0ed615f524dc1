//! One attempt over HTTP: bounded in time and memory, and never sent where its key does not belong.
//!
//! What is asked and what an answer means is the wire's; what a failure means is the classifier's.
//! Here are only the bytes between them.

use std::error::Error;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, redirect, retry};
use tokio::time::{Instant, timeout_at};

use super::batch::{BatchEndpoint, HttpBatches};
use super::classify::{self, TransportFault};
use super::{
    ApiKey, Call, Completion, Dialect, Endpoint, HttpReply, HttpRequest, Method, Provider, ProviderError,
    Timeouts, Wire,
};
use crate::embed::RemoteModel;

/// No answer is longer, in bytes after decompression.
pub const BODY_LIMIT: usize = 8 << 20;

/// What is read of an error's body; vendors say what they have to say at its beginning.
const ERROR_BODY_LIMIT: usize = 64 << 10;

/// A provider that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpProviderError {
    /// A key is given that belongs to another variable, or none where one is needed.
    #[error("`{name}` takes the key of {expected}, not of {given}")]
    ForeignKey {
        /// The endpoint's name.
        name: String,
        /// The variable of the endpoint's key, or `none`.
        expected: String,
        /// The variable of the given key, or `none`.
        given: String,
    },
    /// The machine's TLS or proxy settings cannot be used.
    #[error(
        "no HTTP client can be made for `{name}`; are CA certificates installed and the proxy variables sound?"
    )]
    Client {
        /// The endpoint's name.
        name: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// A provider that is asked over HTTP. Cheap to share, not to make: connections are kept.
#[derive(Debug)]
pub struct HttpProvider {
    endpoint: Endpoint,
    wire: Box<dyn Wire>,
    key: Option<ApiKey>,
    timeouts: Timeouts,
    client: Client,
}

impl HttpProvider {
    /// A provider with its key, which must be of the endpoint's variable.
    ///
    /// # Errors
    /// [`HttpProviderError`] when the key is of another variable or no client can be made.
    pub fn new(
        endpoint: Endpoint,
        key: Option<ApiKey>,
        timeouts: Timeouts,
    ) -> Result<Self, HttpProviderError> {
        let name = endpoint.name().to_owned();
        let given = key.as_ref().map(ApiKey::variable);
        if given != endpoint.key_variable() {
            let shown =
                |variable: Option<&str>| variable.map_or("none".to_owned(), |known| format!("`{known}`"));
            let (expected, given) = (shown(endpoint.key_variable()), shown(given));
            return Err(HttpProviderError::ForeignKey { name, expected, given });
        }
        let client =
            client(&endpoint, &timeouts).map_err(|source| HttpProviderError::Client { name, source })?;
        let wire = endpoint.wire();
        Ok(Self { endpoint, wire, key, timeouts, client })
    }

    async fn ask(&self, call: &Call) -> Result<Completion, ProviderError> {
        let reply = self.exchange(&self.wire.encode(call), BODY_LIMIT).await?;
        self.decode(&reply)
    }

    /// The completion in a reply, without the key should it be repeated there.
    pub(super) fn decode(&self, reply: &HttpReply) -> Result<Completion, ProviderError> {
        let mut completion = self.wire.decode(reply)?;
        if let Some(key) = &self.key {
            completion.content = key.redact_answer(completion.content);
        }
        Ok(completion)
    }

    pub(super) fn key(&self) -> Option<&ApiKey> {
        self.key.as_ref()
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(super) fn wire(&self) -> &dyn Wire {
        self.wire.as_ref()
    }

    /// Its batches, where the endpoint has any.
    pub(super) fn http_batches(&self) -> Option<HttpBatches<'_>> {
        self.endpoint.batches().map(|wire| HttpBatches { provider: self, wire })
    }

    /// One vector per text, in order: one attempt, as with every call.
    ///
    /// # Errors
    /// [`ProviderError`], also for a reply that holds no vectors or too few of them.
    pub async fn embed(&self, model: &RemoteModel, texts: &[&str]) -> Result<Vec<Vec<f32>>, ProviderError> {
        let request = HttpRequest {
            method: Method::Post,
            path: model.path().to_owned(),
            headers: Vec::new(),
            body: Some(model.encode(texts)),
        };
        let reply = self.exchange(&request, BODY_LIMIT).await?;
        if !(200..300).contains(&reply.status) {
            return Err(classify::refused(&reply));
        }
        let vectors = model.decode(&reply.body, texts.len());
        vectors.map_err(|error| classify::unusable(&reply, &error.to_string(), None))
    }

    async fn ask_for_models(&self, model: &str) -> Result<String, ProviderError> {
        let reply = self.exchange(&self.wire.encode_probe(), BODY_LIMIT).await?;
        if !(200..300).contains(&reply.status) {
            return Err(classify::refused(&reply));
        }
        let body: serde_json::Value = serde_json::from_slice(&reply.body)
            .map_err(|_| classify::unusable(&reply, "the list of models is no JSON", None))?;
        let models = body.get("data").or_else(|| body.get("models")).and_then(serde_json::Value::as_array);
        let key = if self.key.is_some() { ", the key is accepted" } else { "" };
        let Some(models) = models else { return Ok(format!("answers{key}")) };
        let count = models.len();
        let has = models.iter().filter_map(named).any(|name| is_listed_as(name, model));
        Ok(if has {
            format!("answers{key}, the model is one of the {count} that it lists")
        } else {
            format!("answers{key}, yet the model is not among the {count} that it lists: is its name right?")
        })
    }

    /// Sends and reads, within every limit.
    pub(super) async fn exchange(
        &self,
        request: &HttpRequest,
        body_limit: usize,
    ) -> Result<HttpReply, ProviderError> {
        self.exchange_built(self.build(request)?, body_limit, self.timeouts).await
    }

    /// Sends a request that is built and reads the reply, within limits of its own.
    pub(super) async fn exchange_built(
        &self,
        request: reqwest::Request,
        body_limit: usize,
        timeouts: Timeouts,
    ) -> Result<HttpReply, ProviderError> {
        let clock = Clock::start(timeouts);
        let response = self.head(request, &clock).await?;
        if !response.status().is_success() {
            return Ok(self.refusal(response, &clock).await);
        }
        let mut reply = self.reply(&response);
        let key = self.key.as_ref();
        if response.content_length().is_some_and(|announced| announced > body_limit as u64) {
            return Err(self.too_large(body_limit));
        }
        let mut response = response;
        while let Some(piece) = next_piece(&mut response, &clock, key).await? {
            if reply.body.len() + piece.len() > body_limit {
                return Err(self.too_large(body_limit));
            }
            reply.body.extend_from_slice(&piece);
        }
        Ok(reply)
    }

    /// Sends a request and waits for the head of the reply.
    pub(super) async fn head(
        &self,
        request: reqwest::Request,
        clock: &Clock,
    ) -> Result<reqwest::Response, ProviderError> {
        let fail = |fault, detail: &str| classify::transport(fault, detail, self.key.as_ref());
        match timeout_at(clock.head_by(), self.client.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let fault = fault_of_sending(&error);
                let hint = if fault == TransportFault::NotConnected { self.unreachable() } else { "" };
                Err(fail(fault, &format!("{}{hint}", innermost(&error))))
            }
            Err(_) => Err(fail(clock.head_fault(), "")),
        }
    }

    /// What to do where a server of one's own does not answer.
    fn unreachable(&self) -> &'static str {
        match self.endpoint.dialect() {
            Dialect::Ollama => "; is Ollama running there? `ollama serve` starts it",
            _ if self.key.is_none() => "; is the server running there?",
            _ => "",
        }
    }

    /// A reply that is no success, with as much of its body as tells why.
    pub(super) async fn refusal(&self, mut response: reqwest::Response, clock: &Clock) -> HttpReply {
        let mut reply = self.reply(&response);
        if response.status().is_redirection() {
            return reply;
        }
        // The status says enough: a body that breaks off changes nothing.
        while let Ok(Some(piece)) = next_piece(&mut response, clock, self.key.as_ref()).await {
            reply.body.extend_from_slice(&piece);
            if reply.body.len() > ERROR_BODY_LIMIT {
                break;
            }
        }
        reply
    }

    /// A reply without its body.
    fn reply(&self, response: &reqwest::Response) -> HttpReply {
        HttpReply {
            status: response.status().as_u16(),
            headers: headers(response),
            body: Vec::new(),
            received_at: SystemTime::now(),
            secret: self.key.clone(),
        }
    }

    pub(super) fn too_large(&self, limit: usize) -> ProviderError {
        classify::transport(TransportFault::TooLarge { limit }, "", self.key.as_ref())
    }

    /// A request with a body that is not JSON.
    pub(super) fn build_raw(
        &self,
        request: &HttpRequest,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<reqwest::Request, ProviderError> {
        let mut built = self.build(request)?;
        let content_type = HeaderValue::from_str(content_type).map_err(|_| {
            classify::transport(
                TransportFault::NotBuilt,
                "its content type fits no header",
                self.key.as_ref(),
            )
        })?;
        built.headers_mut().insert(CONTENT_TYPE, content_type);
        *built.body_mut() = Some(body.into());
        Ok(built)
    }

    pub(super) fn build(&self, request: &HttpRequest) -> Result<reqwest::Request, ProviderError> {
        let fail = |detail: &str| classify::transport(TransportFault::NotBuilt, detail, self.key.as_ref());
        let url =
            self.endpoint.url(&request.path).ok_or_else(|| fail("its path leads away from `base_url`"))?;
        let mut builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        for (name, value) in &request.headers {
            builder = builder.header(*name, *value);
        }
        if let Some(key) = &self.key {
            let (name, value) = self.wire.key_header(key.expose());
            let mut value = HeaderValue::from_str(&value).map_err(|_| fail("the key fits no header"))?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        builder.build().map_err(|error| fail(&innermost(&error)))
    }
}

impl Provider for HttpProvider {
    fn name(&self) -> &str {
        self.endpoint.name()
    }

    fn complete<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(self.ask(call))
    }

    fn probe<'a>(&'a self, model: &'a str) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(self.ask_for_models(model))
    }

    fn batches(&self) -> Option<&dyn BatchEndpoint> {
        self.endpoint.batches().is_some().then_some(self)
    }
}

/// When the parts of one attempt must have come.
pub(super) struct Clock {
    timeouts: Timeouts,
    started: Instant,
}

impl Clock {
    pub(super) fn start(timeouts: Timeouts) -> Self {
        Self { timeouts, started: Instant::now() }
    }

    fn end(&self) -> Instant {
        self.started + self.timeouts.total()
    }

    fn head_by(&self) -> Instant {
        (self.started + connect_limit(&self.timeouts) + self.timeouts.first_byte()).min(self.end())
    }

    fn head_fault(&self) -> TransportFault {
        if self.head_by() == self.end() {
            TransportFault::TimedOut { limit: "total", after: self.timeouts.total() }
        } else {
            TransportFault::TimedOut { limit: "first_byte", after: self.timeouts.first_byte() }
        }
    }

    fn next_by(&self) -> (Instant, TransportFault) {
        let idle = Instant::now() + self.timeouts.idle();
        if idle < self.end() {
            (idle, TransportFault::TimedOut { limit: "idle", after: self.timeouts.idle() })
        } else {
            (self.end(), TransportFault::TimedOut { limit: "total", after: self.timeouts.total() })
        }
    }
}

/// Connecting ends before the whole attempt does, so that "never connected" can be told from
/// "sent, and no answer".
fn connect_limit(timeouts: &Timeouts) -> Duration {
    timeouts.connect().min(timeouts.total().mul_f64(0.9))
}

fn client(endpoint: &Endpoint, timeouts: &Timeouts) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .user_agent(concat!("consona/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        // Retries are decided in one place, and it is not here.
        .retry(retry::never())
        .referer(false)
        .gzip(true)
        .connect_timeout(connect_limit(timeouts))
        .https_only(endpoint.is_tls());
    if !endpoint.is_tls() {
        // A machine without certificates can still ask its own servers.
        builder = builder.tls_certs_only([]);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// The next piece of a body, in time; `None` after the last one. What decompression makes of it counts.
pub(super) async fn next_piece(
    response: &mut reqwest::Response,
    clock: &Clock,
    key: Option<&ApiKey>,
) -> Result<Option<Vec<u8>>, ProviderError> {
    let (by, fault) = clock.next_by();
    match timeout_at(by, response.chunk()).await {
        Ok(Ok(piece)) => Ok(piece.map(Vec::from)),
        Ok(Err(error)) => Err(classify::transport(fault_of_reading(&error), &innermost(&error), key)),
        Err(_) => Err(classify::transport(fault, "", key)),
    }
}

fn fault_of_sending(error: &reqwest::Error) -> TransportFault {
    if error.is_builder() {
        TransportFault::NotBuilt
    } else if error.is_connect() {
        TransportFault::NotConnected
    } else {
        TransportFault::Cut
    }
}

/// Broken compression is an IO error of its own; a broken connection is one with a cause, also
/// where the decompressor passes it on.
fn fault_of_reading(error: &reqwest::Error) -> TransportFault {
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    if io.is_some_and(|io| io.source().is_none()) { TransportFault::Undecodable } else { TransportFault::Cut }
}

/// The last cause, which is the one that says something; never the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = match error.source() {
        Some(source) => source,
        None => return String::new(),
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn headers(response: &reqwest::Response) -> Vec<(String, String)> {
    let readable = |(name, value): (&reqwest::header::HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    response.headers().iter().filter_map(readable).collect()
}

/// The name under which an endpoint lists a model, whichever dialect it speaks.
fn named(model: &serde_json::Value) -> Option<&str> {
    ["id", "name", "model"].iter().find_map(|key| model.get(key)?.as_str())
}

/// Whether a listed name is that of the model asked for: Gemini lists `models/NAME`, Ollama `NAME:latest`, and vendors
/// list dated versions (`NAME-20250929`) of what is asked for without a date.
fn is_listed_as(listed: &str, model: &str) -> bool {
    let listed = listed.strip_prefix("models/").unwrap_or(listed);
    listed.strip_prefix(model).is_some_and(|rest| {
        rest.is_empty()
            || rest == ":latest"
            || rest.strip_prefix('-').is_some_and(|date| {
                date == "latest" || date.chars().all(|one| one.is_ascii_digit() || one == '-')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::EndpointOptions;

    fn provider(name: &str, key: Option<&str>) -> Result<HttpProvider, HttpProviderError> {
        let options = EndpointOptions {
            base_url: Some("http://127.0.0.1:9/v1".to_owned()),
            key_variable: key.map(str::to_owned),
            ..EndpointOptions::default()
        };
        let endpoint = Endpoint::new(name, &options).expect("valid");
        let key = ApiKey::new("LOCAL_KEY", "sk-canary-0123456789abcdef").expect("valid");
        HttpProvider::new(endpoint, Some(key), Timeouts::default())
    }

    #[test]
    fn the_key_is_one_sensitive_header_and_nowhere_else() {
        let names = [("vllm", "authorization"), ("anthropic", "x-api-key"), ("gemini", "x-goog-api-key")];
        for (name, header) in names {
            let provider = provider(name, Some("LOCAL_KEY")).expect("made");
            let request = provider.build(&provider.wire.encode_probe()).expect("built");
            assert!(request.headers()[header].is_sensitive(), "{name}");
            let shown = format!("{request:?} {provider:?}");
            assert!(!shown.contains("canary"), "{shown}");
            assert!(!request.url().as_str().contains("canary"));
        }
    }

    #[test]
    fn a_key_serves_only_the_endpoint_that_names_it() {
        for wrong in [None, Some("OTHER_KEY")] {
            let error = provider("vllm", wrong).expect_err("refused").to_string();
            assert!(error.contains("not of `LOCAL_KEY`"), "{error}");
        }
    }
}
