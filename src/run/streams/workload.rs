//! The streams of a study with the units that they ask about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::dataset::Record;
use crate::embed::Embedder;
use crate::persona::RecordId;
use crate::prompt;
use crate::run::Study;
use crate::run::plan::{Scope, Unit};
use crate::run::quorum::Turnout;
use crate::run::status::milliseconds;
use crate::run::study::Workstreams;
use crate::run::unit::EndedUnit;
use crate::stages::workstreams::{Plan, Watch, Workstream, WorkstreamError, plan};
use crate::store::canonical;

/// One stream and what it asks about.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) stream: Workstream,
    /// Who works on it, by place in the panel.
    pub(super) members: Arc<[usize]>,
    /// Who is asked where they give too few answers, in order.
    pub(super) fallbacks: Vec<usize>,
    /// Its records, by place in the input.
    places: Vec<usize>,
    /// The number of its first unit, where its records are a corpus.
    first: u64,
    /// What its personas are filed under, where its records are a corpus.
    corpus: Option<RecordId>,
    pub(super) waits_for: Vec<usize>,
    pub(super) watch: Watch,
}

impl Part {
    /// How many records it takes.
    pub(super) fn records(&self) -> usize {
        self.places.len()
    }

    /// The number of a unit, in the run database.
    pub(super) fn number(&self, index: u64) -> u64 {
        match self.corpus {
            Some(_) => self.first + index,
            None => self.places[usize::try_from(index).unwrap_or(usize::MAX)] as u64,
        }
    }
}

/// The streams of a study, each with its records.
///
/// Where the unit is a record, a stream asks about its records as the study would, under their own numbers.
/// Where the unit is the corpus, every stream is a corpus of its own, in parts of `records_per_call`, and its
/// personas are filed under its name.
#[derive(Debug)]
pub struct Workload<'a> {
    pub(super) study: &'a Study,
    pub(super) section: &'a Workstreams,
    records: &'a [Record],
    pub(super) parts: Vec<Part>,
    plan: Plan,
}

impl<'a> Workload<'a> {
    /// Gives every stream its records. `embedder` sorts records by theme.
    ///
    /// # Errors
    /// [`WorkstreamError`] names the stream and what is wrong with it.
    pub fn new(
        study: &'a Study,
        section: &'a Workstreams,
        records: &'a [Record],
        embedder: &dyn Embedder,
    ) -> Result<Self, WorkstreamError> {
        let records = &records[..study.input.limit.unwrap_or(usize::MAX).min(records.len())];
        let panel: Vec<&str> = study.panel.iter().map(|member| member.name.as_str()).collect();
        let plan = plan(&section.streams, &panel, records, embedder)?;
        let mut load = Self { study, section, records, parts: Vec::new(), plan };
        let mut first = 0;
        for stream in &section.streams {
            let part = load.part(stream, &panel, first)?;
            first += load.units_of(&part);
            load.parts.push(part);
        }
        load.no_model_twice()?;
        Ok(load)
    }

    fn part(&self, stream: &Workstream, panel: &[&str], first: u64) -> Result<Part, WorkstreamError> {
        let place = |name: &String| panel.iter().position(|member| member == name);
        let members: Arc<[usize]> = if stream.models.is_empty() {
            (0..panel.len()).collect()
        } else {
            (0..panel.len()).filter(|&place| stream.models.iter().any(|name| name == panel[place])).collect()
        };
        let needed = self.study.quorum.min_models;
        if members.len() < needed as usize {
            let (stream, models) = (stream.name.clone(), members.len());
            return Err(WorkstreamError::TooFew { stream, models, needed });
        }
        let corpus = match self.study.input.unit {
            prompt::Unit::Record => None,
            prompt::Unit::Corpus => Some(RecordId::new(&stream.name).map_err(|error| {
                WorkstreamError::Unfiled { stream: stream.name.clone(), reason: error.to_string() }
            })?),
        };
        let estimate = stream.estimate_minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
        let index = |name: &String| self.section.streams.iter().position(|other| other.name == *name);
        Ok(Part {
            members,
            fallbacks: stream.fallback.iter().filter_map(place).collect(),
            places: self.plan.records[&stream.name].clone(),
            first,
            corpus,
            waits_for: stream.depends_on.iter().filter_map(index).collect(),
            watch: Watch {
                stuck_after_ms: milliseconds(self.section.stuck_after),
                estimate_ms: estimate.map(milliseconds),
            },
            stream: stream.clone(),
        })
    }

