//! Fit and predict.

use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2, aview1};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256Plus;
use rayon::prelude::*;

use super::assign::{Nearest, Targets, nearest};
use super::hyperparams::{KMeansInit, KMeansValidParams};
use super::init::plus_plus;
use super::state::State;
use crate::cluster::kernel::dot;
use crate::cluster::rows::{check_finite, check_squares, contiguous, moved, origin};
use crate::cluster::{Assignment, ClusterError};

/// Rows per piece of work when only assigning.
const CHUNK: usize = 960;

/// Fitted centroids.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansModel {
    centroids: Array2<f32>,
    labels: Vec<usize>,
    inertia: f64,
    n_iterations: usize,
    /// What rows are moved by before they are compared; see [`origin`].
    origin: Option<Vec<f32>>,
}

impl KMeansModel {
    /// `n_clusters` × `d`.
    #[must_use]
    pub fn centroids(&self) -> &Array2<f32> {
        &self.centroids
    }

    /// The nearest centroid of every fitted row.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The same, clusters named by first appearance; a cluster without rows is none.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        Assignment::new(self.labels.iter().copied().map(Some))
    }

    /// Sum of squared distances of the fitted rows to their centroids. (linfa gives the mean.)
    #[must_use]
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Updates of the centroids.
    #[must_use]
    pub fn n_iterations(&self) -> usize {
        self.n_iterations
    }
}

fn squares(rows: &[f32], depth: usize) -> Vec<f32> {
    rows.par_chunks_exact(depth).with_min_len(CHUNK).map(|row| dot(row, row)).collect()
}

impl KMeansValidParams {
    fn first_centroids(
        &self,
        rows: &[f32],
        squares: &[f32],
        origin: Option<&[f32]>,
        random: &mut Xoshiro256Plus,
    ) -> Result<Vec<f32>, ClusterError> {
        let depth = rows.len() / squares.len();
        match &self.init {
            KMeansInit::Precomputed(centroids) if centroids.ncols() == depth => {
                check_finite(centroids.view())?;
                Ok(moved(contiguous(centroids), origin).into_owned())
            }
            KMeansInit::Precomputed(centroids) => {
                Err(ClusterError::Dimension { expected: depth, given: centroids.ncols() })
            }
            KMeansInit::PlusPlus => {
                let chosen = plus_plus(rows, squares, depth, self.n_clusters, random);
                if chosen.len() < self.n_clusters {
                    let (n_clusters, distinct) = (self.n_clusters, chosen.len());
                    return Err(ClusterError::TooManyClusters { n_clusters, distinct, rows: squares.len() });
                }
                Ok(chosen.iter().flat_map(|row| &rows[row * depth..][..depth]).copied().collect())
            }
        }
    }

    fn run(&self, state: &mut State<'_>) -> usize {
        for iteration in 1..=self.max_n_iterations {
            let changed = state.assign();
            if changed == 0 {
                return iteration - 1;
            }
            if f64::from(state.update()) <= self.tolerance || iteration == self.max_n_iterations {
                state.assign();
                return iteration;
            }
        }
        self.max_n_iterations
    }
}

/// Records are `n` × `d` of any length, targets are not looked at.
///
/// # Errors
/// [`ClusterError::Empty`]; [`ClusterError::Matrix`] names a component that is not finite;
/// [`ClusterError::TooManyClusters`] when k-means++ finds fewer distinct rows;
/// [`ClusterError::Dimension`] when given centroids do not fit.
impl<D: Data<Elem = f32>, T> Fit<ArrayBase<D, Ix2>, T, ClusterError> for KMeansValidParams {
    type Object = KMeansModel;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, ClusterError> {
        let records = dataset.records();
        check_finite(records.view())?;
        let (rows, depth) = (contiguous(records), records.ncols());
        let origin = origin(&rows, depth);
        let rows = moved(rows, origin.as_deref());
        // Entered once: every hand-over to the pool from outside costs more than a small assignment.
        let mut model = rayon::scope(|_| self.fit_rows(&rows, depth, origin.as_deref()))?;
        if let Some(origin) = &origin {
            model.centroids.outer_iter_mut().for_each(|mut row| row += &aview1(origin));
        }
        Ok(KMeansModel { origin, ..model })
    }
}

