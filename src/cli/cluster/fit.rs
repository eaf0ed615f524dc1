//! One algorithm, timed.

use cpu_time::ProcessTime;
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, ArrayView2, Axis};

use super::options::{ClusterOptions, Name};
use crate::cli::error::CliError;
use crate::cluster::{
    AgreementParams, Assignment, ClusterError, Cut, DbscanParams, DbscanValidParams, GaussianMixture,
    HdbscanParams, HdbscanValidParams, Input, KMeansInit, KMeansParams, LinfaKMeans, OpticsParams,
    OpticsValidParams, Threshold, Thresholds, agglomerative, cell_count, centroids, linfa_dbscan,
    linfa_optics, suggested_tolerance,
};
use crate::embed::FeatureMatrix;
use crate::files::read_npy;

/// As scikit-learn has it.
const MIN_POINTS: usize = 5;
const MIN_CLUSTER_SIZE: usize = 5;

/// A clustering, what it cost and what has to be said about it.
pub(super) struct Found {
    /// The rows as they were clustered.
    pub(super) rows: Array2<f32>,
    pub(super) assignment: Assignment,
    /// In the order of the clusters.
    pub(super) centroids: Array2<f32>,
    pub(super) n_iterations: Option<usize>,
    pub(super) eps: Option<f64>,
    pub(super) cells: Option<usize>,
    pub(super) threshold: Option<String>,
    pub(super) fit_cpu_seconds: f64,
    pub(super) assign_cpu_seconds: Option<f64>,
    pub(super) notes: Vec<String>,
}

/// What an algorithm itself gives.
#[derive(Default)]
struct Fitted {
    labels: Vec<Option<usize>>,
    /// By the labels' numbers; the means of the rows where the algorithm has none.
    centroids: Option<Array2<f32>>,
    n_iterations: Option<usize>,
    threshold: Option<String>,
    fit: f64,
    assign: Option<f64>,
}

impl Fitted {
    /// Of an algorithm that gives labels and nothing else.
    fn plain((assignment, fit): (Assignment, f64)) -> Self {
        Self { labels: assignment.labels().to_vec(), fit, ..Self::default() }
    }
}

/// Clusters rows as the options say; `sessions` are for the consensus clusterer.
pub(super) fn fit(
    options: &ClusterOptions,
    rows: Array2<f32>,
    sessions: &[usize],
) -> Result<Found, CliError> {
    let mut notes = Vec::new();
    let init = options.init.as_deref().map(read_npy).transpose()?;
    let refuse = |source| CliError::Cluster { path: options.file.clone(), source };
    let eps = eps(options, rows.view(), &mut notes).map_err(refuse)?;
    let rows = directions(options, rows, &mut notes).map_err(refuse)?;
    let fitted = match options.algorithm {
        Name::Consensus => consensus(options, &rows, sessions),
        Name::Agglomerative => linkage(options, &rows),
        Name::Kmeans => kmeans(options, rows.view(), init),
        Name::LinfaKmeans => linfa_kmeans(options, rows.view(), init),
        Name::GaussianMixture | Name::LinfaGaussianMixture => mixture(options, rows.view()),
        Name::Dbscan | Name::Optics | Name::LinfaDbscan | Name::LinfaOptics => {
            by_distance(options, rows.view(), eps.unwrap_or_default())
        }
        Name::Hdbscan => hdbscan(options, rows.view()),
    };
    let fitted = fitted.map_err(refuse)?;
    let assignment = Assignment::new(fitted.labels.iter().copied());
    let centroids = match &fitted.centroids {
        Some(all) => all.select(Axis(0), &by_appearance(&fitted.labels)),
        None => centroids(rows.view(), &assignment),
    };
    let cells = cells_used(options.algorithm, rows.nrows(), &mut notes);
    Ok(Found {
        rows,
        assignment,
        centroids,
        n_iterations: fitted.n_iterations,
        eps,
        cells,
        threshold: fitted.threshold,
        fit_cpu_seconds: fitted.fit,
        assign_cpu_seconds: fitted.assign,
        notes,
    })
}