    /// Two streams must not pay the same model for the same question.
    fn no_model_twice(&self) -> Result<(), WorkstreamError> {
        let mut asked: BTreeMap<(usize, usize), &Part> = BTreeMap::new();
        for part in self.parts.iter().filter(|part| part.corpus.is_none()) {
            for &record in &part.places {
                for &member in part.members.iter().chain(&part.fallbacks) {
                    if let Some(first) = asked.insert((record, member), part) {
                        return Err(WorkstreamError::Twice {
                            record: self.records[record].id.to_string(),
                            model: self.study.panel[member].name.to_string(),
                            first: first.stream.name.clone(),
                            second: part.stream.name.clone(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Streams by level, and the records that no stream takes.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Every question in full: the streams in order, each with its own models.
    pub fn into_units(self) -> impl Iterator<Item = Unit> + 'a {
        let (mut place, mut index) = (0, 0);
        std::iter::from_fn(move || {
            while index >= self.units_of(self.parts.get(place)?) {
                (place, index) = (place + 1, 0);
            }
            index += 1;
            let part = &self.parts[place];
            Some(self.unit(part, index - 1, &part.members, 0))
        })
    }

    fn size(&self) -> usize {
        match self.study.input.unit {
            prompt::Unit::Record => 1,
            prompt::Unit::Corpus => self.study.input.records_per_call.max(1),
        }
    }

    pub(super) fn units_of(&self, part: &Part) -> u64 {
        part.places.len().div_ceil(self.size()) as u64
    }

    /// Calls that a unit of a stream needs.
    pub(super) fn calls_per_unit(&self, part: &Part) -> u64 {
        part.members.iter().map(|&place| u64::from(self.study.panel[place].samples)).sum()
    }

    /// The `index`-th unit of a stream for some members, its scope halved so many times: half the records of a
    /// corpus, half the personas of a record.
    pub(super) fn unit(&self, part: &Part, index: u64, members: &[usize], halvings: u32) -> Unit {
        let size = self.size();
        let start = usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(size);
        let own = &part.places[start.min(part.places.len())..(start + size).min(part.places.len())];
        let shown = (0..halvings).fold(own.len(), |count, _| count.div_ceil(2));
        let records: Vec<Record> = own[..shown].iter().map(|&place| self.records[place].clone()).collect();
        let mut scope = Scope::of(members);
        let number = part.number(index);
        if let Some(name) = &part.corpus {
            let (record, place) = (name.clone(), u32::try_from(index).unwrap_or(u32::MAX));
            return Unit { number, record, part: place, records, scope };
        }
        let most = self.study.personas.max;
        let fewer = (0..halvings).fold(most, |count, _| count.div_ceil(2));
        scope.personas = (fewer < most).then_some(fewer);
        Unit { number, record: records[0].id.clone(), part: 0, records, scope }
    }

    /// How often the scope of a stream can be halved with something left to ask, at most as the study allows.
    pub(super) fn halvings(&self, part: &Part) -> u32 {
        let (size, least) = match part.corpus {
            Some(_) => (self.size().min(part.places.len()), 1),
            None => (self.study.personas.max as usize, self.study.personas.min as usize),
        };
        let (mut left, mut possible) = (size, 0);
        while left > least.max(1) && possible < self.section.halvings {
            left = left.div_ceil(2);
            possible += 1;
        }
        possible
    }

    /// A unit against what the stream's own models owe: an answer of a fallback stands for one of theirs.
    pub(super) fn turnout(&self, part: &Part, unit: &EndedUnit) -> Turnout {
        let calls = self.calls_per_unit(part);
        let answered = unit.calls.iter().filter(|call| call.is_answered()).count() as u64;
        let complete = self.study.quorum.met_by(unit.models());
        Turnout { calls, answered: answered.min(calls), units: 1, complete_units: u64::from(complete) }
    }

    /// Changes with the models and the records of a stream.
    pub(super) fn fingerprint(&self, part: &Part) -> String {
        let ids: Vec<&RecordId> = part.places.iter().map(|&place| &self.records[place].id).collect();
        let stream = &part.stream;
        let all = json!([stream.name, part.members, stream.fallback, self.size(), ids]);
        // A JSON value always has a JSON form.
        let text = canonical(&all).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::StaticEmbedder;
    use serde_json::Map;
    use std::path::Path;

    fn study(sections: &str) -> Study {
        let text = format!(
            "name: x\npanel:\n  - {{model: 'scripted:a'}}\n  - {{model: 'scripted:b', samples: 2}}\n{sections}
workstreams:
  halvings: 5
  streams:
    - {{name: one, records: '1-5', models: ['scripted:b']}}
    - {{name: two, records: '6-7'}}"
        );
        Study::parse(&text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into()))
            .expect("a study")
    }

    fn records(count: usize) -> Vec<Record> {
        let record = |place: usize| Record {
            id: RecordId::new(&format!("r{place}")).expect("valid"),
            fields: Map::new(),
            origin: String::new(),
        };
        (0..count).map(record).collect()
    }

    fn load<'a>(study: &'a Study, records: &'a [Record]) -> Workload<'a> {
        let embedder = StaticEmbedder::embedded().expect("shipped");
        Workload::new(study, study.workstreams.as_ref().expect("streams"), records, &embedder)
            .expect("a workload")
    }

    #[test]
    fn w1_streams_of_records_keep_the_numbers_of_the_input_and_are_halved_by_personas() {
        let (study, records) =
            (study("input: {path: x, unit: record}\npersonas: {min: 1, max: 4}"), records(7));
        let load = load(&study, &records);
        // 4 → 2 → 1, and not below one.
        assert_eq!((load.halvings(&load.parts[0]), load.calls_per_unit(&load.parts[0])), (2, 2));
        let once = load.unit(&load.parts[0], 3, &[1], 1);
        assert_eq!((once.number, once.scope.personas, once.records.len()), (3, Some(2), 1));
        let units: Vec<(u64, bool)> =
            load.into_units().map(|unit| (unit.number, unit.scope.asks(0))).collect();
        let first = (0..5).map(|number| (number, false));
        assert_eq!(units, first.chain([(5, true), (6, true)]).collect::<Vec<_>>());
    }

    #[test]
    fn w1_streams_of_a_corpus_are_corpora_of_their_own_and_are_halved_by_records() {
        let (study, records) = (study("input: {path: x, unit: corpus, records_per_call: 3}"), records(7));
        let load = load(&study, &records);
        assert_eq!((load.units_of(&load.parts[0]), load.halvings(&load.parts[0])), (2, 2));
        let once = load.unit(&load.parts[0], 0, &[1], 1);
        assert_eq!((once.scope.personas, once.records.len()), (None, 2), "the first two of three");
        let units: Vec<(u64, String, u32, usize)> = load
            .into_units()
            .map(|unit| (unit.number, unit.record.to_string(), unit.part, unit.records.len()))
            .collect();
        let unit = |number, name: &str, part, records| (number, name.to_owned(), part, records);
        assert_eq!(units, [unit(0, "one", 0, 3), unit(1, "one", 1, 2), unit(2, "two", 0, 2)]);
    }
}
