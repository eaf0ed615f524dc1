//! Whatever comes in, nothing panics: replies, the bodies of four vendors, study files.
//!
//! 10,000 cases each; `CONSONA_FUZZ_CASES=100000 cargo test --release --test fuzz` for more.
#![cfg(feature = "run")]

use std::path::Path;
use std::time::SystemTime;

use consona::parse::{Outcome, parse_reply};
use consona::persona::TraitSchema;
use consona::provider::{Dialect, Endpoint, EndpointOptions, HttpReply, Wire};
use consona::run::Study;
use consona::run::study::EXAMPLE;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn cases() -> ProptestConfig {
    let cases =
        std::env::var("CONSONA_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000);
    ProptestConfig { cases, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Remove(Index, Index),
    Insert(Index, String),
    Repeat(Index, Index, usize),
    Flip(Index, u8),
}

/// Pieces that break parsers.
const PIECES: [&str; 32] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "null",
    "NaN",
    "-",
    "1e999",
    ",",
    ":",
    "```json",
    "```",
    "<think>",
    "</think>",
    "\u{feff}",
    "\u{0}",
    "\u{202e}",
    "personas",
    "\n",
    "\n  - ",
    "&a",
    "*a",
    "<<:",
    "!!binary",
    "é",
    "🧑‍🤝‍🧑",
    "'",
    "#",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        (at(), select(PIECES.to_vec())).prop_map(|(at, piece)| Change::Insert(at, piece.to_owned())),
        (at(), any::<String>()).prop_map(|(at, text)| Change::Insert(at, text)),
        (at(), at(), 1_usize..40).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
    ]
}

/// Makes changes, with no regard for what the bytes mean.
fn changed(text: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for change in changes {
        let span = |bytes: &[u8], from: &Index, to: &Index| {
            let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
            from.min(to)..from.max(to).min(from.min(to) + 64)
        };
        match change {
            Change::Remove(from, to) => drop(bytes.drain(span(&bytes, from, to))),
            Change::Insert(at, piece) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, piece.bytes());
            }
            Change::Repeat(from, to, times) => {
                let span = span(&bytes, from, to);
                let piece = bytes[span.clone()].repeat(*times);
                bytes.splice(span.end..span.end, piece);
            }
            Change::Flip(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= byte;
            }
            Change::Flip(..) => {}
        }
    }
    bytes
}

const REPLIES: [&str; 5] = [
    r#"{"personas": [{"name": "Ada", "age": 31, "goals": ["rest", "quiet"]}, {"name": "Bo", "age": "60s"}]}"#,
    "Sure! Here they are:\n```json\n{\"personas\": [{\"name\": \"Ada\", \"age\": 30}]}\n```\nAnything else?",
    "<think>{\"personas\": []}</think>\n{\"personas\": [{\"name\": \"Ada\", \"quotes\": [\"a } brace\"]}]}",
    r#"[{"name": "Ada", "age": null}, {"name": "Ada", "name": "Bo"}]"#,
    "I would rather not.",
];

fn body(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => {
            r#"{"content": [{"type": "text", "text": "{}"}], "stop_reason": "end_turn", "model": "m", "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 1}}"#
        }
        Dialect::Gemini => {
            r#"{"candidates": [{"content": {"parts": [{"text": "{}"}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}}"#
        }
        Dialect::Ollama => {
            r#"{"message": {"role": "assistant", "content": "{}"}, "done": true, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 2}"#
        }
        _ => {
            r#"{"choices": [{"message": {"content": "{}", "refusal": null}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}, "error": {"code": 429, "message": "Please try again in 1.5s."}}"#
        }
    }
}

fn wire(dialect: Dialect) -> Box<dyn Wire> {
    let options = EndpointOptions {
        base_url: Some("http://127.0.0.1:9".to_owned()),
        dialect: Some(dialect),
        ..EndpointOptions::default()
    };
    Endpoint::new("own", &options).expect("a valid endpoint").wire()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_reply_is_personas_or_one_reason_why_not(
        reply in select(REPLIES.to_vec()),
        changes in prop::collection::vec(change(), 0..6),
        most in 1_usize..5,
    ) {
        let text = String::from_utf8_lossy(&changed(reply.as_bytes(), &changes)).into_owned();
        match parse_reply(&text, false, &TraitSchema::default_persona(), 1..=most) {
            Outcome::Personas { personas, .. } => prop_assert!((1..=most).contains(&personas.len()), "{text}"),
            other => prop_assert!(!other.complaints().is_empty() || other == Outcome::Refusal, "{text}"),
        }
    }

    #[test]
    fn a_body_is_a_completion_or_a_typed_error_of_one_clean_line(
        dialect in select(vec![Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama]),
        changes in prop::collection::vec(change(), 0..6),
        status in select(vec![200_u16, 204, 302, 400, 401, 404, 408, 429, 500, 503, 529]),
        hint in prop::option::of("[-+ 0-9a-zA-Z:,.]{0,32}"),
    ) {
        let headers = hint.map(|hint| vec![("Retry-After".to_owned(), hint)]).unwrap_or_default();
        let body = changed(body(dialect).as_bytes(), &changes);
        let reply = HttpReply { status, headers, body, received_at: SystemTime::UNIX_EPOCH, secret: None };
        if let Err(error) = wire(dialect).decode(&reply) {
            prop_assert!(!error.message.is_empty());
            prop_assert!(!error.message.chars().any(char::is_control), "{:?}", error.message);
        } else {
            prop_assert!((200..300).contains(&status));
        }
    }

    #[test]
    fn a_study_file_is_a_study_or_an_error_that_names_the_file(
        changes in prop::collection::vec(change(), 0..6),
    ) {
        let text = String::from_utf8_lossy(&changed(EXAMPLE.as_bytes(), &changes)).into_owned();
        let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        if let Err(error) = Study::parse(&text, Path::new("s.yaml"), &nothing) {
            prop_assert!(error.to_string().contains("s.yaml"), "{error}");
        }
    }
}
