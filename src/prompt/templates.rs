//! Templates as files, checked when they are loaded, rendered for a question.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Map, Value};

use super::context::{Context, VARIABLES};
use super::{Message, Prompt, PromptError, Question, Role, Unit, reply_schema};
use crate::dataset::Record;
use crate::persona::{Draft, ModelName, RecordId, TraitSchema, TraitValue};

const DRAFT: &str = "draft.md.j2";
const DRAFT_AFTER: &str = "draft_after.md.j2";
const REPAIR: &str = "repair.md.j2";

/// The templates that ship: name, text, the variables that they may use.
const SHIPPED: [(&str, &str, &[&str]); 3] = [
    (DRAFT, include_str!("../../data/prompts/draft.md.j2"), &VARIABLES),
    (DRAFT_AFTER, include_str!("../../data/prompts/draft_after.md.j2"), &VARIABLES),
    (REPAIR, include_str!("../../data/prompts/repair.md.j2"), &["violations"]),
];

/// Far more steps than any honest template takes.
pub(super) const FUEL: u64 = 1_000_000;
/// How much of an unusable answer is shown to its author again, in characters.
const QUOTED: usize = 8_000;

/// One of the three templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TemplateKind {
    /// Drafting from the data alone.
    Draft,
    /// Drafting with the drafts of the models before in sight.
    DraftAfter,
    /// Asking once more after an unusable answer.
    Repair,
}

/// A set of templates that is known to render.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    version: String,
}

impl Templates {
    /// The templates that ship with the crate.
    ///
    /// # Errors
    /// None in practice: a test renders them.
    pub fn shipped() -> Result<Self, PromptError> {
        Self::with_replacements(&[])
    }

    /// The shipped templates, some of them replaced by a study's own: `(kind, file name, text)`.
    ///
    /// A template has the blocks `system` and `user` (`repair` has `user` only); `draft_after` may
    /// extend `draft.md.j2`. All are rendered once with a sample.
    ///
    /// # Errors
    /// [`PromptError`] names the file, the line and the unknown variable, or what a template forgets
    /// to show (`data`, and in `draft_after` `earlier`, in `repair` `violations`).
    pub fn with_replacements(replacements: &[(TemplateKind, String, String)]) -> Result<Self, PromptError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(syntax().map_err(|error| template_error(DRAFT, &error))?);
        environment.set_fuel(Some(FUEL));
        let mut hash = blake3::Hasher::new();
        let mut files: Vec<(TemplateKind, String)> = Vec::new();
        for (kind, (name, text, variables)) in
            [TemplateKind::Draft, TemplateKind::DraftAfter, TemplateKind::Repair].into_iter().zip(SHIPPED)
        {
            let own = replacements.iter().rev().find(|replacement| replacement.0 == kind);
            let (file, text) = own.map_or((name, text), |own| (own.1.as_str(), own.2.as_str()));
            environment
                .add_template_owned(name, text.to_owned())
                .map_err(|error| template_error(file, &error))?;
            check_variables(&environment, name, file, text, variables)?;
            hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
            files.push((kind, file.to_owned()));
        }
        let version = hash.finalize().to_hex()[..16].to_owned();
        let templates = Self { environment, version };
        templates.check_samples(&files)?;
        Ok(templates)
    }

    /// Sixteen hexadecimal digits that change with any template (BLAKE3).
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Words a question: with `draft_after` when there are earlier drafts, else with `draft`.
    ///
    /// # Errors
    /// [`PromptError::Question`] for a question without data or without a number of personas.
    pub fn draft(&self, question: &Question<'_>) -> Result<Prompt, PromptError> {
        self.draft_for(question, Arc::new(reply_schema(question.schema, question.personas.clone())))
    }

    /// The same with the schema of the answer that [`reply_schema`] gives, made once for many questions.
    ///
    /// # Errors
    /// As [`Self::draft`].
    pub fn draft_for(&self, question: &Question<'_>, schema: Arc<Value>) -> Result<Prompt, PromptError> {
        let name = if question.earlier.is_empty() { DRAFT } else { DRAFT_AFTER };
        let context = minijinja::Value::from(Serde(Context::of(question)?));
        Ok(Prompt {
            system: self.block(name, "system", &context)?,
            messages: vec![Message { role: Role::User, content: self.block(name, "user", &context)? }],
            schema: Some(schema),
        })
    }

    /// Asks once more after an unusable answer: the first prompt, the answer, and what is wrong.
    ///
    /// # Errors
    /// [`PromptError::Template`] when the template fails on these values.
    pub fn repair(&self, first: &Prompt, answer: &str, violations: &[String]) -> Result<Prompt, PromptError> {
        let context = context! { violations => Serde(violations) };
        let mut messages = first.messages.clone();
        messages.push(Message { role: Role::Assistant, content: quoted(answer) });
        messages.push(Message { role: Role::User, content: self.block(REPAIR, "user", &context)? });
        Ok(Prompt { system: first.system.clone(), messages, schema: first.schema.clone() })
    }

    fn block(&self, name: &str, block: &str, context: &minijinja::Value) -> Result<String, PromptError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render_captured(context.clone()))
            .and_then(|mut captured| captured.with_state_mut(|state| state.render_block(block)))
            .map(|text| text.trim().to_owned())
            .map_err(|error| template_error(name, &error))
    }

    /// Renders everything once, so that a study fails before its first call and not after it.
    fn check_samples(&self, files: &[(TemplateKind, String)]) -> Result<(), PromptError> {
        let Some(sample) = Sample::new() else { return Ok(()) };
        let file = |kind: TemplateKind| {
            files.iter().find(|file| file.0 == kind).map(|file| file.1.clone()).unwrap_or_default()
        };
        let renamed = |kind: TemplateKind, error: PromptError| match error {
            PromptError::Template { line, reason, .. } => {
                PromptError::Template { template: file(kind), line, reason }
            }
            other => other,
        };
        for unit in [Unit::Record, Unit::Corpus] {
            for (kind, earlier) in [
                (TemplateKind::Draft, &[][..]),
                (TemplateKind::DraftAfter, std::slice::from_ref(&sample.draft)),
            ] {
                let question = sample.question(unit, earlier);
                let prompt = self.draft(&question).map_err(|error| renamed(kind, error))?;
                let shown = |mark: &str| prompt.messages.iter().any(|message| message.content.contains(mark));
                for (variable, mark, needed) in
                    [("data", Sample::DATA, true), ("earlier", Sample::EARLIER, !earlier.is_empty())]
                {
                    if needed && !shown(mark) {
                        return Err(PromptError::Misses { template: file(kind), variable });
                    }
                }
            }
        }
        let kind = TemplateKind::Repair;
        let text = self
            .block(REPAIR, "user", &context! { violations => Serde([Sample::DATA]) })
            .map_err(|error| renamed(kind, error))?;
        if text.contains(Sample::DATA) {
            Ok(())
        } else {
            Err(PromptError::Misses { template: file(kind), variable: "violations" })
        }
    }
}

