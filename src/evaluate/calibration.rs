//! Fits a calibration to labelled records, and measures it on records that it was not fitted to.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;

use super::consensus::{Committees, ConsensusTrial, wording};
use super::metrics::{auroc, brier, expected_calibration_error};
use crate::consensus::{
    CalibrationQuality, Calibrator, ConsensusError, ConsensusPersona, Features, Interval, LabelledList,
    LabelledValue, ListSupport, Provenance, TraitConsensus,
};
use crate::persona::{ModelName, RecordId};

/// Labelled values below which nothing is fitted.
pub const LEAST_LABELLED_VALUES: usize = 30;
/// Parts of the records; each is judged by the fit to the others.
const FOLDS: usize = 10;
/// Resamples of the intervals.
const RESAMPLES: usize = 200;
/// Bins of the expected calibration error.
const BINS: usize = 10;

/// Why nothing was fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// Fewer labelled values than say anything.
    #[error(
        "{values} labelled values of {records} records have an answer; a calibration needs at least \
         {LEAST_LABELLED_VALUES} values of 2 records. Label more, or use the calibration that ships"
    )]
    TooFew {
        /// Values that have gold and an answer; lists do not count.
        values: usize,
        /// Their records.
        records: usize,
    },
    /// The consensus could not be formed.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

/// How a calibration is fitted.
#[derive(Clone, Debug)]
pub struct CalibrationPlan {
    /// Members of the committees that decide every record; the whole panel when empty.
    pub sizes: Vec<usize>,
    /// How many committees of each size are drawn.
    pub repeats: usize,
    /// Seed of the draw, the folds and the intervals.
    pub seed: u64,
    /// What the coefficients are drawn to; `None` starts from nothing.
    pub prior: Option<&'static Calibrator>,
    /// The data, in a few words.
    pub data: String,
    /// Whatever else a reader should know.
    pub note: String,
}

/// A labelled value as one committee decided it.
struct Row {
    record: usize,
    cell: usize,
    value: LabelledValue,
    found: TraitConsensus,
    right: Vec<bool>,
}

/// What the committees decided about the labelled cells.
#[derive(Default)]
struct Decided {
    /// Single values.
    rows: Vec<Row>,
    /// Lists, each with its cell.
    lists: Vec<(usize, LabelledList)>,
    committees: usize,
    sizes: Vec<usize>,
}

impl Decided {
    fn list_support(&self) -> Option<ListSupport> {
        let cells = self.lists.iter().map(|(cell, _)| cell).collect::<BTreeSet<_>>().len();
        let lists: Vec<LabelledList> = self.lists.iter().map(|(_, list)| list.clone()).collect();
        (cells > 0).then(|| ListSupport::new(&lists, cells))
    }
}

/// Fits a calibration to the gold of a trial, whose settings must not calibrate already, and measures
/// it by ten-fold cross-validation over records: no figure is of a record that was fitted to.
///
/// # Errors
/// [`CalibrateError::TooFew`] below [`LEAST_LABELLED_VALUES`] values.
pub fn calibrate(
    trial: &ConsensusTrial<'_>,
    panel: &[ModelName],
    plan: &CalibrationPlan,
) -> Result<Calibrator, CalibrateError> {
    let decided = decided(trial, panel, plan)?;
    let rows = &decided.rows;
    let values = rows.iter().map(|row| row.cell).collect::<BTreeSet<_>>().len();
    let records = rows.iter().map(|row| row.record).collect::<BTreeSet<_>>().len();
    if values < LEAST_LABELLED_VALUES || records < 2 {
        return Err(CalibrateError::TooFew { values, records });
    }
    let provenance = Provenance {
        data: plan.data.clone(),
        records,
        values,
        committees: decided.committees,
        committee_sizes: decided.sizes.clone(),
        embedder: trial.embedder.name().to_owned(),
        seed: plan.seed,
        note: plan.note.clone(),
    };
    let fit = |rows: &[&Row]| {
        let values: Vec<&LabelledValue> = rows.iter().map(|row| &row.value).collect();
        Calibrator::fit(&values, plan.prior, provenance.clone())
    };
    let unseen = cross_validated(rows, records, plan.seed, fit);
    let quality = quality(rows, &unseen, records, plan.seed);
    let scores = rows.iter().zip(&unseen).map(|(row, probability)| {
        (Calibrator::truth_score(&row.found, *probability, &row.right), row.value.weight)
    });
    let all: Vec<&Row> = rows.iter().collect();
    let fitted = fit(&all).measured(quality, scores.collect(), values);
    Ok(match decided.list_support() {
        Some(found) => fitted.with_list_support(found),
        None => fitted,
    })
}

/// All labelled cells as all committees decided them; records are numbered in the order of the gold.
fn decided(
    trial: &ConsensusTrial<'_>,
    panel: &[ModelName],
    plan: &CalibrationPlan,
) -> Result<Decided, ConsensusError> {
    let asked: Vec<Option<usize>> =
        if plan.sizes.is_empty() { vec![None] } else { plan.sizes.iter().copied().map(Some).collect() };
    let mut all = Decided::default();
    for size in &asked {
        let drawn = Committees { size: *size, repeats: plan.repeats, seed: plan.seed }.draw(panel);
        let weight = 1.0 / (asked.len() * drawn.len()) as f64;
        all.committees += drawn.len();
        all.sizes.extend(drawn.first().map(Vec::len));
        let found: Vec<Decided> = drawn
            .par_iter()
            .map(|committee| trial.decided(committee).map(|(personas, _)| labelled(trial, &personas, weight)))
            .collect::<Result<_, _>>()?;
        for found in found {
            all.rows.extend(found.rows);
            all.lists.extend(found.lists);
        }
    }
    Ok(all)
}

