//! The trait schema of a study: the default one, its own, or the default one changed.

use std::path::Path;

use serde_json::Value;

use super::StudyError;
use super::places::line_of;
use super::unreadable::unreadable;
use crate::persona::{SchemaError, TraitSchema};

/// Reads the section `schema`: nothing (the default schema), a path, or traits in place.
///
/// `study` is the path of the study and what stands in it; `read` opens a path that is relative to the study.
pub(super) fn resolve(
    section: Option<&Value>,
    study: (&Path, &str),
    read: &dyn Fn(&Path) -> std::io::Result<String>,
) -> Result<TraitSchema, StudyError> {
    match section {
        None | Some(Value::Null) => Ok(TraitSchema::default_persona()),
        Some(Value::String(name)) => {
            let path = study.0.parent().unwrap_or(Path::new("")).join(name);
            let text = read(&path).map_err(|source| StudyError::Read {
                path: path.clone(),
                named_by: Some(study.0.to_owned()),
                source,
            })?;
            let value: Value =
                serde_saphyr::from_str(&text).map_err(|error| unreadable(&path, &text, &error))?;
            from_value(value.clone()).map_err(|source| {
                let line = line_of(&text, &place(&source, &value));
                StudyError::Schema { path, line, source }
            })
        }
        Some(inline) => from_value(inline.clone()).map_err(|source| {
            let at = format!("schema.{}", place(&source, inline));
            StudyError::Schema { path: study.0.to_owned(), line: line_of(study.1, &at), source }
        }),
    }
}

/// Where in a schema the fault is, as a path: `traits[2]`.
fn place(error: &SchemaError, schema: &Value) -> String {
    let traits = schema["traits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |name: &str| traits.iter().rposition(|one| one["name"] == name);
    let found = match error {
        SchemaError::Nameless { place, .. } => place.checked_sub(1),
        SchemaError::Ambiguous { second: name, .. }
        | SchemaError::Weight { name, .. }
        | SchemaError::Bounds { name }
        | SchemaError::Tolerance { name, .. }
        | SchemaError::Levels { name, .. } => named(name),
        SchemaError::Form { reason } => {
            let path = reason.rsplit_once("at `").map(|(_, path)| path.trim_end_matches('`'));
            return path.unwrap_or_default().to_owned();
        }
        SchemaError::Unknown { .. } => None,
    };
    found.map(|place| format!("traits[{place}]")).unwrap_or_default()
}

/// Traits with an optional `extends`: `none` (these traits only) or `default` (the default persona
/// schema, in which a trait of an equal name is replaced).
fn from_value(mut value: Value) -> Result<TraitSchema, SchemaError> {
    let form = |reason: String| SchemaError::Form { reason };
    let extends = value.as_object_mut().and_then(|fields| fields.remove("extends"));
    let own = TraitSchema::from_value(&value)?;
    match extends.as_ref().map(|base| base.as_str().unwrap_or_default()) {
        None | Some("none") => Ok(own),
        Some("default") => {
            let mut definitions = TraitSchema::default_persona().definitions().to_vec();
            for definition in own.definitions() {
                let known = TraitSchema::default_persona();
                let replaced = known.get(&definition.name).map(|replaced| replaced.name.clone());
                match definitions.iter_mut().find(|old| Some(&old.name) == replaced.as_ref()) {
                    Some(old) => *old = definition.clone(),
                    None => definitions.push(definition.clone()),
                }
            }
            TraitSchema::new(definitions)
        }
        Some(_) => {
            let given = extends.unwrap_or_default();
            Err(form(format!("`extends` is {given}; it can be `default` or `none`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_extended_schema_replaces_and_adds() {
        let value = json!({"extends": "default", "traits": [
            {"name": "Age", "kind": "numeric", "tolerance": 9},
            {"name": "budget", "kind": "text"},
        ]});
        let schema = from_value(value).unwrap();
        assert_eq!(schema.definitions().len(), TraitSchema::default_persona().definitions().len() + 1);
        assert_eq!(schema.definitions()[1].name, "Age");
        assert!(schema.get("budget").is_some());
    }

    #[test]
    fn traits_alone_are_the_whole_schema() {
        let schema = from_value(json!({"traits": [{"name": "budget", "kind": "text"}]})).unwrap();
        assert_eq!(schema.definitions().len(), 1);
        let refused = from_value(json!({"extends": "all", "traits": []})).unwrap_err().to_string();
        assert!(refused.contains("`extends` is \"all\""), "{refused}");
    }
}