/// The version of the shipped templates.
///
/// # Errors
/// None in practice, like [`Templates::shipped`].
pub fn prompt_version() -> Result<String, PromptError> {
    Templates::shipped().map(|templates| templates.version)
}

/// Lines that hold nothing but a tag leave no blank lines behind.
pub(super) fn syntax() -> Result<SyntaxConfig, minijinja::Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

pub(super) fn template_error(file: &str, error: &minijinja::Error) -> PromptError {
    let reason = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    PromptError::Template { template: file.to_owned(), line: error.line(), reason }
}

/// Refuses variables that no context has, even in branches that the samples do not enter.
fn check_variables(
    environment: &Environment<'_>,
    name: &str,
    file: &str,
    text: &str,
    known: &[&str],
) -> Result<(), PromptError> {
    let used = environment.get_template(name).map_err(|error| template_error(file, &error))?;
    let used: BTreeSet<String> = used.undeclared_variables(false).into_iter().collect();
    let global = |name: &str| environment.globals().any(|(global, _)| global == name);
    match used.into_iter().find(|variable| !known.contains(&variable.as_str()) && !global(variable)) {
        None => Ok(()),
        Some(variable) => Err(PromptError::UnknownVariable {
            template: file.to_owned(),
            line: text.lines().position(|line| line.contains(&variable)).unwrap_or(0) + 1,
            variable,
            known: known.join(", "),
        }),
    }
}

/// The beginning and the end of a long answer; a word for none, since no provider takes an empty turn.
fn quoted(answer: &str) -> String {
    let length = answer.chars().count();
    if answer.trim().is_empty() {
        return "(no answer)".to_owned();
    }
    if length <= QUOTED {
        return answer.to_owned();
    }
    let head: String = answer.chars().take(QUOTED / 2).collect();
    let tail: String = answer.chars().skip(length - QUOTED / 2).collect();
    format!("{head}\n[… {} characters left out …]\n{tail}", length - QUOTED)
}

/// A small question with marks that a rendered prompt must contain.
struct Sample {
    schema: TraitSchema,
    record: Record,
    draft: Draft,
}

impl Sample {
    const DATA: &'static str = "mark-of-the-data";
    const EARLIER: &'static str = "mark-of-the-earlier-draft";

    fn new() -> Option<Self> {
        let id = RecordId::new("r0001").ok()?;
        let fields = Map::from_iter([("text".to_owned(), Value::from(Self::DATA))]);
        let mut draft = Draft::new(id.clone(), ModelName::new("m").ok()?);
        draft.traits.insert("name".to_owned(), TraitValue::text(Self::EARLIER)?);
        let record = Record { id, fields, origin: String::new() };
        Some(Self { schema: TraitSchema::default_persona(), record, draft })
    }

    fn question<'a>(&'a self, unit: Unit, earlier: &'a [Draft]) -> Question<'a> {
        Question {
            research_question: "Who is this?",
            schema: &self.schema,
            personas: 1..=3,
            records: std::slice::from_ref(&self.record),
            unit,
            earlier,
            stance: Some("Look closely."),
        }
    }
}
