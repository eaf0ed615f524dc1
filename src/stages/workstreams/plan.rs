//! Streams are checked, given their records and put in order.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::split::{places, split};
use super::{Selection, Workstream, WorkstreamError};
use crate::dataset::Record;
use crate::embed::Embedder;

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
    let levels = check(streams, panel)?;
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

/// Checks everything about streams that can be known without the records; answers their levels.
///
/// # Errors
/// [`WorkstreamError`] names the stream and what is wrong with it.
pub fn check(streams: &[Workstream], panel: &[&str]) -> Result<Vec<Vec<String>>, WorkstreamError> {
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    for (place, stream) in streams.iter().enumerate() {
        let name = stream.name.clone();
        if name.trim().is_empty() {
            return Err(WorkstreamError::Name { place: place + 1, name, reason: "which is no name" });
        }
        if names[..place].contains(&name.as_str()) {
            return Err(WorkstreamError::Name { place: place + 1, name, reason: "like one before it" });
        }
        if let Selection::Range(range) = &stream.records
            && places(range, 0).is_none()
        {
            return Err(WorkstreamError::Range { stream: name, range: range.clone() });
        }
        if let Some(minutes) =
            stream.estimate_minutes.filter(|minutes| !(minutes.is_finite() && *minutes > 0.0))
        {
            return Err(WorkstreamError::Estimate { stream: name, minutes });
        }
        for (what, given, known) in [
            ("panel member", &stream.models, panel),
            ("panel member", &stream.fallback, panel),
            ("stream", &stream.depends_on, names.as_slice()),
        ] {
            if let Some(unknown) = given.iter().find(|one| !known.contains(&one.as_str())) {
                let (unknown, known) = (unknown.clone(), known.join(", "));
                return Err(WorkstreamError::Unknown { stream: name, what, name: unknown, known });
            }
        }
        let works = |model: &&String| stream.models.is_empty() || stream.models.contains(model);
        if let Some(model) = stream.fallback.iter().find(works) {
            return Err(WorkstreamError::Fallback { stream: name, model: model.clone() });
        }
    }
    levels(streams)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::embedder;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

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
    fn w1_records_are_split_by_range_column_and_theme() {
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
    fn w1_independent_streams_share_a_level_and_others_wait() {
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
        let own = json!({"name": "a", "records": "1", "models": ["m1"], "fallback": ["m1"]});
        assert_eq!(error(&[own]), "workstream `a`: `m1` works on it already and cannot be its fallback");
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
