//! OpenAI chat completions, and everybody who speaks them: OpenRouter, Groq, Mistral, vLLM,
//! llama.cpp, LM Studio and others.
//!
//! Reference: `POST /chat/completions`, <https://platform.openai.com/docs/api-reference/chat>.

use serde_json::{Map, Value, json};

use super::{HttpReply, HttpRequest, Wire, envelope, instruct, schema};
use crate::provider::{
    Call, Completion, Dialect, FinishReason, ProviderError, StructuredOutput, Usage, classify,
};

/// Chat completions, with what differs between those who speak them.
#[derive(Clone, Debug)]
pub(crate) struct OpenAiWire {
    /// How JSON is asked for unless the call says otherwise.
    pub(crate) structured_output: StructuredOutput,
    /// `max_completion_tokens` at OpenAI, whose newer models refuse the old name; `max_tokens` elsewhere.
    pub(crate) max_tokens_field: &'static str,
    /// `random_seed` at Mistral, which refuses unknown fields; `seed` elsewhere.
    pub(crate) seed_field: &'static str,
    /// What is asked to see whether the key is accepted.
    pub(crate) probe_path: &'static str,
}

impl Wire for OpenAiWire {
    fn encode(&self, call: &Call) -> HttpRequest {
        let options = &call.options;
        let mode = options.structured_output.unwrap_or(self.structured_output);
        let messages = instruct::chat(&call.prompt, mode);
        let mut body = json!({ "model": call.model, "messages": messages, "stream": false });
        envelope::set(&mut body, "temperature", options.temperature);
        envelope::set(&mut body, "top_p", options.top_p);
        // Seeds are signed 64-bit numbers at the other end.
        envelope::set(&mut body, self.seed_field, options.seed.map(|seed| seed & (u64::MAX >> 1)));
        envelope::set(&mut body, self.max_tokens_field, options.max_output_tokens);
        if let Some(schema) = call.prompt.schema.as_deref() {
            envelope::set(&mut body, "response_format", response_format(schema, mode));
        }
        envelope::post("/chat/completions".to_owned(), body, call, Dialect::OpenAi.reserved_fields())
    }

    fn decode(&self, reply: &HttpReply) -> Result<Completion, ProviderError> {
        let body = envelope::open(reply)?;
        let usage = body.get("usage").and_then(usage);
        let unusable = |what: &str| classify::unusable(reply, what, usage);
        let choice = body.get("choices").and_then(|choices| choices.get(0));
        let choice = choice.and_then(Value::as_object).ok_or_else(|| unusable("there are no choices"))?;
        // OpenRouter reports a failure in mid-answer inside the choice.
        if choice.get("error").is_some_and(|error| !error.is_null()) {
            return Err(unusable("the choice holds an error"));
        }
        let finish_reason = finish_reason(choice);
        let message = choice.get("message").and_then(Value::as_object);
        let message = message.ok_or_else(|| unusable("the choice has no message"))?;
        let refusal = message.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty());
        let (content, finish_reason) = match (refusal, text(message)) {
            (Some(refusal), _) => (refusal.to_owned(), FinishReason::Refusal),
            (None, Some(text)) => (text, finish_reason),
            // Cut or filtered before the first word.
            (None, None) if finish_reason != FinishReason::Stop => (String::new(), finish_reason),
            (None, None) => return Err(unusable("the message has no text")),
        };
        Ok(Completion {
            content,
            finish_reason,
            usage,
            response_model: envelope::label(&body, "model", reply),
            response_id: envelope::label(&body, "id", reply),
        })
    }

    fn encode_probe(&self) -> HttpRequest {
        envelope::get(self.probe_path)
    }

    fn key_header(&self, key: &str) -> (&'static str, String) {
        ("authorization", format!("Bearer {key}"))
    }
}

fn response_format(wanted: &Value, mode: StructuredOutput) -> Option<Value> {
    match mode {
        StructuredOutput::JsonSchema => {
            let strict = schema::openai_strict(wanted);
            let is_strict = strict.is_some();
            let shape = strict.unwrap_or_else(|| wanted.clone());
            let named = json!({ "name": "answer", "strict": is_strict, "schema": shape });
            Some(json!({ "type": "json_schema", "json_schema": named }))
        }
        // As llama.cpp and Together take it.
        StructuredOutput::JsonObjectWithSchema => Some(json!({ "type": "json_object", "schema": wanted })),
        StructuredOutput::JsonObject => Some(json!({ "type": "json_object" })),
        StructuredOutput::PromptOnly => None,
    }
}

fn finish_reason(choice: &Map<String, Value>) -> FinishReason {
    match choice.get("finish_reason").and_then(Value::as_str).unwrap_or_default() {
        // Several local servers leave the reason out of a whole answer.
        "stop" | "tool_calls" | "function_call" | "eos" | "" => FinishReason::Stop,
        "length" | "model_length" => FinishReason::Length,
        "content_filter" => FinishReason::Refusal,
        other => envelope::other(other),
    }
}

/// The message's text: a string, the text parts of a list, or the arguments of a tool call.
fn text(message: &Map<String, Value>) -> Option<String> {
    match message.get("content") {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            if !texts.is_empty() {
                return Some(texts.concat());
            }
        }
        _ => {}
    }
    let arguments = message.get("tool_calls")?.get(0)?.pointer("/function/arguments")?;
    arguments.as_str().map(str::to_owned)
}

fn usage(usage: &Value) -> Option<Usage> {
    let input = envelope::tokens(usage, "/prompt_tokens");
    let told = envelope::tokens(usage, "/completion_tokens");
    // xAI leaves reasoning out of the completion's tokens, but not out of the total.
    let output = told.max(envelope::tokens(usage, "/total_tokens").saturating_sub(input));
    let cached = envelope::tokens(usage, "/prompt_tokens_details/cached_tokens")
        .max(envelope::tokens(usage, "/prompt_cache_hit_tokens"));
    envelope::counted(input, cached, output)
}
