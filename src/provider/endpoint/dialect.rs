//! The wire formats by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Dialect {
    /// OpenAI chat completions, which most services and local servers speak.
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `generateContent`.
    Gemini,
    /// Ollama `/api/chat`.
    Ollama,
}

impl Dialect {
    /// The name in study files: `openai`, `anthropic`, `gemini`, `ollama`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// Fields of the request's body that [`SamplingOptions::extra`](crate::provider::SamplingOptions)
    /// never replaces, because the answer could then not be read or not be attributed.
    #[must_use]
    pub fn reserved_fields(self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["model", "messages", "stream", "n"],
            Self::Anthropic | Self::Ollama => &["model", "messages", "stream"],
            Self::Gemini => &["contents"],
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_written_as_it_is_named() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama] {
            assert_eq!(serde_json::to_value(dialect).ok(), Some(dialect.name().into()));
        }
    }
}
