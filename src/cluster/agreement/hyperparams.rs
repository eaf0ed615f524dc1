//! Parameters of the agreement clusterer.

use linfa::ParamGuard;

use super::AgreementParamsError;
use crate::cluster::threshold::Threshold;

/// Parameters that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AgreementValidParams {
    pub(super) threshold: Threshold,
    pub(super) max_iterations: usize,
}

impl AgreementValidParams {
    /// Where the thresholds come from.
    #[must_use]
    pub fn threshold(&self) -> &Threshold {
        &self.threshold
    }

    /// Most rounds of one-to-one assignment.
    #[must_use]
    pub fn max_iterations(&self) -> usize {
        self.max_iterations
    }
}

/// Parameters before [`ParamGuard::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct AgreementParams(AgreementValidParams);

impl Default for AgreementParams {
    fn default() -> Self {
        Self::new()
    }
}

impl AgreementParams {
    /// Defaults: thresholds from the data themselves, at most 10 rounds (two or three are usual).
    #[must_use]
    pub fn new() -> Self {
        Self(AgreementValidParams { threshold: Threshold::default(), max_iterations: 10 })
    }

    /// Where the thresholds come from. For many small records fit them once on all of them
    /// ([`PairSample`](crate::cluster::PairSample)) and give them as [`Threshold::Fixed`].
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.0.threshold = threshold;
        self
    }

    /// Most rounds of one-to-one assignment; it stops before when nothing moves.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.0.max_iterations = max_iterations;
        self
    }
}

fn in_range(name: &'static str, value: f64) -> Result<(), AgreementParamsError> {
    if (-1.0..=1.0).contains(&value) { Ok(()) } else { Err(AgreementParamsError::Threshold { name, value }) }
}

impl ParamGuard for AgreementParams {
    type Checked = AgreementValidParams;
    type Error = AgreementParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let duplicate = match &self.0.threshold {
            Threshold::Fixed(thresholds) => {
                in_range("linkage", thresholds.linkage)?;
                in_range("refinement", thresholds.refinement)?;
                thresholds.duplicate
            }
            Threshold::FromData(settings) => {
                in_range("fallback", settings.fallback)?;
                settings.duplicate_floor
            }
        };
        in_range("duplicate", duplicate.unwrap_or_default())?;
        if self.0.max_iterations == 0 {
            return Err(AgreementParamsError::MaxIterations);
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::threshold::{FitSettings, Thresholds};

    #[test]
    fn thresholds_that_are_no_similarities_are_refused_with_their_value() {
        let params = AgreementParams::new().threshold(Threshold::Fixed(Thresholds::fixed(1.5)));
        assert_eq!(params.check(), Err(AgreementParamsError::Threshold { name: "linkage", value: 1.5 }));
        let settings = FitSettings { fallback: f64::NAN, duplicate_floor: None };
        let refused = AgreementParams::new().threshold(Threshold::FromData(settings)).check();
        assert!(matches!(refused, Err(AgreementParamsError::Threshold { name: "fallback", .. })));
        let refused = AgreementParams::new().max_iterations(0).check();
        assert_eq!(refused, Err(AgreementParamsError::MaxIterations));
    }
}
