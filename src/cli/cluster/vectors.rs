//! Vectors out of files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_json::Value;

use super::options::ClusterOptions;
use crate::cli::embedder::open;
use crate::cli::error::CliError;
use crate::embed::MatrixError;
use crate::files::read_npy;

/// Fields that are looked for where none is named.
const FIELDS: [&str; 3] = ["vector", "embedding", "text"];

/// Why lines hold no vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorsError {
    /// A line that is no JSON.
    #[error("line {line} is not JSON")]
    Json {
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A line without the field.
    #[error("line {line} has no field `{field}`; name one that every line has")]
    NoField {
        /// Line, from 1.
        line: usize,
        /// The field that was looked for.
        field: String,
    },
    /// A value that is neither a vector nor a text.
    #[error("line {line}: `{field}` is {found}; it must be a list of numbers, or a text to embed")]
    Kind {
        /// Line, from 1.
        line: usize,
        /// The field.
        field: String,
        /// What stands there.
        found: String,
    },
    /// A vector of another length.
    #[error(
        "line {line} has a vector of {found} components, and the first line one of {expected}; all need the same"
    )]
    Ragged {
        /// Line, from 1.
        line: usize,
        /// Components of this line.
        found: usize,
        /// Components of the first line.
        expected: usize,
    },
    /// Vectors and texts in one file.
    #[error("line {line} has {found} where the first line has {expected}; all need the same")]
    Mixed {
        /// Line, from 1.
        line: usize,
        /// What stands there.
        found: &'static str,
        /// What the first line has.
        expected: &'static str,
    },
    /// Not one line.
    #[error("there is no line in it; give one vector or text per line")]
    Empty,
    /// Vectors that are no matrix.
    #[error("the vectors cannot be used")]
    Matrix(#[from] MatrixError),
}

/// One line's content.
enum Cell {
    Vector(Vec<f32>),
    Text(String),
}

impl Cell {
    fn kind(&self) -> &'static str {
        match self {
            Self::Vector(_) => "a list of numbers",
            Self::Text(_) => "a text",
        }
    }
}

/// Vectors, and from lines the lines.
pub(super) struct Vectors {
    pub(super) rows: Array2<f32>,
    /// The value of every line, for sessions; nothing from a matrix.
    pub(super) lines: Vec<Value>,
    /// What became of texts.
    pub(super) note: Option<String>,
}

/// Reads what the options name.
pub(super) fn read(options: &ClusterOptions) -> Result<Vectors, CliError> {
    let path = &options.file;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("npy") => Ok(Vectors { rows: read_npy(path)?, lines: Vec::new(), note: None }),
        Some("jsonl" | "ndjson") => {
            let lines = lines(path)?;
            let refuse = |source| CliError::Vectors { path: path.clone(), source };
            let cells = cells(&lines, options.field.as_deref()).map_err(refuse)?;
            let lines: Vec<Value> = lines.into_iter().map(|(_, value)| value).collect();
            match cells.first() {
                Some(Cell::Text(_)) => embedded(&cells, options, lines),
                _ => Ok(Vectors { rows: matrix(&cells).map_err(refuse)?, lines, note: None }),
            }
        }
        _ => Err(CliError::Usage(format!("`{}` ends in neither .npy nor .jsonl", path.display()))),
    }
}

/// The lines that are not blank, with their numbers.
fn lines(path: &Path) -> Result<Vec<(usize, Value)>, CliError> {
    let unread = |source| CliError::Read { path: PathBuf::from(path), source };
    let reader = BufReader::new(File::open(path).map_err(unread)?);
    let mut lines = Vec::new();
    for (place, text) in reader.lines().enumerate() {
        let (line, text) = (place + 1, text.map_err(unread)?);
        if !text.trim().is_empty() {
            let value = serde_json::from_str(&text).map_err(|source| VectorsError::Json { line, source });
            lines.push((line, value.map_err(|source| CliError::Vectors { path: path.to_owned(), source })?));
        }
    }
    Ok(lines)
}

fn cells(lines: &[(usize, Value)], field: Option<&str>) -> Result<Vec<Cell>, VectorsError> {
    let (_, first) = lines.first().ok_or(VectorsError::Empty)?;
    let field = field.or_else(|| FIELDS.into_iter().find(|field| first.get(field).is_some()));
    let field = field.unwrap_or(FIELDS[0]);
    let mut cells: Vec<Cell> = Vec::with_capacity(lines.len());
    for (line, value) in lines {
        let cell = cell(*line, value, field)?;
        match (cells.first(), &cell) {
            (Some(Cell::Vector(first)), Cell::Vector(found)) if first.len() != found.len() => {
                let (found, expected) = (found.len(), first.len());
                return Err(VectorsError::Ragged { line: *line, found, expected });
            }
            (Some(first), cell) if first.kind() != cell.kind() => {
                return Err(VectorsError::Mixed { line: *line, found: cell.kind(), expected: first.kind() });
            }
            _ => {}
        }
        cells.push(cell);
    }
    Ok(cells)
}

