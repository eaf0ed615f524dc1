//! Gemini `generateContent`.
//!
//! Reference: `POST /v1beta/models/MODEL:generateContent`,
//! <https://ai.google.dev/api/generate-content>.

use serde_json::{Map, Value, json};

use super::{HttpReply, HttpRequest, Wire, envelope, instruct, schema};
use crate::prompt::Role;
use crate::provider::{
    Call, Completion, Dialect, FinishReason, ProviderError, StructuredOutput, Usage, classify,
};

/// `generateContent`.
#[derive(Clone, Debug)]
pub(crate) struct GeminiWire {
    /// How JSON is asked for unless the call says otherwise.
    pub(crate) structured_output: StructuredOutput,
}

impl Wire for GeminiWire {
    fn encode(&self, call: &Call) -> HttpRequest {
        let options = &call.options;
        let mode = options.structured_output.unwrap_or(self.structured_output);
        let contents: Vec<Value> = call
            .prompt
            .messages
            .iter()
            .map(|message| {
                let role = match message.role {
                    Role::User => "user",
                    Role::Assistant => "model",
                };
                json!({ "role": role, "parts": [{ "text": message.content }] })
            })
            .collect();
        let mut config = json!({});
        envelope::set(&mut config, "temperature", options.temperature);
        envelope::set(&mut config, "topP", options.top_p);
        // Seeds are signed 32-bit numbers at the other end.
        envelope::set(&mut config, "seed", options.seed.map(|seed| seed & 0x7fff_ffff));
        envelope::set(&mut config, "maxOutputTokens", options.max_output_tokens);
        if let Some(schema) = call.prompt.schema.as_deref() {
            ask_for_json(&mut config, schema, mode);
        }
        let mut body = json!({ "contents": contents, "generationConfig": config });
        let system = instruct::system(&call.prompt, mode);
        if !system.is_empty() {
            body["systemInstruction"] = json!({ "parts": [{ "text": system }] });
        }
        let path = format!("/models/{}:generateContent", path_segment(&call.model));
        envelope::post(path, body, call, Dialect::Gemini.reserved_fields())
    }

    fn decode(&self, reply: &HttpReply) -> Result<Completion, ProviderError> {
        let body = envelope::open(reply)?;
        let usage = body.get("usageMetadata").and_then(usage);
        let unusable = |what: &str| classify::unusable(reply, what, usage);
        let candidate = body.get("candidates").and_then(|candidates| candidates.get(0));
        let (content, finish_reason) = match candidate.and_then(Value::as_object) {
            Some(candidate) => {
                let finish_reason = finish_reason(candidate);
                match text(candidate) {
                    Some(text) => (text, finish_reason),
                    None if finish_reason != FinishReason::Stop => (String::new(), finish_reason),
                    None => return Err(unusable("the candidate has no text")),
                }
            }
            // A prompt that a filter stopped has a reason instead of candidates.
            None if body.get("promptFeedback").and_then(|told| told.get("blockReason")).is_some() => {
                (String::new(), FinishReason::Refusal)
            }
            None => return Err(unusable("there are no candidates")),
        };
        Ok(Completion {
            content,
            finish_reason,
            usage,
            response_model: envelope::label(&body, "modelVersion", reply),
            response_id: envelope::label(&body, "responseId", reply),
        })
    }

    fn encode_probe(&self) -> HttpRequest {
        envelope::get("/models")
    }

    fn key_header(&self, key: &str) -> (&'static str, String) {
        ("x-goog-api-key", key.to_owned())
    }
}

fn ask_for_json(config: &mut Value, wanted: &Value, mode: StructuredOutput) {
    if mode == StructuredOutput::PromptOnly {
        return;
    }
    config["responseMimeType"] = "application/json".into();
    match mode {
        StructuredOutput::JsonSchema => config["responseJsonSchema"] = schema::gemini_json(wanted),
        // The older field, for models and proxies that know no other; a schema that it cannot
        // hold stands in the prompt anyway.
        StructuredOutput::JsonObjectWithSchema => {
            envelope::set(config, "responseSchema", schema::gemini_openapi(wanted));
        }
        StructuredOutput::JsonObject | StructuredOutput::PromptOnly => {}
    }
}

/// A model's name as one segment of a path.
fn path_segment(model: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    model.strip_prefix("models/").unwrap_or(model).bytes().map(encode).collect()
}

fn finish_reason(candidate: &Map<String, Value>) -> FinishReason {
    match candidate.get("finishReason").and_then(Value::as_str).unwrap_or_default() {
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE" => {
            FinishReason::Refusal
        }
        other => envelope::other(other),
    }
}

/// The text parts, thoughts left out.
fn text(candidate: &Map<String, Value>) -> Option<String> {
    let parts = candidate.get("content")?.get("parts")?.as_array()?;
    let spoken = parts.iter().filter(|part| part.get("thought") != Some(&Value::Bool(true)));
    let texts: Vec<&str> = spoken.filter_map(|part| part.get("text")?.as_str()).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

fn usage(usage: &Value) -> Option<Usage> {
    let output = envelope::tokens(usage, "/candidatesTokenCount")
        .saturating_add(envelope::tokens(usage, "/thoughtsTokenCount"));
    let cached = envelope::tokens(usage, "/cachedContentTokenCount");
    envelope::counted(envelope::tokens(usage, "/promptTokenCount"), cached, output)
}
