//! Requests as they are sent, replies as vendors sent them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::persona::{ModelName, RecordId};
use crate::prompt::{Message, Prompt, Role};
use crate::provider::{
    ApiKey, Call, Completion, Dialect, Endpoint, EndpointOptions, FailureKind, FinishReason, ProviderError,
    SamplingOptions, StructuredOutput,
};

const VENDORS: [(&str, &str); 4] = [
    ("openai", "gpt-5-mini"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini-2.5-flash"),
    ("ollama", "llama3.1:8b"),
];

const MODES: [StructuredOutput; 4] = [
    StructuredOutput::JsonSchema,
    StructuredOutput::JsonObjectWithSchema,
    StructuredOutput::JsonObject,
    StructuredOutput::PromptOnly,
];

fn wire(name: &str) -> Box<dyn Wire> {
    Endpoint::new(name, &EndpointOptions::default()).expect("known").wire()
}

fn call(model: &str, mode: Option<StructuredOutput>) -> Call {
    let turn = |role, content: &str| Message { role, content: content.to_owned() };
    Call {
        record: RecordId::new("r1").expect("valid"),
        member: ModelName::new("m").expect("valid"),
        model: model.to_owned(),
        sample: 0,
        part: 0,
        attempt: 0,
        prompt: Prompt {
            system: "You draft personas.".to_owned(),
            messages: vec![
                turn(Role::User, "Draft one."),
                turn(Role::Assistant, "No."),
                turn(Role::User, "Only JSON, please."),
            ],
            schema: Some(Arc::new(json!({
                "type": "object",
                "properties": {
                    "name": { "type": "string", "minLength": 1 },
                    "age": { "type": "integer", "minimum": 0 }
                },
                "required": ["name"]
            }))),
        },
        options: SamplingOptions {
            temperature: Some(0.5),
            top_p: Some(0.9),
            seed: Some(7),
            max_output_tokens: Some(1_000),
            structured_output: mode,
            extra: serde_json::Map::new(),
        },
    }
}

#[test]
fn requests_are_what_the_vendors_document() {
    for (vendor, model) in VENDORS {
        for mode in MODES {
            let name = json!(mode).as_str().map(|mode| format!("{vendor}_{mode}")).expect("a name");
            insta::assert_json_snapshot!(name, wire(vendor).encode(&call(model, Some(mode))));
        }
    }
}

#[test]
fn what_a_call_leaves_open_is_left_to_the_endpoint() {
    for (vendor, model) in VENDORS {
        let mut open = call(model, None);
        let endpoint = Endpoint::new(vendor, &EndpointOptions::default()).expect("known");
        let said = call(model, Some(endpoint.structured_output()));
        assert_eq!(wire(vendor).encode(&open), wire(vendor).encode(&said));
        open.options = SamplingOptions::default();
        open.prompt.schema = None;
        let body = wire(vendor).encode(&open).body.expect("a body").to_string();
        for field in ["temperature", "top_p", "topP", "seed", "response", "format", "tools", "num_predict"] {
            assert!(!body.contains(field), "{vendor}: {field} in {body}");
        }
    }
}

#[test]
fn providers_that_speak_openai_differ_where_they_must() {
    let body = |name: &str| wire(name).encode(&call("m", None)).body.expect("a body");
    assert_eq!(body("openai")["max_completion_tokens"], 1_000);
    assert_eq!(body("vllm")["max_tokens"], 1_000);
    assert_eq!((&body("mistral")["random_seed"], body("mistral").get("seed")), (&json!(7), None));
    assert_eq!(body("deepseek")["response_format"], json!({ "type": "json_object" }));
    assert_eq!(body("llamacpp")["response_format"]["schema"]["type"], "object");
    assert_eq!(wire("openrouter").encode_probe().path, "/key");
}

#[test]
fn a_schema_with_free_keys_is_still_sent() {
    let mut free = call("m", None);
    free.prompt.schema = Some(Arc::new(json!({ "type": "object" })));
    let body = |name: &str| wire(name).encode(&free).body.expect("a body");
    assert_eq!(body("openai")["response_format"]["json_schema"]["strict"], false);
    assert_eq!(body("anthropic")["tool_choice"]["name"], "answer");
    assert_eq!(body("gemini")["generationConfig"]["responseJsonSchema"], json!({ "type": "object" }));
}

#[test]
fn further_fields_are_merged_but_never_take_the_question_away() {
    let mut further = call("m", None);
    let extra = json!({
        "options": { "num_ctx": 8192 }, "reasoning_effort": "low", "stream": true, "model": "other", "messages": []
    });
    further.options.extra = extra.as_object().expect("an object").clone();
    let body = wire("ollama").encode(&further).body.expect("a body");
    assert_eq!((&body["options"]["num_ctx"], &body["options"]["seed"]), (&json!(8192), &json!(7)));
    assert_eq!((&body["reasoning_effort"], &body["stream"]), (&json!("low"), &json!(false)));
    assert_eq!((&body["model"], body["messages"].as_array().map(Vec::len)), (&json!("m"), Some(4)));
}

#[test]
fn a_models_name_stays_one_segment_of_the_path() {
    let path = |model: &str| wire("gemini").encode(&call(model, None)).path;
    assert_eq!(path("models/gemini-2.5-flash"), "/models/gemini-2.5-flash:generateContent");
    assert_eq!(path("../../x?key=1#é"), "/models/..%2F..%2Fx%3Fkey%3D1%23%C3%A9:generateContent");
}

/// A saved reply: `HTTP STATUS`, headers, an empty line, the body.
fn saved(path: &Path) -> HttpReply {
    let text = std::fs::read_to_string(path).expect("a fixture");
    let (head, body) = text.split_once("\n\n").expect("an empty line");
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.strip_prefix("HTTP ")).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    HttpReply {
        status: status.expect("a status"),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: body.as_bytes().to_vec(),
        received_at: httpdate::parse_http_date("Sat, 21 Nov 2026 10:00:00 GMT").expect("a date"),
        secret: Some(ApiKey::new("KEY", "sk-canary-0123456789abcdef").expect("valid")),
    }
}

