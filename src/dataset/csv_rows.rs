//! Rows with a header, as spreadsheets and survey tools export them.

use std::collections::VecDeque;
use std::io::Read;

use csv::{Reader, ReaderBuilder, StringRecord};
use serde_json::Value;

use super::line_ends::{LineEnds, Lines};
use super::quotes::{Broken, Found, Quotes, fit};
use super::source::{Entry, Raw, Source, TextInput, aside, failure};
use super::{DatasetError, SetAside};

/// The delimiters that are tried, in order of preference.
const DELIMITERS: [u8; 3] = *b",;\t";
/// How many rows of the sample vote on the delimiter.
const VOTERS: usize = 20;

/// Reads the header; rows follow one by one.
pub(super) fn open<'a>(name: &str, input: TextInput<'a>, sample: &str) -> Result<Source<'a>, DatasetError> {
    let (input, lines) = LineEnds::new(input);
    let delimiter = delimiter(sample);
    let (input, quotes) = Quotes::new(input, delimiter);
    let mut rows = reader(input, delimiter);
    let mut header = StringRecord::new();
    rows.read_record(&mut header).map_err(|error| csv_failure(name, error))?;
    if quotes.before(rows.position().byte()).is_some_and(|broken| !broken.closed) {
        return Err(DatasetError::UnclosedHeader { name: name.to_owned() });
    }
    let header = names(header.iter());
    let mut table = Table {
        name: name.to_owned(),
        header,
        delimiter,
        lines,
        quotes,
        waiting: VecDeque::new(),
        doubt: None,
    };
    let mut ended = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if let Some(entry) = table.waiting.pop_front() {
            return Some(Ok(entry));
        }
        if ended {
            return None;
        }
        let mut row = StringRecord::new();
        match rows.read_record(&mut row) {
            Ok(false) => None,
            Ok(true) => Some(Ok(table.row(&row, rows.position().byte()))),
            Err(error) => {
                ended = true;
                Some(Err(csv_failure(&table.name, error)))
            }
        }
    })))
}

fn reader<R: Read>(input: R, delimiter: u8) -> Reader<R> {
    ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(input)
}

/// What rows are read by.
struct Table {
    name: String,
    header: Vec<String>,
    delimiter: u8,
    lines: Lines,
    quotes: Found,
    /// Rows that were read out of a field that had taken them in.
    waiting: VecDeque<Entry<Raw>>,
    /// The line of a quote after which it cannot be told what stands in quotes and what does not.
    doubt: Option<u64>,
}

impl Table {
    /// One row that ends before `end`. Rows behind a quote that was never closed follow it, where it cannot be
    /// doubted that they are rows.
    fn row(&mut self, row: &StringRecord, end: u64) -> Entry<Raw> {
        let stray = self.quotes.stray_before(end);
        let Some(broken) = self.quotes.before(end) else {
            let line = row.position().map(|position| self.lines.at(position.byte()));
            if let (Some(quote), true) = (self.doubt, stray) {
                let reason = format!(
                    "a quote stands in the middle of a field, after the one of line {quote} that is never closed"
                );
                return Entry::SetAside(aside(&self.name, line, None, reason));
            }
            if row.len() == self.header.len() {
                self.doubt = None;
            }
            return entry(&self.name, &self.header, row, line);
        };
        let rows = self.rows_within(&broken);
        if rows.is_none() && broken.closed {
            let line = row.position().map(|position| self.lines.at(position.byte()));
            if fit(broken.rest().1, self.delimiter) {
                return entry(&self.name, &self.header, row, line);
            }
            self.doubt = line;
            let reason = "a quote opened here is closed in the middle of a later text; which lines are rows cannot be told";
            return Entry::SetAside(aside(&self.name, line, None, reason.to_owned()));
        }
        let line = self.lines.at(broken.opened);
        let (begin, _) = broken.rest();
        let swallowed = match (broken.lines(), rows.is_some()) {
            (0, _) => String::new(),
            (1, true) => "; the line after it is read as a row of its own".to_owned(),
            (lines, true) => format!("; the {lines} lines after it are read as rows of their own"),
            (1, false) => "; the line after it, the last, would belong to this field".to_owned(),
            (lines, false) => {
                format!("; the {lines} lines after it, up to the end, would belong to this field")
            }
        };
        for row in rows.unwrap_or_default() {
            let line = row.position().map(|position| self.lines.at(begin + position.byte()));
            self.waiting.push_back(entry(&self.name, &self.header, &row, line));
        }
        let reason = format!("the quote opened here is never closed{swallowed}");
        Entry::SetAside(aside(&self.name, Some(line), None, reason))
    }

