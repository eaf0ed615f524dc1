//! What `cluster` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::arguments::EmbedderOptions;
use crate::cli::error::CliError;

/// What `cluster` is told.
#[derive(Args, Debug)]
pub(in crate::cli) struct ClusterOptions {
    /// A matrix (.npy, two-dimensional, float32 or float64), or one vector or text per line (.jsonl).
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// How to cluster.
    #[arg(long, value_name = "NAME")]
    pub(super) algorithm: Name,
    /// How many clusters (kmeans, mixtures, agglomerative) [default: the rows of --init].
    #[arg(long, value_name = "N")]
    pub(super) clusters: Option<usize>,
    /// The distance within which rows are neighbours (dbscan, optics) [default: where the distances to the
    /// k-th neighbour bend].
    #[arg(long, value_name = "DISTANCE")]
    pub(super) eps: Option<f64>,
    /// Rows that make a place dense, itself included (dbscan, optics, hdbscan) [default: 5; hdbscan: as
    /// --min-cluster-size].
    #[arg(long, value_name = "N")]
    pub(super) min_points: Option<usize>,
    /// Fewer rows are no cluster (hdbscan) [default: 5].
    #[arg(long, value_name = "N")]
    pub(super) min_cluster_size: Option<usize>,
    /// The similarity, -1 to 1, above which clusters are joined (agglomerative, consensus) [default for
    /// consensus: read off the data].
    #[arg(long, value_name = "COSINE")]
    pub(super) threshold: Option<f64>,
    /// Which rows came in one sitting and are different by intention (consensus): a field of the .jsonl, or
    /// a .npy with one integer per row [default: every row in its own].
    #[arg(long, value_name = "FIELD|FILE.npy")]
    pub(super) sessions: Option<String>,
    /// The first centroids, one row each (kmeans, linfa-kmeans) [default: k-means++].
    #[arg(long, value_name = "FILE.npy")]
    pub(super) init: Option<PathBuf>,
    /// Most rounds (kmeans, mixtures) [default: 300].
    #[arg(long, value_name = "N")]
    pub(super) max_iterations: Option<usize>,
    /// Where rounds end: how far centroids still move, or what a mixture's likelihood gains [default: 1e-4;
    /// mixtures: 1e-3].
    #[arg(long, value_name = "X")]
    pub(super) tolerance: Option<f64>,
    /// Runs from different beginnings, of which the best is kept (kmeans, linfa-kmeans) [default: 1].
    #[arg(long, value_name = "N")]
    pub(super) n_runs: Option<usize>,
    /// The field of a .jsonl that holds a list of numbers, or a text to embed [default: `vector`,
    /// `embedding` or `text`, whichever the first line has].
    #[arg(long, value_name = "NAME")]
    pub(super) field: Option<String>,
    #[command(flatten)]
    pub(super) embedder: EmbedderOptions,
    /// The seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Write the cluster of every row: int64, -1 for noise.
    #[arg(long, value_name = "OUT.npy")]
    pub(super) labels: Option<PathBuf>,
    /// Write the centroid of every cluster, in the order of the labels: float32.
    #[arg(long, value_name = "OUT.npy")]
    pub(super) centroids: Option<PathBuf>,
}

/// Names of algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Name {
    /// Cannot-link inside a session, the number of clusters from the data; up to 20,000 rows.
    Consensus,
    /// Ours; rows of any number.
    Kmeans,
    /// Ours; exact up to 100,000 rows, above by cells of rows.
    Dbscan,
    /// Ours; exact up to 20,000 rows, above by cells of rows.
    Optics,
    /// Ours; exact up to 20,000 rows, above by cells of rows.
    Hdbscan,
    /// linfa's, on rows brought to scale, with shrunken covariances.
    GaussianMixture,
    /// Average linkage of cosines; exact up to 20,000 rows, above by cells of rows.
    Agglomerative,
    /// linfa's, as a baseline.
    LinfaKmeans,
    /// linfa's, as a baseline.
    LinfaDbscan,
    /// linfa's, as a baseline; slow.
    LinfaOptics,
    /// linfa's, on rows as they are.
    LinfaGaussianMixture,
}

use Name::{
    Agglomerative, Consensus, Dbscan, GaussianMixture, Hdbscan, Kmeans, LinfaDbscan, LinfaGaussianMixture,
    LinfaKmeans, LinfaOptics, Optics,
};

const KMEANS: &[Name] = &[Kmeans, LinfaKmeans];
const ROUNDS: &[Name] = &[Kmeans, LinfaKmeans, GaussianMixture, LinfaGaussianMixture];
const COUNTED: &[Name] = &[Kmeans, LinfaKmeans, GaussianMixture, LinfaGaussianMixture, Agglomerative];
const DISTANCE: &[Name] = &[Dbscan, Optics, LinfaDbscan, LinfaOptics];
const DENSITY: &[Name] = &[Dbscan, Optics, LinfaDbscan, LinfaOptics, Hdbscan];

impl Name {
    /// As it is written on the command line.
    pub(super) fn text(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl ClusterOptions {
    /// Refuses options that mean nothing to the algorithm, and asks for those without which it cannot begin.
    pub(super) fn check(&self) -> Result<(), CliError> {
        let given: [(&str, bool, &[Name]); 10] = [
            ("clusters", self.clusters.is_some(), COUNTED),
            ("eps", self.eps.is_some(), DISTANCE),
            ("min-points", self.min_points.is_some(), DENSITY),
            ("min-cluster-size", self.min_cluster_size.is_some(), &[Hdbscan]),
            ("threshold", self.threshold.is_some(), &[Agglomerative, Consensus]),
            ("sessions", self.sessions.is_some(), &[Consensus]),
            ("init", self.init.is_some(), KMEANS),
            ("max-iterations", self.max_iterations.is_some(), ROUNDS),
            ("tolerance", self.tolerance.is_some(), ROUNDS),
            ("n-runs", self.n_runs.is_some(), KMEANS),
        ];
        let name = self.algorithm.text();
        if let Some((option, _, takers)) =
            given.iter().find(|(_, given, takers)| *given && !takers.contains(&self.algorithm))
        {
            let takers: Vec<String> = takers.iter().map(|taker| taker.text()).collect();
            let takers = takers.join(", ");
            return Err(CliError::Usage(format!("`--{option}` means nothing to {name}; it is for {takers}")));
        }
        let counted = COUNTED.contains(&self.algorithm) && self.algorithm != Agglomerative;
        if counted && self.clusters.is_none() && self.init.is_none() {
            return Err(CliError::Usage(format!("{name} must be told how many clusters: `--clusters N`")));
        }
        if self.algorithm == Agglomerative && self.clusters.is_some() == self.threshold.is_some() {
            return Err(CliError::Usage(
                "agglomerative must be told where to stop: `--threshold COSINE` or `--clusters N`".to_owned(),
            ));
        }
        Ok(())
    }
}
