//! Ollama's own chat.
//!
//! Reference: `POST /api/chat`, <https://docs.ollama.com/api>. It streams unless told not to.

use serde_json::{Map, Value, json};

use super::{HttpReply, HttpRequest, Wire, envelope, instruct};
use crate::provider::{
    Call, Completion, Dialect, FinishReason, ProviderError, StructuredOutput, Usage, classify,
};

/// `/api/chat`.
#[derive(Clone, Debug)]
pub(crate) struct OllamaWire {
    /// How JSON is asked for unless the call says otherwise.
    pub(crate) structured_output: StructuredOutput,
}

impl Wire for OllamaWire {
    fn encode(&self, call: &Call) -> HttpRequest {
        let sampling = &call.options;
        let mode = sampling.structured_output.unwrap_or(self.structured_output);
        let messages = instruct::chat(&call.prompt, mode);
        let mut options = json!({});
        envelope::set(&mut options, "temperature", sampling.temperature);
        envelope::set(&mut options, "top_p", sampling.top_p);
        // Seeds are signed 32-bit numbers in the runner.
        envelope::set(&mut options, "seed", sampling.seed.map(|seed| seed & 0x7fff_ffff));
        envelope::set(&mut options, "num_predict", sampling.max_output_tokens);
        let mut body =
            json!({ "model": call.model, "messages": messages, "stream": false, "options": options });
        if let Some(schema) = call.prompt.schema.as_deref() {
            let format = match mode {
                StructuredOutput::JsonSchema | StructuredOutput::JsonObjectWithSchema => Some(schema.clone()),
                StructuredOutput::JsonObject => Some("json".into()),
                StructuredOutput::PromptOnly => None,
            };
            envelope::set(&mut body, "format", format);
        }
        envelope::post("/api/chat".to_owned(), body, call, Dialect::Ollama.reserved_fields())
    }

    fn decode(&self, reply: &HttpReply) -> Result<Completion, ProviderError> {
        let body = envelope::open(reply)?;
        let usage = usage(&body);
        let unusable = |what: &str| classify::unusable(reply, what, usage);
        let message = body.get("message").and_then(Value::as_object);
        let message = message.ok_or_else(|| unusable("there is no message"))?;
        if body.get("done") == Some(&Value::Bool(false)) {
            return Err(unusable("the answer is one piece of a stream"));
        }
        let content = message.get("content").and_then(Value::as_str);
        let content = content.ok_or_else(|| unusable("the message has no text"))?;
        Ok(Completion {
            content: content.to_owned(),
            finish_reason: finish_reason(&body),
            usage,
            response_model: envelope::label(&body, "model", reply),
            response_id: None,
        })
    }

    fn encode_probe(&self) -> HttpRequest {
        envelope::get("/api/tags")
    }

    fn key_header(&self, key: &str) -> (&'static str, String) {
        ("authorization", format!("Bearer {key}"))
    }
}

fn finish_reason(body: &Map<String, Value>) -> FinishReason {
    match body.get("done_reason").and_then(Value::as_str).unwrap_or_default() {
        // Versions before 0.3 tell no reason.
        "stop" | "" => FinishReason::Stop,
        "length" => FinishReason::Length,
        other => envelope::other(other),
    }
}

/// Counts stand at the top; a prompt found in the cache is not counted at all.
fn usage(body: &Map<String, Value>) -> Option<Usage> {
    let count = |field: &str| body.get(field).and_then(Value::as_u64).unwrap_or(0);
    envelope::counted(count("prompt_eval_count"), 0, count("eval_count"))
}