impl KMeansValidParams {
    fn fit_rows(
        &self,
        rows: &[f32],
        depth: usize,
        origin: Option<&[f32]>,
    ) -> Result<KMeansModel, ClusterError> {
        let squares = squares(rows, depth);
        check_squares(&squares)?;
        let random = &mut Xoshiro256Plus::seed_from_u64(self.seed);
        let mut best: Option<KMeansModel> = None;
        for _ in 0..self.n_runs {
            let centroids = self.first_centroids(rows, &squares, origin, random)?;
            let mut state = State::new(rows, &squares, depth, centroids);
            let n_iterations = self.run(&mut state);
            let inertia = state.inertia();
            if best.as_ref().is_none_or(|best| inertia < best.inertia) {
                let labels = state.labels().collect();
                let centroids = Array2::from_shape_vec((self.n_clusters, depth), state.centroids)
                    .map_err(linfa::Error::from)?;
                best = Some(KMeansModel { centroids, labels, inertia, n_iterations, origin: None });
            }
        }
        best.ok_or(ClusterError::Empty)
    }
}

/// The nearest centroid of each row; the first of equals.
impl<D: Data<Elem = f32>> PredictInplace<ArrayBase<D, Ix2>, Array1<usize>> for KMeansModel {
    /// # Panics
    /// When the rows have another number of components than the centroids.
    fn predict_inplace(&self, rows: &ArrayBase<D, Ix2>, labels: &mut Array1<usize>) {
        let depth = self.centroids.ncols();
        assert_eq!(rows.ncols(), depth, "rows and centroids must have equally many components");
        let origin = self.origin.as_deref();
        let centroids = moved(contiguous(&self.centroids), origin);
        let mut targets = Targets::default();
        targets.set(&centroids, &squares(&centroids, depth), depth);
        let found: Vec<Vec<Nearest>> = moved(contiguous(rows), origin)
            .par_chunks(CHUNK * depth)
            .map(|rows| {
                let mut found = vec![Nearest::default(); rows.len() / depth];
                nearest(rows, &targets, &mut found);
                found
            })
            .collect();
        for (label, found) in labels.iter_mut().zip(found.iter().flatten()) {
            *label = found.label as usize;
        }
    }

    fn default_target(&self, rows: &ArrayBase<D, Ix2>) -> Array1<usize> {
        Array1::zeros(rows.nrows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::kmeans::KMeansParams;
    use crate::embed::MatrixError;
    use linfa::ParamGuard;
    use linfa::traits::Predict;
    use ndarray::array;
    use rand::Rng;

    fn cloud(n: usize, depth: usize, centres: usize, seed: u64) -> Array2<f32> {
        let random = &mut Xoshiro256Plus::seed_from_u64(seed);
        let middle = Array2::from_shape_simple_fn((centres, depth), || random.gen_range(-1.0_f32..1.0));
        Array2::from_shape_fn((n, depth), |(row, column)| {
            middle[[row % centres, column]] + random.gen_range(-0.8_f32..0.8)
        })
    }

    fn fit(params: KMeansParams, rows: &Array2<f32>) -> KMeansModel {
        params.check().unwrap().fit(&DatasetBase::from(rows.view())).unwrap()
    }

    /// Lloyd's algorithm in f64, as it is defined.
    fn lloyd(rows: &Array2<f32>, start: &Array2<f32>, iterations: usize) -> f64 {
        let mut centroids = start.mapv(f64::from);
        let rows = rows.mapv(f64::from);
        let nearest = |centroids: &Array2<f64>, row: ndarray::ArrayView1<'_, f64>| {
            let distances =
                centroids.outer_iter().map(|centroid| (&row - &centroid).mapv(|gap| gap * gap).sum());
            distances.enumerate().min_by(|one, other| one.1.total_cmp(&other.1)).unwrap()
        };
        for _ in 0..iterations {
            let mut sums = Array2::zeros(centroids.dim());
            let mut sizes = vec![0.0; centroids.nrows()];
            for row in rows.outer_iter() {
                let (label, _) = nearest(&centroids, row);
                let mut sum = sums.row_mut(label);
                sum += &row;
                sizes[label] += 1.0;
            }
            for (label, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0.0) {
                centroids.row_mut(label).assign(&(&sums.row(label) / *size));
            }
        }
        rows.outer_iter().map(|row| nearest(&centroids, row).1).sum()
    }

    #[test]
    fn it_is_lloyds_algorithm_whatever_bounds_save() {
        let rows = cloud(1500, 20, 12, 3);
        let start = rows.slice(ndarray::s![..12, ..]).to_owned();
        for iterations in [1, 3, 25] {
            let params = KMeansParams::new(12)
                .init(KMeansInit::Precomputed(start.clone()))
                .tolerance(0.0)
                .max_n_iterations(iterations);
            let model = fit(params, &rows);
            let expected = lloyd(&rows, &start, iterations);
            assert!((model.inertia() / expected - 1.0).abs() < 1e-5, "{} {expected}", model.inertia());
            assert_eq!(model.predict(&rows).to_vec(), model.labels());
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let rows = cloud(3000, 24, 9, 5);
        let fitted = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(KMeansParams::new(9).seed(4).n_runs(2), &rows))
        };
        let one = fitted(1);
        for threads in [2, 5] {
            assert_eq!(fitted(threads), one);
        }
    }

