//! Each vendor's wire format as a pure pair: a request out of a call, a completion out of a reply.
//!
//! Nothing here sends, waits or knows a key. What the vendors share stands beside them: the
//! schemas that they accept ([`schema`]), the words that stand in for a schema where an endpoint
//! takes none ([`instruct`]), and the reading of a reply up to where vendors differ ([`envelope`]).

mod anthropic;
pub(super) mod envelope;
mod exchange;
mod gemini;
mod instruct;
mod ollama;
mod openai;
mod schema;
#[cfg(test)]
mod tests;

pub(crate) use anthropic::AnthropicWire;
pub use exchange::{HttpReply, HttpRequest, Method, Wire};
pub(crate) use gemini::GeminiWire;
pub(crate) use ollama::OllamaWire;
pub(crate) use openai::OpenAiWire;
