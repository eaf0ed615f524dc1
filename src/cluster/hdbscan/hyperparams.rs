//! Parameters of HDBSCAN.

use linfa::ParamGuard;

/// A parameter of HDBSCAN that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HdbscanParamsError {
    /// A cluster of one row is none.
    #[error("`min_cluster_size` is {min_cluster_size}; a cluster needs at least 2 rows")]
    MinClusterSize {
        /// The size.
        min_cluster_size: usize,
    },
    /// No neighbour at all.
    #[error("`min_points` is 0; a row is its own first neighbour, so that 1 is the least")]
    MinPoints,
}

/// Parameters that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct HdbscanValidParams {
    pub(super) min_cluster_size: usize,
    pub(super) min_points: usize,
}

/// Parameters before [`ParamGuard::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct HdbscanParams(HdbscanValidParams);

impl HdbscanParams {
    /// Fewer than `min_cluster_size` rows are no cluster. `min_points` (the same by default; itself
    /// included) says how many rows make a place dense: with more of them more rows are noise.
    #[must_use]
    pub fn new(min_cluster_size: usize) -> Self {
        Self(HdbscanValidParams { min_cluster_size, min_points: min_cluster_size })
    }

    /// How many rows make a place dense, itself included.
    #[must_use]
    pub fn min_points(mut self, min_points: usize) -> Self {
        self.0.min_points = min_points;
        self
    }
}

impl ParamGuard for HdbscanParams {
    type Checked = HdbscanValidParams;
    type Error = HdbscanParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let HdbscanValidParams { min_cluster_size, min_points } = self.0;
        if min_cluster_size < 2 {
            return Err(HdbscanParamsError::MinClusterSize { min_cluster_size });
        }
        if min_points == 0 {
            return Err(HdbscanParamsError::MinPoints);
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
