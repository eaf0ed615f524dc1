//! A consensus that grows with its drafts: pipelined synthesis.
//!
//! Personas can be looked at while answers still come in. What the whole batch teaches (who is to be
//! trusted, how alike drafts of one persona are) is learned anew whenever the drafts have grown by a half, so that
//! all the learning together costs at most three times the last one (a geometric series); in between a
//! record is decided by what was learned before. Drafts may come in any order, for whole records or for parts
//! of them: they are kept by place, and the end ([`Growing::finish`]) is computed from all of them as if they had been
//! there from the beginning, to the byte.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::engine::{DraftSource, Engine, Learned};
use super::{ConsensusError, ConsensusPersona, ConsensusValidParams};
use crate::embed::Embedder;
use crate::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitInference, TraitSchema};

/// How much the drafts must have grown since the last learning.
const GROWTH: f64 = 1.5;

/// Drafts that are still coming in, and what they give so far. Keeps all of them in memory.
#[derive(Debug)]
pub struct Growing {
    schema: TraitSchema,
    embedder: Arc<dyn Embedder>,
    panel: Vec<ModelName>,
    settings: ConsensusValidParams,
    records: BTreeMap<u64, (RecordId, Vec<Draft>)>,
    drafts: usize,
    taught: Option<Taught>,
}

/// What so many drafts taught.
#[derive(Debug)]
struct Taught {
    drafts: usize,
    schema: TraitSchema,
    learned: Learned,
}

impl Growing {
    /// A consensus of nothing yet. Traits that the schema lacks are inferred from the drafts.
    #[must_use]
    pub fn new(
        schema: TraitSchema,
        embedder: Arc<dyn Embedder>,
        panel: Vec<ModelName>,
        settings: ConsensusValidParams,
    ) -> Self {
        Self { schema, embedder, panel, settings, records: BTreeMap::new(), drafts: 0, taught: None }
    }

    /// Takes drafts about the record at a place of the input, in addition to those that are there.
    pub fn add(&mut self, place: u64, record: &RecordId, drafts: Vec<Draft>) {
        self.drafts += drafts.len();
        self.records.entry(place).or_insert_with(|| (record.clone(), Vec::new())).1.extend(drafts);
    }

    /// Records that have drafts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no draft has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The personas of one record as they stand, best supported first; none where it has no drafts.
    ///
    /// # Errors
    /// [`ConsensusError`] as for [`Engine::learn`].
    pub fn personas(&mut self, place: u64) -> Result<Vec<ConsensusPersona>, ConsensusError> {
        let Some(drafts) = self.record(place) else { return Ok(Vec::new()) };
        let known = self.taught.take();
        let taught = match known.filter(|known| (self.drafts as f64) < GROWTH * known.drafts as f64) {
            Some(known) => known,
            None => self.teach()?,
        };
        let found = self.decide([drafts].as_slice(), &taught);
        self.taught = Some(taught);
        Ok(found?.into_iter().flatten().collect())
    }

    /// Everything, from all drafts: the personas of each record in order of place, and what was learned.
    ///
    /// # Errors
    /// [`ConsensusError`] as for [`Engine::learn`].
    pub fn finish(&self) -> Result<(Learned, Vec<Vec<ConsensusPersona>>), ConsensusError> {
        let taught = self.teach()?;
        let personas = self.decide(self, &taught)?;
        Ok((taught.learned, personas))
    }

    fn record(&self, place: u64) -> Option<RecordDrafts> {
        let (record, drafts) = self.records.get(&place)?;
        Some(RecordDrafts::new(record.clone(), drafts.clone(), &self.panel))
    }

    fn teach(&self) -> Result<Taught, ConsensusError> {
        let mut inference = TraitInference::new(&self.schema);
        for place in self.records.keys() {
            for draft in self.record(*place).iter().flat_map(RecordDrafts::drafts) {
                inference.observe(draft);
            }
        }
        let schema = inference.finish();
        let learned = self.engine(&schema)?.learn(self)?;
        Ok(Taught { drafts: self.drafts, schema, learned })
    }

    fn decide<S: DraftSource + ?Sized>(
        &self,
        source: &S,
        taught: &Taught,
    ) -> Result<Vec<Vec<ConsensusPersona>>, ConsensusError> {
        let mut all = Vec::new();
        self.engine(&taught.schema)?.decide(source, &taught.learned, |personas| {
            all.push(personas);
            Ok(())
        })?;
        Ok(all)
    }

