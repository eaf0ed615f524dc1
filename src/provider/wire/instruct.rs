//! The words that stand in for a schema where an endpoint does not enforce one.

use crate::prompt::Prompt;
use crate::provider::StructuredOutput;

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
