//! The words that stand in for a schema where an endpoint does not enforce one.

use serde_json::{Value, json};

use crate::prompt::{Prompt, Role};
use crate::provider::StructuredOutput;

/// The turns of a conversation, under the names that most vendors have for who speaks.
pub(crate) fn turns(prompt: &Prompt) -> Vec<Value> {
    let turn = |message: &crate::prompt::Message| {
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": message.content })
    };
    prompt.messages.iter().map(turn).collect()
}

/// The turns, after the standing instructions as the first one.
pub(crate) fn chat(prompt: &Prompt, mode: StructuredOutput) -> Vec<Value> {
    let system = system(prompt, mode);
    let first = (!system.is_empty()).then(|| json!({ "role": "system", "content": system }));
    first.into_iter().chain(turns(prompt)).collect()
}

/// The standing instructions, with the schema in words unless the endpoint enforces it.
pub(crate) fn system(prompt: &Prompt, mode: StructuredOutput) -> String {
    match &prompt.schema {
        Some(schema) if mode != StructuredOutput::JsonSchema => format!(
            "{}\n\nAnswer with one JSON object and nothing else: no introduction, no Markdown. \
             The object must be valid under this JSON Schema:\n{schema}",
            prompt.system
        )
        .trim_start()
        .to_owned(),
        _ => prompt.system.clone(),
    }
}