/// A line that is a list is a vector; of any other the field is looked at.
fn cell(line: usize, value: &Value, field: &str) -> Result<Cell, VectorsError> {
    let own = if value.is_array() { Some(value) } else { value.get(field) };
    let own = own.ok_or_else(|| VectorsError::NoField { line, field: field.to_owned() })?;
    let wrong = |found: String| VectorsError::Kind { line, field: field.to_owned(), found };
    match own {
        Value::String(text) => Ok(Cell::Text(text.clone())),
        Value::Array(numbers) => {
            #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
            let number = |value: &Value| value.as_f64().map(|value| value as f32);
            let components: Result<Vec<f32>, VectorsError> = numbers
                .iter()
                .map(|value| number(value).ok_or_else(|| wrong(format!("a list that holds `{value}`"))))
                .collect();
            Ok(Cell::Vector(components?))
        }
        Value::Null => Err(wrong("null".to_owned())),
        Value::Bool(value) => Err(wrong(format!("`{value}`"))),
        Value::Number(value) => Err(wrong(format!("`{value}`"))),
        Value::Object(_) => Err(wrong("an object".to_owned())),
    }
}

fn matrix(cells: &[Cell]) -> Result<Array2<f32>, VectorsError> {
    let vectors =
        cells.iter().filter_map(|cell| if let Cell::Vector(vector) = cell { Some(vector) } else { None });
    let values: Vec<f32> = vectors.flatten().copied().collect();
    let (rows, columns) = (cells.len(), values.len() / cells.len().max(1));
    Array2::from_shape_vec((rows, columns), values)
        .map_err(|_| VectorsError::Matrix(MatrixError::NotSquare { rows, columns }))
}

fn embedded(cells: &[Cell], options: &ClusterOptions, lines: Vec<Value>) -> Result<Vectors, CliError> {
    let texts =
        cells.iter().filter_map(|cell| if let Cell::Text(text) = cell { Some(text.as_str()) } else { None });
    let texts: Vec<&str> = texts.collect();
    let embedder = open(&options.embedder, None)?;
    let rows = embedder.embed(&texts)?.into_inner();
    let note = format!(
        "{} texts became vectors of {} components by `{}`",
        texts.len(),
        rows.ncols(),
        embedder.name()
    );
    Ok(Vectors { rows, lines, note: Some(note) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use serde_json::json;

    fn numbered(values: &[Value]) -> Vec<(usize, Value)> {
        values.iter().cloned().enumerate().map(|(place, value)| (place + 1, value)).collect()
    }

    #[test]
    fn vectors_stand_in_a_field_or_are_the_line() {
        for lines in [
            [json!([1, 2.5]), json!([3, 4])],
            [json!({"vector": [1, 2.5]}), json!({"vector": [3, 4]})],
            [json!({"embedding": [1, 2.5], "text": "a"}), json!({"embedding": [3, 4]})],
        ] {
            let cells = cells(&numbered(&lines), None).expect("vectors");
            assert_eq!(matrix(&cells).expect("a matrix"), array![[1.0, 2.5], [3.0, 4.0]]);
        }
    }

    #[test]
    fn what_is_no_vector_is_named_by_its_line() {
        let refuse = |lines: &[Value]| cells(&numbered(lines), None).map(|_| ()).unwrap_err().to_string();
        assert_eq!(refuse(&[]), "there is no line in it; give one vector or text per line");
        assert_eq!(
            refuse(&[json!([1, 2]), json!([1, 2, 3])]),
            "line 2 has a vector of 3 components, and the first line one of 2; all need the same"
        );
        assert_eq!(
            refuse(&[json!({"text": "a"}), json!({"text": [1]})]),
            "line 2 has a list of numbers where the first line has a text; all need the same"
        );
        assert_eq!(
            refuse(&[json!({"vector": [1, "x"]})]),
            "line 1: `vector` is a list that holds `\"x\"`; it must be a list of numbers, or a text to embed"
        );
        assert_eq!(
            refuse(&[json!({"name": "a"})]),
            "line 1 has no field `vector`; name one that every line has"
        );
        assert!(refuse(&[json!({"vector": null})]).contains("`vector` is null"));
    }
}
