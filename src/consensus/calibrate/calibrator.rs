//! The coefficients of a calibration, with where they come from, as a readable file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::conformal::{Conformal, PredictionSet, distribution};
use super::features::{COUNT, Features, NAMES};
use super::fit::{LabelledValue, fit, sigmoid};
use super::list_support::ListSupport;
use crate::consensus::TraitConsensus;

/// A calibration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// Not the JSON of a calibration.
    #[error("this is no calibration; `consona calibrate` writes one")]
    Json(#[from] serde_json::Error),
    /// A format of another version.
    #[error(
        "the calibration has format `{found}`; this version reads format `1`; fit it again with `consona calibrate`"
    )]
    Format {
        /// The format found.
        found: u32,
    },
    /// A coefficient that is missing, unknown, negative or no number.
    #[error("the coefficient `{name}` is `{value}`; it must be a number of at least 0, one for each feature")]
    Coefficient {
        /// Which.
        name: String,
        /// As found.
        value: String,
    },
}

/// What a calibration was fitted to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The data, in a few words.
    pub data: String,
    /// Records with a labelled value.
    pub records: usize,
    /// Labelled values.
    pub values: usize,
    /// Committees that decided each of them.
    pub committees: usize,
    /// Members of the committees.
    pub committee_sizes: Vec<usize>,
    /// The embedder that compared meanings.
    pub embedder: String,
    /// Seed of the draw and of the folds.
    pub seed: u64,
    /// Whatever else a reader should know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A figure with its interval, from the 2.5 % to the 97.5 % quantile of a bootstrap over records.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The figure; `None` where no number is right.
    pub value: Option<f64>,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// How good the probabilities are on records that they were not fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationQuality {
    /// How it was measured.
    pub method: String,
    /// Expected calibration error over ten bins.
    pub ece: Interval,
    /// Mean squared difference of probability and credit.
    pub brier: Interval,
    /// How well the probability tells right from wrong.
    pub auroc: Interval,
    /// The uncalibrated score on the same values: ECE, Brier, AUROC.
    pub uncalibrated: [Option<f64>; 3],
}

/// What the logistic model is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coefficients {
    pub(super) intercept: f64,
    pub(super) features: [f64; COUNT],
    pub(super) kinds: BTreeMap<String, f64>,
}

/// Turns what a decided value shows about itself into the probability that it is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CalibrationFile", into = "CalibrationFile")]
pub struct Calibrator {
    provenance: Provenance,
    coefficients: Coefficients,
    /// Kinds of traits that had labelled values; other kinds are those of the prior.
    labelled: BTreeSet<String>,
    quality: Option<CalibrationQuality>,
    conformal: Conformal,
    list_support: Option<ListSupport>,
}

/// The file of a calibration, as people read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    format: u32,
    provenance: Provenance,
    intercept: f64,
    coefficients: BTreeMap<String, f64>,
    kinds: BTreeMap<String, f64>,
    /// Of the kinds, those that had labelled values; all where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labelled_kinds: Option<BTreeSet<String>>,
    #[serde(default)]
    quality: Option<CalibrationQuality>,
    conformal: Conformal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_support: Option<ListSupport>,
}

impl TryFrom<CalibrationFile> for Calibrator {
    type Error = CalibrationError;

    fn try_from(file: CalibrationFile) -> Result<Self, CalibrationError> {
        if file.format != 1 {
            return Err(CalibrationError::Format { found: file.format });
        }
        let mut features = [0.0; COUNT];
        for (place, name) in NAMES.iter().enumerate() {
            let value = file.coefficients.get(*name).copied();
            features[place] = value.filter(|value| (0.0..=100.0).contains(value)).ok_or_else(|| {
                refused(name, value.map_or_else(|| "missing".to_owned(), |v| v.to_string()))
            })?;
        }
        if let Some((name, value)) =
            file.coefficients.iter().find(|(name, _)| !NAMES.contains(&name.as_str()))
        {
            return Err(refused(name, format!("{value}, of no known feature")));
        }
        let labelled = file.labelled_kinds.unwrap_or_else(|| file.kinds.keys().cloned().collect());
        let coefficients = Coefficients { intercept: file.intercept, features, kinds: file.kinds };
        Ok(Self {
            provenance: file.provenance,
            coefficients,
            labelled,
            quality: file.quality,
            conformal: file.conformal,
            list_support: file.list_support,
        })
    }
}

