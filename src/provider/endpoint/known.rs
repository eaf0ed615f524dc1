//! Providers that need no description.

use super::Dialect;
use crate::provider::StructuredOutput;

/// A provider that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownProvider {
    /// The name before the colon.
    pub name: &'static str,
    /// The wire format that it speaks.
    pub dialect: Dialect,
    /// Where it answers.
    pub base_url: &'static str,
    /// The environment variable of its key; `None` for servers on this machine, which need none.
    pub key_variable: Option<&'static str>,
    /// How it is best asked for JSON.
    pub structured_output: StructuredOutput,
}

const fn known(
    name: &'static str,
    dialect: Dialect,
    base_url: &'static str,
    key_variable: Option<&'static str>,
    structured_output: StructuredOutput,
) -> KnownProvider {
    KnownProvider { name, dialect, base_url, key_variable, structured_output }
}

/// The known providers, by name.
pub const KNOWN_PROVIDERS: [KnownProvider; 15] = {
    use Dialect::{Anthropic, Gemini, Ollama, OpenAi};
    use StructuredOutput::{JsonObject, JsonObjectWithSchema, JsonSchema};
    [
        known("anthropic", Anthropic, "https://api.anthropic.com/v1", Some("ANTHROPIC_API_KEY"), JsonSchema),
        // JSON mode only.
        known("deepseek", OpenAi, "https://api.deepseek.com/v1", Some("DEEPSEEK_API_KEY"), JsonObject),
        known(
            "fireworks",
            OpenAi,
            "https://api.fireworks.ai/inference/v1",
            Some("FIREWORKS_API_KEY"),
            JsonSchema,
        ),
        known(
            "gemini",
            Gemini,
            "https://generativelanguage.googleapis.com/v1beta",
            Some("GEMINI_API_KEY"),
            JsonSchema,
        ),
        // Few of its models enforce a schema, all know JSON mode.
        known("groq", OpenAi, "https://api.groq.com/openai/v1", Some("GROQ_API_KEY"), JsonObject),
        // llama-server takes both forms; llama_cpp.server answers 500 to `json_schema`.
        known("llamacpp", OpenAi, "http://localhost:8080/v1", None, JsonObjectWithSchema),
        known("lmstudio", OpenAi, "http://localhost:1234/v1", None, JsonSchema),
        known("mistral", OpenAi, "https://api.mistral.ai/v1", Some("MISTRAL_API_KEY"), JsonSchema),
        known("ollama", Ollama, "http://localhost:11434", None, JsonSchema),
        known("openai", OpenAi, "https://api.openai.com/v1", Some("OPENAI_API_KEY"), JsonSchema),
        known("openrouter", OpenAi, "https://openrouter.ai/api/v1", Some("OPENROUTER_API_KEY"), JsonSchema),
        known("sglang", OpenAi, "http://localhost:30000/v1", None, JsonSchema),
        known("together", OpenAi, "https://api.together.xyz/v1", Some("TOGETHER_API_KEY"), JsonSchema),
        known("vllm", OpenAi, "http://localhost:8000/v1", None, JsonSchema),
        known("xai", OpenAi, "https://api.x.ai/v1", Some("XAI_API_KEY"), JsonSchema),
    ]
};

impl KnownProvider {
    /// The provider of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KNOWN_PROVIDERS.iter().find(|provider| provider.name == name)
    }
}
