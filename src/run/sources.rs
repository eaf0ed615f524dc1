//! The data that drafts were made from, by record.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plan::Unit;
use crate::consensus::grounding::Source;
use crate::dataset::Record;
use crate::persona::RecordId;

/// The rows behind every record's personas.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<RecordId, Vec<Record>>);

impl Sources {
    /// The records of a study's questions: each by itself, or all of a corpus together.
    pub(crate) fn of_units(units: impl IntoIterator<Item = Unit>) -> Self {
        let mut sources: BTreeMap<RecordId, Vec<Record>> = BTreeMap::new();
        for unit in units {
            sources.entry(unit.record).or_default().extend(unit.records);
        }
        Self(sources)
    }

    /// Records that stand for themselves.
    pub(crate) fn of_records(records: Vec<Record>) -> Self {
        Self(records.into_iter().map(|record| (record.id.clone(), vec![record])).collect())
    }

    /// Rows that all of a corpus' personas were made from.
    pub(crate) fn of_corpus(corpus: RecordId, rows: Vec<Record>) -> Self {
        Self(BTreeMap::from([(corpus, rows)]))
    }

    /// The rows behind a record; `None` where the data does not have it.
    pub(crate) fn get(&self, record: &RecordId) -> Option<Source> {
        let rows = self.0.get(record)?;
        let texts: Vec<(&str, String)> = rows.iter().map(|row| (row.id.as_str(), row_text(row))).collect();
        Some(Source::new(texts.iter().map(|(id, text)| (*id, text.as_str()))))
    }
}

/// Everything that can be read in a row.
pub(crate) fn row_text(row: &Record) -> String {
    row.fields.values().map(text).collect()
}

/// Everything that can be read in a value, a line for each.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Number(number) => format!("{number}\n"),
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Object(fields) => fields.values().map(text).collect(),
        Value::Null | Value::Bool(_) => String::new(),
    }
}
