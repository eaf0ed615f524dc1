//! A rendered question.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks in a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person who asks.
    User,
    /// The model, in an earlier turn (repair prompts quote its unusable answer).
    Assistant,
}

/// One turn of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Standing instructions.
    pub system: String,
    /// The turns, the last of them the user's.
    pub messages: Vec<Message>,
    /// JSON schema of the wanted answer; shared, for thousands of questions of a run have the same.
    pub schema: Option<Arc<Value>>,
}
