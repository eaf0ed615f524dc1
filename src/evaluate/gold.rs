//! Gold by judgement: for a record's trait, the wordings that a person accepted, half accepted or
//! rejected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::lines::json_lines;
use crate::persona::RecordId;

/// One line of a gold file.
#[derive(Clone, Debug, Deserialize)]
pub struct GoldCell {
    /// Which record.
    pub record: RecordId,
    /// Which trait.
    #[serde(rename = "trait")]
    pub name: String,
    /// Wordings that are right.
    #[serde(default)]
    pub accepted: BTreeSet<String>,
    /// Wordings that are right by half.
    #[serde(default)]
    pub half: BTreeSet<String>,
}

impl GoldCell {
    /// 1 for an accepted wording, ½ for a half accepted one, 0 for anything else.
    #[must_use]
    pub fn credit(&self, wording: &str) -> f64 {
        let wording = wording.trim();
        if self.accepted.contains(wording) {
            1.0
        } else if self.half.contains(wording) {
            0.5
        } else {
            0.0
        }
    }
}

/// A gold file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldError {
    /// A line that is not a gold cell.
    #[error(
        "line {line} is no gold cell; expected `{{\"record\", \"trait\", \"accepted\": […], \"half\": […]}}`"
    )]
    Line {
        /// Line, from 1.
        line: usize,
        /// What the reader stumbled over.
        source: serde_json::Error,
    },
    /// Two lines about one cell.
    #[error("line {line} repeats the cell of line {first}: record `{record}`, trait `{name}`")]
    Repeated {
        /// Line, from 1.
        line: usize,
        /// The earlier line.
        first: usize,
        /// Which record.
        record: RecordId,
        /// Which trait.
        name: String,
    },
    /// No line at all.
    #[error("the gold file holds no cells; give one JSON object per line: record, trait, accepted, half")]
    Empty,
}

/// Reads gold cells from JSON lines, in the order of the file. Wordings are trimmed.
///
/// # Errors
/// [`GoldError`] names the line.
pub fn read_gold(text: &str) -> Result<Vec<GoldCell>, GoldError> {
    let mut cells: Vec<GoldCell> = Vec::new();
    let mut seen: BTreeMap<(RecordId, String), usize> = BTreeMap::new();
    for (line_number, read) in json_lines(text) {
        let mut cell: GoldCell = read.map_err(|source| GoldError::Line { line: line_number, source })?;
        for wordings in [&mut cell.accepted, &mut cell.half] {
            *wordings = wordings.iter().map(|wording| wording.trim().to_owned()).collect();
        }
        if let Some(first) = seen.insert((cell.record.clone(), cell.name.clone()), line_number) {
            return Err(GoldError::Repeated {
                line: line_number,
                first,
                record: cell.record,
                name: cell.name,
            });
        }
        cells.push(cell);
    }
    if cells.is_empty() { Err(GoldError::Empty) } else { Ok(cells) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_follows_the_judgement() {
        let text =
            r#"{"record":"r","trait":"age","gold":28,"accepted":["28 "],"half":["30"],"rejected":["99"]}"#;
        let cells = read_gold(text).expect("one cell");
        let credits: Vec<f64> =
            ["28", "30", "99", "1"].iter().map(|wording| cells[0].credit(wording)).collect();
        assert_eq!(credits, [1.0, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn a_bad_gold_file_names_the_line() {
        let error = |text: &str| read_gold(text).map(|_| ()).map_err(|error| error.to_string());
        let cell = r#"{"record":"r","trait":"age"}"#;
        assert_eq!(
            error(&format!("{cell}\n\n{cell}")),
            Err("line 3 repeats the cell of line 1: record `r`, trait `age`".to_owned())
        );
        assert!(error("{}").unwrap_err().starts_with("line 1 is no gold cell"));
        assert_eq!(
            error("\n"),
            Err("the gold file holds no cells; give one JSON object per line: record, trait, accepted, half"
                .to_owned())
        );
    }
}
