//! Records and drafts as a caller brings them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::AllowedFolders;
use super::answer::{Outcome, Refusal};
use crate::dataset::{DraftDefaults, Format, ReadOptions, Record, SetAside, read_drafts, read_records};
use crate::persona::{Draft, ModelName, TraitSchema};

/// A record in the call itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RecordParameter {
    /// Its text.
    Text(String),
    /// Its fields; `id` names it.
    Fields(Map<String, Value>),
}

/// Read, and what could not be used.
#[derive(Debug)]
pub(super) struct Material<T> {
    pub(super) items: Vec<T>,
    pub(super) set_aside: Vec<SetAside>,
}

impl<T> Material<T> {
    fn new() -> Self {
        Self { items: Vec::new(), set_aside: Vec::new() }
    }

    fn checked(self, what: &str) -> Outcome<Self> {
        if !self.items.is_empty() {
            return Ok(self);
        }
        let why = self.set_aside.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
        Err(Refusal::new(format!("there is no {what} that can be used: {why}")))
    }
}

/// The records of a call: listed ones, a text that holds some, files.
pub(super) fn records(
    listed: Vec<RecordParameter>,
    text: Option<&str>,
    files: &[String],
    allowed: &AllowedFolders,
) -> Outcome<Material<Record>> {
    let mut sources: Vec<(String, Option<Format>, Vec<u8>)> = Vec::new();
    if !listed.is_empty() {
        sources.push(("records".to_owned(), Some(Format::JsonLines), lines(listed).into_bytes()));
    }
    if let Some(text) = text {
        sources.push(("text".to_owned(), None, text.as_bytes().to_vec()));
    }
    for name in files {
        sources.push((name.clone(), Format::from_name(name), allowed.bytes(name)?));
    }
    let mut material = Material::new();
    for (name, format, bytes) in sources {
        let read = read_records(&name, format, &bytes[..], &ReadOptions::default());
        let read = read?;
        material.items.extend(read.items);
        material.set_aside.extend(read.set_aside);
    }
    distinct(&material.items)?;
    material.checked("record")
}

fn lines(records: Vec<RecordParameter>) -> String {
    let line = |record| match record {
        RecordParameter::Text(text) => json!({ "text": text }).to_string(),
        RecordParameter::Fields(fields) => Value::Object(fields).to_string(),
    };
    records.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Ids are unique over all sources.
fn distinct(records: &[Record]) -> Outcome<()> {
    let mut known = std::collections::BTreeMap::new();
    for record in records {
        if let Some(origin) = known.insert(&record.id, &record.origin) {
            let (id, here) = (&record.id, &record.origin);
            return Err(Refusal::new(format!(
                "two records have the id `{id}`: {origin} and {here}; give each its own"
            )));
        }
    }
    Ok(())
}

/// The drafts of a call: listed ones, and files.
pub(super) fn drafts(
    listed: &[Map<String, Value>],
    files: &[String],
    allowed: &AllowedFolders,
    schema: &TraitSchema,
) -> Outcome<Material<Draft>> {
    let mut material = Material::new();
    let mut take = |name: &str, format, bytes: &[u8]| {
        let model = stem(name).and_then(|stem| ModelName::new(stem).ok());
        let defaults = DraftDefaults { model, format, ..DraftDefaults::default() };
        let read = read_drafts(name, bytes, &defaults, schema)?;
        material.items.extend(read.items);
        material.set_aside.extend(read.set_aside);
        Ok::<(), Refusal>(())
    };
    if let Some(place) = listed.iter().position(|draft| !draft.contains_key("model")) {
        return Err(Refusal::new(format!(
            "`drafts[{place}]` has no `model`; name who wrote it, for what agrees is counted by models"
        )));
    }
    if !listed.is_empty() {
        let lines: Vec<String> = listed.iter().map(|draft| json!(draft).to_string()).collect();
        take("drafts", Some(Format::JsonLines), lines.join("\n").as_bytes())?;
    }
    for name in files {
        take(name, None, &allowed.bytes(name)?)?;
    }
    material.checked("draft")
}

/// The name of a file without folder and ending.
fn stem(name: &str) -> Option<&str> {
    std::path::Path::new(name).file_stem()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_as_texts_as_rows_and_as_a_table() {
        let fields = Map::from_iter([("id".to_owned(), json!("x")), ("note".to_owned(), json!("I walk."))]);
        let listed = vec![RecordParameter::Fields(fields)];
        let none = AllowedFolders::default();
        let read = records(listed, Some("id,note\ny,I drive.\n"), &[], &none).unwrap();
        let ids: Vec<&str> = read.items.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids, ["x", "y"]);
        let texts =
            vec![RecordParameter::Text("I walk.".to_owned()), RecordParameter::Text("I drive.".to_owned())];
        assert_eq!(records(texts, None, &[], &none).unwrap().items.len(), 2);
        assert!(records(Vec::new(), None, &[], &none).is_err());
        let same = Some("id,note\nx,a\n");
        let again = vec![RecordParameter::Fields(Map::from_iter([("id".to_owned(), json!("x"))]))];
        assert!(records(again, same, &[], &none).is_err());
    }

    #[test]
    fn drafts_come_in_the_shapes_of_files() {
        let draft = |model: &str| {
            let draft = json!({"record": "r", "model": model, "persona": {"name": "Ada"}});
            draft.as_object().cloned().unwrap()
        };
        let schema = TraitSchema::default_persona();
        let read = drafts(&[draft("a"), draft("b")], &[], &AllowedFolders::default(), &schema).unwrap();
        assert_eq!(read.items.len(), 2);
        assert!(drafts(&[], &[], &AllowedFolders::default(), &schema).is_err());
        let nobody = json!({"record": "r", "persona": {"name": "Ada"}}).as_object().cloned().unwrap();
        assert!(drafts(&[draft("a"), nobody], &[], &AllowedFolders::default(), &schema).is_err());
    }
}
