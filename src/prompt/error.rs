//! Why a prompt cannot be written.

/// A template or a question that does not stand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// A template that cannot be compiled or rendered.
    #[error("template `{template}`{}: {reason}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Template {
        /// The file's name as given.
        template: String,
        /// From 1.
        line: Option<usize>,
        /// What the template engine says.
        reason: String,
    },
    /// A variable that no prompt has.
    #[error("template `{template}`, line {line}: there is no variable `{variable}`; there are: {known}")]
    UnknownVariable {
        /// The file's name as given.
        template: String,
        /// From 1.
        line: usize,
        /// The variable.
        variable: String,
        /// The variables there are.
        known: String,
    },
    /// A template that leaves out what the model must see.
    #[error("template `{template}` never shows `{variable}`; write {{{{ {variable} }}}} where it belongs")]
    Misses {
        /// The file's name as given.
        template: String,
        /// What must be shown.
        variable: &'static str,
    },
    /// A question without data, or one that asks for no persona.
    #[error("{reason}")]
    Question {
        /// What is wrong and what to do.
        reason: String,
    },
}
