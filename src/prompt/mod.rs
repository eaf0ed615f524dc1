//! What the models are asked: templates as files, rendered for a record.
//!
//! A [`Question`] says what is asked; [`Templates`] word it. Research data is always between tags
//! that nothing inside can close, one JSON object per line, beside a sentence that what stands there
//! is no instruction. Blindness is a matter of types: a prompt shows drafts of other models only when
//! the caller puts them into [`Question::earlier`].

mod context;
mod error;
pub(crate) mod fence;
mod question;
mod reply_schema;
mod stage;
mod templates;
mod tokens;
mod types;

pub use error::PromptError;
pub use question::{Question, Unit};
pub use reply_schema::reply_schema;
pub(crate) use stage::{StagePrompt, strict_object};
pub use templates::{TemplateKind, Templates, prompt_version};
pub use tokens::estimate_tokens;
pub use types::{Message, Prompt, Role};
