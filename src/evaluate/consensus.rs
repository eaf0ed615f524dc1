//! Is the consensus right, is it better than its members, and is its confidence a probability?
//!
//! Every method answers every gold cell; no answer is a wrong answer. The consensus and the
//! plurality answer with the wording of one of their voters, so that all methods are judged by
//! the same list of wordings.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;
use serde::Serialize;

use super::flagged::{FlagScores, Flagged, together};
use super::gold::GoldCell;
use super::metrics::{ReliabilityBin, auroc, brier, expected_calibration_error};
use crate::consensus::{
    ConfidenceStatus, ConsensusError, ConsensusPersona, ConsensusValidParams, Engine, TraitConsensus, Variant,
};
use crate::embed::Embedder;
use crate::normalise::Phrase;
use crate::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema};

/// Bins of the expected calibration error.
const BINS: usize = 10;

/// How good one method is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Mean credit over all cells, 0..=1.
    pub accuracy: Option<f64>,
    /// Expected calibration error over ten bins of equal width, 0..=1.
    pub ece: Option<f64>,
    /// Mean squared difference of confidence and credit, 0..=1.
    pub brier: Option<f64>,
    /// How well confidence tells right from wrong: ½ is chance.
    pub auroc: Option<f64>,
}

/// How good the members are, each on its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Members {
    /// Mean accuracy.
    pub mean: Option<f64>,
    /// Accuracy of the best member.
    pub best: Option<f64>,
    /// Who that is; of several committees, none.
    pub best_model: Option<ModelName>,
}

/// Confidence against accuracy over all answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reliability {
    /// Answers, right and wrong.
    pub n: usize,
    /// Their scores.
    #[serde(flatten)]
    pub scores: Scores,
    /// Ten bins of equal width: how many answers, their mean confidence, their accuracy.
    pub bins: Vec<ReliabilityBin>,
}

/// How often sets of values hold the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SetScores {
    /// Values that have a set.
    pub n: usize,
    /// The share of them that was asked for.
    pub coverage: f64,
    /// The share whose set holds a right value, or is open where nobody said a right one.
    pub covered: f64,
    /// The share whose set lists a right value.
    pub listed: f64,
    /// Values in a set, on average.
    pub mean_size: f64,
    /// The share of sets that something unsaid belongs to.
    pub open: f64,
}

/// The outcome of an evaluation; over several committees, the means.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsensusReport {
    /// Gold cells.
    pub cells: usize,
    /// The panel, or all models from which committees were drawn.
    pub models: Vec<ModelName>,
    /// Number of committees evaluated.
    pub committees: usize,
    /// Members of each.
    pub committee_size: usize,
    /// Seed of the draw.
    pub seed: u64,
    /// This crate's consensus.
    pub consensus: Scores,
    /// The same over the answers of all committees together, and its reliability diagram.
    pub pooled: Reliability,
    /// What the confidences of the consensus may be taken for.
    pub confidence_status: ConfidenceStatus,
    /// Whether sets of values hold the truth, where a coverage was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<SetScores>,
    /// Whether divergence tells where the consensus is wrong.
    pub divergence: FlagScores,
    /// The most frequent answer, its share as confidence.
    pub plurality: Scores,
    /// The members.
    pub members: Members,
    /// The consensus, per trait.
    pub per_trait: BTreeMap<String, Scores>,
    /// Share of committees in which the consensus was at least as right as the best member.
    pub at_least_best: f64,
}

/// Which committees are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committees {
    /// Members of each; all models when `None`.
    pub size: Option<usize>,
    /// How many are drawn.
    pub repeats: usize,
    /// Seed of the draw.
    pub seed: u64,
}

impl Committees {
    /// The committees, in the order of the draw; members in the order of the panel.
    pub(super) fn draw(self, panel: &[ModelName]) -> Vec<Vec<ModelName>> {
        let size = self.size.unwrap_or(panel.len()).min(panel.len());
        let repeats = if size == panel.len() { 1 } else { self.repeats };
        let mut random = Xoshiro256Plus::seed_from_u64(self.seed);
        (0..repeats)
            .map(|_| {
                let mut places: Vec<usize> = (0..panel.len()).collect();
                places.shuffle(&mut random);
                places.truncate(size);
                // A committee speaks in the order of the panel.
                places.sort_unstable();
                places.into_iter().map(|place| panel[place].clone()).collect()
            })
            .collect()
    }
}

