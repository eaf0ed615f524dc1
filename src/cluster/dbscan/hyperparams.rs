//! Parameters of DBSCAN.

use linfa::ParamGuard;

/// A parameter of DBSCAN that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DbscanParamsError {
    /// No distance.
    #[error("`tolerance` is {tolerance}; it must be a finite distance above 0")]
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
pub struct DbscanValidParams {
    pub(super) tolerance: f64,
    pub(super) min_points: usize,
}

/// Parameters before [`ParamGuard::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct DbscanParams(DbscanValidParams);

impl DbscanParams {
    /// Rows with at least `min_points` rows, themselves included, within the Euclidean distance
    /// `tolerance` (inclusive) are core rows. There is no default for either: both depend on the data.
    #[must_use]
    pub fn new(min_points: usize, tolerance: f64) -> Self {
        Self(DbscanValidParams { tolerance, min_points })
    }
}

impl ParamGuard for DbscanParams {
    type Checked = DbscanValidParams;
    type Error = DbscanParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let DbscanValidParams { tolerance, min_points } = self.0;
        if !(tolerance.is_finite() && tolerance > 0.0) {
            return Err(DbscanParamsError::Tolerance { tolerance });
        }
        if min_points < 2 {
            return Err(DbscanParamsError::MinPoints { min_points });
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
        for tolerance in [0.0, -0.5, f64::INFINITY] {
            let refused = DbscanParams::new(3, tolerance).check();
            assert_eq!(refused, Err(DbscanParamsError::Tolerance { tolerance }));
        }
        assert_eq!(DbscanParams::new(1, 0.5).check(), Err(DbscanParamsError::MinPoints { min_points: 1 }));
    }
}
