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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal_persona;
    use serde_json::json;

    /// A persona whose every text is hostile to some reader.
    fn hostile() -> ConsensusPersona {
        let parts =
            json!({"share": 1.0, "runner_up": 0.0, "n_eff": 1.0, "prior_weight": 1.0, "prior_accuracy": 0.5});
        let value = "=cmd|' /C calc'!A0 \u{1b}[2J\u{202e} <img src=x onerror=alert(1)> ![x](http://evil)";
        serde_json::from_value(json!({
            "record": "+r", "persona_id": "+r/1", "kind": "minority", "confidence": 0.5, "support": 1,
            "n_models": 2, "models": ["@m"],
            "traits": {
                "name": {
                    "kind": "text", "value": value, "confidence": 0.5, "parts": parts, "agreement": 1.0,
                    "support": 1, "n_models": 2, "divergent": true,
                    "variants": [
                        {"value": value, "representative": "@m", "models": ["@m"], "share": 1.0,
                         "said": [{"model": "@m", "value": value}]}
                    ],
                    "dissent": [
                        {"model": "@n", "value": value, "kind": "outlier", "support": 0.0, "consensus_support": 1.0}
                    ],
                    "evidence": [{"model": "@m", "quote": value, "row": "=1"}],
                },
                "age": {
                    "kind": "numeric", "value": -5, "confidence": 0.5, "parts": parts, "agreement": 1.0,
                    "support": 1, "n_models": 2, "divergent": false, "variants": [],
                },
            },
        }))
        .expect("a persona")
    }

    #[test]
    fn hostile_text_is_harmless_in_every_medium_and_whole_in_json() {
        let (schema, persona) = (TraitSchema::default_persona(), hostile());
        let (mut lines, mut table, mut cards) = (Vec::new(), Vec::new(), Vec::new());
        let mut files = PersonaFiles::new(&schema, &mut lines, &mut table, &mut cards).expect("in memory");
        files.add(std::slice::from_ref(&persona)).expect("in memory");
        files.finish().expect("in memory");
        assert_eq!(serde_json::from_slice::<ConsensusPersona>(&lines).expect("JSON"), persona);
        let mut rows = csv::Reader::from_reader(table.as_slice());
        for (place, row) in rows.records().enumerate() {
            for (column, cell) in row.expect("a row").iter().enumerate() {
                // Only the number, which we wrote ourselves, may begin with a sign.
                let number = (place, column) == (1, 4);
                assert!(number || !cell.starts_with(['=', '+', '-', '@']), "{cell}");
            }
        }
        let cards = String::from_utf8(cards).expect("text");
        assert!(cards.contains("#### ") && cards.contains("Minority personas"), "{cards}");
        assert!(!cards.contains("<img") && !cards.contains("![x]"), "{cards}");
        for shown in [cards, terminal_persona(&schema, &persona, 60)] {
            assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let shown = terminal_persona(&TraitSchema::default_persona(), &hostile(), 60);
        assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
    }
}