/// One method's answers to all cells: the credit and the confidence of each.
#[derive(Clone, Debug, Default)]
struct Answers {
    credits: Vec<f64>,
    confidences: Vec<f64>,
}

impl Answers {
    fn push(&mut self, credit: f64, confidence: f64) {
        self.credits.push(credit);
        self.confidences.push(confidence);
    }

    fn extend(&mut self, more: &Self) {
        self.credits.extend(&more.credits);
        self.confidences.extend(&more.confidences);
    }

    fn reliability(&self) -> Reliability {
        let found = expected_calibration_error(&self.confidences, &self.credits, BINS);
        let bins = found.map(|found| found.bins).unwrap_or_default();
        Reliability { n: self.credits.len(), scores: self.scores(), bins }
    }

    fn scores(&self) -> Scores {
        let accuracy = mean(self.credits.iter().copied());
        Scores {
            accuracy,
            ece: expected_calibration_error(&self.confidences, &self.credits, BINS)
                .map(|found| found.expected_calibration_error),
            brier: brier(&self.confidences, &self.credits),
            auroc: auroc(&self.confidences, &self.credits),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// Everything that is the same for every committee.
#[derive(Debug)]
pub struct ConsensusTrial<'a> {
    /// How traits are read; lists every trait of the drafts.
    pub schema: &'a TraitSchema,
    /// The embedder.
    pub embedder: &'a dyn Embedder,
    /// The settings of the consensus.
    pub settings: &'a ConsensusValidParams,
    /// All drafts, by record.
    pub records: &'a [RecordDrafts],
    /// The gold cells.
    pub gold: &'a [GoldCell],
}

impl ConsensusTrial<'_> {
    /// Evaluates the panel, or committees drawn from it.
    ///
    /// # Errors
    /// [`ConsensusError`] when a consensus cannot be formed.
    pub fn run(
        &self,
        panel: &[ModelName],
        committees: Committees,
    ) -> Result<ConsensusReport, ConsensusError> {
        let size = committees.size.unwrap_or(panel.len()).min(panel.len());
        let drawn = committees.draw(panel);
        let outcomes: Vec<Outcome> =
            drawn.par_iter().map(|committee| self.committee(committee)).collect::<Result<_, _>>()?;
        Ok(self.report(panel, size, committees.seed, &outcomes))
    }

    fn report(&self, panel: &[ModelName], size: usize, seed: u64, outcomes: &[Outcome]) -> ConsensusReport {
        let names: std::collections::BTreeSet<&String> =
            outcomes.iter().flat_map(|o| o.per_trait.keys()).collect();
        let per_trait = names
            .into_iter()
            .map(|name| {
                (
                    name.clone(),
                    mean_scores(&outcomes.iter().filter_map(|o| o.per_trait.get(name)).collect::<Vec<_>>()),
                )
            })
            .collect();
        let mut pooled = Answers::default();
        for outcome in outcomes {
            pooled.extend(&outcome.answers);
        }
        let beaten = outcomes.iter().filter(|o| o.consensus.accuracy >= o.members.best).count();
        ConsensusReport {
            cells: self.gold.len(),
            models: panel.to_vec(),
            committees: outcomes.len(),
            committee_size: size,
            seed,
            consensus: mean_scores(&outcomes.iter().map(|outcome| &outcome.consensus).collect::<Vec<_>>()),
            pooled: pooled.reliability(),
            confidence_status: self.settings.confidence_status(),
            sets: mean_sets(outcomes),
            divergence: together(&outcomes.iter().map(|outcome| outcome.divergence).collect::<Vec<_>>()),
            plurality: mean_scores(&outcomes.iter().map(|outcome| &outcome.plurality).collect::<Vec<_>>()),
            members: Members {
                mean: mean(outcomes.iter().filter_map(|outcome| outcome.members.mean)),
                best: mean(outcomes.iter().filter_map(|outcome| outcome.members.best)),
                best_model: match outcomes {
                    [only] => only.members.best_model.clone(),
                    _ => None,
                },
            },
            per_trait,
            at_least_best: if outcomes.is_empty() { 0.0 } else { beaten as f64 / outcomes.len() as f64 },
        }
    }

    fn committee(&self, committee: &[ModelName]) -> Result<Outcome, ConsensusError> {
        let (personas, records) = self.decided(committee)?;
        let drafts: BTreeMap<&RecordId, &[Draft]> =
            records.iter().map(|r| (r.record(), r.drafts())).collect();
        Ok(self.judge(committee, &personas, &drafts))
    }

    /// The best supported persona of every record as a committee sees it, and its drafts.
    pub(super) fn decided(
        &self,
        committee: &[ModelName],
    ) -> Result<(BTreeMap<RecordId, ConsensusPersona>, Vec<RecordDrafts>), ConsensusError> {
        let records: Vec<RecordDrafts> =
            self.records.iter().map(|record| restricted(record, committee)).collect();
        let engine = Engine::new(self.schema, self.embedder, committee.to_vec(), self.settings.clone())?;
        let learned = engine.learn(records.as_slice())?;
        let mut personas: BTreeMap<RecordId, ConsensusPersona> = BTreeMap::new();
        engine.decide(records.as_slice(), &learned, |found| {
            // The best supported persona of a record answers for it.
            if let Some(first) = found.into_iter().next() {
                personas.insert(first.record.clone(), first);
            }
            Ok(())
        })?;
        Ok((personas, records))
    }

    /// How good the members of a committee are; `credits` are the sums of theirs.
    fn members(&self, committee: &[ModelName], credits: &[f64]) -> Members {
        let cells = self.gold.len() as f64;
        let accuracies: Vec<f64> = credits.iter().map(|sum| sum / cells).collect();
        let best = (0..committee.len()).reduce(|b, m| if accuracies[m] > accuracies[b] { m } else { b });
        Members {
            mean: mean(accuracies.iter().copied()),
            best: best.map(|best| accuracies[best]),
            best_model: best.map(|best| committee[best].clone()),
        }
    }

    fn judge(
        &self,
        committee: &[ModelName],
        personas: &BTreeMap<RecordId, ConsensusPersona>,
        drafts: &BTreeMap<&RecordId, &[Draft]>,
    ) -> Outcome {
        let (mut consensus, mut plurality) = (Answers::default(), Answers::default());
        let mut sets = Sets::default();
        let mut flagged = Flagged::default();
        let mut per_trait: BTreeMap<String, Answers> = BTreeMap::new();
        let mut members = vec![0.0; committee.len()];
        for cell in self.gold {
            let drafts = drafts.get(&cell.record).copied().unwrap_or_default();
            // Gold may use another of the trait's names.
            let name = self.schema.get(&cell.name).map_or(&cell.name, |definition| &definition.name);
            let found = personas.get(&cell.record).and_then(|persona| persona.traits.get(name));
            let (wording, confidence) = consensus_answer(found);
            let credit = wording.map_or(0.0, |wording| cell.credit(&wording));
            consensus.push(credit, confidence);
            sets.add(found, cell);
            flagged.add(found, credit);
            per_trait.entry(cell.name.clone()).or_default().push(credit, confidence);
            let (wording, share) = plurality_answer(drafts, name);
            plurality.push(wording.map_or(0.0, |wording| cell.credit(&wording)), share);
            for (place, model) in committee.iter().enumerate() {
                let said = drafts.iter().find(|draft| draft.model == *model).and_then(|d| d.traits.get(name));
                members[place] += said.map_or(0.0, |value| cell.credit(&value.to_string()));
            }
        }
        Outcome {
            sets: sets.scores(),
            divergence: flagged.scores(),
            consensus: consensus.scores(),
            answers: consensus,
            plurality: plurality.scores(),
            members: self.members(committee, &members),
            per_trait: per_trait.into_iter().map(|(name, answers)| (name, answers.scores())).collect(),
        }
    }
}

#[derive(Debug)]
struct Outcome {
    consensus: Scores,
    answers: Answers,
    sets: Option<SetScores>,
    divergence: FlagScores,
    plurality: Scores,
    members: Members,
    per_trait: BTreeMap<String, Scores>,
}

/// Sums behind [`SetScores`].
#[derive(Debug, Default)]
struct Sets {
    sums: SetScores,
}

impl Sets {
    fn add(&mut self, found: Option<&TraitConsensus>, cell: &GoldCell) {
        let Some((found, set)) = found.and_then(|found| Some((found, found.prediction_set.as_ref()?))) else {
            return;
        };
        let right = |variant: &&Variant| wording(variant).is_some_and(|words| cell.credit(&words) >= 0.5);
        let listed = found.variants.iter().filter(right).any(|variant| set.values.contains(&variant.value));
        let unsaid = set.open && !found.variants.iter().any(|variant| right(&variant));
        let number = |yes: bool| f64::from(u8::from(yes));
        self.sums.n += 1;
        self.sums.coverage = set.coverage;
        self.sums.covered += number(listed || unsaid);
        self.sums.listed += number(listed);
        self.sums.mean_size += set.values.len() as f64;
        self.sums.open += number(set.open);
    }

