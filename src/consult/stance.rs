//! Which side a model is asked to take.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which side a model is asked to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// In favour.
    For,
    /// Against.
    Against,
    /// Neither.
    #[default]
    Neutral,
}

impl Stance {
    /// The stance of that name: `for`, `against` or `neutral`, in whatever case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::For, Self::Against, Self::Neutral]
            .into_iter()
            .find(|stance| stance.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::For => "for",
            Self::Against => "against",
            Self::Neutral => "neutral",
        }
    }

    /// Splits `model:stance`. A model's name may hold colons itself, so that only a last segment that
    /// names a stance is one: `ollama:llama3:8b` has none.
    #[must_use]
    pub fn split(text: &str) -> (&str, Option<Self>) {
        match text.rsplit_once(':') {
            Some((model, last)) => match Self::from_name(last) {
                Some(stance) => (model, Some(stance)),
                None => (text, None),
            },
            None => (text, None),
        }
    }

    /// How a model is told in a consultation; nothing where it takes no side.
    #[must_use]
    pub fn instruction(self) -> Option<&'static str> {
        match self {
            Self::For => Some(
                "Argue in favour: make the strongest honest case for what is asked about. Do not invent \
                 facts, and say so when a point cannot be defended.",
            ),
            Self::Against => Some(
                "Argue against: make the strongest honest case against what is asked about. Do not invent \
                 facts, and say so when an objection does not hold.",
            ),
            Self::Neutral => None,
        }
    }
}

impl fmt::Display for Stance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_last_segment_that_names_a_stance_is_one() {
        for (text, model, stance) in [
            ("openai:gpt-5:for", "openai:gpt-5", Some(Stance::For)),
            ("ollama:llama3:8b:against", "ollama:llama3:8b", Some(Stance::Against)),
            ("ollama:llama3:8b", "ollama:llama3:8b", None),
            ("openrouter:meta/llama:free:neutral", "openrouter:meta/llama:free", Some(Stance::Neutral)),
            ("openai:gpt-5:FOR", "openai:gpt-5", Some(Stance::For)),
            ("openai:gpt-5:Against", "openai:gpt-5", Some(Stance::Against)),
            ("replay:for:for", "replay:for", Some(Stance::For)),
            ("aurora", "aurora", None),
        ] {
            assert_eq!(Stance::split(text), (model, stance), "{text}");
        }
    }
}