    fn engine<'a>(&'a self, schema: &'a TraitSchema) -> Result<Engine<'a>, ConsensusError> {
        Engine::new(schema, self.embedder.as_ref(), self.panel.clone(), self.settings.clone())
    }
}

impl DraftSource for Growing {
    fn records(&self) -> usize {
        self.records.len()
    }

    fn chunk(&self, range: Range<usize>) -> Result<Vec<RecordDrafts>, ConsensusError> {
        let places = self.records.keys().skip(range.start).take(range.len());
        Ok(places.filter_map(|place| self.record(*place)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::ConsensusParams;
    use crate::embed::StaticEmbedder;
    use crate::persona::TraitValue;
    use proptest::prelude::*;

    const MODELS: [&str; 3] = ["a", "b", "c"];

    fn panel() -> Vec<ModelName> {
        MODELS.iter().map(|name| ModelName::new(name).expect("valid")).collect()
    }

    /// The two drafts of a model about a record: models differ in their words, and one of them in a job.
    fn drafts(record: u64, model: usize) -> Vec<Draft> {
        let id = RecordId::new(&format!("r{record}")).expect("valid");
        (0..2_u32)
            .map(|position| {
                let mut draft = Draft::new(id.clone(), panel()[model].clone());
                draft.position = position;
                let (name, job) = if position == 0 { ("Ada", "nurse") } else { ("Ben", "retired teacher") };
                let job = if record % 3 == model as u64 { "baker" } else { job };
                let mut put = |trait_: &str, value: &str| {
                    draft.traits.insert(trait_.to_owned(), TraitValue::text(value).expect("valid"));
                };
                put("name", &format!("{name} {record}"));
                put("occupation", job);
                put("shoe_size", &format!("{}", 36 + record + u64::from(position)));
                draft
            })
            .collect()
    }

    fn growing() -> Growing {
        let embedder = Arc::new(StaticEmbedder::embedded().expect("shipped"));
        let settings = ConsensusParams::new().check().expect("valid").clone();
        Growing::new(TraitSchema::default_persona(), embedder, panel(), settings)
    }

    fn bytes<T: serde::Serialize>(value: &T) -> String {
        serde_json::to_string(value).expect("JSON")
    }

    #[test]
    fn w6_personas_are_there_from_the_first_draft_and_sharpen_with_each_further_one() {
        let mut growing = growing();
        assert!(growing.is_empty() && growing.personas(0).expect("nothing").is_empty());
        let mut support = Vec::new();
        for model in 0..3 {
            growing.add(0, &RecordId::new("r0").expect("valid"), drafts(0, model));
            let personas = growing.personas(0).expect("personas");
            support.push(personas.iter().map(|persona| persona.support).max().expect("one at least"));
        }
        assert!(support.is_sorted() && (support[0], support[2]) == (1, 3), "{support:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn w6_the_end_is_what_all_drafts_give_at_once_to_the_byte(
            order in Just((0..15_usize).collect::<Vec<_>>()).prop_shuffle(), looks in proptest::collection::vec(0_usize..15, 0..6)
        ) {
            let mut growing = growing();
            for (step, which) in order.into_iter().enumerate() {
                let (record, model) = ((which / 3) as u64, which % 3);
                growing.add(record, &RecordId::new(&format!("r{record}")).expect("valid"), drafts(record, model));
                if looks.contains(&step) {
                    prop_assert!(!growing.personas(record).expect("personas").is_empty());
                }
            }
            let all: Vec<RecordDrafts> = (0..5)
                .map(|record| {
                    let said = (0..3).flat_map(|model| drafts(record, model)).collect();
                    RecordDrafts::new(RecordId::new(&format!("r{record}")).expect("valid"), said, &panel())
                })
                .collect();
            let mut inference = TraitInference::new(&growing.schema);
            all.iter().flat_map(RecordDrafts::drafts).for_each(|draft| inference.observe(draft));
            let schema = inference.finish();
            let engine = growing.engine(&schema).expect("an engine");
            let learned = engine.learn(all.as_slice()).expect("learned");
            let mut at_once = Vec::new();
            engine.decide(all.as_slice(), &learned, |personas| { at_once.push(personas); Ok(()) }).expect("decided");
            let (grown, personas) = growing.finish().expect("finished");
            prop_assert_eq!(bytes(&grown), bytes(&learned));
            prop_assert_eq!(bytes(&personas), bytes(&at_once));
        }
    }
}
