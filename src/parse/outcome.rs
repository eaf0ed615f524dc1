//! What became of a reply: one typed outcome, never a guess.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::persona::{Draft, Evidence, ModelName, RecordId, TraitValue};

/// A model that is told more than this at once repairs none of it.
const MOST_COMPLAINTS: usize = 20;

/// Something in an answer that cannot stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Where, such as `personas[1].age`; empty for the whole answer.
    pub path: String,
    /// What stands there, shortened to 60 characters, without control characters.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the answer" } else { &self.path };
        write!(f, "`{path}` is {}; expected {}", self.found, self.expected)
    }
}

/// Something in an answer that was read in a way its writer may not have meant, or left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Where, such as `personas[1].job`; empty for the whole answer.
    pub path: String,
    /// What was done.
    pub message: String,
}

/// One persona of an answer, before it is known who said it about what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedPersona {
    /// What the persona is said to be, under the schema's names where it knows them.
    pub traits: BTreeMap<String, TraitValue>,
    /// Further answers per trait, best first.
    pub alternatives: BTreeMap<String, Vec<TraitValue>>,
    /// Why, per trait.
    pub reasons: BTreeMap<String, String>,
    /// Passages cited, per trait.
    pub evidence: BTreeMap<String, Vec<Evidence>>,
}

impl ParsedPersona {
    /// The draft that this is, said by `model` in one sitting; `position` counts from 0 within it
    /// and `origin` is the id of the stored reply.
    #[must_use]
    pub fn into_draft(
        self,
        record: RecordId,
        model: ModelName,
        sample: u32,
        part: u32,
        position: u32,
        origin: String,
    ) -> Draft {
        let Self { traits, alternatives, reasons, evidence } = self;
        Draft { record, model, sample, part, position, traits, alternatives, reasons, evidence, origin }
    }
}

/// What became of a reply.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Personas, every value of them within the schema.
    Personas {
        /// In the order of the answer; as many as were asked for.
        personas: Vec<ParsedPersona>,
        /// What was left out or read with good will.
        notices: Vec<Notice>,
    },
    /// The model declined in words.
    Refusal,
    /// The answer was cut; what there is of it is not read.
    Truncated,
    /// Nothing but white space.
    Empty,
    /// Words, and no JSON among them.
    NoJson,
    /// Several answers that differ: which one is meant cannot be known.
    Ambiguous {
        /// How many different ones.
        answers: usize,
    },
    /// JSON that is not an answer to the question.
    Invalid {
        /// Everything that is wrong, in the order of the answer.
        violations: Vec<Violation>,
    },
}

impl Outcome {
    /// The outcome's name in results and run databases.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Personas { .. } => "personas",
            Self::Refusal => "refusal",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::NoJson => "no_json",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Invalid { .. } => "invalid",
        }
    }

    /// What to tell the model when it is asked once more: at most twenty lines, none for usable
    /// answers.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        match self {
            Self::Personas { .. } => Vec::new(),
            Self::Refusal | Self::NoJson => vec!["there was no JSON in the answer".to_owned()],
            Self::Truncated => vec!["the answer was cut off; make it shorter".to_owned()],
            Self::Empty => vec!["the answer was empty".to_owned()],
            Self::Ambiguous { answers } => {
                vec![format!("there were {answers} different JSON answers; give one")]
            }
            Self::Invalid { violations } => {
                let more = violations.len().saturating_sub(MOST_COMPLAINTS);
                let more = (more > 0).then(|| format!("and {more} more of the kind"));
                violations.iter().take(MOST_COMPLAINTS).map(ToString::to_string).chain(more).collect()
            }
        }
    }
}
