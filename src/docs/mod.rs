//! Longer texts: how consona is made, what it computes, what its files mean, and how things are done with it.
//!
//! - [`architecture`]: which part does what, and why it is cut so.
//! - [`method`]: the formulas with their sources, and where each stands in the code.
//! - [`study`]: every field of a study file, generated from its published schema.
//! - [`database`]: what a run keeps, and how to look at it with any SQLite tool.
//! - [`stages`]: what follows the drafts: review, narratives, checks, a person's approval.
//! - [`agents`]: asking a panel directly, and the panel as tools over the Model Context Protocol.
//! - [`recordings`]: the file that a `replay` member answers from.
//! - [`recipes`]: whole tasks from beginning to end.
//! - [`changes`]: what changed, for users.

pub mod architecture {
    #![doc = include_str!("architecture.md")]
}
pub mod method {
    #![doc = include_str!("method.md")]
}
pub mod study {
    #![doc = include_str!("study.md")]
}
pub mod database {
    #![doc = include_str!("database.md")]
}
pub mod stages {
    #![doc = include_str!("stages.md")]
}
pub mod agents {
    #![doc = include_str!("agents.md")]
}
pub mod recordings {
    #![doc = include_str!("recordings.md")]
}
pub mod recipes {
    #![doc = include_str!("recipes.md")]
}
pub mod changes {
    #![doc = include_str!("../changelog.md")]
}
