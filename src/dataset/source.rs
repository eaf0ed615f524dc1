//! What the formats have in common: a stream of objects with the line on which they stand.

use std::io::{self, BufReader, Read};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::decode::{DecodeError, Utf8Reader};
#[cfg(feature = "parquet")]
use super::parquet_rows;
use super::{DatasetError, Format, Loaded, SetAside, Split};
use super::{csv_rows, json_document, json_lines, prose};
use crate::parse::strict_json::{Fault, StrictJsonError};

/// One step of reading: something usable, or something set aside with its reason.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<T> {
    /// Read.
    Item(T),
    /// Set aside; the reading goes on.
    SetAside(SetAside),
}

/// An object as it stands in a file, before it has an id.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Raw {
    /// From 1, where the format has lines.
    pub(super) line: Option<u64>,
    /// Place in a list, from 1, where the format has no lines.
    pub(super) place: Option<u64>,
    /// Row of a table, from 1, where the format has neither.
    pub(super) row: Option<u64>,
    pub(super) fields: Map<String, Value>,
    /// The id that a whole file lends to its only record.
    pub(super) file_id: Option<String>,
    /// What stands beside the list in which the object stands.
    pub(super) outer: Rc<Map<String, Value>>,
}

impl Raw {
    /// `file:line`, `file#place`, or the file.
    pub(super) fn origin(&self, name: &str) -> String {
        match (self.line, self.place.or(self.row)) {
            (Some(line), _) => format!("{name}:{line}"),
            (None, Some(place)) => format!("{name}#{place}"),
            (None, None) => name.to_owned(),
        }
    }

    /// A reason that says where, if no line does.
    pub(super) fn placed(&self, reason: String) -> String {
        match (self.place, self.row) {
            (Some(place), _) => format!("element {place}: {reason}"),
            (None, Some(row)) => format!("row {row}: {reason}"),
            (None, None) => reason,
        }
    }
}

/// What a stream keeps count of: its own for one file, or lent by whoever reads several.
pub(super) enum Held<'a, T> {
    Own(T),
    Lent(&'a mut T),
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Own(own) => own,
            Self::Lent(lent) => lent,
        }
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Own(own) => own,
            Self::Lent(lent) => lent,
        }
    }
}

/// A source gives entries until its first error.
pub(super) type Source<'a> = Box<dyn Iterator<Item = Result<Entry<Raw>, DatasetError>> + 'a>;

/// Text input of any size.
pub(super) type TextInput<'a> = BufReader<Box<dyn Read + 'a>>;

/// Decodes an input and leads it to the reader of its format, which is found out where the caller
/// gives none. A file called JSON that holds one object per line is read as JSONL.
pub(super) fn open<'a>(
    name: &str,
    format: Option<Format>,
    input: impl Read + 'a,
    split: Split,
) -> Result<Source<'a>, DatasetError> {
    let mut input = input;
    let mut mark = Vec::new();
    (&mut input).take(16).read_to_end(&mut mark).map_err(|error| failure(name, error))?;
    let announced = format == Some(Format::Parquet) && !mark.is_empty();
    let is_parquet = announced || Format::is_parquet(&mark);
    let input = io::Cursor::new(mark).chain(input);
    if is_parquet {
        return open_parquet(name, input);
    }
    let mut head = Vec::new();
    let mut input = Utf8Reader::new(input);
    (&mut input).take(64 * 1024).read_to_end(&mut head).map_err(|error| failure(name, error))?;
    if head.iter().all(u8::is_ascii_whitespace) && head.len() < 64 * 1024 {
        return Err(DatasetError::Empty { name: name.to_owned() });
    }
    let sample = String::from_utf8_lossy(&head).into_owned();
    let whole: Box<dyn Read + 'a> = Box::new(io::Cursor::new(head).chain(input));
    let input: TextInput<'a> = BufReader::with_capacity(64 * 1024, whole);
    match format_of(format, &sample) {
        Format::Csv => csv_rows::open(name, input, &sample),
        Format::Json => json_document::open(name, input),
        Format::JsonLines => Ok(json_lines::open(name, input)),
        Format::Parquet => Err(DatasetError::Empty { name: name.to_owned() }),
        format @ (Format::Markdown | Format::Text) => prose::open(name, input, format, split),
    }
}

#[cfg(feature = "parquet")]
fn open_parquet<'a>(name: &str, input: impl Read) -> Result<Source<'a>, DatasetError> {
    parquet_rows::open(name, input)
}

#[cfg(not(feature = "parquet"))]
fn open_parquet<'a>(name: &str, _: impl Read) -> Result<Source<'a>, DatasetError> {
    Err(DatasetError::WithoutParquet { name: name.to_owned() })
}

fn format_of(announced: Option<Format>, sample: &str) -> Format {
    match announced {
        Some(Format::Json) if Format::sniff(sample) == Format::JsonLines => Format::JsonLines,
        Some(format) => format,
        None => Format::sniff(sample),
    }
}

/// Reads the whole of an input.
pub(super) fn read_all(name: &str, mut input: TextInput<'_>) -> Result<String, DatasetError> {
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(|error| failure(name, error))?;
    Ok(text)
}

/// Names the file for a failure of the medium or of the encoding.
pub(super) fn failure(name: &str, error: io::Error) -> DatasetError {
    let name = name.to_owned();
    let decoding = error.get_ref().and_then(|inner| inner.downcast_ref::<DecodeError>());
    match decoding {
        Some(&DecodeError::Binary { byte, offset }) => DatasetError::Binary { name, byte, offset },
        Some(&DecodeError::Undecodable { encoding, offset }) => {
            DatasetError::Undecodable { name, encoding, offset }
        }
        None => DatasetError::Io { name, source: error },
    }
}

/// Why a piece of JSON is set aside, and what to do about it.
pub(super) fn json_reason(error: &StrictJsonError) -> String {
    match error.fault {
        Fault::NotANumber => format!("{error}: JSON has no NaN or Infinity; write null"),
        Fault::NumberRange => format!("{error}: write the number as text"),
        Fault::TooDeep => format!("{error}: give flatter data"),
        Fault::Syntax => format!("not valid JSON: {error}"),
    }
}

/// The file's name without folder and ending; `stdin` for standard input.
pub(super) fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match file.rsplit_once('.') {
        _ if file == "-" => "stdin",
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file,
    }
}

/// Gathers entries.
pub(super) fn gather<T>(
    entries: impl Iterator<Item = Result<Entry<T>, DatasetError>>,
) -> Result<Loaded<T>, DatasetError> {
    let mut loaded = Loaded { items: Vec::new(), set_aside: Vec::new() };
    for entry in entries {
        match entry? {
            Entry::Item(item) => loaded.items.push(item),
            Entry::SetAside(reason) => loaded.set_aside.push(reason),
        }
    }
    Ok(loaded)
}

/// Something of `name` that is set aside.
pub(super) fn aside(name: &str, line: Option<u64>, field: Option<&str>, reason: String) -> SetAside {
    SetAside { file: name.to_owned(), line, field: field.map(str::to_owned), reason }
}
