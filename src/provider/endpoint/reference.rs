//! `provider:model`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of a model, in bytes.
const LONGEST: usize = 256;

/// A text that is no `provider:model`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelReferenceError {
    /// No colon, or nothing on one side of it.
    #[error(
        "`{text}` names no model; write `provider:model`, for instance `openai:gpt-5` or `ollama:llama3.1:8b`"
    )]
    Incomplete {
        /// The text, escaped.
        text: String,
    },
    /// A provider's name has other characters than lower-case letters, digits, `-` and `_`.
    #[error("`{provider}` is no name of a provider; use lower-case letters, digits, `-` and `_`")]
    Provider {
        /// The name, escaped.
        provider: String,
    },
    /// A model's name has control characters or is longer than 256 bytes.
    #[error("`{model}` is no name of a model: it has a control character or more than {LONGEST} bytes")]
    Model {
        /// The beginning of the name, escaped.
        model: String,
    },
}

/// A provider's name and a model's name at that provider.
///
/// Written `provider:model`. The first colon separates; the model may hold more colons and slashes
/// (`ollama:llama3.1:8b`, `openrouter:meta-llama/llama-3.1-8b-instruct:free`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelReference {
    provider: String,
    model: String,
}

impl ModelReference {
    /// Reads `provider:model`. Whether the provider is known is not asked here.
    ///
    /// # Errors
    /// [`ModelReferenceError`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, ModelReferenceError> {
        let shown = |text: &str| text.chars().take(80).collect::<String>().escape_debug().to_string();
        let (provider, model) = text.split_once(':').unwrap_or((text, ""));
        let (provider, model) = (provider.trim(), model.trim());
        if provider.is_empty() || model.is_empty() {
            return Err(ModelReferenceError::Incomplete { text: shown(text) });
        }
        if !is_provider_name(provider) {
            return Err(ModelReferenceError::Provider { provider: shown(provider) });
        }
        if model.len() > LONGEST || model.chars().any(char::is_control) {
            return Err(ModelReferenceError::Model { model: shown(model) });
        }
        Ok(Self { provider: provider.to_owned(), model: model.to_owned() })
    }

    /// The name before the first colon.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Everything after the first colon.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }
}

/// Lower-case letters, digits, `-` and `_`, at most 64 of them.
pub(crate) fn is_provider_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

impl fmt::Display for ModelReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.model)
    }
}

impl FromStr for ModelReference {
    type Err = ModelReferenceError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ModelReference {
    type Error = ModelReferenceError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ModelReference> for String {
    fn from(reference: ModelReference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn models_may_hold_colons_and_slashes() {
        let reference = ModelReference::parse("openrouter:meta-llama/llama-3:free").expect("valid");
        assert_eq!((reference.provider(), reference.model()), ("openrouter", "meta-llama/llama-3:free"));
    }

    #[test]
    fn what_names_no_model_is_told_how_to() {
        for text in ["", "gpt-5", "openai:", ":gpt-5", "openai:  "] {
            let error = ModelReference::parse(text).expect_err("refused");
            assert!(error.to_string().contains("write `provider:model`"), "{error}");
        }
        assert!(matches!(ModelReference::parse("Open AI:x"), Err(ModelReferenceError::Provider { .. })));
        assert!(matches!(ModelReference::parse("a:\u{1b}[2J"), Err(ModelReferenceError::Model { .. })));
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_the_same(provider in "[a-z0-9_-]{1,12}", model in "[!-~]{1,30}") {
            let text = format!("{provider}:{model}");
            let reference = ModelReference::parse(&text).expect("valid");
            prop_assert_eq!(reference.to_string(), text);
        }
    }
}
