//! Which records a stream takes: by place, by column, by theme.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Selection, Workstream, WorkstreamError};
use crate::dataset::Record;
use crate::embed::{EmbedError, Embedder};

/// The places of the records of every stream, ascending.
pub(super) fn split(
    streams: &[Workstream],
    records: &[Record],
    embedder: &dyn Embedder,
) -> Result<BTreeMap<String, Vec<usize>>, WorkstreamError> {
    let mut taken = by_theme(streams, records, embedder)?;
    for stream in streams {
        let own = match &stream.records {
            Selection::Theme { .. } => continue,
            Selection::Range(range) => places(range, records.len()).ok_or_else(|| {
                WorkstreamError::Range { stream: stream.name.clone(), range: range.clone() }
            })?,
            Selection::Column { column } => {
                let has =
                    |record: &Record| column.iter().all(|(name, value)| is(record.fields.get(name), value));
                (0..records.len()).filter(|place| has(&records[*place])).collect()
            }
        };
        taken.insert(stream.name.clone(), own);
    }
    Ok(taken)
}

/// Places from 0 of a list of ranges from 1; what lies beyond the end is left out.
pub(super) fn places(ranges: &str, count: usize) -> Option<Vec<usize>> {
    let number = |text: &str| text.trim().parse::<usize>().ok().filter(|number| *number > 0);
    let mut places = BTreeSet::new();
    for range in ranges.split(',').map(str::trim) {
        let (low, high) = match range.split_once(['-', '–']) {
            None => (number(range)?, number(range)?),
            // Open at its end: the range may well begin behind the last record.
            Some((low, "")) => (number(low)?, usize::MAX),
            Some((low, high)) => (number(low)?, number(high)?),
        };
        if low > high {
            return None;
        }
        places.extend(low - 1..high.min(count));
    }
    Some(places.into_iter().collect())
}

/// Whether a cell has a value; every cell of a CSV row is text, so `30` and `"30"` are the same here.
fn is(cell: Option<&Value>, wanted: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::String(text) => text.trim().to_lowercase(),
        other => other.to_string(),
    };
    cell.is_some_and(|cell| plain(cell) == plain(wanted))
}

/// Every record goes to the nearest theme; of equals, to the first.
fn by_theme(
    streams: &[Workstream],
    records: &[Record],
    embedder: &dyn Embedder,
) -> Result<BTreeMap<String, Vec<usize>>, EmbedError> {
    let themes: Vec<(&str, &str)> = streams
        .iter()
        .filter_map(|stream| match &stream.records {
            Selection::Theme { theme } => Some((stream.name.as_str(), theme.as_str())),
            _ => None,
        })
        .collect();
    let mut taken: BTreeMap<String, Vec<usize>> =
        themes.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect();
    if themes.is_empty() || records.is_empty() {
        return Ok(taken);
    }
    let named: Vec<&str> = themes.iter().map(|(_, theme)| *theme).collect();
    let texts: Vec<String> = records.iter().map(text).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let cosines = embedder.embed(&texts)?.view().dot(&embedder.embed(&named)?.view().t());
    for (place, cosines) in cosines.outer_iter().enumerate() {
        let mut nearest = 0;
        for theme in 1..named.len() {
            if cosines[theme] > cosines[nearest] {
                nearest = theme;
            }
        }
        taken.entry(themes[nearest].0.to_owned()).or_default().push(place);
    }
    Ok(taken)
}

fn text(record: &Record) -> String {
    let said = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    record.fields.values().map(said).collect::<Vec<_>>().join("\n")
}
