//! What the models are asked: templates as files, rendered for a record.

mod types;

pub use types::{Message, Prompt, Role};