    #[test]
    fn bad_input_is_named_with_its_value() {
        let params = KMeansParams::new(3).check().unwrap();
        let refuse = |rows: Array2<f32>| params.fit(&DatasetBase::from(rows)).unwrap_err().to_string();
        assert!(refuse(Array2::zeros((0, 4))).contains("no rows"));
        let few = refuse(array![[1.0, 2.0], [1.0, 2.0], [3.0, 1.0], [3.0, 1.0]]);
        assert_eq!(few, "`n_clusters` is 3, but only 2 of 4 rows are distinct; ask for at most 2");
        let error = params.fit(&DatasetBase::from(array![[1.0, f32::NAN]])).unwrap_err();
        assert!(matches!(error, ClusterError::Matrix(MatrixError::NotFinite { row: 0, column: 1, .. })));
        let init = KMeansInit::Precomputed(Array2::zeros((3, 5)));
        let params = KMeansParams::new(3).init(init).check().unwrap();
        let error = params.fit(&DatasetBase::from(Array2::<f32>::ones((4, 2)))).unwrap_err();
        assert!(matches!(error, ClusterError::Dimension { expected: 2, given: 5 }));
    }

    #[test]
    fn where_the_rows_lie_does_not_matter() {
        // Multiples of 1/256 survive the way to 1024 and back.
        let near = cloud(900, 10, 5, 6).mapv(|value| (value * 256.0).round() / 256.0);
        let far = near.mapv(|value| value + 1024.0);
        let (one, other) =
            (fit(KMeansParams::new(5).seed(3), &near), fit(KMeansParams::new(5).seed(3), &far));
        assert!(
            (one.inertia() / other.inertia() - 1.0).abs() < 1e-5,
            "{} {}",
            one.inertia(),
            other.inertia()
        );
        assert_eq!(other.predict(&far).to_vec(), other.labels());
    }

    #[test]
    fn an_empty_cluster_takes_a_far_row() {
        let rows = array![[0.0, 0.0], [0.1, 0.0], [5.0, 5.0]];
        let start = array![[0.0, 0.0], [100.0, 100.0]];
        let model = fit(KMeansParams::new(2).init(KMeansInit::Precomputed(start)), &rows);
        assert_eq!(model.assignment().labels(), [Some(0), Some(0), Some(1)]);
        // One row and equal rows are fine for one cluster.
        let model = fit(KMeansParams::new(1), &Array2::ones((5, 3)));
        assert_eq!((model.inertia(), model.assignment()), (0.0, Assignment::single(5)));
    }
}
