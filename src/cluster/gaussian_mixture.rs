//! Mixtures of gaussians by linfa, behind guards.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{GaussianMixtureModel, GmmError};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;

use super::rows::SortedRows;
use super::{Assignment, ClusterError};

/// Settings of a mixture of gaussians with full covariances, fitted by linfa in `f64` from the best of ten
/// runs of its k-means.
///
/// linfa sums densities as they are, not by their logarithms. Rows of a hundred and more components leave
/// the range of numbers that way, and every probability becomes NaN. [`GaussianMixture::new`] therefore
/// brings the rows to a scale on which a row in the middle of a cluster has a density near 1, which changes
/// no probability, and adds a thousandth of the rows' variance to the covariances, so that clusters of fewer
/// rows than components have some. [`GaussianMixture::linfa`] leaves rows and covariances to linfa. Whatever
/// is still no number is an error.
///
/// Memory grows with clusters × components²; time with rows × clusters × components² in each round.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixture {
    /// How many gaussians.
    pub n_clusters: usize,
    /// Most rounds of expectation and maximisation; without convergence by then it fails.
    pub max_n_iterations: u64,
    /// It ends when the mean log likelihood gains less than this.
    pub tolerance: f64,
    /// Seed of the k-means before it.
    pub seed: u64,
    scaled: bool,
}

/// A fitted mixture.
#[derive(Clone, Debug)]
pub struct GaussianMixtureFit {
    model: GaussianMixtureModel<f64>,
    middle: Array1<f64>,
    scale: f64,
}

/// Share of the rows' variance that covariances get on top.
const SHRINKAGE: f64 = 1e-3;

impl GaussianMixture {
    /// Defaults: at most 300 rounds, tolerance 1e-3.
    #[must_use]
    pub fn new(n_clusters: usize, seed: u64) -> Self {
        Self { n_clusters, max_n_iterations: 300, tolerance: 1e-3, seed, scaled: true }
    }

    /// The same on rows as they are, with linfa's own regularisation (1e-6).
    #[must_use]
    pub fn linfa(n_clusters: usize, seed: u64) -> Self {
        Self { scaled: false, ..Self::new(n_clusters, seed) }
    }

    /// Fits rows of any length, `n` × `d`. Rows are sorted first, so that their order changes nothing.
    ///
    /// # Errors
    /// [`ClusterError::Empty`], [`ClusterError::NoClusters`], [`ClusterError::TooManyClusters`];
    /// [`ClusterError::Matrix`] for components that are not finite; [`ClusterError::GaussianMixture`] when it
    /// does not converge, a covariance is singular or a density is no number.
    pub fn fit(&self, rows: ArrayView2<'_, f32>) -> Result<GaussianMixtureFit, ClusterError> {
        let sorted = SortedRows::new(rows)?;
        let (n, n_clusters, distinct) = (rows.nrows(), self.n_clusters, sorted.distinct);
        if n_clusters == 0 {
            return Err(ClusterError::NoClusters);
        }
        if n_clusters > distinct {
            return Err(ClusterError::TooManyClusters { n_clusters, distinct, rows: n });
        }
        let rows = sorted.rows.mapv(f64::from);
        let (middle, scale) = if self.scaled { frame(&rows) } else { (Array1::zeros(rows.ncols()), 1.0) };
        let mut params =
            GaussianMixtureModel::params_with_rng(n_clusters, Xoshiro256Plus::seed_from_u64(self.seed))
                .max_n_iterations(self.max_n_iterations)
                .tolerance(self.tolerance);
        if self.scaled {
            params = params.reg_covariance(SHRINKAGE * DENSE);
        }
        let refuse =
            |source| ClusterError::GaussianMixture { n_clusters, rows: n, dimension: rows.ncols(), source };
        let dataset = DatasetBase::from((&rows - &middle) * scale);
        let fit = GaussianMixtureFit { model: params.fit(&dataset).map_err(refuse)?, middle, scale };
        if fit.model.predict_proba(dataset.records()).iter().all(|share| share.is_finite()) {
            Ok(fit)
        } else {
            Err(refuse(GmmError::InvalidValue("the density of a row is no number".to_owned())))
        }
    }
}