/// What a call gives, and the CPU seconds of all threads meanwhile.
fn timed<T>(call: impl FnOnce() -> Result<T, ClusterError>) -> Result<(T, f64), ClusterError> {
    let start = ProcessTime::now();
    let result = call()?;
    Ok((result, start.elapsed().as_secs_f64()))
}

/// Numbers of the labels in the order in which they appear.
fn by_appearance(labels: &[Option<usize>]) -> Vec<usize> {
    let mut order = Vec::new();
    for label in labels.iter().flatten() {
        if !order.contains(label) {
            order.push(*label);
        }
    }
    order
}

/// The distance of an algorithm that needs one.
fn eps(
    options: &ClusterOptions,
    rows: ArrayView2<'_, f32>,
    notes: &mut Vec<String>,
) -> Result<Option<f64>, ClusterError> {
    let needed =
        matches!(options.algorithm, Name::Dbscan | Name::Optics | Name::LinfaDbscan | Name::LinfaOptics);
    if !needed || options.eps.is_some() {
        return Ok(options.eps);
    }
    let min_points = options.min_points.unwrap_or(MIN_POINTS);
    let eps = suggested_tolerance(rows, min_points)?;
    notes.push(format!(
        "eps is {eps:.4}, where the distances to the {}. neighbour bend; clusters depend on it much, so try \
         others with --eps, or hdbscan, which needs none",
        min_points.saturating_sub(1).max(1)
    ));
    Ok(Some(eps))
}

/// Rows of unit length for algorithms that compare directions; the rows themselves for all others.
fn directions(
    options: &ClusterOptions,
    rows: Array2<f32>,
    notes: &mut Vec<String>,
) -> Result<Array2<f32>, ClusterError> {
    if !matches!(options.algorithm, Name::Consensus | Name::Agglomerative) {
        return Ok(rows);
    }
    let unit = FeatureMatrix::normalise(rows.clone())?.into_inner();
    let most = rows.iter().zip(&unit).fold(0.0_f32, |most, (one, other)| most.max((one - other).abs()));
    if most > 1e-3 {
        notes.push("the rows were brought to unit length, because directions are compared".to_owned());
    }
    Ok(unit)
}

/// Says where cells stood for rows, and how many.
fn cells_used(algorithm: Name, rows: usize, notes: &mut Vec<String>) -> Option<usize> {
    let exact = match algorithm {
        Name::Dbscan => DbscanValidParams::EXACT_ROWS,
        Name::Optics => OpticsValidParams::EXACT_ROWS,
        Name::Hdbscan => HdbscanValidParams::EXACT_ROWS,
        Name::Agglomerative => Cut::EXACT_ROWS,
        _ => return None,
    };
    (rows > exact).then(|| {
        let count = cell_count(rows);
        notes.push(format!(
            "above {exact} rows, k-means gathers them into cells ({count} here, fewer where rows are equal) and \
             the cells are clustered: an outlier takes part in the fate of its cell"
        ));
        count
    })
}

fn consensus(
    options: &ClusterOptions,
    rows: &Array2<f32>,
    sessions: &[usize],
) -> Result<Fitted, ClusterError> {
    let threshold =
        options.threshold.map_or_else(Threshold::default, |value| Threshold::Fixed(Thresholds::fixed(value)));
    let params = AgreementParams::new().threshold(threshold).check()?;
    let features = FeatureMatrix::new(rows.clone())?;
    let (outcome, fit) = timed(|| params.fit_rows(&features, sessions))?;
    let threshold = match (&outcome.fitted, options.threshold) {
        (Some(fitted), _) => Some(fitted.to_string()),
        (None, given) => given
            .map(|value| format!("drafts count as the same persona above the given similarity of {value}")),
    };
    Ok(Fitted { threshold, ..Fitted::plain((outcome.assignment, fit)) })
}

fn linkage(options: &ClusterOptions, rows: &Array2<f32>) -> Result<Fitted, ClusterError> {
    let cut = match (options.threshold, options.clusters) {
        (Some(threshold), _) => Cut::Threshold(threshold),
        (None, clusters) => Cut::Clusters(clusters.unwrap_or_default()),
    };
    let features = FeatureMatrix::new(rows.clone())?;
    timed(|| agglomerative(Input::Features(&features), cut)).map(Fitted::plain)
}

