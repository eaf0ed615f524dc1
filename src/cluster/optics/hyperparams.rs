//! Parameters of OPTICS.

use linfa::ParamGuard;

/// A parameter of OPTICS that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpticsParamsError {
    /// No distance.
    #[error("`tolerance` is {tolerance}; it must be a distance above 0")]
    Tolerance {
        /// The tolerance.
        tolerance: f64,
    },
    /// Too few rows for a dense place.
    #[error("`min_points` is {min_points}; a dense place needs at least 2 rows, itself included")]
    MinPoints {
        /// The number.
        min_points: usize,
    },
}

/// Parameters that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct OpticsValidParams {
    pub(super) tolerance: f64,
    pub(super) min_points: usize,
}

/// Parameters before [`ParamGuard::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct OpticsParams(OpticsValidParams);

impl OpticsParams {
    /// Rows with at least `min_points` rows, themselves included, near them are dense. Defaults: every
    /// distance is looked at.
    #[must_use]
    pub fn new(min_points: usize) -> Self {
        Self(OpticsValidParams { tolerance: f64::INFINITY, min_points })
    }

    /// Rows farther than this from all that was walked are a new beginning; nothing can be cut at
    /// more than this afterwards.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }
}

impl ParamGuard for OpticsParams {
    type Checked = OpticsValidParams;
    type Error = OpticsParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let OpticsValidParams { tolerance, min_points } = self.0;
        if tolerance.is_nan() || tolerance <= 0.0 {
            return Err(OpticsParamsError::Tolerance { tolerance });
        }
        if min_points < 2 {
            return Err(OpticsParamsError::MinPoints { min_points });
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

    #[test]
    fn what_is_no_distance_is_refused_with_its_value() {
        for tolerance in [0.0, -0.5] {
            let refused = OpticsParams::new(3).tolerance(tolerance).check();
            assert_eq!(refused, Err(OpticsParamsError::Tolerance { tolerance }));
        }
        assert!(OpticsParams::new(3).tolerance(f64::NAN).check().is_err());
        assert_eq!(OpticsParams::new(1).check(), Err(OpticsParamsError::MinPoints { min_points: 1 }));
    }
}
