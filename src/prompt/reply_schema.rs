//! The JSON schema of the wanted answer.
//!
//! It keeps to what strict structured output knows (OpenAI's rules are the narrowest): every
//! property required and nullable instead of optional, no further properties, no `oneOf`, no
//! `format`, no lengths of text. The number of personas stands as `minItems` and `maxItems`; a wire
//! format whose endpoint does not know those leaves them out.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::persona::{Level, TraitKind, TraitSchema};

/// The schema of `{"personas": [...]}` under the study's trait schema.
///
/// With an empty trait schema a persona is any object, which strict modes cannot express.
#[must_use]
pub fn reply_schema(schema: &TraitSchema, count: RangeInclusive<usize>) -> Value {
    let persona = if schema.definitions().is_empty() {
        json!({"type": "object", "additionalProperties": true})
    } else {
        object(properties(schema))
    };
    let personas = json!({
        "type": "array", "minItems": count.start(), "maxItems": count.end(), "items": persona,
    });
    object(Map::from_iter([("personas".to_owned(), personas)]))
}

fn properties(schema: &TraitSchema) -> Map<String, Value> {
    let mut properties = Map::new();
    let (mut alternatives, mut reasons) = (Map::new(), Map::new());
    for definition in schema.definitions() {
        let name = &definition.name;
        let mut form = trait_form(&definition.kind);
        if !definition.description.is_empty() {
            form["description"] = json!(definition.description);
        }
        properties.insert(name.clone(), form);
        reasons.insert(name.clone(), json!({"type": ["string", "null"]}));
        if !matches!(definition.kind, TraitKind::List | TraitKind::Text) {
            let other_values = json!({"type": ["array", "null"], "items": {"type": "string"}});
            alternatives.insert(name.clone(), other_values);
        }
    }
    let names: Vec<&str> = schema.definitions().iter().map(|d| d.name.as_str()).collect();
    let evidence = object(Map::from_iter([
        ("trait".to_owned(), json!({"type": "string", "enum": names})),
        ("quote".to_owned(), json!({"type": "string"})),
        ("row".to_owned(), json!({"type": ["string", "null"]})),
    ]));
    let mut beside = |name: &str, form: Value| {
        if schema.get(name).is_none() {
            properties.insert(name.to_owned(), form);
        }
    };
    if !alternatives.is_empty() {
        beside("alternatives", object(alternatives));
    }
    beside("reasons", object(reasons));
    beside("evidence", json!({"type": "array", "items": evidence}));
    properties
}

fn trait_form(kind: &TraitKind) -> Value {
    match kind {
        TraitKind::Numeric { .. } => {
            json!({"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]})
        }
        TraitKind::Ordinal { levels } => closed(levels),
        TraitKind::Categorical { categories, .. } if !categories.is_empty() => closed(categories),
        TraitKind::Categorical { .. } | TraitKind::Text => json!({"type": ["string", "null"]}),
        TraitKind::List => json!({"type": ["array", "null"], "items": {"type": "string"}}),
    }
}

/// One of the known values, or nothing said.
fn closed(levels: &[Level]) -> Value {
    let values: Vec<Value> =
        levels.iter().map(|level| json!(level.value)).chain(std::iter::once(Value::Null)).collect();
    json!({"type": ["string", "null"], "enum": values})
}

/// An object whose properties are all required, as strict modes want it.
pub(super) fn object(properties: impl Into<Map<String, Value>>) -> Value {
    let properties = properties.into();
    let required: Vec<String> = properties.keys().cloned().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
