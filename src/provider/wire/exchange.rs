//! The border between what is decided and what is sent.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use crate::provider::{ApiKey, Call, Completion, ProviderError};

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Asks without paying.
    Get,
    /// Asks a model.
    Post,
}

/// A request without its secrets: the key is added where it is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpRequest {
    /// GET or POST.
    pub method: Method,
    /// Path after the endpoint's base URL, from the slash, percent-encoded.
    pub path: String,
    /// Headers beside those of content and key.
    pub headers: Vec<(&'static str, &'static str)>,
    /// JSON body, where there is one.
    pub body: Option<Value>,
}

/// A reply as it came, decompressed.
#[derive(Clone)]
pub struct HttpReply {
    /// HTTP status.
    pub status: u16,
    /// Headers in the order in which they came; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
    /// When the head came: what a `Retry-After` date is measured against.
    pub received_at: SystemTime,
    /// The key that was sent, to be kept out of messages.
    pub secret: Option<ApiKey>,
}

impl HttpReply {
    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for HttpReply {
    /// Status and size only: a body may quote the prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpReply")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// One vendor's wire format: pure, so that each vendor is tested from saved bytes.
pub trait Wire: fmt::Debug + Send + Sync {
    /// The request that asks `call`.
    fn encode(&self, call: &Call) -> HttpRequest;

    /// The completion in a reply.
    ///
    /// # Errors
    /// [`ProviderError`] for every reply that holds none, whatever its status and bytes.
    fn decode(&self, reply: &HttpReply) -> Result<Completion, ProviderError>;

    /// A request that costs nothing and is answered only when the key is accepted.
    fn encode_probe(&self) -> HttpRequest;

    /// Name and value of the header that carries `key`.
    fn key_header(&self, key: &str) -> (&'static str, String);
}