    fn scores(&self) -> Option<SetScores> {
        let SetScores { n, coverage, covered, listed, mean_size, open } = self.sums;
        let mean = |sum: f64| sum / n as f64;
        (n > 0).then(|| SetScores {
            n,
            coverage,
            covered: mean(covered),
            listed: mean(listed),
            mean_size: mean(mean_size),
            open: mean(open),
        })
    }
}

fn mean_sets(outcomes: &[Outcome]) -> Option<SetScores> {
    let found: Vec<SetScores> = outcomes.iter().filter_map(|outcome| outcome.sets).collect();
    let of = |field: fn(&SetScores) -> f64| mean(found.iter().map(field)).unwrap_or(0.0);
    Some(SetScores {
        n: found.iter().map(|sets| sets.n).sum(),
        coverage: found.first()?.coverage,
        covered: of(|sets| sets.covered),
        listed: of(|sets| sets.listed),
        mean_size: of(|sets| sets.mean_size),
        open: of(|sets| sets.open),
    })
}

fn mean_scores(scores: &[&Scores]) -> Scores {
    let of = |field: fn(&Scores) -> Option<f64>| mean(scores.iter().copied().filter_map(field));
    Scores {
        accuracy: of(|scores| scores.accuracy),
        ece: of(|scores| scores.ece),
        brier: of(|scores| scores.brier),
        auroc: of(|scores| scores.auroc),
    }
}

fn restricted(record: &RecordDrafts, committee: &[ModelName]) -> RecordDrafts {
    let drafts = record.drafts().iter().filter(|draft| committee.contains(&draft.model)).cloned().collect();
    RecordDrafts::new(record.record().clone(), drafts, committee)
}

/// The wording that stands for the consensus, verbatim, and its confidence.
fn consensus_answer(found: Option<&TraitConsensus>) -> (Option<String>, f64) {
    found.map_or((None, 0.0), |found| (found.variants.first().and_then(wording), found.confidence))
}

/// The wording that stands for a variant, verbatim.
pub(crate) fn wording(variant: &Variant) -> Option<String> {
    let said = variant.said.iter().find(|said| said.model == variant.representative);
    said.map(|said| said.value.to_string())
}

/// The most frequent answer after case and punctuation, in its first wording, and its share.
fn plurality_answer(drafts: &[Draft], name: &str) -> (Option<String>, f64) {
    let answers: Vec<(String, String)> = drafts
        .iter()
        .filter_map(|draft| draft.traits.get(name))
        .map(|value| (Phrase::new(&value.to_string()).key().to_owned(), value.to_string()))
        .collect();
    let count = |key: &str| answers.iter().filter(|(other, _)| other == key).count();
    let first =
        answers.iter().reduce(|best, answer| if count(&answer.0) > count(&best.0) { answer } else { best });
    match first {
        Some((key, wording)) => (Some(wording.clone()), count(key) as f64 / answers.len() as f64),
        None => (None, 0.0),
    }
}
