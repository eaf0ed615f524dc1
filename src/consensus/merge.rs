//! A record's drafts, read and embedded once; each cluster of them becomes a persona.

use std::collections::BTreeMap;

use super::ConsensusError;
use super::affinity::{PhraseVectors, between};
use super::calibrate::ConfidenceStatus;
use super::confidence::effective_models;
use super::dependence::{Cell, DependenceTable};
use super::engine::Learned;
use super::persona::{ConsensusPersona, PersonaKind, TraitConsensus};
use super::reliability::AgreementTable;
use super::settings::ConsensusValidParams;
use super::trait_consensus::{Ground, Trust};
use super::vote::Vote;
use crate::embed::{Embedder, Ruler};
use crate::normalise::{Reading, read};
use crate::persona::{Draft, ModelName, RecordDrafts, TraitSchema, TraitValue};

/// The trait that texts call a persona by.
const NAME: &str = "name";

/// What one draft says about one trait.
#[derive(Debug)]
struct Answer<'a> {
    value: &'a TraitValue,
    reading: Reading,
    alternatives: Vec<Reading>,
}

/// A record's drafts with everything that does not depend on who is trusted.
#[derive(Debug)]
pub(super) struct PreparedRecord<'a> {
    record: &'a RecordDrafts,
    schema: &'a TraitSchema,
    panel: &'a [ModelName],
    /// Panel position of every draft's model.
    models: Vec<usize>,
    /// Per draft and trait of the schema.
    answers: Vec<Vec<Option<Answer<'a>>>>,
    vectors: PhraseVectors,
}

impl<'a> PreparedRecord<'a> {
    /// Reads and embeds every answer. Drafts of models outside the panel are the caller's mistake
    /// and are left out.
    pub(super) fn new(
        record: &'a RecordDrafts,
        schema: &'a TraitSchema,
        panel: &'a [ModelName],
        embedder: &dyn Embedder,
        ruler: Ruler,
    ) -> Result<Self, ConsensusError> {
        let answers: Vec<Vec<Option<Answer<'a>>>> =
            record.drafts().iter().map(|draft| answers(draft, schema)).collect();
        let readings = answers
            .iter()
            .flatten()
            .flatten()
            .flat_map(|answer| std::iter::once(&answer.reading).chain(&answer.alternatives));
        let vectors = PhraseVectors::embed(readings, embedder, ruler)
            .map_err(|source| ConsensusError::Embed { record: record.record().to_string(), source })?;
        let place = |draft: &Draft| panel.iter().position(|name| *name == draft.model);
        let models = record.drafts().iter().map(|draft| place(draft).unwrap_or(usize::MAX)).collect();
        Ok(Self { record, schema, panel, models, answers, vectors })
    }

    /// Distinct models that answered about the record.
    fn n_models(&self) -> usize {
        let mut models = self.models.clone();
        models.sort_unstable();
        models.dedup();
        models.len()
    }

