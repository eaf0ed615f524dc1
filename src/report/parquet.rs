//! Personas as a Parquet file: one row per persona and trait, every column with its type.

use std::io;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::table::{basis, behind, citations, in_order, kind};
use crate::consensus::ConsensusPersona;
use crate::persona::{TraitSchema, TraitValue};

/// Rows that are held before they are written as a group.
const GROUP: usize = 50_000;

/// The columns. `value` is the value in words; `number` and `items` hold it with its type where it has one.
const MESSAGE: &str = "message personas {
    required binary record (string);
    required binary persona_id (string);
    required binary kind (string);
    required binary trait (string);
    required binary trait_kind (string);
    required binary value (string);
    optional double number;
    optional group items (list) { repeated group list { required binary element (string); } }
    required double confidence;
    required binary confidence_status (string);
    required double agreement;
    required int32 support;
    required int32 n_models;
    required boolean divergent;
    required group models (list) { repeated group list { required binary element (string); } }
    required group dissent (list) { repeated group list { required binary element (string); } }
    optional binary basis (string);
    optional binary citations (string);
    required double persona_confidence;
    required binary persona_confidence_status (string);
    required int32 persona_support;
}";

/// Writes personas as Parquet, group by group, so that a result of any size passes through.
pub struct ParquetTable<W: io::Write + Send> {
    writer: SerializedFileWriter<W>,
    rows: Rows,
}

impl<W: io::Write + Send> std::fmt::Debug for ParquetTable<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetTable").field("rows", &self.rows.record.len()).finish_non_exhaustive()
    }
}

/// Values of the columns, until they are a group.
#[derive(Debug, Default)]
struct Rows {
    record: Vec<ByteArray>,
    persona_id: Vec<ByteArray>,
    kind: Vec<ByteArray>,
    name: Vec<ByteArray>,
    trait_kind: Vec<ByteArray>,
    value: Vec<ByteArray>,
    number: Optional<f64>,
    items: List,
    confidence: Vec<f64>,
    confidence_status: Vec<ByteArray>,
    agreement: Vec<f64>,
    support: Vec<i32>,
    n_models: Vec<i32>,
    divergent: Vec<bool>,
    models: List,
    dissent: List,
    basis: Optional<ByteArray>,
    citations: Optional<ByteArray>,
    persona_confidence: Vec<f64>,
    persona_confidence_status: Vec<ByteArray>,
    persona_support: Vec<i32>,
}

/// Values of which some are missing, as Parquet wants them: the values there are, and a level per row.
#[derive(Debug, Default)]
struct Optional<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Optional<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

/// Lists as Parquet wants them: items, how far each is defined, and whether it begins a row.
#[derive(Debug, Default)]
struct List {
    values: Vec<ByteArray>,
    defined: Vec<i16>,
    repeated: Vec<i16>,
}

impl List {
    /// Adds a row; `empty` and `whole` are the levels of an empty list and of an item.
    fn push(&mut self, items: impl IntoIterator<Item = String>, empty: i16, whole: i16) {
        let before = self.defined.len();
        for item in items {
            self.repeated.push(i16::from(self.defined.len() > before));
            self.defined.push(whole);
            self.values.push(text(&item));
        }
        if self.defined.len() == before {
            self.repeated.push(0);
            self.defined.push(empty);
        }
    }
}

