//! What was asked and answered so far, so that a caller can ask on.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Answer, Stance};

/// A model that is asked, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// The model, as the caller names it.
    pub model: String,
    /// The side that it is asked to take.
    pub stance: Stance,
    /// How it is told so, instead of the standard words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stance_prompt: Option<String>,
}

/// What one model said in one turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The model.
    pub model: String,
    /// Its side.
    pub stance: Stance,
    /// Its answer, where it gave one.
    pub content: Option<String>,
}

/// One question with the answers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The question as it was put, the files with it.
    pub message: String,
    /// The answers, in the order of the voices.
    pub answers: Vec<Exchange>,
}

/// A consultation so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// Who was asked last, in order.
    pub voices: Vec<Voice>,
    /// The turns, oldest first.
    pub turns: Vec<Turn>,
    /// Where the models were asked, by the names under which they were: what was said to one vendor must not go to
    /// another one without being noticed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, String>,
}

impl Transcript {
    /// The same with one turn more.
    #[must_use]
    pub fn and(mut self, voices: Vec<Voice>, message: String, answers: &[Answer]) -> Self {
        let exchange = |answer: &Answer| Exchange {
            model: answer.model.clone(),
            stance: answer.stance,
            content: answer.success().map(str::to_owned),
        };
        self.turns.push(Turn { message, answers: answers.iter().map(exchange).collect() });
        self.voices = voices;
        self
    }

    /// Bytes of everything that was asked and answered.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let said = |turn: &Turn| {
            turn.answers.iter().filter_map(|one| one.content.as_ref()).map(String::len).sum::<usize>()
        };
        self.turns.iter().map(|turn| turn.message.len() + said(turn)).sum()
    }

    /// What a voice was asked before, with its own answers; nobody sees another's.
    pub(super) fn seen_by<'a>(
        &'a self,
        voice: &'a Voice,
    ) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.turns.iter().map(move |turn| {
            let own = |exchange: &&Exchange| exchange.model == voice.model && exchange.stance == voice.stance;
            (turn.message.as_str(), turn.answers.iter().find(own).and_then(|own| own.content.as_deref()))
        })
    }
}

/// The name of a stored transcript: 32 hexadecimal digits, drawn at random, so that nobody guesses another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ContinuationId(String);

/// A text that is no continuation id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no continuation id; give back the 32 hexadecimal digits of an earlier answer")]
pub struct ContinuationIdError(String);

impl ContinuationId {
    /// The id of a random number.
    #[must_use]
    pub fn new(random: u128) -> Self {
        Self(format!("{random:032x}"))
    }

    /// The digits. They are no path and cannot become one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContinuationId {
    type Err = ContinuationIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ContinuationIdError(text.chars().take(40).collect::<String>().escape_debug().to_string()))
        }
    }
}

impl TryFrom<String> for ContinuationId {
    type Error = ContinuationIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContinuationId> for String {
    fn from(id: ContinuationId) -> Self {
        id.0
    }
}

impl fmt::Display for ContinuationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_no_continuation_id() {
        let long = "a".repeat(33);
        for text in [
            "",
            "../../etc/passwd",
            "0123456789abcdef0123456789abcde/",
            &long,
            "ABCDEF0123456789ABCDEF0123456789",
        ] {
            assert!(text.parse::<ContinuationId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_made_can_be_given_back(random in any::<u128>()) {
            let id = ContinuationId::new(random);
            prop_assert_eq!(id.as_str().parse::<ContinuationId>(), Ok(id.clone()));
        }
    }
}