fn scenarios(vendor: &str) -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/provider").join(vendor);
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

fn outcome(result: &Result<Completion, ProviderError>) -> Value {
    match result {
        Ok(completion) => json!({ "completion": completion }),
        Err(error) => json!({
            "kind": error.kind,
            "retry_after": error.retry_after.map(|wait| wait.as_secs_f64()),
            "usage": error.usage,
            "message": error.message,
        }),
    }
}

#[test]
fn replies_are_read_as_what_they_are() {
    for (vendor, _) in VENDORS {
        let outcomes: BTreeMap<String, Value> = scenarios(vendor)
            .into_iter()
            .map(|(name, path)| (name, outcome(&wire(vendor).decode(&saved(&path)))))
            .collect();
        assert!(!json!(outcomes).to_string().contains("canary"), "{vendor}");
        insta::assert_json_snapshot!(format!("{vendor}_replies"), outcomes);
    }
}

/// The meaning of the scenarios whose names several vendors share.
#[test]
fn scenarios_of_one_name_mean_the_same_at_every_vendor() {
    for (vendor, _) in VENDORS {
        for (name, path) in scenarios(vendor) {
            let result = wire(vendor).decode(&saved(&path));
            let kind = result.as_ref().err().map(|error| error.kind);
            let finish = result.as_ref().ok().map(|completion| completion.finish_reason.clone());
            let expected = match name.as_str() {
                "success" => {
                    let completion = result.expect("a completion");
                    assert_eq!(completion.content, r#"{"personas":[{"name":"Ada","age":31}]}"#);
                    assert_eq!(completion.usage.map(|usage| usage.output_tokens), Some(40), "{vendor}");
                    continue;
                }
                "refusal" | "safety" | "content_filter" | "blocked_prompt" => {
                    (None, Some(FinishReason::Refusal))
                }
                name if name.starts_with("length") => (None, Some(FinishReason::Length)),
                name if name.starts_with("error_inside") => (Some(FailureKind::Unusable), None),
                name if name.starts_with("rate_limit") => (Some(FailureKind::RateLimited), None),
                name if name.starts_with("context_length") => (Some(FailureKind::RecordRejected), None),
                name if name.starts_with("quota") || name.starts_with("wrong_key") => {
                    (Some(FailureKind::ProviderRejected), None)
                }
                _ => continue,
            };
            assert_eq!((kind, finish), expected, "{vendor} {name}");
        }
    }
}

#[test]
fn reserved_fields_are_fields_of_the_request() {
    for (vendor, model) in VENDORS {
        let endpoint = Endpoint::new(vendor, &EndpointOptions::default()).expect("known");
        let body = wire(vendor).encode(&call(model, None)).body.expect("a body");
        for field in endpoint.dialect().reserved_fields() {
            // A second choice is never asked for, so the field is not there.
            let absent = endpoint.dialect() == Dialect::OpenAi && *field == "n";
            assert_eq!(body.get(*field).is_none(), absent, "{vendor} {field}");
        }
    }
}

/// A reply cut, flipped or spliced anywhere.
fn spoiled() -> impl Strategy<Value = (usize, Vec<u8>, u16)> {
    let bodies: Vec<Vec<u8>> = VENDORS
        .iter()
        .flat_map(|(vendor, _)| scenarios(vendor).into_values())
        .map(|path| saved(&path).body)
        .collect();
    let body = proptest::sample::select(bodies).prop_flat_map(|body| {
        let length = body.len();
        (Just(body), 0..=length, proptest::collection::vec((0..=length, any::<u8>()), 0..4))
    });
    let status = prop_oneof![4 => Just(200_u16), 1 => 100_u16..600];
    (0..VENDORS.len(), body, status).prop_map(|(vendor, (mut body, cut, flips), status)| {
        for (at, byte) in flips {
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
        }
        body.truncate(cut.max(1));
        (vendor, body, status)
    })
}

proptest! {
    #[test]
    fn no_bytes_whatever_bring_a_decoder_down((vendor, body, status) in spoiled()) {
        let received_at = std::time::SystemTime::UNIX_EPOCH;
        let reply = HttpReply { status, headers: Vec::new(), body, received_at, secret: None };
        match wire(VENDORS[vendor].0).decode(&reply) {
            Ok(_) => prop_assert!((200..300).contains(&status)),
            Err(error) => {
                prop_assert!(error.message.chars().count() < 400, "{}", error.message);
                prop_assert!(!error.message.chars().any(char::is_control));
            }
        }
    }
}
