//! Batches over HTTP.

use std::time::SystemTime;

use futures::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::mpsc::Sender;

use super::lines::{Line, Lines};
use super::wire::{BatchWire, Likeness, LineAnswer};
use super::{BatchEndpoint, BatchLine, BatchState, Found, NewBatch, SubmitError, Wanted, is_plain, place_of};
use crate::parse::strict_json;
use crate::provider::http::{Clock, HttpProvider};
use crate::provider::wire::{HttpReply, HttpRequest, Method, envelope};
use crate::provider::{BODY_LIMIT, Call, Completion, FailureKind, ProviderError, Timeouts, classify};

/// Pages of the list that are looked at before it counts as endless.
const PAGES: usize = 1_000;

/// What a listed batch is.
enum Compared {
    Ours,
    /// Only its results will tell.
    Undecided,
    Other,
    /// From long before ours, as are all that follow it.
    TooOld,
}

/// An endpoint and its form of batches.
#[derive(Debug)]
pub(crate) struct HttpBatches<'a> {
    pub(crate) provider: &'a HttpProvider,
    pub(crate) wire: &'static dyn BatchWire,
}

impl BatchEndpoint for HttpProvider {
    fn entry(&self, call: &Call) -> Value {
        let mut body = self.wire().encode(call).body.unwrap_or_default();
        if let Some(fields) = body.as_object_mut() {
            // Nothing streams out of a batch, and not everybody takes the word.
            fields.remove("stream");
        }
        body
    }

    fn submit<'a>(&'a self, batch: &'a NewBatch) -> BoxFuture<'a, Result<String, SubmitError>> {
        Box::pin(async move {
            let none = || SubmitError::Refused(no_batches());
            self.http_batches().ok_or_else(none)?.submit(batch).await
        })
    }

    fn find<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Found, ProviderError>> {
        Box::pin(async move { self.http_batches().ok_or_else(no_batches)?.find(wanted).await })
    }

    fn look<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<BatchState, ProviderError>> {
        Box::pin(async move { self.http_batches().ok_or_else(no_batches)?.look(id).await })
    }

    fn fetch<'a>(
        &'a self,
        tag: &'a str,
        results: &'a [String],
        lines: Sender<BatchLine>,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let batches = self.http_batches().ok_or_else(no_batches)?;
            for path in results {
                let mut reader = batches.read(path).await?;
                while let Some(line) = reader.next().await? {
                    if lines.send(batches.line(tag, line)).await.is_err() {
                        // Whoever reads has gone, and wants no more.
                        return Err(unusable("the results were not read to their end"));
                    }
                }
            }
            Ok(())
        })
    }
}

