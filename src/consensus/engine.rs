//! All records, in two walks: learn what the batch tells, then decide record by record.
//!
//! Memory does not grow with the number of records: what is learned is a table of models by models
//! and a histogram of similarities. Records are worked on in parallel and taken in order, so that
//! the result is the same on any number of threads.

use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;

use super::ConsensusError;
use super::dependence::{Dependence, DependenceTable};
use super::merge::PreparedRecord;
use super::persona::ConsensusPersona;
use super::reliability::{AgreementTable, Reliability};
use super::settings::{ConsensusValidParams, Subject};
use super::stability::{ALPHA_RECORDS, Change, Codes, Diagnosis, STABILITY_RECORDS};
use crate::cluster::{self, Algorithm, FitSettings, FittedThresholds, Input, PairSample, Threshold};
use crate::embed::{BlockEncoder, BlockWeights, EmbedError, Embedder, Ruler};
use crate::persona::{ModelName, RecordDrafts, TraitSchema};

/// Records worked on at once.
const CHUNK: usize = 256;

/// Drafts grouped by record, which can be walked several times.
pub trait DraftSource {
    /// Number of records.
    fn records(&self) -> usize;

    /// The drafts of some records, in the order of the records.
    ///
    /// # Errors
    /// [`ConsensusError::Source`] when the drafts can no longer be read.
    fn chunk(&self, range: Range<usize>) -> Result<Vec<RecordDrafts>, ConsensusError>;
}

impl DraftSource for [RecordDrafts] {
    fn records(&self) -> usize {
        self.len()
    }

    fn chunk(&self, range: Range<usize>) -> Result<Vec<RecordDrafts>, ConsensusError> {
        Ok(self[range].to_vec())
    }
}

/// What the batch taught, before any record was decided.
#[derive(Clone, Debug, Serialize)]
pub struct Learned {
    /// Whether records hold one persona or several; never [`Subject::Auto`].
    pub subject: Subject,
    /// How alike drafts must be to be one persona; `None` where there is one subject a record.
    pub thresholds: Option<FittedThresholds>,
    /// What each trait says about two drafts being one persona; `None` where there is one subject a
    /// record.
    pub blocks: Option<BlockWeights>,
    /// How far each model is trusted, in the order of the panel.
    pub reliability: Reliability,
    /// How far the models err together.
    pub dependence: Dependence,
}

/// What decides which drafts are one persona.
#[derive(Debug)]
struct Matching<'a> {
    encoder: BlockEncoder<'a>,
    threshold: Threshold,
}

/// Drafts that are alike from this much evidence on are one persona where the batch is too small
/// to tell: 0.2 on the scale of [`crate::embed::EncodedDrafts::similarities`] are 1.6 nats, what it
/// takes against prior odds of one in five.
const FALLBACK_SIMILARITY: f64 = 0.2;
/// Records from which the weights of the traits are learned.
const WEIGHT_RECORDS: usize = 256;

/// Forms consensus personas out of drafts.
#[derive(Debug)]
pub struct Engine<'a> {
    schema: &'a TraitSchema,
    embedder: &'a dyn Embedder,
    panel: Vec<ModelName>,
    settings: ConsensusValidParams,
    ruler: Ruler,
}

impl<'a> Engine<'a> {
    /// An engine for drafts of a panel. The schema must list every trait that is to be merged
    /// ([`TraitSchema::with_inferred`]); drafts of models outside the panel are left out.
    ///
    /// # Errors
    /// [`ConsensusError::UnknownModel`] for a weight of a model that is not in the panel.
    pub fn new(
        schema: &'a TraitSchema,
        embedder: &'a dyn Embedder,
        panel: Vec<ModelName>,
        settings: ConsensusValidParams,
    ) -> Result<Self, ConsensusError> {
        if let Some(model) = settings.model_weights.keys().find(|model| !panel.contains(model)) {
            let names: Vec<&str> = panel.iter().map(ModelName::as_str).collect();
            return Err(ConsensusError::UnknownModel { model: model.to_string(), panel: names.join(", ") });
        }
        let ruler = Ruler::measure(embedder).map_err(|source| embedding(None, source))?;
        Ok(Self { schema, embedder, panel, settings, ruler })
    }

    /// The models, in the order in which votes and results name them.
    #[must_use]
    pub fn panel(&self) -> &[ModelName] {
        &self.panel
    }

