//! The trait schema of a study: the default one, its own, or the default one changed.

use std::path::Path;

use serde_json::Value;

use super::StudyError;
use crate::persona::{SchemaError, TraitSchema};

/// Reads the section `schema`: nothing (the default schema), a path, or traits in place.
///
/// `read` opens a path that is relative to the study.
pub(super) fn resolve(
    section: Option<&Value>,
    study: &Path,
    read: &dyn Fn(&Path) -> std::io::Result<String>,
) -> Result<TraitSchema, StudyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StudyError::Schema { path, source }
    };
    match section {
        None | Some(Value::Null) => Ok(TraitSchema::default_persona()),
        Some(Value::String(name)) => {
            let path = study.parent().unwrap_or(Path::new("")).join(name);
            let text = read(&path).map_err(|source| StudyError::Read {
                path: path.clone(),
                named_by: Some(study.to_owned()),
                source,
            })?;
            let value: Value = serde_saphyr::from_str(&text)
                .map_err(|error| failed(&path)(SchemaError::Form { reason: error.to_string() }))?;
            from_value(value).map_err(failed(&path))
        }
        Some(inline) => from_value(inline.clone()).map_err(failed(study)),
    }
}

/// Traits with an optional `extends`: `none` (these traits only) or `default` (the default persona
/// schema, in which a trait of an equal name is replaced).
fn from_value(mut value: Value) -> Result<TraitSchema, SchemaError> {
    let form = |reason: String| SchemaError::Form { reason };
    let extends = value.as_object_mut().and_then(|fields| fields.remove("extends"));
    let own = TraitSchema::from_json(&value.to_string())?;
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
