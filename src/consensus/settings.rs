//! The settings of a consensus, checked once.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ConsensusError;
use super::calibrate::{Calibration, Calibrator, ConfidenceStatus};
use super::persona::TraitConsensus;
use crate::cluster::Algorithm;
use crate::persona::ModelName;

/// Whether the drafts of a record are about one subject or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// One subject where no sitting of any model holds two drafts of a record, in the whole
    /// input; else several.
    #[default]
    Auto,
    /// Every draft of a record is about the same subject: one persona a record, no clustering.
    One,
    /// A record holds several personas, found by clustering.
    Several,
}

/// Settings of a consensus, to be checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsensusParams {
    pub(super) subject: Subject,
    pub(super) algorithm: Algorithm,
    pub(super) seed: u64,
    pub(super) model_weights: BTreeMap<ModelName, f64>,
    pub(super) reliability_power: f64,
    pub(super) alternative_weight: f64,
    pub(super) variant_similarity: f64,
    pub(super) divergence_share: f64,
    pub(super) item_support: f64,
    pub(super) item_similarity: f64,
    pub(super) error_correlation: f64,
    pub(super) prior_weight: f64,
    pub(super) prior_accuracy: f64,
    pub(super) calibration: Calibration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coverage: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_risk: Option<f64>,
    #[serde(skip)]
    pub(super) calibrator: Option<Arc<Calibrator>>,
}

impl Default for ConsensusParams {
    fn default() -> Self {
        Self::new()
    }
}

impl ConsensusParams {
    /// The defaults.
    ///
    /// Subject found from the data; agreement clustering; seed 1; all models of equal standing;
    /// reliability power 2; a second answer counts a quarter of the first; answers are one
    /// variant from a similarity of 0.55, so that neighbouring levels (0.5) are two; a trait is divergent from a dissenting share of 0.3; list
    /// items are matched from a similarity of 0.5 and kept from half of the votes; errors of
    /// models correlate at 0.27 (measured on 19 language models by the study that the README
    /// names) where the run is too small to tell; one pseudo-vote of accuracy 0.5; the calibration
    /// that comes with the crate; no sets of values.
    #[must_use]
    pub fn new() -> Self {
        Self {
            subject: Subject::Auto,
            algorithm: Algorithm::default(),
            seed: 1,
            model_weights: BTreeMap::new(),
            reliability_power: 2.0,
            alternative_weight: 0.25,
            variant_similarity: 0.55,
            divergence_share: 0.3,
            item_support: 0.5,
            item_similarity: 0.5,
            error_correlation: 0.27,
            prior_weight: 1.0,
            prior_accuracy: 0.5,
            calibration: Calibration::Shipped,
            coverage: None,
            item_risk: None,
            calibrator: None,
        }
    }

    /// Whether a record holds one persona or several.
    #[must_use]
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// How drafts of several personas are clustered.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The algorithm that clusters drafts.
    #[must_use]
    pub fn clustering(&self) -> Algorithm {
        self.algorithm
    }

    /// The seed of everything random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Standing of models as the user sets it, above 0 and at most 1000; models not named have 1.
    #[must_use]
    pub fn model_weights(mut self, weights: BTreeMap<ModelName, f64>) -> Self {
        self.model_weights = weights;
        self
    }

    /// How sharply a model's weight follows its agreement with the others, 0 to 16; 0 gives every
    /// model the same weight.
    #[must_use]
    pub fn reliability_power(mut self, power: f64) -> Self {
        self.reliability_power = power;
        self
    }

    /// What the second answer of a model counts beside its first, 0 to 1; the third counts the
    /// square of it.
    #[must_use]
    pub fn alternative_weight(mut self, weight: f64) -> Self {
        self.alternative_weight = weight;
        self
    }

    /// The share of dissenting votes, 0 to 1, from which a trait is flagged as divergent.
    #[must_use]
    pub fn divergence_share(mut self, share: f64) -> Self {
        self.divergence_share = share;
        self
    }

    /// The share of the votes, 0 to 1, that a list item needs.
    #[must_use]
    pub fn item_support(mut self, share: f64) -> Self {
        self.item_support = share;
        self
    }

