//! Personas into their three files, record by record.

use std::io;

use crate::consensus::ConsensusPersona;
use crate::persona::TraitSchema;

use super::{PersonaTable, markdown_record};

/// A result that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The medium failed.
    #[error("the personas of record `{record}` could not be written")]
    Write {
        /// Which record.
        record: String,
        /// What the system says.
        source: io::Error,
    },
    /// A number that JSON cannot carry.
    #[error("the personas of record `{record}` could not be written as JSON")]
    Json {
        /// Which record.
        record: String,
        /// What the writer says.
        source: serde_json::Error,
    },
    /// The files could not be begun or ended.
    #[error("the files of personas could not be written")]
    Io(#[from] io::Error),
}

/// Writes personas as JSON lines (lossless), as CSV and as Markdown at once, so that a result of any
/// size passes through without being held.
#[derive(Debug)]
pub struct PersonaFiles<'a, W: io::Write> {
    schema: &'a TraitSchema,
    lines: W,
    table: PersonaTable<W>,
    cards: W,
}

impl<'a, W: io::Write> PersonaFiles<'a, W> {
    /// Begins the three files.
    ///
    /// # Errors
    /// [`ReportError::Io`].
    pub fn new(schema: &'a TraitSchema, lines: W, table: W, mut cards: W) -> Result<Self, ReportError> {
        cards.write_all(b"# Personas\n")?;
        Ok(Self { schema, lines, table: PersonaTable::new(table)?, cards })
    }

    /// Adds the personas of one record.
    ///
    /// # Errors
    /// [`ReportError`] names the record.
    pub fn add(&mut self, personas: &[ConsensusPersona]) -> Result<(), ReportError> {
        let record = || personas.first().map(|first| first.record.to_string()).unwrap_or_default();
        for persona in personas {
            let mut line = serde_json::to_vec(persona)
                .map_err(|source| ReportError::Json { record: record(), source })?;
            line.push(b'\n');
            self.lines
                .write_all(&line)
                .and_then(|()| self.table.add(self.schema, persona))
                .map_err(|source| ReportError::Write { record: record(), source })?;
        }
        self.cards
            .write_all(markdown_record(self.schema, personas).as_bytes())
            .map_err(|source| ReportError::Write { record: record(), source })
    }

    /// Ends the files and gives them back: lines, table, cards.
    ///
    /// # Errors
    /// [`ReportError::Io`].
    pub fn finish(mut self) -> Result<[W; 3], ReportError> {
        self.lines.flush()?;
        self.cards.flush()?;
        Ok([self.lines, self.table.finish()?, self.cards])
    }
}
