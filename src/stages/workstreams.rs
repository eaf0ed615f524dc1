//! Workstreams: a study split into parts that are worked on by themselves.
//!
//! A stream takes records by range, by the value of a column or by theme, names the models that work on it and
//! says why, and waits for the streams that it depends on. All of it is checked before anything is asked:
//! names, models, dependencies, circles, and records that two streams take without saying that they may.
//! Who works when is a matter of levels ([`Plan::levels`]): the streams of one level are independent
//! of each other and start together.
//!
//! What is not decided here is what follows a failure; that is the executor's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::Record;
use crate::embed::{EmbedError, Embedder};

/// Which records a stream takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Selection {
    /// Places in the input, from 1, both ends included: `1-100`, `7`, `1-10, 50-60`, `200-`.
    Range(String),
    /// The records that have a value in a column.
    Column {
        /// Columns and values; a record must have all of them.
        column: BTreeMap<String, Value>,
    },
    /// The records that are nearer to this theme than to that of any other stream.
    Theme {
        /// The theme, in a few words.
        theme: String,
    },
}

/// One part of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workstream {
    /// Unique in the study.
    pub name: String,
    /// Which records it takes.
    pub records: Selection,
    /// The members of the panel that work on it, the fallbacks behind the first; all of them where none is
    /// named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The streams that must be done before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Why these models and these records; reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// What is to be done, in steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// What is expected of it; reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How many minutes it may take before it counts as late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_minutes: Option<f64>,
    /// Whether it may take records that other streams take as well.
    #[serde(default)]
    pub overlap: bool,
}

/// Streams that cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkstreamError {
    /// Two streams of one name, or one without.
    #[error("workstream {place} is called `{name}`, {reason}")]
    Name {
        /// Place in the list, from 1.
        place: usize,
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A model or stream that is not there.
    #[error("workstream `{stream}`: there is no {what} `{name}`; there are: {known}")]
    Unknown {
        /// The stream.
        stream: String,
        /// `stream` or `panel member`.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Streams that wait for each other.
    #[error("workstreams wait for each other: {circle}; take one of these dependencies out")]
    Circle {
        /// The streams, in order, the first once more at the end.
        circle: String,
    },
    /// A range that cannot be read.
    #[error(
        "workstream `{stream}`: records `{range}` are no range of places; write `1-100`, `7` or `1-10, 50-60`"
    )]
    Range {
        /// The stream.
        stream: String,
        /// The range as given.
        range: String,
    },
    /// A stream without records.
    #[error("workstream `{stream}` takes none of the {records} records")]
    Empty {
        /// The stream.
        stream: String,
        /// Records of the study.
        records: usize,
    },
    /// Two streams that take the same record without saying that they may.
    #[error(
        "record `{record}` is taken by `{first}` and by `{second}`; write `overlap: true` in both if that is meant"
    )]
    Overlap {
        /// The record.
        record: String,
        /// The stream that comes first.
        first: String,
        /// The other.
        second: String,
    },
    /// An estimate that is no time.
    #[error("workstream `{stream}`: `estimate_minutes` is `{minutes}`; it must be a number above 0")]
    Estimate {
        /// The stream.
        stream: String,
        /// The value as given.
        minutes: f64,
    },
    /// Themes could not be embedded.
    #[error("records could not be sorted by theme")]
    Embed(#[from] EmbedError),
}

/// The records of every stream, and the order of the streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Streams by level, in the order given within one: those of a level need only streams of levels before.
    pub levels: Vec<Vec<String>>,
    /// Places of records, from 0 and ascending, by stream.
    pub records: BTreeMap<String, Vec<usize>>,
    /// Places of records that no stream takes.
    pub left_over: Vec<usize>,
}

/// Checks streams, splits the records among them and puts them in order.
///
/// # Errors
/// [`WorkstreamError`] names the stream and what is wrong with it.
pub fn plan(
    streams: &[Workstream],
    panel: &[&str],
    records: &[Record],
    embedder: &dyn Embedder,
) -> Result<Plan, WorkstreamError> {
    check(streams, panel)?;
    let levels = levels(streams)?;
    let taken = split(streams, records, embedder)?;
    let mut owners: BTreeMap<usize, &Workstream> = BTreeMap::new();
    for stream in streams {
        let own = &taken[&stream.name];
        if own.is_empty() {
            return Err(WorkstreamError::Empty { stream: stream.name.clone(), records: records.len() });
        }
        for &place in own {
            match owners.insert(place, stream) {
                Some(first) if !(first.overlap && stream.overlap) => {
                    return Err(WorkstreamError::Overlap {
                        record: records[place].id.as_str().to_owned(),
                        first: first.name.clone(),
                        second: stream.name.clone(),
                    });
                }
                _ => {}
            }
        }
    }
    let left_over = (0..records.len()).filter(|place| !owners.contains_key(place)).collect();
    Ok(Plan { levels, records: taken, left_over })
}

