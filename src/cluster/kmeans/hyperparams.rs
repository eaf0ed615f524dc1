//! Parameters of k-means.

use linfa::ParamGuard;
use ndarray::Array2;

/// Where the first centroids come from.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum KMeansInit {
    /// k-means++: rows drawn with probability in proportion to the squared distance to those drawn
    /// before (Arthur and Vassilvitskii, SODA 2007).
    #[default]
    PlusPlus,
    /// These rows: `n_clusters` × `d`.
    Precomputed(Array2<f32>),
}

/// A parameter of k-means that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KMeansParamsError {
    /// No cluster.
    #[error("`n_clusters` is 0; ask for at least one cluster")]
    NClusters,
    /// No run.
    #[error("`n_runs` is 0; at least one run is needed")]
    NRuns,
    /// No iteration.
    #[error("`max_n_iterations` is 0; at least one is needed")]
    MaxIterations,
    /// No distance.
    #[error("`tolerance` is {tolerance}; it must be a finite distance, 0 or above")]
    Tolerance {
        /// The tolerance.
        tolerance: f64,
    },
    /// Not one centroid per cluster.
    #[error("{given} initial centroids were given for `n_clusters` = {n_clusters}")]
    Init {
        /// Rows given.
        given: usize,
        /// Clusters asked for.
        n_clusters: usize,
    },
}

/// Parameters that were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansValidParams {
    pub(super) n_clusters: usize,
    pub(super) n_runs: usize,
    pub(super) tolerance: f64,
    pub(super) max_n_iterations: usize,
    pub(super) seed: u64,
    pub(super) init: KMeansInit,
}

/// Parameters before [`ParamGuard::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansParams(KMeansValidParams);

impl KMeansParams {
    /// Defaults: one run from k-means++ with seed 42, at most 300 iterations, tolerance 1e-4.
    #[must_use]
    pub fn new(n_clusters: usize) -> Self {
        Self(KMeansValidParams {
            n_clusters,
            n_runs: 1,
            tolerance: 1e-4,
            max_n_iterations: 300,
            seed: 42,
            init: KMeansInit::default(),
        })
    }

    /// Runs from different beginnings; the one with the least inertia is kept. With given
    /// centroids all runs are equal, and one is enough.
    #[must_use]
    pub fn n_runs(mut self, n_runs: usize) -> Self {
        self.0.n_runs = n_runs;
        self
    }

    /// It ends when no centroid moves farther than this; with 0, when no row changes sides.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }

    /// Most updates of the centroids.
    #[must_use]
    pub fn max_n_iterations(mut self, max_n_iterations: usize) -> Self {
        self.0.max_n_iterations = max_n_iterations;
        self
    }

    /// Seed of k-means++.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Where the first centroids come from.
    #[must_use]
    pub fn init(mut self, init: KMeansInit) -> Self {
        self.0.init = init;
        self
    }
}

impl ParamGuard for KMeansParams {
    type Checked = KMeansValidParams;
    type Error = KMeansParamsError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let KMeansValidParams { n_clusters, n_runs, tolerance, max_n_iterations, .. } = self.0;
        if n_clusters == 0 {
            return Err(KMeansParamsError::NClusters);
        }
        if n_runs == 0 {
            return Err(KMeansParamsError::NRuns);
        }
        if max_n_iterations == 0 {
            return Err(KMeansParamsError::MaxIterations);
        }
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            return Err(KMeansParamsError::Tolerance { tolerance });
        }
        match &self.0.init {
            KMeansInit::Precomputed(rows) if rows.nrows() != n_clusters => {
                Err(KMeansParamsError::Init { given: rows.nrows(), n_clusters })
            }
            _ => Ok(&self.0),
        }
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
    fn parameters_that_mean_nothing_are_refused_with_their_value() {
        assert_eq!(KMeansParams::new(0).check(), Err(KMeansParamsError::NClusters));
        assert_eq!(KMeansParams::new(2).n_runs(0).check(), Err(KMeansParamsError::NRuns));
        assert_eq!(
            KMeansParams::new(2).tolerance(-1.0).check(),
            Err(KMeansParamsError::Tolerance { tolerance: -1.0 })
        );
        let init = KMeansInit::Precomputed(Array2::zeros((3, 2)));
        assert_eq!(
            KMeansParams::new(2).init(init).check(),
            Err(KMeansParamsError::Init { given: 3, n_clusters: 2 })
        );
    }
}