    /// The votes of a cluster on one trait; every model's weight is divided among its drafts.
    fn votes(&self, members: &[usize], place: usize, weights: &[f64]) -> Vec<Vote<'_>> {
        let answering = |model: usize| {
            members.iter().filter(|&&m| self.models[m] == model && self.answers[m][place].is_some()).count()
        };
        members
            .iter()
            .filter_map(|&draft| {
                let answer = self.answers[draft][place].as_ref()?;
                let model = self.models[draft];
                Some(Vote {
                    draft,
                    model,
                    weight: weights.get(model)? / answering(model) as f64,
                    value: answer.value,
                    reading: &answer.reading,
                    alternatives: answer.alternatives.iter().collect(),
                })
            })
            .collect()
    }

    /// Counts how far the models of each cluster agree, trait by trait. Lists count by their best
    /// matches, which needs no clustering.
    pub(super) fn count_agreement(
        &self,
        clusters: &[Vec<usize>],
        table: &mut AgreementTable,
        dependence: &mut DependenceTable,
    ) {
        let equal = vec![1.0; self.panel.len()];
        for members in clusters {
            for (place, definition) in self.schema.definitions().iter().enumerate() {
                if definition.weight <= 0.0 {
                    continue;
                }
                let votes = self.votes(members, place, &equal);
                let mut cell = Cell::default();
                for (row, one) in votes.iter().enumerate() {
                    for other in votes[..row].iter().filter(|other| other.model != one.model) {
                        let alike = match (one.reading, other.reading) {
                            (Reading::Items(these), Reading::Items(those)) => {
                                self.vectors.overlap(these, those)
                            }
                            (this, that) => between(this, that, definition, &self.vectors),
                        };
                        let weight = one.weight * other.weight;
                        table.add(one.model, other.model, alike, weight);
                        cell.add(one.model, other.model, weight * alike);
                    }
                }
                dependence.add(&cell);
            }
        }
    }

    /// What the models of a cluster said about a trait, one answer a model. Wordings that the consensus counts as one
    /// value (alike from `similar` on) are given as one of them, the first by its words: two units in which the same
    /// is said then say the same, whatever the order of the panel.
    pub(super) fn readings(&self, members: &[usize], place: usize, similar: f64) -> Vec<&Reading> {
        let (own, definition) = (self.wordings(members, place), &self.schema.definitions()[place]);
        let same =
            |one: &&Reading, other: &&Reading| between(one, other, definition, &self.vectors) >= similar;
        own.iter()
            .map(|&one| {
                let alike = own.iter().copied().filter(|other| words(one).is_some() && same(&one, other));
                alike.min_by_key(|other| words(other)).unwrap_or(one)
            })
            .collect()
    }

    fn wordings(&self, members: &[usize], place: usize) -> Vec<&Reading> {
        let mut models: Vec<usize> = Vec::new();
        let first = members.iter().filter(|&&draft| {
            let fresh = self.answers[draft][place].is_some() && !models.contains(&self.models[draft]);
            if fresh {
                models.push(self.models[draft]);
            }
            fresh
        });
        first.filter_map(|&draft| self.answers[draft][place].as_ref()).map(|answer| &answer.reading).collect()
    }

    /// What is left of a cluster when a model is not asked.
    pub(super) fn without(&self, members: &[usize], model: usize) -> Vec<usize> {
        members.iter().copied().filter(|&draft| self.models[draft] != model).collect()
    }

    /// The persona of one cluster. `number` makes its id, from 1.
    pub(super) fn persona(
        &self,
        members: &[usize],
        number: usize,
        learned: &Learned,
        settings: &ConsensusValidParams,
    ) -> Result<ConsensusPersona, ConsensusError> {
        let (traits, confidence, status) = self.traits(members, learned, settings)?;
        let mut seen: Vec<usize> = members.iter().map(|&draft| self.models[draft]).collect();
        seen.sort_unstable();
        seen.dedup();
        let n_models = self.n_models();
        let correlation = learned.dependence.correlation;
        let share = effective_models(seen.len() as f64, correlation)
            / effective_models(n_models as f64, correlation).max(f64::MIN_POSITIVE);
        let kind =
            if seen.len() > 1 || n_models == 1 { PersonaKind::Consensus } else { PersonaKind::Minority };
        Ok(ConsensusPersona {
            record: self.record.record().clone(),
            persona_id: format!("{}/{number}", self.record.record()),
            kind,
            confidence: (share * confidence).clamp(0.0, 1.0),
            confidence_status: status,
            support: seen.len(),
            n_models,
            n_panel: self.panel.len(),
            models: seen.iter().map(|&place| self.panel[place].clone()).collect(),
            traits,
            merged_duplicates: self.duplicates(members),
            origins: self.origins(members),
        })
    }

    /// Models of the cluster that say nothing about a trait.
    fn silent(&self, members: &[usize], place: usize) -> Vec<ModelName> {
        let says = |model: usize| {
            members.iter().any(|&draft| self.models[draft] == model && self.answers[draft][place].is_some())
        };
        let models: std::collections::BTreeSet<usize> = members
            .iter()
            .map(|&draft| self.models[draft])
            .filter(|model| *model < self.panel.len())
            .collect();
        models.into_iter().filter(|&model| !says(model)).map(|model| self.panel[model].clone()).collect()
    }

    /// The traits of a cluster, their mean confidence by weight, and what that may be taken for.
    fn traits(
        &self,
        members: &[usize],
        learned: &Learned,
        settings: &ConsensusValidParams,
    ) -> Result<(BTreeMap<String, TraitConsensus>, f64, ConfidenceStatus), ConsensusError> {
        let trust =
            Trust { agreement: &learned.reliability.agreement, correlation: learned.dependence.correlation };
        let mut traits = BTreeMap::new();
        let (mut confidence, mut weight, mut status) = (0.0, 0.0, None);
        let mut namesakes: Vec<usize> = Vec::new();
        for place in self.name_first() {
            let definition = &self.schema.definitions()[place];
            let votes = self.votes(members, place, &learned.reliability.weights);
            let (vectors, drafts, panel) = (&self.vectors, self.record.drafts(), self.panel);
            let ground =
                Ground { definition, vectors, drafts, panel, settings, trust: &trust, namesakes: &namesakes };
            let decided = ground.decide(&votes).map_err(|source| ConsensusError::Cluster {
                record: self.record.record().to_string(),
                source,
            })?;
            let Some(mut decided) = decided else { continue };
            if definition.name == NAME {
                namesakes = self.namesakes(members, place, &decided);
            }
            decided.missing = self.silent(members, place);
            settings.calibrate(&mut decided);
            confidence += definition.weight * decided.confidence;
            weight += definition.weight;
            if definition.weight > 0.0 {
                let least = status.unwrap_or(decided.confidence_status);
                status = Some(decided.confidence_status.min(least));
            }
            traits.insert(definition.name.clone(), decided);
        }
        let mean = if weight > 0.0 { confidence / weight } else { 0.0 };
        Ok((traits, mean, status.unwrap_or_default()))
    }

    /// Places of the traits: that of the name first, whose drafts lend the texts their words; else as in the schema.
    fn name_first(&self) -> impl Iterator<Item = usize> {
        let name = self.schema.position(NAME);
        let rest = (0..self.schema.definitions().len()).filter(move |place| Some(*place) != name);
        name.into_iter().chain(rest)
    }

    /// The drafts of a cluster whose name became the persona's.
    fn namesakes(&self, members: &[usize], place: usize, name: &TraitConsensus) -> Vec<usize> {
        let Some(won) = name.variants.first() else { return Vec::new() };
        let calls_it_so = |draft: usize| {
            let (model, answer) = (&self.record.drafts()[draft].model, self.answers[draft][place].as_ref());
            let said =
                |value: &TraitValue| won.said.iter().any(|said| said.model == *model && said.value == *value);
            answer.is_some_and(|answer| said(answer.value))
        };
        members.iter().copied().filter(|draft| calls_it_so(*draft)).collect()
    }

    /// Models with two drafts of one sitting in the cluster.
    fn duplicates(&self, members: &[usize]) -> Vec<ModelName> {
        let sessions = self.record.sessions();
        let mut models: Vec<usize> = members
            .iter()
            .enumerate()
            .filter(|(place, draft)| {
                members[..*place].iter().any(|other| sessions[*other] == sessions[**draft])
            })
            .map(|(_, &draft)| self.models[draft])
            .collect();
        models.sort_unstable();
        models.dedup();
        models.into_iter().map(|place| self.panel[place].clone()).collect()
    }

    fn origins(&self, members: &[usize]) -> Vec<String> {
        let origins = members.iter().map(|&draft| self.record.drafts()[draft].origin.clone());
        origins.filter(|origin| !origin.is_empty()).collect()
    }
}

/// The words of an answer that is known by them.
fn words(reading: &Reading) -> Option<&str> {
    match reading {
        Reading::Phrase(phrase) => Some(phrase.key()),
        Reading::Place(place) => Some(place.phrase().key()),
        _ => None,
    }
}

fn answers<'a>(draft: &'a Draft, schema: &TraitSchema) -> Vec<Option<Answer<'a>>> {
    let mut answers: Vec<Option<Answer<'a>>> = schema.definitions().iter().map(|_| None).collect();
    for (name, value) in &draft.traits {
        let Some(place) = schema.position(name) else { continue };
        let definition = &schema.definitions()[place];
        let reading = read(value, definition);
        if reading == Reading::Abstain || answers[place].is_some() {
            continue;
        }
        let further = draft.alternatives.get(name).map(Vec::as_slice).unwrap_or_default();
        let alternatives = further
            .iter()
            .map(|value| read(value, definition))
            .filter(|read| *read != Reading::Abstain)
            .collect();
        answers[place] = Some(Answer { value, reading, alternatives });
    }
    answers
}
