//! Narratives: a persona told in sentences, none of which says more than the consensus does.
//!
//! A model gets a persona's [`Statement`](super::Statement)s by number and answers sentences that cite them
//! ([`narrative_prompt`], [`read_narrative`]); without a model, sentences are cut from the statements by template
//! ([`template`]). Whoever wrote them, [`Checker`] then holds every sentence against the statements by
//! rules of its own: citations are kept, and decide nothing.

mod check;
#[cfg(test)]
mod check_tests;
mod piece;
mod prompt;
mod template;
mod wish;

use serde::{Deserialize, Serialize};

pub use check::{Checker, SUPPORTED};
pub use prompt::{narrative_prompt, read_narrative};
pub use template::template;

/// A sentence before anyone has checked it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The sentence.
    pub text: String,
    /// The statements that it claims to rest on, by number.
    pub cited: Vec<usize>,
}

/// What becomes of sentences that no statement supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ungrounded {
    /// They leave the text and are listed apart.
    #[default]
    Remove,
    /// They stay, with their status.
    Mark,
}

/// How a sentence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every part of it is said by a statement.
    Supported,
    /// The same, but the models disagree about one of those statements, another one says the opposite, it is a goal told as
    /// a fact, or some words are the author's own.
    Uncertain,
    /// Some part of it is said by none.
    Unsupported,
}

/// Why a sentence is not supported, or what of it is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "doubt", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Doubt {
    /// A number that no statement has.
    Number {
        /// The number.
        number: f64,
    },
    /// The opposite of a statement.
    Contradicts {
        /// The statement's number.
        statement: usize,
    },
    /// A part that no statement says.
    NoStatement {
        /// The part.
        part: String,
    },
    /// Words that no statement and no passage has, in a part that is otherwise said: they may claim more than is known.
    OwnWords {
        /// The words.
        words: Vec<String>,
    },
    /// What the consensus has as a goal, told as if it were so.
    GoalAsFact {
        /// The statement's number.
        statement: usize,
    },
    /// Nothing that could be true or false.
    SaysNothing,
}

/// A sentence and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentence {
    /// The sentence.
    pub text: String,
    /// The traits whose statements support it, by name, none twice.
    pub traits: Vec<String>,
    /// Those statements, by number.
    pub statements: Vec<usize>,
    /// The statements that its author cites; not trusted.
    pub cited: Vec<usize>,
    /// How well its weakest part is supported, 0..=1.
    pub support: f64,
    /// How it stands.
    pub status: Status,
    /// Why it is not supported, or what of it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// What other models say about its traits, where they disagree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_sides: Vec<String>,
}

/// A persona in sentences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Narrative {
    /// The persona.
    pub persona_id: String,
    /// The model that wrote it; nothing where it was cut from the statements.
    pub author: Option<String>,
    /// What is told.
    pub sentences: Vec<Sentence>,
    /// Sentences that no statement supports, taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Sentence>,
}

impl Narrative {
    /// The sentences as one text; unsupported and uncertain ones carry a mark.
    #[must_use]
    pub fn text(&self) -> String {
        let told = self.sentences.iter().map(|sentence| match sentence.status {
            Status::Supported => sentence.text.clone(),
            Status::Uncertain => match &sentence.doubt {
                Some(Doubt::OwnWords { words }) => {
                    format!("{} [in words of its own: {}]", sentence.text, words.join(", "))
                }
                Some(Doubt::GoalAsFact { .. }) => format!("{} [a goal, told as a fact]", sentence.text),
                _ => format!("{} [uncertain]", sentence.text),
            },
            Status::Unsupported => format!("{} [not supported]", sentence.text),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    /// The share of the sentences as they were written that is supported, uncertain ones included; nothing
    /// for no sentences.
    #[must_use]
    pub fn grounded(&self) -> Option<f64> {
        let all = self.sentences.len() + self.removed.len();
        let grounded =
            self.sentences.iter().filter(|sentence| sentence.status != Status::Unsupported).count();
        (all > 0).then(|| grounded as f64 / all as f64)
    }
}
