//! Objects become records: every record gets an id, and no id comes twice.

use std::collections::HashMap;
use std::io::Read;

use serde_json::Value;

use super::source::{self, Entry, Held, Raw, Source, aside};
use super::{DatasetError, Format, Loaded, ReadOptions, Record, SetAside};
use crate::persona::RecordId;

/// Names of fields that hold an id, in order of preference, in lower case.
const ID_NAMES: [&str; 16] = [
    "id",
    "record",
    "record_id",
    "record id",
    "uuid",
    "respondent id",
    "respondent_id",
    "respondentid",
    "responder #",
    "response id",
    "responseid",
    "response_id",
    "participant id",
    "participant_id",
    "participant",
    "user_id",
];

/// The ids seen so far, and how many records there were: lent to every file of a dataset, so that ids
/// are unique over all of them.
#[derive(Debug, Default)]
pub struct Identities {
    /// The id and where it stood first. Only looked up, never walked through.
    seen: HashMap<RecordId, String>,
    count: u64,
}

/// Records one by one: memory grows with the ids only (CSV, JSONL).
///
/// Gives `Err` at most once, as its last item.
pub struct Records<'a> {
    name: String,
    source: Source<'a>,
    options: ReadOptions,
    identities: Held<'a, Identities>,
    /// The field with the id, once the first record has shown it.
    id_field: Option<String>,
    /// Whether the first record has been seen.
    settled: bool,
    ended: bool,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Opens an input as a stream of records. Without a format its look decides ([`Format::sniff`]).
///
/// # Errors
/// [`DatasetError`] for an input that is empty, binary or no JSON.
pub fn records<'a>(
    name: &str,
    format: impl Into<Option<Format>>,
    input: impl Read + 'a,
    options: &ReadOptions,
) -> Result<Records<'a>, DatasetError> {
    open(Held::Own(Identities::default()), name, format.into(), input, options)
}

/// Like [`records`], for a further file of the same dataset: ids of the files before count.
///
/// # Errors
/// [`DatasetError`] for an input that is empty, binary or no JSON.
pub fn records_after<'a>(
    identities: &'a mut Identities,
    name: &str,
    format: impl Into<Option<Format>>,
    input: impl Read + 'a,
    options: &ReadOptions,
) -> Result<Records<'a>, DatasetError> {
    open(Held::Lent(identities), name, format.into(), input, options)
}

fn open<'a>(
    identities: Held<'a, Identities>,
    name: &str,
    format: Option<Format>,
    input: impl Read + 'a,
    options: &ReadOptions,
) -> Result<Records<'a>, DatasetError> {
    let source = source::open(name, format, input, options.split)?;
    let (name, options) = (name.to_owned(), options.clone());
    Ok(Records { name, source, options, identities, id_field: None, settled: false, ended: false })
}

/// Reads an input whole.
///
/// # Errors
/// [`DatasetError`] for an input that cannot be read, and under `strict` for the first record that
/// cannot be used.
pub fn read_records(
    name: &str,
    format: impl Into<Option<Format>>,
    input: impl Read,
    options: &ReadOptions,
) -> Result<Loaded<Record>, DatasetError> {
    source::gather(records(name, format, input, options)?)
}

impl Records<'_> {
    fn entry(&mut self, raw: Raw) -> Result<Entry<Record>, DatasetError> {
        self.identities.count += 1;
        self.check_fields(&raw)?;
        let origin = raw.origin(&self.name);
        let id = match self.id_of(&raw) {
            Ok(id) => id,
            Err(reason) => return self.set_aside(reason),
        };
        if let Some(first) = self.identities.seen.get(&id) {
            let reason =
                format!("record id `{id}` at {origin} stands already at {first}; give each its own id");
            return self.set_aside(aside(&self.name, raw.line, self.id_field.as_deref(), reason));
        }
        let mut fields = raw.fields;
        if !self.options.fields.is_empty() {
            fields.retain(|name, _| self.options.fields.contains(name));
        }
        let is_blank =
            |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        let mut told = fields.iter().filter(|(name, _)| self.id_field.as_ref() != Some(name)).peekable();
        if told.peek().is_some() && told.all(|(_, value)| is_blank(value)) {
            let reason = format!("record `{id}` at {origin} is empty: nobody could say anything about it");
            return self.set_aside(aside(&self.name, raw.line, None, reason));
        }
        self.identities.seen.insert(id.clone(), origin.clone());
        Ok(Entry::Item(Record { id, fields, origin }))
    }

    /// Settles the id's field at the first record, which must have the fields that were asked for.
    fn check_fields(&mut self, raw: &Raw) -> Result<(), DatasetError> {
        if std::mem::replace(&mut self.settled, true) {
            return Ok(());
        }
        for field in self.options.fields.iter().chain(&self.options.id_field) {
            if !raw.fields.contains_key(field) {
                let known = raw.fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let (name, field) = (self.name.clone(), field.clone());
                return Err(DatasetError::MissingField { name, field, known });
            }
        }
        let usual = || {
            ID_NAMES.iter().find_map(|name| raw.fields.keys().find(|key| key.trim().to_lowercase() == *name))
        };
        self.id_field = self.options.id_field.clone().or_else(|| usual().cloned());
        Ok(())
    }

    fn id_of(&self, raw: &Raw) -> Result<RecordId, SetAside> {
        let field = self.id_field.as_deref();
        let value = field.and_then(|field| raw.fields.get(field));
        let text = match value {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let problem = |reason: String| aside(&self.name, raw.line, field, raw.placed(reason));
        if text.is_empty()
            && let Some(asked) = &self.options.id_field
        {
            return Err(problem(format!("no id in `{asked}`; fill it in, or leave `id_field` out")));
        }
        let text = match (&raw.file_id, text.is_empty()) {
            (_, false) => text,
            // Two folders may each have their `notes.md`; then the whole path tells them apart.
            (Some(file_id), true) if self.identities.seen.contains_key(file_id.as_str()) => self.name.clone(),
            (Some(file_id), true) => file_id.clone(),
            (None, true) => format!("r{:04}", self.identities.count),
        };
        RecordId::new(&text).map_err(|error| problem(error.to_string()))
    }

    fn set_aside(&self, reason: SetAside) -> Result<Entry<Record>, DatasetError> {
        if self.options.strict { Err(DatasetError::Strict(reason)) } else { Ok(Entry::SetAside(reason)) }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Entry<Record>, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = match self.source.next()? {
            Ok(Entry::Item(raw)) => self.entry(raw),
            Ok(Entry::SetAside(reason)) => {
                self.identities.count += 1;
                self.set_aside(reason)
            }
            Err(error) => Err(error),
        };
        self.ended = item.is_err();
        Some(item)
    }
}