    /// Which calibration makes confidences probabilities.
    #[must_use]
    pub fn calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = calibration;
        self
    }

    /// What the file of [`Calibration::File`] holds. The core opens no files: whoever names one brings it.
    #[must_use]
    pub fn calibrator(mut self, calibrator: Calibrator) -> Self {
        self.calibrator = Some(Arc::new(calibrator));
        self
    }

    /// The probability, 0.5 to 0.99, with which each value gets a set of values that holds the truth.
    #[must_use]
    pub fn coverage(mut self, coverage: f64) -> Self {
        self.coverage = Some(coverage);
        self
    }

    /// The expected share of wrong list items, 0.01 to 0.5, that is accepted: the support that items need is
    /// then that of the calibration's labelled lists, in place of [`Self::item_support`].
    #[must_use]
    pub fn item_risk(mut self, risk: f64) -> Self {
        self.item_risk = Some(risk);
        self
    }

    /// The file of a calibration that is named and not yet brought.
    #[must_use]
    pub fn missing_calibration(&self) -> Option<&str> {
        match &self.calibration {
            Calibration::File(path) if self.calibrator.is_none() => Some(path),
            _ => None,
        }
    }

    fn calibrator_in_use(&self) -> Option<&Calibrator> {
        match self.calibration {
            Calibration::None => None,
            Calibration::Shipped => Some(Calibrator::shipped()),
            Calibration::File(_) => self.calibrator.as_deref(),
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`ConsensusError::Setting`] names the first setting that is out of range, and its value;
    /// [`ConsensusError::Calibration`] a calibration file that nobody brought; [`ConsensusError::ItemRisk`] a
    /// risk that the calibration's lists cannot promise.
    pub fn check(mut self) -> Result<ConsensusValidParams, ConsensusError> {
        self.check_numbers()?;
        if let Some(path) = self.missing_calibration() {
            return Err(ConsensusError::Calibration { path: path.to_owned() });
        }
        if let Some(risk) = self.item_risk {
            let support = self.calibrator_in_use().and_then(|calibrator| calibrator.item_support(risk));
            self.item_support = support.ok_or(ConsensusError::ItemRisk { risk })?;
        }
        Ok(ConsensusValidParams(self))
    }

    /// Checks every number against its range, whether or not a calibration file was brought.
    ///
    /// # Errors
    /// [`ConsensusError::Setting`] names the first setting that is out of range, and its value.
    pub fn check_numbers(&self) -> Result<(), ConsensusError> {
        let shares = [
            ("alternative_weight", self.alternative_weight),
            ("divergence_share", self.divergence_share),
            ("item_support", self.item_support),
            ("error_correlation", self.error_correlation),
            ("prior_accuracy", self.prior_accuracy),
        ];
        for (name, value) in shares {
            within(name, value, 0.0, 1.0, "a number from 0 to 1")?;
        }
        for (name, value) in
            [("variant_similarity", self.variant_similarity), ("item_similarity", self.item_similarity)]
        {
            within(name, value, f64::MIN_POSITIVE, 1.0, "a number above 0 and at most 1")?;
        }
        within("reliability_power", self.reliability_power, 0.0, 16.0, "a number from 0 to 16")?;
        within("prior_weight", self.prior_weight, 0.0, 1000.0, "a number from 0 to 1000")?;
        for &weight in self.model_weights.values() {
            within("weight", weight, f64::MIN_POSITIVE, 1000.0, "a number above 0 and at most 1000")?;
        }
        if let Some(coverage) = self.coverage {
            within("coverage", coverage, 0.5, 0.99, "a number from 0.5 to 0.99")?;
        }
        if let Some(risk) = self.item_risk {
            within("item_risk", risk, 0.01, 0.5, "a number from 0.01 to 0.5")?;
        }
        Ok(())
    }
}

fn within(
    name: &'static str,
    value: f64,
    low: f64,
    high: f64,
    expected: &'static str,
) -> Result<(), ConsensusError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(ConsensusError::Setting { name, value, expected })
    }
}

/// Settings of which every number is in its range. Made by [`ConsensusParams::check`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsensusValidParams(ConsensusParams);

impl Deref for ConsensusValidParams {
    type Target = ConsensusParams;

    fn deref(&self) -> &ConsensusParams {
        &self.0
    }
}

impl ConsensusValidParams {
    /// What turns scores into probabilities; `None` where they stay scores.
    #[must_use]
    pub fn probabilities(&self) -> Option<&Calibrator> {
        self.calibrator_in_use()
    }

    /// The calibration as it was named.
    #[must_use]
    pub fn calibration_name(&self) -> String {
        self.calibration.to_string()
    }

    /// What a confidence of the kinds that the calibration was fitted to may be taken for.
    #[must_use]
    pub fn confidence_status(&self) -> ConfidenceStatus {
        match self.calibration {
            Calibration::None => ConfidenceStatus::Uncalibrated,
            Calibration::Shipped => ConfidenceStatus::CalibratedOnOtherData,
            Calibration::File(_) => ConfidenceStatus::Calibrated,
        }
    }

    /// Replaces the score of a decided value by its probability, where there is one for its kind.
    pub(super) fn calibrate(&self, found: &mut TraitConsensus) {
        let Some(calibrator) = self.probabilities() else { return };
        let Some(probability) = calibrator.probability(found) else { return };
        found.share_out(probability);
        // What the user labelled says nothing about other kinds of traits: they lean on the data of the prior.
        let fitted = calibrator.is_fitted_to(&found.kind);
        found.confidence_status = match self.confidence_status() {
            ConfidenceStatus::Calibrated if !fitted => ConfidenceStatus::CalibratedOnOtherData,
            status => status,
        };
        let coverage = self.coverage.filter(|_| fitted);
        found.prediction_set = coverage.map(|coverage| calibrator.set(found, probability, coverage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named_with_its_value() {
        let error = ConsensusParams::new().divergence_share(1.5).check().map(|_| ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "consensus setting `divergence_share` is `1.5`; it must be a number from 0 to 1"
        );
        assert!(ConsensusParams::new().reliability_power(f64::NAN).check().is_err());
        assert!(ConsensusParams::new().check().is_ok());
    }
}