fn kmeans(
    options: &ClusterOptions,
    rows: ArrayView2<'_, f32>,
    init: Option<Array2<f32>>,
) -> Result<Fitted, ClusterError> {
    let clusters = options.clusters.or_else(|| init.as_ref().map(Array2::nrows)).unwrap_or_default();
    let mut params = KMeansParams::new(clusters).seed(options.seed).n_runs(options.n_runs.unwrap_or(1));
    if let Some(init) = init {
        params = params.init(KMeansInit::Precomputed(init));
    }
    if let Some(most) = options.max_iterations {
        params = params.max_n_iterations(most);
    }
    if let Some(tolerance) = options.tolerance {
        params = params.tolerance(tolerance);
    }
    let params = params.check()?;
    let dataset = DatasetBase::from(rows);
    let (model, fit) = timed(|| params.fit(&dataset))?;
    let (labels, assign) = timed(|| Ok(model.predict(&rows)))?;
    Ok(Fitted {
        labels: labels.iter().copied().map(Some).collect(),
        centroids: Some(model.centroids().clone()),
        n_iterations: Some(model.n_iterations()),
        threshold: None,
        fit,
        assign: Some(assign),
    })
}

fn linfa_kmeans(
    options: &ClusterOptions,
    rows: ArrayView2<'_, f32>,
    init: Option<Array2<f32>>,
) -> Result<Fitted, ClusterError> {
    let clusters = options.clusters.or_else(|| init.as_ref().map(Array2::nrows)).unwrap_or_default();
    let defaults = LinfaKMeans::new(clusters, options.seed);
    let settings = LinfaKMeans {
        n_runs: options.n_runs.unwrap_or(1),
        max_n_iterations: options.max_iterations.map_or(defaults.max_n_iterations, |most| most as u64),
        tolerance: options.tolerance.unwrap_or(defaults.tolerance),
        init,
        ..defaults
    };
    let (model, fit) = timed(|| settings.fit(rows))?;
    let (labels, assign) = timed(|| Ok(model.predict(&rows)))?;
    Ok(Fitted {
        labels: labels.iter().copied().map(Some).collect(),
        centroids: Some(model.centroids().clone()),
        fit,
        assign: Some(assign),
        ..Fitted::default()
    })
}

fn mixture(options: &ClusterOptions, rows: ArrayView2<'_, f32>) -> Result<Fitted, ClusterError> {
    let clusters = options.clusters.unwrap_or_default();
    let mut settings = match options.algorithm {
        Name::LinfaGaussianMixture => GaussianMixture::linfa(clusters, options.seed),
        _ => GaussianMixture::new(clusters, options.seed),
    };
    if let Some(most) = options.max_iterations {
        settings.max_n_iterations = most as u64;
    }
    if let Some(tolerance) = options.tolerance {
        settings.tolerance = tolerance;
    }
    let (model, fit) = timed(|| settings.fit(rows))?;
    let (labels, assign) = timed(|| Ok(model.predict(rows)))?;
    Ok(Fitted {
        labels: labels.into_iter().map(Some).collect(),
        centroids: Some(model.means()),
        fit,
        assign: Some(assign),
        ..Fitted::default()
    })
}

fn by_distance(
    options: &ClusterOptions,
    rows: ArrayView2<'_, f32>,
    eps: f64,
) -> Result<Fitted, ClusterError> {
    let min_points = options.min_points.unwrap_or(MIN_POINTS);
    timed(|| match options.algorithm {
        Name::Optics => Ok(OpticsParams::new(min_points).tolerance(eps).check()?.analyse(rows)?.at(eps)),
        Name::LinfaDbscan => linfa_dbscan(rows, eps, min_points),
        Name::LinfaOptics => linfa_optics(rows, eps, min_points),
        _ => DbscanParams::new(min_points, eps).check()?.fit_rows(rows),
    })
    .map(Fitted::plain)
}

fn hdbscan(options: &ClusterOptions, rows: ArrayView2<'_, f32>) -> Result<Fitted, ClusterError> {
    let size = options.min_cluster_size.unwrap_or(MIN_CLUSTER_SIZE);
    let params = HdbscanParams::new(size).min_points(options.min_points.unwrap_or(size)).check()?;
    timed(|| params.fit_rows(rows)).map(Fitted::plain)
}
