//! What a tool answers.

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

/// Why a tool has no result, in words for the caller: a message and its causes.
#[derive(Debug)]
pub(super) struct Refusal(String);

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An error with its causes.
    pub(super) fn of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}

/// Every error is told with its causes. A refusal is none itself, so that this is no conversion of it into itself.
impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::of(&error)
    }
}

/// What a tool came to: a value, or why there is none.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// The result as the protocol has it: structured, and the same as text for clients that know no structure. A refusal
/// is a result too, marked as an error, so that the model that called reads it.
pub(super) fn given<T: Serialize>(
    outcome: Outcome<T>,
    is_failure: impl FnOnce(&T) -> bool,
) -> Result<CallToolResult, ErrorData> {
    match outcome {
        Ok(value) => {
            let failed = is_failure(&value);
            let value = serde_json::to_value(value)
                .map_err(|error| ErrorData::internal_error(format!("no JSON form: {error}"), None))?;
            Ok(if failed {
                CallToolResult::structured_error(value)
            } else {
                CallToolResult::structured(value)
            })
        }
        Err(Refusal(message)) => Ok(CallToolResult::error(vec![ContentBlock::text(message)])),
    }
}