impl GaussianMixtureFit {
    /// The gaussian of each row that explains it best. The rows should be those that were fitted: a row
    /// far from all gaussians has no probability at all, and gets the first.
    #[must_use]
    pub fn predict(&self, rows: ArrayView2<'_, f32>) -> Vec<usize> {
        let rows = (rows.mapv(f64::from) - &self.middle) * self.scale;
        let shares = self.model.predict_proba(&rows);
        let best = |row: ndarray::ArrayView1<'_, f64>| {
            row.iter()
                .enumerate()
                .fold(0, |best, (place, share)| if *share > row[best] { place } else { best })
        };
        shares.outer_iter().map(best).collect()
    }

    /// The same as an assignment; a gaussian that explains no row best is none.
    #[must_use]
    pub fn assignment(&self, rows: ArrayView2<'_, f32>) -> Assignment {
        Assignment::new(self.predict(rows).into_iter().map(Some))
    }

    /// The middles of the gaussians: `n_clusters` × `d`.
    #[must_use]
    pub fn means(&self) -> Array2<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "rows are f32, and so are their means")]
        (self.model.means() / self.scale + &self.middle).mapv(|value| value as f32)
    }
}

/// Variance of a component at which a gaussian's rows have densities near 1: 1 / 2πe.
const DENSE: f64 = 1.0 / (2.0 * std::f64::consts::PI * std::f64::consts::E);

/// The middle of the rows, and what brings the mean variance of a component to [`DENSE`].
fn frame(rows: &Array2<f64>) -> (Array1<f64>, f64) {
    let middle = rows.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(rows.ncols()));
    let square: f64 =
        rows.outer_iter().map(|row| row.iter().zip(&middle).map(|(a, b)| (a - b).powi(2)).sum::<f64>()).sum();
    let variance = square / rows.len() as f64;
    (middle, if variance > 0.0 { (DENSE / variance).sqrt() } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand::Rng;

    fn cloud(n: usize, depth: usize, apart: f32) -> Array2<f32> {
        let random = &mut Xoshiro256Plus::seed_from_u64(2);
        Array2::from_shape_fn((n, depth), |(row, column)| {
            let middle = if column % 3 == row % 3 { apart } else { 0.0 };
            (0..4).map(|_| random.gen_range(-0.05_f32..0.05)).sum::<f32>() + middle
        })
    }

    #[test]
    fn three_clouds_are_three_gaussians() {
        let rows = cloud(150, 6, 1.0);
        for settings in [GaussianMixture::new(3, 1), GaussianMixture::linfa(3, 1)] {
            let fit = settings.fit(rows.view()).unwrap();
            let expected = Assignment::new((0..150).map(|row| Some(row % 3)));
            assert_eq!(fit.assignment(rows.view()), expected, "{settings:?}");
            let means = fit.means();
            let own = fit.predict(rows.view())[0];
            assert!((means[[own, 0]] - 1.0).abs() < 0.05 && means[[own, 1]].abs() < 0.05, "{means}");
        }
    }

    #[test]
    fn many_components_stay_in_the_range_of_numbers() {
        let rows = cloud(300, 200, 0.2);
        let fit = GaussianMixture::new(3, 1).fit(rows.view()).unwrap();
        assert_eq!(fit.assignment(rows.view()), Assignment::new((0..300).map(|row| Some(row % 3))));
        let refused = GaussianMixture::linfa(3, 1).fit(rows.view()).unwrap_err();
        assert!(
            matches!(refused, ClusterError::GaussianMixture { n_clusters: 3, rows: 300, .. }),
            "{refused}"
        );
    }

    #[test]
    fn bad_input_is_named_with_its_value() {
        let rows = array![[1.0_f32, 2.0], [1.0, 2.0], [3.0, 1.0]];
        let refused = GaussianMixture::new(3, 1).fit(rows.view()).unwrap_err();
        assert!(matches!(refused, ClusterError::TooManyClusters { n_clusters: 3, distinct: 2, rows: 3 }));
        assert!(matches!(GaussianMixture::new(0, 1).fit(rows.view()), Err(ClusterError::NoClusters)));
        let broken = array![[f32::INFINITY], [1.0]];
        assert!(matches!(GaussianMixture::new(1, 1).fit(broken.view()), Err(ClusterError::Matrix(_))));
    }
}
