//! What a template may show, out of a question.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fence::{choose, enclose};
use super::{PromptError, Question, Unit};
use crate::dataset::Record;
use crate::persona::{Comparison, Draft, TraitDefinition, TraitKind};

/// The variables of `draft` and `draft_after`.
pub(super) const VARIABLES: [&str; 12] = [
    "research_question",
    "unit",
    "wanted",
    "personas_min",
    "personas_max",
    "rows",
    "traits",
    "sidecars",
    "data",
    "fence",
    "earlier",
    "stance",
];

#[derive(Debug, Serialize)]
struct Field {
    name: String,
    form: String,
    description: String,
}

/// Everything that a template may show.
#[derive(Debug, Serialize)]
pub(super) struct Context<'a> {
    research_question: &'a str,
    unit: Unit,
    /// The number of personas in words: `one persona`, `3 to 5 personas`.
    wanted: String,
    personas_min: usize,
    personas_max: usize,
    rows: usize,
    traits: Vec<Field>,
    sidecars: Vec<Field>,
    /// The records between the tags.
    data: String,
    /// The tag's name.
    fence: String,
    /// The earlier drafts between tags of their own; empty when there are none.
    earlier: String,
    stance: Option<&'a str>,
}

impl<'a> Context<'a> {
    pub(super) fn of(question: &Question<'a>) -> Result<Self, PromptError> {
        check(question)?;
        let lines: Vec<String> = question.records.iter().map(line).collect();
        let earlier = question.earlier.iter().map(|draft| persona(draft).to_string()).collect::<Vec<_>>();
        let fence = choose(lines.iter().chain(&earlier).map(String::as_str));
        let earlier = match earlier.as_slice() {
            [] => String::new(),
            all => {
                enclose(&format!("{fence}-earlier"), &format!("{{\"personas\": [\n{}\n]}}", all.join(",\n")))
            }
        };
        let (min, max) = (*question.personas.start(), *question.personas.end());
        Ok(Self {
            research_question: question.research_question,
            unit: question.unit,
            wanted: wanted(min, max),
            personas_min: min,
            personas_max: max,
            rows: lines.len(),
            traits: question.schema.definitions().iter().map(field).collect(),
            sidecars: sidecars(question),
            data: enclose(&fence, &lines.join("\n")),
            fence,
            earlier,
            stance: question.stance.filter(|stance| !stance.trim().is_empty()),
        })
    }
}

fn check(question: &Question<'_>) -> Result<(), PromptError> {
    let refuse = |reason: String| Err(PromptError::Question { reason });
    let (min, max) = (*question.personas.start(), *question.personas.end());
    if min == 0 || min > max {
        return refuse(format!(
            "`{min}` to `{max}` personas cannot be asked for; give 1 or more, least first"
        ));
    }
    match (question.unit, question.records.len()) {
        (_, 0) => refuse("a prompt needs at least one record; the data has none".to_owned()),
        (Unit::Record, count) if count > 1 => {
            refuse(format!("a question about one record was given {count}; ask about the corpus instead"))
        }
        _ => Ok(()),
    }
}

fn wanted(min: usize, max: usize) -> String {
    match (min, max) {
        (1, 1) => "one persona".to_owned(),
        (min, max) if min == max => format!("exactly {min} personas"),
        (min, max) => format!("{min} to {max} personas"),
    }
}

/// A record as one line of JSON, which no value in it can leave. Empty cells and the id, which is
/// the row's name already, are not shown.
fn line(record: &Record) -> String {
    let said = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty() && text.trim() != record.id.as_str(),
        _ => true,
    };
    let fields: Map<String, Value> = record
        .fields
        .iter()
        .filter(|(_, value)| said(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    format!("{{\"row\": {}, \"data\": {}}}", json!(record.id.as_str()), Value::Object(fields))
}

/// A whole earlier persona. Who wrote it is left out, so that no name lends it weight.
fn persona(draft: &Draft) -> Value {
    let mut fields: Map<String, Value> =
        draft.traits.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    if !draft.reasons.is_empty() {
        fields.entry("reasons").or_insert_with(|| json!(draft.reasons));
    }
    if !draft.evidence.is_empty() {
        fields.entry("evidence").or_insert_with(|| json!(draft.evidence));
    }
    Value::Object(fields)
}

fn field(definition: &TraitDefinition) -> Field {
    let form = match &definition.kind {
        TraitKind::Numeric { unit, .. } => {
            let unit = unit.as_ref().map(|unit| format!(", in {unit}")).unwrap_or_default();
            format!("a number, or a range as text such as \"25-30\"{unit}")
        }
        TraitKind::Ordinal { levels } => one_of(levels.iter().map(|level| level.value.as_str())),
        TraitKind::Categorical { categories, .. } if !categories.is_empty() => {
            one_of(categories.iter().map(|level| level.value.as_str()))
        }
        TraitKind::Categorical { comparison: Comparison::Place, .. } => "a place, as text".to_owned(),
        TraitKind::Categorical { .. } => "a short text".to_owned(),
        TraitKind::List => "a list of short texts".to_owned(),
        TraitKind::Text => "a text of a few sentences".to_owned(),
    };
    Field { name: definition.name.clone(), form, description: definition.description.clone() }
}

fn one_of<'t>(values: impl Iterator<Item = &'t str>) -> String {
    let quoted: Vec<String> = values.map(|value| format!("\"{value}\"")).collect();
    format!("one of {}", quoted.join(", "))
}

/// What goes beside the traits, unless the study has a trait of that name.
fn sidecars(question: &Question<'_>) -> Vec<Field> {
    [
        ("alternatives", "an object: for a trait that is uncertain, a list of other likely values, best first"),
        ("reasons", "an object: for each trait, in one sentence, what in the data speaks for the value"),
        (
            "evidence",
            "a list of {\"trait\": a field above, \"quote\": words copied exactly from the data, \"row\": the row's id}",
        ),
    ]
    .into_iter()
    .filter(|(name, _)| question.schema.get(name).is_none())
    .map(|(name, form)| Field {
        name: name.to_owned(),
        form: form.to_owned(),
        description: String::new(),
    })
    .collect()
}
