//! Anthropic Messages.
//!
//! Reference: `POST /v1/messages`, <https://platform.claude.com/docs/en/api/messages>; structured
//! output as `output_config.format`, or as the input of a tool that the model must use.

use serde_json::{Map, Value, json};

use super::{HttpReply, HttpRequest, Wire, envelope, instruct, schema};
use crate::provider::{
    Call, Completion, Dialect, FinishReason, ProviderError, StructuredOutput, Usage, classify,
};

/// The service demands a limit of tokens; this one fits a panel's longest answers.
const DEFAULT_MAX_TOKENS: u32 = 8_192;

/// The tool whose input is the answer.
const TOOL: &str = "answer";

/// The Messages API.
#[derive(Clone, Debug)]
pub(crate) struct AnthropicWire {
    /// How JSON is asked for unless the call says otherwise.
    pub(crate) structured_output: StructuredOutput,
}

/// How the service is made to keep to a schema.
enum Shape {
    Output(Value),
    Tool(Value),
    Prompt,
}

impl Wire for AnthropicWire {
    fn encode(&self, call: &Call) -> HttpRequest {
        let options = &call.options;
        let mode = options.structured_output.unwrap_or(self.structured_output);
        let messages = instruct::turns(&call.prompt);
        let max_tokens = options.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
        let mut body =
            json!({ "model": call.model, "max_tokens": max_tokens, "messages": messages, "stream": false });
        let system = instruct::system(&call.prompt, mode);
        envelope::set(&mut body, "system", Some(system).filter(|text| !text.is_empty()));
        envelope::set(&mut body, "temperature", options.temperature);
        envelope::set(&mut body, "top_p", options.top_p);
        match shape(call.prompt.schema.as_deref(), mode) {
            Shape::Output(schema) => {
                body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema } });
            }
            Shape::Tool(schema) => {
                let description = "Gives the answer.";
                body["tools"] = json!([{ "name": TOOL, "description": description, "input_schema": schema }]);
                body["tool_choice"] = json!({ "type": "tool", "name": TOOL });
            }
            Shape::Prompt => {}
        }
        let mut request =
            envelope::post("/messages".to_owned(), body, call, Dialect::Anthropic.reserved_fields());
        request.headers = HEADERS.to_vec();
        request
    }

    fn decode(&self, reply: &HttpReply) -> Result<Completion, ProviderError> {
        let body = envelope::open(reply)?;
        let usage = body.get("usage").and_then(usage);
        let unusable = |what: &str| classify::unusable(reply, what, usage);
        let blocks = body.get("content").and_then(Value::as_array);
        let blocks = blocks.ok_or_else(|| unusable("there is no list of content"))?;
        let finish_reason = finish_reason(&body);
        let content = match text(blocks) {
            Some(text) => text,
            None if finish_reason != FinishReason::Stop => String::new(),
            None => return Err(unusable("the content has no text")),
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
        HttpRequest { headers: HEADERS.to_vec(), ..envelope::get("/models") }
    }

    fn key_header(&self, key: &str) -> (&'static str, String) {
        ("x-api-key", key.to_owned())
    }
}

const HEADERS: [(&str, &str); 1] = [("anthropic-version", "2023-06-01")];

fn shape(wanted: Option<&Value>, mode: StructuredOutput) -> Shape {
    let Some(wanted) = wanted else { return Shape::Prompt };
    match mode {
        // A schema with free keys cannot be enforced, but a tool still takes it.
        StructuredOutput::JsonSchema => {
            schema::anthropic_output(wanted).map_or_else(|| Shape::Tool(wanted.clone()), Shape::Output)
        }
        StructuredOutput::JsonObjectWithSchema => Shape::Tool(wanted.clone()),
        StructuredOutput::JsonObject | StructuredOutput::PromptOnly => Shape::Prompt,
    }
}

fn finish_reason(body: &Map<String, Value>) -> FinishReason {
    match body.get("stop_reason").and_then(Value::as_str).unwrap_or_default() {
        "end_turn" | "stop_sequence" | "tool_use" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::Refusal,
        other => envelope::other(other),
    }
}

/// The tool's input where the tool was used, else the text blocks; thinking is left out.
fn text(blocks: &[Value]) -> Option<String> {
    let of_type =
        |name: &'static str| blocks.iter().filter(move |block| block.get("type") == Some(&name.into()));
    if let Some(input) = of_type("tool_use").find_map(|block| block.get("input")) {
        return Some(input.to_string());
    }
    let texts: Vec<&str> = of_type("text").filter_map(|block| block.get("text")?.as_str()).collect();
    (!texts.is_empty()).then(|| texts.concat())
}

/// The service counts uncached, cached and newly cached input apart.
fn usage(usage: &Value) -> Option<Usage> {
    let cached = envelope::tokens(usage, "/cache_read_input_tokens");
    let input = envelope::tokens(usage, "/input_tokens")
        .saturating_add(envelope::tokens(usage, "/cache_creation_input_tokens"))
        .saturating_add(cached);
    envelope::counted(input, cached, envelope::tokens(usage, "/output_tokens"))
}