fn check(streams: &[Workstream], panel: &[&str]) -> Result<(), WorkstreamError> {
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    for (place, stream) in streams.iter().enumerate() {
        let name = stream.name.clone();
        if name.trim().is_empty() {
            return Err(WorkstreamError::Name { place: place + 1, name, reason: "which is no name" });
        }
        if names[..place].contains(&name.as_str()) {
            return Err(WorkstreamError::Name { place: place + 1, name, reason: "like one before it" });
        }
        if let Some(minutes) =
            stream.estimate_minutes.filter(|minutes| !(minutes.is_finite() && *minutes > 0.0))
        {
            return Err(WorkstreamError::Estimate { stream: name, minutes });
        }
        for (what, given, known) in
            [("panel member", &stream.models, panel), ("stream", &stream.depends_on, names.as_slice())]
        {
            if let Some(unknown) = given.iter().find(|one| !known.contains(&one.as_str())) {
                let (unknown, known) = (unknown.clone(), known.join(", "));
                return Err(WorkstreamError::Unknown { stream: name, what, name: unknown, known });
            }
        }
    }
    Ok(())
}

/// Streams by level (A. B. Kahn, *Topological sorting of large networks*, 1962, a layer at a time).
fn levels(streams: &[Workstream]) -> Result<Vec<Vec<String>>, WorkstreamError> {
    let (mut done, mut levels): (BTreeSet<&str>, Vec<Vec<String>>) = (BTreeSet::new(), Vec::new());
    while done.len() < streams.len() {
        let waits = |stream: &&Workstream| !done.contains(stream.name.as_str());
        let is_free =
            |stream: &&Workstream| stream.depends_on.iter().all(|name| done.contains(name.as_str()));
        let level: Vec<&str> =
            streams.iter().filter(waits).filter(is_free).map(|stream| stream.name.as_str()).collect();
        if level.is_empty() {
            return Err(WorkstreamError::Circle { circle: circle(streams, &done) });
        }
        done.extend(&level);
        levels.push(level.into_iter().map(str::to_owned).collect());
    }
    Ok(levels)
}

/// Follows waiting streams until one comes again.
fn circle(streams: &[Workstream], done: &BTreeSet<&str>) -> String {
    let mut path: Vec<&str> = Vec::new();
    let mut next = streams.iter().find(|stream| !done.contains(stream.name.as_str()));
    while let Some(stream) = next {
        if let Some(start) = path.iter().position(|name| *name == stream.name) {
            path.push(&stream.name);
            return path[start..].join(" → ");
        }
        path.push(&stream.name);
        let waits_for = stream.depends_on.iter().find(|name| !done.contains(name.as_str()));
        next = waits_for.and_then(|name| streams.iter().find(|one| one.name == *name));
    }
    path.join(" → ")
}