    /// The rows that a broken field took in. `None` where it can be doubted that they are rows: one of them has
    /// another number of fields than the header or a broken quote of its own, or any line would be a row.
    fn rows_within(&self, broken: &Broken) -> Option<Vec<StringRecord>> {
        let (_, rest) = broken.rest();
        if self.header.len() < 2 || !fit(rest, self.delimiter) {
            return None;
        }
        let rows = reader(rest, self.delimiter).into_records().collect::<Result<Vec<_>, _>>().ok()?;
        rows.iter().all(|row| row.len() == self.header.len()).then_some(rows)
    }
}

fn csv_failure(name: &str, error: csv::Error) -> DatasetError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => failure(name, error),
        other => failure(name, std::io::Error::other(format!("{other:?}"))),
    }
}

/// One row, or why it cannot be used.
fn entry(name: &str, header: &[String], row: &StringRecord, line: Option<u64>) -> Entry<Raw> {
    if row.len() != header.len() {
        return Entry::SetAside(uneven(name, header, row, line));
    }
    let fields =
        header.iter().zip(row).map(|(name, value)| (name.clone(), Value::String(value.to_owned()))).collect();
    Entry::Item(Raw { line, fields, ..Raw::default() })
}

fn uneven(name: &str, header: &[String], row: &StringRecord, line: Option<u64>) -> SetAside {
    let lines = row.iter().map(|field| field.matches('\n').count()).sum::<usize>() + 1;
    let hint = if lines > 1 {
        format!("; it runs over {lines} lines, so look for a quote that is not closed")
    } else {
        "; quote fields that hold the delimiter".to_owned()
    };
    let reason = format!("row has {} fields where the header has {}{hint}", row.len(), header.len());
    aside(name, line, None, reason)
}

/// Names of the columns: trimmed, never empty, never twice.
pub(super) fn names<'a>(header: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (place, name) in header.enumerate() {
        let plain = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = if plain.is_empty() { format!("column_{}", place + 1) } else { plain };
        let mut unique = plain.clone();
        let mut count = 1;
        while names.contains(&unique) {
            count += 1;
            unique = format!("{plain}_{count}");
        }
        names.push(unique);
    }
    names
}

/// The delimiter under which most of the first rows have as many fields as the header, and more
/// than one.
fn delimiter(sample: &str) -> u8 {
    let votes = |delimiter: u8| {
        let rows = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(sample.as_bytes())
            .into_records()
            .map_while(Result::ok)
            .take(VOTERS)
            .map(|row| row.len())
            .collect::<Vec<_>>();
        let width = rows.first().copied().unwrap_or(0);
        let agreeing = if width > 1 { rows.iter().filter(|&&length| length == width).count() } else { 0 };
        (agreeing, width)
    };
    let mut best = (DELIMITERS[0], votes(DELIMITERS[0]));
    for delimiter in DELIMITERS.into_iter().skip(1) {
        let found = votes(delimiter);
        if found > best.1 {
            best = (delimiter, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_headers_become_usable_names() {
        let header = StringRecord::from(vec![" Responder # ", "", "age", "age", "Age\n range", "age_2"]);
        assert_eq!(names(header.iter()), ["Responder #", "column_2", "age", "age_2", "Age range", "age_2_2"]);
    }

    #[test]
    fn the_delimiter_is_the_one_that_makes_even_rows() {
        assert_eq!(delimiter("a,b\n\"1,5\",2\n"), b',');
        assert_eq!(delimiter("a;b\n1,5;2,5\n3,5;4\n"), b';');
        assert_eq!(delimiter("a\tb c\n1, 2\t3\n"), b'\t');
        assert_eq!(delimiter("text\nwell, yes\n"), b',');
    }
}