fn refused(name: &str, value: String) -> CalibrationError {
    CalibrationError::Coefficient { name: name.to_owned(), value }
}

impl From<Calibrator> for CalibrationFile {
    fn from(from: Calibrator) -> Self {
        let digits = |value: f64| (value * 1e6).round() / 1e6;
        let named = NAMES.iter().zip(from.coefficients.features);
        Self {
            format: 1,
            provenance: from.provenance,
            intercept: digits(from.coefficients.intercept),
            coefficients: named.map(|(name, value)| ((*name).to_owned(), digits(value))).collect(),
            labelled_kinds: (!from.coefficients.kinds.keys().eq(&from.labelled)).then_some(from.labelled),
            kinds: from.coefficients.kinds.into_iter().map(|(name, value)| (name, digits(value))).collect(),
            quality: from.quality,
            conformal: from.conformal,
            list_support: from.list_support,
        }
    }
}

/// The calibration that comes with the crate.
const SHIPPED: &str = include_str!("../../../data/calibration.json");

impl Calibrator {
    /// The calibration that comes with the crate; its provenance says what it was fitted to.
    ///
    /// # Panics
    /// Never: the file is compiled in, and a test reads it.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static SHIPPED_CALIBRATOR: OnceLock<Calibrator> = OnceLock::new();
        SHIPPED_CALIBRATOR.get_or_init(|| {
            #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
            Self::from_json(SHIPPED).expect("data/calibration.json is a calibration")
        })
    }

    /// Reads a calibration file.
    ///
    /// # Errors
    /// [`CalibrationError`] says what is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, CalibrationError> {
        let file: CalibrationFile = serde_json::from_str(text)?;
        file.try_into()
    }

    /// Fits a calibration to labelled values, drawn to `prior` where there is one: with few values it
    /// stays near it, and kinds without a labelled value are the prior's. The conformal scores and the quality are
    /// empty.
    #[must_use]
    pub fn fit(values: &[&LabelledValue], prior: Option<&Self>, provenance: Provenance) -> Self {
        let coefficients = fit(values, prior.map(|prior| &prior.coefficients));
        let labelled = values.iter().map(|value| value.kind.clone()).collect();
        let conformal = Conformal::default();
        Self { provenance, coefficients, labelled, quality: None, conformal, list_support: None }
    }

    /// With what was measured on values that it was not fitted to: figures, and the conformal scores
    /// of the truths with their weights, of `values` labelled values.
    #[must_use]
    pub fn measured(mut self, quality: CalibrationQuality, scores: Vec<(f64, f64)>, values: usize) -> Self {
        self.quality = Some(quality);
        self.conformal = Conformal::new(scores, values);
        self
    }

    /// With the supports that labelled lists call for.
    #[must_use]
    pub fn with_list_support(mut self, found: ListSupport) -> Self {
        self.list_support = Some(found);
        self
    }

    /// The support from which list items are kept so that the expected share of wrong ones stays at a risk;
    /// `None` where no lists were labelled, or too few for it.
    #[must_use]
    pub fn item_support(&self, risk: f64) -> Option<f64> {
        self.list_support.as_ref()?.support(risk)
    }

    /// The probability that a value is right, 0..=1; `None` for kinds of traits that it was not fitted
    /// to.
    #[must_use]
    pub fn probability(&self, found: &TraitConsensus) -> Option<f64> {
        let features = Features::of(found)?;
        Some(self.of_features(&features, *self.coefficients.kinds.get(&found.kind)?))
    }

    /// The probability of a labelled value.
    #[must_use]
    pub fn of(&self, value: &LabelledValue) -> f64 {
        let kind = self.coefficients.kinds.get(&value.kind).copied().unwrap_or(0.0);
        self.of_features(&value.features, kind)
    }

    fn of_features(&self, features: &Features, kind: f64) -> f64 {
        let terms = features.0.iter().zip(&self.coefficients.features).map(|(x, weight)| x * weight);
        sigmoid(self.coefficients.intercept + kind + terms.sum::<f64>())
    }

    /// The values that hold the truth with a probability of `coverage`, given that the consensus is
    /// right with `probability`.
    #[must_use]
    pub fn set(&self, found: &TraitConsensus, probability: f64, coverage: f64) -> PredictionSet {
        self.conformal.set(found, probability, coverage)
    }

    /// The conformal score of a truth: 1 − the greatest probability of a variant that is right, or of
    /// the unsaid where none is. `right` has one entry per variant.
    #[must_use]
    pub fn truth_score(found: &TraitConsensus, probability: f64, right: &[bool]) -> f64 {
        let (shares, other) = distribution(found, probability);
        let best = shares.iter().zip(right).filter(|(_, right)| **right).map(|(share, _)| *share);
        1.0 - best.reduce(f64::max).unwrap_or(other)
    }

    /// What it was fitted to.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How good it is on records that it was not fitted to.
    #[must_use]
    pub fn quality(&self) -> Option<&CalibrationQuality> {
        self.quality.as_ref()
    }

    /// The kinds of traits that it was fitted to.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.coefficients.kinds.keys().map(String::as_str).filter(|kind| self.is_fitted_to(kind))
    }

    /// The kinds of traits of which no value was labelled: their probabilities are those of the prior.
    pub fn other_kinds(&self) -> impl Iterator<Item = &str> {
        self.coefficients.kinds.keys().map(String::as_str).filter(|kind| !self.is_fitted_to(kind))
    }

    /// Whether values of this kind of traits were labelled.
    #[must_use]
    pub fn is_fitted_to(&self, kind: &str) -> bool {
        self.labelled.contains(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::features::tests::value;
    use super::*;
    use crate::consensus::effective_models;
    use proptest::prelude::*;

    #[test]
    fn the_shipped_calibration_reads_and_says_where_it_is_from() {
        let shipped = Calibrator::shipped();
        assert!(shipped.provenance().values >= 40 && !shipped.provenance().note.is_empty());
        assert!(shipped.kinds().eq(["categorical", "numeric", "ordinal"]));
        let text = serde_json::to_string_pretty(shipped).expect("JSON");
        assert_eq!(&Calibrator::from_json(&text).expect("its own text"), shipped);
    }

    #[test]
    fn a_negative_coefficient_is_refused_with_its_name() {
        let text = serde_json::to_string(Calibrator::shipped()).expect("JSON");
        let mut file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        file["coefficients"]["share"] = (-1.0).into();
        let error = Calibrator::from_json(&file.to_string()).unwrap_err().to_string();
        assert!(error.contains("`share` is `-1`"), "{error}");
        file["format"] = 2.into();
        assert!(Calibrator::from_json(&file.to_string()).unwrap_err().to_string().contains("format `2`"));
    }

    #[test]
    fn kinds_it_was_not_fitted_to_have_no_probability() {
        let prose = TraitConsensus { kind: "text".to_owned(), ..value(1.0, 0.0, 1.0) };
        assert_eq!(Calibrator::shipped().probability(&prose), None);
    }

    proptest! {
        #[test]
        fn one_more_agreeing_vote_never_means_less_probability(
            models in 1_u32..20, place in 0_u32..20, correlation in 0.0..=1.0_f64,
        ) {
            let behind = 1 + place % models;
            let decided = |behind: u32, models: u32| {
                let (behind, models) = (f64::from(behind), f64::from(models));
                let votes = effective_models(models, correlation);
                let found = value(behind / models, (models - behind) / models, votes);
                Calibrator::shipped().probability(&found).expect("a kind that it was fitted to")
            };
            let (before, after) = (decided(behind, models), decided(behind + 1, models + 1));
            prop_assert!((0.0..=1.0).contains(&before) && (0.0..=1.0).contains(&after));
            prop_assert!(after >= before - 1e-12, "{before} {after}");
        }
    }
}
