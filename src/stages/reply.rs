//! The one JSON object of a stage's reply, read strictly.
//!
//! Like personas ([`crate::parse`]): found in the text, never repaired. A field too many, one too few or
//! one of another type makes the reply unusable, with the path of the field.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::parse::strict_json::{self, Read};
use crate::parse::{fenced, is_refusal, pieces, without_thoughts};

/// Why a stage's reply cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The provider reported a cut, or a bracket is never closed.
    #[error("the answer was cut off; allow more output tokens or ask for less")]
    Truncated,
    /// Nothing but white space.
    #[error("the answer was empty")]
    Empty,
    /// The model declined in words.
    #[error("the model declined to answer")]
    Refusal,
    /// Words, and no JSON object among them.
    #[error("there was no JSON object in the answer")]
    NoJson,
    /// Several objects that differ.
    #[error("there were {answers} different JSON objects in the answer; one was asked for")]
    Ambiguous {
        /// How many.
        answers: usize,
    },
    /// What looks like JSON and is none.
    #[error("the answer is no valid JSON: {reason}")]
    Json {
        /// What the reader stumbled over, with its place.
        reason: String,
    },
    /// JSON of another form.
    #[error("`{path}`: {reason}")]
    Form {
        /// The field.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A number, letter or id that was not shown to the model.
    #[error("`{path}` is `{found}`, which was not in the question; there are: {known}")]
    Unknown {
        /// The field.
        path: String,
        /// What stands there.
        found: String,
        /// What could stand there.
        known: String,
    },
    /// The same thing answered twice.
    #[error("`{path}` answers `{found}` a second time; answer it once")]
    Twice {
        /// The field.
        path: String,
        /// What was answered before.
        found: String,
    },
}

impl ReplyError {
    /// A field that does not say what it must.
    pub(super) fn form(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Form { path: path.into(), reason: reason.into() }
    }
}

/// Reads the object that a reply holds, bare, in a code fence, after thoughts or in prose.
pub(super) fn read<T: DeserializeOwned>(text: &str, truncated: bool) -> Result<T, ReplyError> {
    let value = object(text, truncated)?;
    serde_path_to_error::deserialize(value)
        .map_err(|error| ReplyError::form(error.path().to_string(), error.inner().to_string()))
}

fn object(text: &str, truncated: bool) -> Result<Value, ReplyError> {
    if truncated {
        return Err(ReplyError::Truncated);
    }
    let text = without_thoughts(text.trim_start_matches('\u{feff}')).ok_or(ReplyError::Truncated)?.trim();
    if text.is_empty() {
        return Err(ReplyError::Empty);
    }
    let fences = fenced(text);
    let mut found: Vec<Value> = Vec::new();
    for region in if fences.is_empty() { vec![text] } else { fences } {
        let pieces = pieces(region);
        if pieces.cut {
            return Err(ReplyError::Truncated);
        }
        for piece in pieces.whole.into_iter().chain(pieces.crossed) {
            let value = strictly(piece)?;
            if value.is_object() && !found.contains(&value) {
                found.push(value);
            }
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 if is_refusal(text) => Err(ReplyError::Refusal),
        0 => Err(ReplyError::NoJson),
        answers => Err(ReplyError::Ambiguous { answers }),
    }
}

fn strictly(piece: &str) -> Result<Value, ReplyError> {
    let Read { value, duplicates, .. } =
        strict_json::read(piece).map_err(|error| ReplyError::Json { reason: error.to_string() })?;
    match duplicates.first() {
        None => Ok(value),
        Some(twice) => {
            let path = strict_json::path_of(&twice.at);
            Err(ReplyError::Twice { path, found: twice.key.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        a: Vec<u8>,
    }

    fn answer(text: &str) -> Result<Answer, ReplyError> {
        read(text, false)
    }

    #[test]
    fn the_object_is_found_wherever_models_put_it() {
        for text in [
            "{\"a\": [1]}",
            "```json\n{\"a\": [1]}\n```",
            "<think>{\"a\": [2]}</think>\nHere: {\"a\": [1]}",
            "{\"a\": [1]} and again {\"a\": [1]}",
        ] {
            assert_eq!(answer(text), Ok(Answer { a: vec![1] }), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert_eq!(answer(" \n"), Err(ReplyError::Empty));
        assert_eq!(answer("{\"a\": [1"), Err(ReplyError::Truncated));
        assert_eq!(read::<Answer>("{\"a\": [1]}", true), Err(ReplyError::Truncated));
        assert_eq!(answer("I cannot help with that."), Err(ReplyError::Refusal));
        assert_eq!(answer("A fine panel."), Err(ReplyError::NoJson));
        assert_eq!(answer("{\"a\": [1]} or {\"a\": [2]}"), Err(ReplyError::Ambiguous { answers: 2 }));
        let twice = ReplyError::Twice { path: String::new(), found: "a".to_owned() };
        assert_eq!(answer("{\"a\": [1], \"a\": [2]}"), Err(twice));
        let message = answer("{\"a\": [1, \"x\"]}").unwrap_err().to_string();
        assert!(message.starts_with("`a[1]`: invalid type"), "{message}");
        assert!(answer("{\"a\": [], \"b\": 1}").unwrap_err().to_string().contains("unknown field `b`"));
        assert!(answer("{\"a\": }").unwrap_err().to_string().starts_with("the answer is no valid JSON"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".*", truncated: bool) {
            let _ = read::<Answer>(&text, truncated);
        }
    }
}