fn text(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

fn whole(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl<W: io::Write + Send> ParquetTable<W> {
    /// Begins a file, compressed with Snappy.
    ///
    /// # Errors
    /// What the medium says.
    pub fn new(output: W) -> io::Result<Self> {
        let schema = parse_message_type(MESSAGE).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("consona ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer =
            SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        Ok(Self { writer, rows: Rows::default() })
    }

    /// Adds the rows of one persona.
    ///
    /// # Errors
    /// What the medium says.
    pub fn add(&mut self, schema: &TraitSchema, persona: &ConsensusPersona) -> io::Result<()> {
        self.rows.add(schema, persona);
        if self.rows.record.len() >= GROUP { self.group() } else { Ok(()) }
    }

    fn group(&mut self) -> io::Result<()> {
        if self.rows.record.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.writer.next_row_group().map_err(failed)?;
        rows.write(&mut group).map_err(failed)?;
        group.close().map_err(failed)?;
        Ok(())
    }

    /// Writes what is left and gives the output back.
    ///
    /// # Errors
    /// What the medium says.
    pub fn finish(mut self) -> io::Result<W> {
        self.group()?;
        self.writer.into_inner().map_err(failed)
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

impl Rows {
    fn add(&mut self, schema: &TraitSchema, persona: &ConsensusPersona) {
        for (name, found) in in_order(schema, persona) {
            self.record.push(text(persona.record.as_str()));
            self.persona_id.push(text(&persona.persona_id));
            self.kind.push(text(kind(persona.kind)));
            self.name.push(text(name));
            self.trait_kind.push(text(&found.kind));
            self.value.push(text(&found.value.to_string()));
            self.number.push(match found.value {
                TraitValue::Number(number) => Some(number),
                _ => None,
            });
            match &found.value {
                TraitValue::List(items) => self.items.push(items.iter().cloned(), 1, 2),
                _ => self.items.push([], 0, 2),
            }
            self.confidence.push(found.confidence);
            self.confidence_status.push(text(found.confidence_status.name()));
            self.agreement.push(found.agreement);
            self.support.push(whole(found.support));
            self.n_models.push(whole(found.n_models));
            self.divergent.push(found.divergent);
            self.models.push(behind(found).into_iter().map(ToString::to_string), 0, 1);
            let dissent = found.dissent.iter().map(|said| format!("{}: {}", said.model, said.value));
            self.dissent.push(dissent, 0, 1);
            self.basis.push(found.backing.map(|backing| text(basis(backing.basis))));
            self.citations.push(found.backing.map(|backing| text(citations(backing.citations))));
            self.persona_confidence.push(persona.confidence);
            self.persona_confidence_status.push(text(persona.confidence_status.name()));
            self.persona_support.push(whole(persona.support));
        }
    }

    /// Writes the columns, in the order of the schema.
    fn write<W: io::Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let texts = |values: Vec<ByteArray>| Column::Text(values, None, None);
        let list = |list: List| Column::Text(list.values, Some(list.defined), Some(list.repeated));
        let columns = [
            texts(self.record),
            texts(self.persona_id),
            texts(self.kind),
            texts(self.name),
            texts(self.trait_kind),
            texts(self.value),
            Column::Double(self.number.values, Some(self.number.levels)),
            list(self.items),
            Column::Double(self.confidence, None),
            texts(self.confidence_status),
            Column::Double(self.agreement, None),
            Column::Whole(self.support),
            Column::Whole(self.n_models),
            Column::Flag(self.divergent),
            list(self.models),
            list(self.dissent),
            Column::Text(self.basis.values, Some(self.basis.levels), None),
            Column::Text(self.citations.values, Some(self.citations.levels), None),
            Column::Double(self.persona_confidence, None),
            texts(self.persona_confidence_status),
            Column::Whole(self.persona_support),
        ];
        for column in columns {
            let Some(mut writer) = group.next_column()? else { break };
            match &column {
                Column::Text(values, defined, repeated) => writer.typed::<ByteArrayType>().write_batch(
                    values,
                    defined.as_deref(),
                    repeated.as_deref(),
                ),
                Column::Double(values, defined) => {
                    writer.typed::<DoubleType>().write_batch(values, defined.as_deref(), None)
                }
                Column::Whole(values) => writer.typed::<Int32Type>().write_batch(values, None, None),
                Column::Flag(values) => writer.typed::<BoolType>().write_batch(values, None, None),
            }?;
            writer.close()?;
        }
        Ok(())
    }
}

/// A column's values with their levels.
enum Column {
    Text(Vec<ByteArray>, Option<Vec<i16>>, Option<Vec<i16>>),
    Double(Vec<f64>, Option<Vec<i16>>),
    Whole(Vec<i32>),
    Flag(Vec<bool>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_knows_where_its_rows_begin() {
        let mut list = List::default();
        list.push(["a".to_owned(), "b".to_owned()], 1, 2);
        list.push([], 0, 2);
        list.push(["c".to_owned()], 1, 2);
        assert_eq!(list.defined, [2, 2, 0, 2]);
        assert_eq!(list.repeated, [0, 1, 0, 0]);
        assert_eq!(list.values.len(), 3);
    }

    #[test]
    fn an_empty_result_is_a_readable_file() {
        let bytes = ParquetTable::new(Vec::new()).unwrap().finish().unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    }
}
