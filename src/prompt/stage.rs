//! The prompts of the stages after the consensus: a template, its data between tags, a schema.

use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use super::fence::{choose, enclose};
use super::templates::{FUEL, syntax, template_error};
use super::{Message, Prompt, PromptError, Role};

/// What a stage shows a model.
#[derive(Debug)]
pub(crate) struct StagePrompt<'a> {
    /// The template's file name, for messages.
    pub(crate) file: &'static str,
    /// The template: blocks `system` and `user`; `data` and `fence` are set here.
    pub(crate) template: &'static str,
    /// The variables beside them.
    pub(crate) variables: Map<String, Value>,
    /// What is data: one line of JSON each.
    pub(crate) lines: &'a [Value],
    /// Texts of other models that are shown as data under a name of their own.
    pub(crate) asides: &'a [(&'static str, String)],
    /// Of the wanted answer.
    pub(crate) schema: Value,
}

impl StagePrompt<'_> {
    /// Renders the prompt. Whatever models or people wrote stands between tags that nothing in it can
    /// close.
    pub(crate) fn render(self) -> Result<Prompt, PromptError> {
        let lines: Vec<String> = self.lines.iter().map(Value::to_string).collect();
        let asides = self.asides.iter().map(|(_, text)| text.as_str());
        let fence = choose(lines.iter().map(String::as_str).chain(asides));
        let mut variables = self.variables;
        variables.insert("data".to_owned(), enclose(&fence, &lines.join("\n")).into());
        for (name, text) in self.asides {
            let shown = if text.is_empty() { String::new() } else { enclose(&fence, text) };
            variables.insert((*name).to_owned(), shown.into());
        }
        variables.insert("fence".to_owned(), fence.into());
        let context = minijinja::Value::from(Serde(variables));
        let failed = |error: minijinja::Error| template_error(self.file, &error);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(syntax().map_err(failed)?);
        environment.set_fuel(Some(FUEL));
        environment.add_template(self.file, self.template).map_err(failed)?;
        let block = |name: &str| {
            let template = environment.get_template(self.file)?;
            let mut captured = template.render_captured(context.clone())?;
            let text = captured.with_state_mut(|state| state.render_block(name))?;
            Ok(text.trim().to_owned())
        };
        Ok(Prompt {
            system: block("system").map_err(failed)?,
            messages: vec![Message { role: Role::User, content: block("user").map_err(failed)? }],
            schema: Some(Arc::new(self.schema)),
        })
    }
}

/// An object of a reply schema whose properties are all required, as strict modes want it.
pub(crate) fn strict_object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    let properties = properties.into_iter().map(|(name, form)| (name.to_owned(), form));
    super::reply_schema::object(properties.collect::<Map<String, Value>>())
}