    /// Walks over all records once or twice to learn thresholds and reliability.
    ///
    /// # Errors
    /// [`ConsensusError`] when drafts cannot be read, embedded or clustered.
    pub fn learn<S: DraftSource + ?Sized>(&self, source: &S) -> Result<Learned, ConsensusError> {
        let subject = self.subject(source)?;
        let (blocks, thresholds) = if subject == Subject::One {
            (None, None)
        } else {
            let blocks = self.block_weights(source)?;
            let thresholds = self.thresholds(source, &blocks)?;
            (Some(blocks), Some(thresholds))
        };
        let matching = self.matching(blocks.as_ref(), thresholds.as_ref());
        let models = self.panel.len();
        let (mut table, mut dependence) = (AgreementTable::new(models), DependenceTable::new(models));
        walk(
            source,
            |record| {
                let clusters = self.clusters(record, matching.as_ref())?;
                let prepared =
                    PreparedRecord::new(record, self.schema, &self.panel, self.embedder, self.ruler)?;
                let mut counted = (AgreementTable::new(models), DependenceTable::new(models));
                prepared.count_agreement(&clusters, &mut counted.0, &mut counted.1);
                Ok(counted)
            },
            |counted| {
                table.merge(&counted.0);
                dependence.merge(&counted.1);
                Ok(())
            },
        )?;
        let mut reliability = Reliability::from_agreement(&table, self.settings.reliability_power);
        for (place, model) in self.panel.iter().enumerate() {
            reliability.weights[place] *= self.settings.model_weights.get(model).copied().unwrap_or(1.0);
        }
        let dependence = dependence.estimate(self.settings.error_correlation);
        Ok(Learned { subject, thresholds, blocks, reliability, dependence })
    }

    /// Decides every record, in order. A record's personas come with the best supported first.
    ///
    /// # Errors
    /// [`ConsensusError`] as for [`Self::learn`], or whatever `sink` answers.
    pub fn decide<S: DraftSource + ?Sized>(
        &self,
        source: &S,
        learned: &Learned,
        sink: impl FnMut(Vec<ConsensusPersona>) -> Result<(), ConsensusError>,
    ) -> Result<(), ConsensusError> {
        let matching = self.matching(learned.blocks.as_ref(), learned.thresholds.as_ref());
        walk(source, |record| self.personas(record, matching.as_ref(), learned), sink)
    }

    /// What a sample of the records, evenly spaced, says about the panel: agreement beyond chance by
    /// trait, and what each model's vote decides.
    ///
    /// # Errors
    /// [`ConsensusError`] as for [`Self::learn`].
    pub fn diagnose<S: DraftSource + ?Sized>(
        &self,
        source: &S,
        learned: &Learned,
    ) -> Result<Diagnosis, ConsensusError> {
        let matching = self.matching(learned.blocks.as_ref(), learned.thresholds.as_ref());
        let mut codes: Vec<Codes> = self.schema.definitions().iter().map(|_| Codes::default()).collect();
        let mut changes = vec![Change::default(); self.panel.len()];
        let every = |most: usize| source.records().div_ceil(most).max(1);
        for place in (0..source.records()).step_by(every(ALPHA_RECORDS)) {
            for record in source.chunk(place..place + 1)? {
                let clusters = self.clusters(&record, matching.as_ref())?;
                let prepared =
                    PreparedRecord::new(&record, self.schema, &self.panel, self.embedder, self.ruler)?;
                for members in &clusters {
                    for (definition, codes) in codes.iter_mut().enumerate() {
                        let similar = self.settings.variant_similarity;
                        codes.add(prepared.readings(members, definition, similar).into_iter());
                    }
                }
                if place % every(STABILITY_RECORDS) < every(ALPHA_RECORDS) {
                    self.leave_out(&prepared, &clusters, learned, &mut changes)?;
                }
            }
        }
        let named = self.schema.definitions().iter().zip(&codes);
        Ok(Diagnosis {
            alpha: named
                .filter_map(|(trait_, codes)| {
                    Some((trait_.name.clone(), codes.alpha(trait_, self.settings.seed)?))
                })
                .collect(),
            left_out: changes.into_iter().zip(&self.panel).map(|(c, model)| c.of(model.clone())).collect(),
        })
    }

    /// Decides a record once more for every model, without it.
    fn leave_out(
        &self,
        prepared: &PreparedRecord<'_>,
        clusters: &[Vec<usize>],
        learned: &Learned,
        changes: &mut [Change],
    ) -> Result<(), ConsensusError> {
        for members in clusters {
            let with = prepared.persona(members, 0, learned, &self.settings)?;
            let found: Vec<Result<Change, ConsensusError>> = (0..self.panel.len())
                .into_par_iter()
                .map(|model| {
                    let mut change = Change::default();
                    let rest = prepared.without(members, model);
                    if !rest.is_empty() && rest.len() < members.len() {
                        let without = prepared.persona(&rest, 0, learned, &self.settings)?;
                        change.add(&with, &without, &self.panel[model]);
                    }
                    Ok(change)
                })
                .collect();
            for (sum, change) in changes.iter_mut().zip(found) {
                sum.merge(&change?);
            }
        }
        Ok(())
    }