impl HttpBatches<'_> {
    async fn submit(&self, batch: &NewBatch) -> Result<String, SubmitError> {
        let file = match self.wire.file(batch) {
            None => None,
            // A file that no batch is made of costs nothing, so an upload that was perhaps cut is none.
            Some(lines) => Some(self.upload(&batch.tag, &lines).await.map_err(|error| {
                let cut = matches!(error.kind, FailureKind::UnknownOutcome | FailureKind::Unusable);
                let kind = if cut { FailureKind::Transient } else { error.kind };
                SubmitError::Refused(ProviderError { kind, ..error })
            })?),
        };
        let body = self.wire.create(batch, file.as_deref());
        let request = self.request(Method::Post, self.wire.path().to_owned(), Some(body));
        let request = self.provider.build(&request).map_err(SubmitError::Refused)?;
        let sent = self.provider.exchange_built(request, BODY_LIMIT, patient(self.provider)).await;
        let reply = sent.map_err(|error| match error.kind {
            FailureKind::NotSent => SubmitError::Refused(error),
            _ => SubmitError::Unknown(error),
        })?;
        match reply.status {
            200..300 => id(&reply).map_err(SubmitError::Unknown),
            // Whoever says that it is busy, or failed, may have begun.
            408 | 409 | 425 => Err(SubmitError::Unknown(classify::refused(&reply))),
            300..500 => Err(SubmitError::Refused(classify::refused(&reply))),
            _ => Err(SubmitError::Unknown(classify::refused(&reply))),
        }
    }

    /// Uploads the questions as a file; answers its number.
    async fn upload(&self, tag: &str, lines: &[u8]) -> Result<String, ProviderError> {
        // A line of JSON has no bare line's end in it, so no text of a question can end the part.
        let boundary = format!("consona-{tag}");
        let mut body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{tag}.jsonl\"\r\n\
             Content-Type: application/jsonl\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(lines);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let request = self.request(Method::Post, "/files".to_owned(), None);
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = self.provider.build_raw(&request, &kind, body)?;
        let reply = self.provider.exchange_built(request, BODY_LIMIT, patient(self.provider)).await?;
        if (200..300).contains(&reply.status) { id(&reply) } else { Err(classify::refused(&reply)) }
    }

    async fn look(&self, id: &str) -> Result<BatchState, ProviderError> {
        let path = format!("{}/{id}", self.wire.path());
        let (reply, body) = self.get(path).await?;
        self.wire.state(id, &body).map_err(|what| classify::unusable(&reply, what, None))
    }

    async fn find(&self, wanted: &Wanted) -> Result<Found, ProviderError> {
        let (mut after, mut undecided): (Option<String>, bool) = (None, false);
        for _ in 0..PAGES {
            let (reply, body) = self.get(self.wire.page(after.as_deref())).await?;
            let unusable = |what| classify::unusable(&reply, what, None);
            let entries = body.get("data").and_then(Value::as_array);
            let entries = entries.ok_or_else(|| unusable("there is no list of batches"))?;
            let (mut last, mut past) = (None, false);
            for entry in entries.iter().filter_map(Value::as_object) {
                let id = entry.get("id").and_then(Value::as_str).filter(|id| is_plain(id));
                let id = id.ok_or_else(|| unusable("a batch in the list has no number"))?;
                last = Some(id.to_owned());
                match self.compare(id, entry, wanted).await? {
                    Compared::Ours => return Ok(Found::Ours(id.to_owned())),
                    Compared::Undecided => undecided = true,
                    Compared::Other => {}
                    Compared::TooOld => past = true,
                }
            }
            let more = body.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            if past || !more || last.is_none() {
                return Ok(if undecided { Found::Undecided } else { Found::Nobody });
            }
            if last == after {
                return Err(unusable("the list of batches goes round in circles"));
            }
            after = last;
        }
        Err(unusable("the list of batches has no end"))
    }

    /// Holds a listed batch against the one that is looked for.
    async fn compare(
        &self,
        id: &str,
        entry: &Map<String, Value>,
        wanted: &Wanted,
    ) -> Result<Compared, ProviderError> {
        let listed = self.wire.listed(entry, wanted);
        if listed.created_ms.is_some_and(|created| created < wanted.since_ms) {
            return Ok(Compared::TooOld);
        }
        if wanted.known.iter().any(|known| known == id) {
            return Ok(Compared::Other);
        }
        Ok(match listed.likeness {
            Likeness::Ours => Compared::Ours,
            Likeness::Perhaps(None) => Compared::Undecided,
            Likeness::Perhaps(Some(results)) if self.is_of(&wanted.tag, &results).await? => Compared::Ours,
            Likeness::Perhaps(Some(_)) | Likeness::Other => Compared::Other,
        })
    }

    /// Whether results are of the batch with that tag: their first line that has a name tells.
    async fn is_of(&self, tag: &str, results: &[String]) -> Result<bool, ProviderError> {
        for path in results {
            let mut lines = self.read(path).await?;
            while let Some(line) = lines.next().await? {
                match self.line(tag, line) {
                    BatchLine::Answer { .. } => return Ok(true),
                    BatchLine::Foreign => return Ok(false),
                    BatchLine::Unreadable => {}
                }
            }
        }
        Ok(false)
    }

    /// Opens results.
    async fn read(&self, path: &str) -> Result<Lines<'_>, ProviderError> {
        let clock = Clock::start(patient(self.provider));
        let request = self.provider.build(&self.request(Method::Get, path.to_owned(), None))?;
        let response = self.provider.head(request, &clock).await?;
        if !response.status().is_success() {
            return Err(classify::refused(&self.provider.refusal(response, &clock).await));
        }
        Ok(Lines::new(self.provider, response, clock))
    }

    fn line(&self, tag: &str, line: Line) -> BatchLine {
        let Line::Whole(line) = line else { return BatchLine::Unreadable };
        let read = std::str::from_utf8(&line).ok().and_then(|text| strict_json::read(text.trim()).ok());
        let Some(read) = read else { return BatchLine::Unreadable };
        let Some(id) = read.value.get("custom_id").and_then(Value::as_str) else {
            return BatchLine::Unreadable;
        };
        let Some(place) = place_of(tag, id) else { return BatchLine::Foreign };
        let answer = if read.duplicates.is_empty() {
            self.answer(self.wire.answer(&read.value))
        } else {
            Err(unusable("a key stands twice in a line of the results"))
        };
        BatchLine::Answer { place, answer }
    }

    fn answer(&self, line: LineAnswer) -> Result<Completion, ProviderError> {
        match line {
            LineAnswer::Reply { status, body } => self.decode(status, &body),
            LineAnswer::Errored { status, body } => self.decode(status, &body).map_err(|mut error| {
                // The status is what we make of the vendor's word; it never came.
                let said = error.message.strip_prefix(&format!("HTTP {status}"));
                error.message = said.map_or_else(|| error.message.clone(), |said| format!("errored{said}"));
                error.status = None;
                error
            }),
            LineAnswer::Failed(error) => Err(error),
            LineAnswer::Odd(what) => Err(unusable(what)),
        }
    }

    /// Reads a reply out of a line as if it had come by itself.
    fn decode(&self, status: u16, body: &Value) -> Result<Completion, ProviderError> {
        let reply = HttpReply {
            status,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            received_at: SystemTime::now(),
            secret: self.provider.key().cloned(),
        };
        self.provider.decode(&reply)
    }

    async fn get(&self, path: String) -> Result<(HttpReply, Map<String, Value>), ProviderError> {
        let reply = self.provider.exchange(&self.request(Method::Get, path, None), BODY_LIMIT).await?;
        if !(200..300).contains(&reply.status) {
            return Err(classify::refused(&reply));
        }
        let body = object(&reply)?;
        Ok((reply, body))
    }

    fn request(&self, method: Method, path: String, body: Option<Value>) -> HttpRequest {
        HttpRequest { method, path, headers: self.wire.headers().to_vec(), body }
    }
}

/// The JSON object of a reply. A batch that failed says so in a field `error` or `errors` and is a batch all the same.
fn object(reply: &HttpReply) -> Result<Map<String, Value>, ProviderError> {
    match envelope::sound(&reply.body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(classify::unusable(reply, "the body is no JSON object", None)),
        Err(what) => Err(classify::unusable(reply, &what, None)),
    }
}

/// The number of what was made.
fn id(reply: &HttpReply) -> Result<String, ProviderError> {
    let body = object(reply)?;
    let id = body.get("id").and_then(Value::as_str).filter(|id| is_plain(id));
    id.map(str::to_owned).ok_or_else(|| classify::unusable(reply, "there is no number in it", None))
}

fn unusable(what: &str) -> ProviderError {
    ProviderError::new(FailureKind::Unusable, what)
}

fn no_batches() -> ProviderError {
    ProviderError::new(FailureKind::ProviderRejected, "the endpoint takes no batches")
}

/// Limits for hundreds of megabytes on their way in either direction.
fn patient(provider: &HttpProvider) -> Timeouts {
    let own = provider.timeouts();
    Timeouts::new(own.connect().as_secs_f64(), 600.0, 120.0, 21_600.0).unwrap_or(own)
}