fn labelled(
    trial: &ConsensusTrial<'_>,
    personas: &BTreeMap<RecordId, ConsensusPersona>,
    weight: f64,
) -> Decided {
    let mut records: BTreeMap<&RecordId, usize> = BTreeMap::new();
    let mut decided = Decided::default();
    for (place, cell) in trial.gold.iter().enumerate() {
        let next = records.len();
        let record = *records.entry(&cell.record).or_insert(next);
        let name = trial.schema.get(&cell.name).map_or(&cell.name, |definition| &definition.name);
        let Some(found) = personas.get(&cell.record).and_then(|persona| persona.traits.get(name)) else {
            continue;
        };
        let credits: Vec<f64> =
            found.variants.iter().map(|variant| wording(variant).map_or(0.0, |w| cell.credit(&w))).collect();
        if let Some(features) = Features::of(found) {
            let value = LabelledValue { features, kind: found.kind.clone(), credit: credits[0], weight };
            let right = credits.iter().map(|credit| *credit >= 0.5).collect();
            decided.rows.push(Row { record, cell: place, value, found: found.clone(), right });
        } else if !found.variants.is_empty() {
            let shares = found.variants.iter().map(|variant| variant.share);
            decided.lists.push((place, LabelledList { items: shares.zip(credits).collect(), weight }));
        }
    }
    decided
}

/// The probability of every row by a fit that saw no row of its record's fold.
fn cross_validated(
    rows: &[Row],
    records: usize,
    seed: u64,
    fit: impl Fn(&[&Row]) -> Calibrator + Sync,
) -> Vec<f64> {
    let mut known: Vec<usize> =
        rows.iter().map(|row| row.record).collect::<BTreeSet<_>>().into_iter().collect();
    known.shuffle(&mut Xoshiro256Plus::seed_from_u64(seed));
    let folds = FOLDS.min(records);
    let fold: BTreeMap<usize, usize> =
        known.into_iter().enumerate().map(|(place, record)| (record, place % folds)).collect();
    let fitted: Vec<Calibrator> = (0..folds)
        .into_par_iter()
        .map(|held_out| fit(&rows.iter().filter(|row| fold[&row.record] != held_out).collect::<Vec<_>>()))
        .collect();
    rows.iter().map(|row| fitted[fold[&row.record]].of(&row.value)).collect()
}

/// ECE, Brier and AUROC of probabilities.
fn figures(probabilities: &[f64], credits: &[f64]) -> [Option<f64>; 3] {
    let ece = expected_calibration_error(probabilities, credits, BINS);
    [
        ece.map(|found| found.expected_calibration_error),
        brier(probabilities, credits),
        auroc(probabilities, credits),
    ]
}

fn quality(rows: &[Row], probabilities: &[f64], records: usize, seed: u64) -> CalibrationQuality {
    let credits: Vec<f64> = rows.iter().map(|row| row.value.credit).collect();
    let scores: Vec<f64> = rows.iter().map(|row| row.found.confidence).collect();
    let mut by_record: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        by_record.entry(row.record).or_default().push(place);
    }
    let groups: Vec<Vec<usize>> = by_record.into_values().collect();
    let mut random = Xoshiro256Plus::seed_from_u64(seed);
    let draws: Vec<Vec<usize>> = (0..RESAMPLES)
        .map(|_| (0..groups.len()).map(|_| random.gen_range(0..groups.len())).collect())
        .collect();
    let resampled: Vec<[Option<f64>; 3]> = draws
        .par_iter()
        .map(|draw| {
            let places = || draw.iter().flat_map(|group| &groups[*group]).copied();
            let of = |values: &[f64]| places().map(|place| values[place]).collect::<Vec<f64>>();
            figures(&of(probabilities), &of(&credits))
        })
        .collect();
    let found = figures(probabilities, &credits);
    let interval = |which: usize| interval(found[which], resampled.iter().filter_map(|all| all[which]));
    CalibrationQuality {
        method: format!(
            "{}-fold cross-validation over records; intervals: 2.5 % to 97.5 % of {RESAMPLES} bootstrap \
             samples of records",
            FOLDS.min(records)
        ),
        ece: interval(0),
        brier: interval(1),
        auroc: interval(2),
        uncalibrated: figures(&scores, &credits).map(|value| value.map(digits)),
    }
}

fn digits(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn interval(value: Option<f64>, resampled: impl Iterator<Item = f64>) -> Interval {
    let mut found: Vec<f64> = resampled.collect();
    found.sort_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
        let place = (share * found.len().saturating_sub(1) as f64).round() as usize;
        found.get(place).copied().map(digits)
    };
    Interval { value: value.map(digits), low: at(0.025), high: at(0.975) }
}
