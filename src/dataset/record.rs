//! A record: one row, one person, one document.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::persona::RecordId;

/// One input, as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Unique within a dataset.
    pub id: RecordId,
    /// The fields as they stand in the source, in order of name (of `serde_json`'s map); plain text
    /// is one field `text`, and every cell of a CSV row is text.
    pub fields: Map<String, Value>,
    /// Where it stands: `file:line`, or the file.
    pub origin: String,
}

/// Something that was read and cannot be used, with the reason; the rest goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The file's name as the user gave it.
    pub file: String,
    /// Line, from 1, where the format has lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The field, where it is one field's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, with the value, and what to do.
    pub reason: String,
}

impl fmt::Display for SetAside {
    /// `file:line, field `x`: reason`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ", field `{field}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What could be read, and what was set aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<T> {
    /// In the order of the source.
    pub items: Vec<T>,
    /// In the order of the source.
    pub set_aside: Vec<SetAside>,
}