    /// The personas of one record.
    fn personas(
        &self,
        record: &RecordDrafts,
        matching: Option<&Matching<'_>>,
        learned: &Learned,
    ) -> Result<Vec<ConsensusPersona>, ConsensusError> {
        let clusters = self.clusters(record, matching)?;
        let prepared = PreparedRecord::new(record, self.schema, &self.panel, self.embedder, self.ruler)?;
        let mut personas: Vec<ConsensusPersona> = clusters
            .iter()
            .map(|members| prepared.persona(members, 0, learned, &self.settings))
            .collect::<Result<_, _>>()?;
        personas.sort_by(|one, other| {
            let by_support = (one.kind, other.support).cmp(&(other.kind, one.support));
            by_support.then_with(|| other.confidence.total_cmp(&one.confidence))
        });
        for (place, persona) in personas.iter_mut().enumerate() {
            persona.persona_id = format!("{}/{}", record.record(), place + 1);
        }
        Ok(personas)
    }

    /// One subject a record, where the settings or the whole input say so.
    fn subject<S: DraftSource + ?Sized>(&self, source: &S) -> Result<Subject, ConsensusError> {
        if self.settings.subject != Subject::Auto {
            return Ok(self.settings.subject);
        }
        let mut several = false;
        let lone = |record: &RecordDrafts| {
            let mut sessions = record.sessions();
            sessions.sort_unstable();
            Ok(sessions.windows(2).any(|pair| pair[0] == pair[1]))
        };
        walk(source, lone, |found| {
            several |= found;
            Ok(())
        })?;
        Ok(if several { Subject::Several } else { Subject::One })
    }

    fn block_weights<S: DraftSource + ?Sized>(&self, source: &S) -> Result<BlockWeights, ConsensusError> {
        let records = source.chunk(0..source.records().min(WEIGHT_RECORDS))?;
        BlockEncoder::new(self.schema, self.embedder)
            .learn_weights(records.iter().map(RecordDrafts::drafts))
            .map_err(|source| embedding(records.first(), source))
    }

    fn thresholds<S: DraftSource + ?Sized>(
        &self,
        source: &S,
        blocks: &BlockWeights,
    ) -> Result<FittedThresholds, ConsensusError> {
        let encoder = BlockEncoder::new(self.schema, self.embedder).with_weights(blocks.clone());
        let mut sample = PairSample::default();
        walk(
            source,
            |record| {
                let mut pairs = PairSample::default();
                let alike = encoder
                    .similarities(record.drafts())
                    .map_err(|source| embedding(Some(record), source))?;
                pairs.add(&alike, &record.sessions());
                Ok(pairs)
            },
            |pairs| {
                sample += &pairs;
                Ok(())
            },
        )?;
        Ok(sample.fit(&FitSettings { fallback: FALLBACK_SIMILARITY, ..FitSettings::default() }))
    }

    fn matching(
        &self,
        blocks: Option<&BlockWeights>,
        thresholds: Option<&FittedThresholds>,
    ) -> Option<Matching<'_>> {
        let encoder = BlockEncoder::new(self.schema, self.embedder).with_weights(blocks?.clone());
        Some(Matching { encoder, threshold: Threshold::Fixed(thresholds?.thresholds) })
    }

    /// The drafts of each persona; a draft that fits nowhere is a persona of its own.
    fn clusters(
        &self,
        record: &RecordDrafts,
        matching: Option<&Matching<'_>>,
    ) -> Result<Vec<Vec<usize>>, ConsensusError> {
        let Some(Matching { encoder, threshold }) = matching else {
            return Ok(vec![(0..record.drafts().len()).collect()]);
        };
        let drafts = record.drafts();
        let (algorithm, seed) = (&self.settings.algorithm, self.settings.seed);
        let encoded = encoder.encode(drafts).map_err(|source| embedding(Some(record), source))?;
        let outcome = if *algorithm == Algorithm::Agreement {
            let alike = encoded.similarities().map_err(|source| embedding(Some(record), source))?;
            cluster::fit(algorithm, Input::Similarities(&alike), &record.sessions(), threshold, seed)
        } else {
            let rows = encoded.vectors().map_err(|source| embedding(Some(record), source))?;
            cluster::fit(algorithm, Input::Features(&rows), &record.sessions(), threshold, seed)
        };
        let outcome = outcome
            .map_err(|source| ConsensusError::Cluster { record: record.record().to_string(), source })?;
        Ok(outcome.assignment.noise_as_singletons().members())
    }
}

/// Works on all records in parallel, chunk by chunk, and takes the results in order.
fn walk<S: DraftSource + ?Sized, T: Send>(
    source: &S,
    work: impl Fn(&RecordDrafts) -> Result<T, ConsensusError> + Sync,
    mut take: impl FnMut(T) -> Result<(), ConsensusError>,
) -> Result<(), ConsensusError> {
    let records = source.records();
    for start in (0..records).step_by(CHUNK) {
        let chunk = source.chunk(start..(start + CHUNK).min(records))?;
        let done: Vec<Result<T, ConsensusError>> = chunk.par_iter().map(&work).collect();
        for result in done {
            take(result?)?;
        }
    }
    Ok(())
}

fn embedding(record: Option<&RecordDrafts>, source: EmbedError) -> ConsensusError {
    let record = record.map(|record| record.record().to_string()).unwrap_or_default();
    ConsensusError::Embed { record, source }
}
