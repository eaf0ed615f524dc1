//! A file as a stream of objects.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::record::reader::{ReaderIter, TreeBuilder};
use serde_json::{Map, Value};

use super::pages::{Group, refusal};
use super::shape::{self, Shape};
use super::{LARGEST_FILE, MOST_TEXT, MOST_VALUES, footer, render};
use crate::dataset::DatasetError;
use crate::dataset::csv_rows::names;
use crate::dataset::source::{Entry, Raw, Source, failure};

/// Values of a column that are taken from its page at once. Room for as many is reserved for each column.
const BATCH: usize = 128;
/// What a field takes beside its name and its text.
const FIELD_BYTES: u64 = 32;

/// Reads the footer; rows follow one by one. The whole file is held meanwhile: its description stands at its end.
pub(in crate::dataset) fn open<'a>(name: &str, input: impl Read) -> Result<Source<'a>, DatasetError> {
    let refuse = |reason: String| DatasetError::Parquet { name: name.to_owned(), reason };
    let mut file = Vec::new();
    input.take(LARGEST_FILE + 1).read_to_end(&mut file).map_err(|error| failure(name, error))?;
    if file.len() as u64 > LARGEST_FILE {
        return Err(refuse(format!("it is longer than {LARGEST_FILE} bytes; split it")));
    }
    let mut rows = guarded(|| Rows::new(file)).map_err(refuse)?;
    let name = name.to_owned();
    let mut ended = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let row = guarded(|| rows.next()).transpose()?;
        ended = row.is_err();
        Some(row.map(Entry::Item).map_err(|reason| DatasetError::Parquet { name: name.clone(), reason }))
    })))
}

/// The crate that reads the pages panics where two things that a file says contradict each other
/// (`tests/parquet_input.rs` has such files): that is a damaged file, and no reason to take the program down.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let damaged =
        |_| Err("it is damaged: what it says of its pages does not fit them; write it again".to_owned());
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(damaged)
}

/// What the crate says, without its name.
fn told(error: ParquetError) -> String {
    match error {
        ParquetError::General(reason) => reason,
        other => other.to_string(),
    }
}

/// What rows are read from.
struct Rows {
    file: Arc<Bytes>,
    metadata: ParquetMetaData,
    names: Vec<String>,
    shapes: Vec<Shape>,
    /// The row group that comes next.
    group: usize,
    within: Option<ReaderIter>,
    /// How many rows were read.
    number: u64,
    /// How much more may be read.
    text_left: u64,
}

impl Rows {
    fn new(file: Vec<u8>) -> Result<Self, String> {
        let metadata = ParquetMetaDataReader::decode_metadata(footer::checked(&file)?)
            .map_err(|error| format!("its footer is damaged ({}); write it again", told(error)))?;
        let root = metadata.file_metadata().schema_descr().root_schema();
        let shapes = shape::columns(root)?;
        let names = names(root.get_fields().iter().map(|column| column.name()));
        check(&metadata)?;
        let file = Arc::new(Bytes::from(file));
        Ok(Self { file, metadata, names, shapes, group: 0, within: None, number: 0, text_left: MOST_TEXT })
    }

    /// The next row, if there is one.
    fn next(&mut self) -> Result<Option<Raw>, String> {
        loop {
            let row = self.within.as_mut().and_then(Iterator::next);
            let number = self.number + 1;
            let unreadable =
                |error| format!("row {number} cannot be read ({}); write the file again", told(error));
            if let Some(row) = row.transpose().map_err(unreadable)? {
                self.number = number;
                let fields = self.fields(row.into_columns())?;
                return Ok(Some(Raw { row: Some(number), fields, ..Raw::default() }));
            }
            if self.group == self.metadata.num_row_groups() {
                return Ok(None);
            }
            let group = Group { file: Arc::clone(&self.file), metadata: self.metadata.row_group(self.group) };
            let schema = self.metadata.file_metadata().schema_descr_ptr();
            let within = TreeBuilder::new().with_batch_size(BATCH).as_iter(schema, &group);
            self.within = Some(within.map_err(unreadable)?);
            self.group += 1;
        }
    }

    fn fields(&mut self, row: Vec<(String, parquet::record::Field)>) -> Result<Map<String, Value>, String> {
        let number = self.number;
        let mut fields = Map::new();
        for (((_, field), name), shape) in row.into_iter().zip(&self.names).zip(&self.shapes) {
            let value = render::value(field, shape)
                .map_err(|reason| format!("column `{name}` {reason} (row {number})"))?;
            let left = self.text_left.checked_sub(FIELD_BYTES + name.len() as u64 + weight(&value));
            self.text_left = left.ok_or_else(|| {
                format!("its first {number} rows are longer than {MOST_TEXT} bytes; split it")
            })?;
            fields.insert(name.clone(), value);
        }
        Ok(fields)
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(|item| FIELD_BYTES + weight(item)).sum(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| FIELD_BYTES + name.len() as u64 + weight(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Whether everything that the footer announces can be read and is within bounds.
fn check(metadata: &ParquetMetaData) -> Result<(), String> {
    let columns = metadata.file_metadata().schema_descr().num_columns();
    let mut values = 0_u64;
    for group in metadata.row_groups() {
        if let Some(reason) = group.columns().iter().find_map(refusal) {
            return Err(reason);
        }
        if group.num_columns() != columns || group.num_rows() < 0 {
            return Err("its footer is damaged; write it again".to_owned());
        }
        let announced = group.columns().iter().map(|column| column.num_values().unsigned_abs());
        values = announced.fold(values, u64::saturating_add);
    }
    if values > MOST_VALUES {
        return Err(format!(
            "it has {values} values, more than {MOST_VALUES}; split it, or save the columns you need"
        ));
    }
    Ok(())
}