fn split(
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
fn places(ranges: &str, count: usize) -> Option<Vec<usize>> {
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
) -> Result<BTreeMap<String, Vec<usize>>, WorkstreamError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::testing::embedder;
    use proptest::prelude::*;
    use serde_json::{Map, json};

    fn stream(value: Value) -> Workstream {
        serde_json::from_value(value).expect("a stream")
    }

    fn records(texts: &[&str]) -> Vec<Record> {
        let record = |(place, text): (usize, &&str)| Record {
            id: format!("r{place}").parse().expect("valid"),
            fields: Map::from_iter([
                ("text".to_owned(), json!(text)),
                ("segment".to_owned(), json!(if place % 2 == 0 { "Old" } else { "new" })),
            ]),
            origin: String::new(),
        };
        texts.iter().enumerate().map(record).collect()
    }

    fn planned(streams: &[Value], texts: &[&str]) -> Result<Plan, String> {
        let streams: Vec<Workstream> = streams.iter().cloned().map(stream).collect();
        plan(&streams, &["m1", "m2"], &records(texts), embedder()).map_err(|error| error.to_string())
    }

    #[test]
    fn records_are_split_by_range_column_and_theme() {
        let texts = ["Trains are late", "The bus fare is too high", "My dog barks", "Cats sleep all day"];
        let found = planned(
            &[json!({"name": "head", "records": "1-2"}), json!({"name": "tail", "records": "4-"})],
            &texts,
        );
        let found = found.expect("a plan");
        assert_eq!((&found.records["head"], &found.records["tail"]), (&vec![0, 1], &vec![3]));
        assert_eq!(found.left_over, [2]);
        let column = json!({"name": "old", "records": {"column": {"segment": "old"}}});
        assert_eq!(planned(&[column], &texts).expect("a plan").records["old"], [0, 2]);
        let themes = [
            json!({"name": "pets", "records": {"theme": "cats, dogs and other animals at home"}}),
            json!({"name": "travel", "records": {"theme": "trains, buses and tickets"}}),
        ];
        let found = planned(&themes, &texts).expect("a plan");
        assert_eq!((&found.records["pets"], &found.records["travel"]), (&vec![2, 3], &vec![0, 1]));
    }

    #[test]
    fn independent_streams_share_a_level_and_others_wait() {
        let found = planned(
            &[
                json!({"name": "both", "records": "3", "depends_on": ["a", "b"]}),
                json!({"name": "a", "records": "1", "models": ["m2"], "rationale": "knows trains"}),
                json!({"name": "b", "records": "2"}),
            ],
            &["x", "y", "z"],
        );
        assert_eq!(found.expect("a plan").levels, [vec!["a", "b"], vec!["both"]]);
    }

    #[test]
    fn what_cannot_be_worked_on_is_named() {
        let error = |streams: &[Value]| planned(streams, &["x", "y"]).unwrap_err();
        let (a, b) = (json!({"name": "a", "records": "1"}), json!({"name": "b", "records": "1-2"}));
        assert_eq!(
            error(&[a.clone(), b]),
            "record `r0` is taken by `a` and by `b`; write `overlap: true` in both if that is meant"
        );
        assert_eq!(error(&[a.clone(), a]), "workstream 2 is called `a`, like one before it");
        let waits =
            |name: &str, on: &str| json!({"name": name, "records": "1", "depends_on": [on], "overlap": true});
        assert_eq!(
            error(&[waits("a", "b"), waits("b", "c"), waits("c", "b")]),
            "workstreams wait for each other: b → c → b; take one of these dependencies out"
        );
        assert_eq!(error(&[waits("a", "z")]), "workstream `a`: there is no stream `z`; there are: a");
        let model = json!({"name": "a", "records": "1", "models": ["m9"]});
        assert_eq!(error(&[model]), "workstream `a`: there is no panel member `m9`; there are: m1, m2");
        for range in ["", "0-2", "5-2", "x", "1-2-3"] {
            let message = error(&[json!({"name": "a", "records": range})]);
            assert!(message.contains("no range of places"), "{range}: {message}");
        }
        assert_eq!(
            error(&[json!({"name": "a", "records": "9"})]),
            "workstream `a` takes none of the 2 records"
        );
        let late = json!({"name": "a", "records": "1", "estimate_minutes": 0});
        assert!(error(&[late]).contains("above 0"));
        let overlapping = [waits("a", "b"), json!({"name": "b", "records": "1-2", "overlap": true})];
        assert_eq!(planned(&overlapping, &["x", "y"]).expect("said that they may").records["a"], [0]);
    }

    #[test]
    fn a_field_that_no_stream_has_is_refused() {
        let value = json!({"name": "a", "records": "1", "modles": []});
        assert!(serde_json::from_value::<Workstream>(value).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_record_belongs_to_a_stream_or_is_left_over(low in 1_usize..12, length in 0_usize..12, count in 1_usize..12) {
            let texts = vec!["x"; count];
            let range = format!("{low}-{}", low + length);
            match planned(&[json!({"name": "a", "records": range})], &texts) {
                Ok(found) => {
                    let mut all = found.records["a"].clone();
                    all.extend(&found.left_over);
                    all.sort_unstable();
                    prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
                }
                Err(_) => prop_assert!(low > count),
            }
        }
    }
}
