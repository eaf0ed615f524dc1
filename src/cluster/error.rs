//! Why rows could not be clustered.

use super::agreement::AgreementParamsError;
use super::dbscan::DbscanParamsError;
use super::hdbscan::HdbscanParamsError;
use super::kmeans::KMeansParamsError;
use super::optics::OpticsParamsError;
use crate::embed::MatrixError;

/// Why rows could not be clustered. Every message holds the value and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is nothing to cluster.
    #[error("there are no rows to cluster; give at least one")]
    Empty,
    /// Not one session per row.
    #[error("{sessions} sessions were given for {rows} rows; every row needs the session it came from")]
    Sessions {
        /// Sessions given.
        sessions: usize,
        /// Rows given.
        rows: usize,
    },
    /// No cluster asked for.
    #[error("`n_clusters` is 0; ask for at least one cluster")]
    NoClusters,
    /// More clusters than there are different rows.
    #[error(
        "`n_clusters` is {n_clusters}, but only {distinct} of {rows} rows are distinct; ask for at most {distinct}"
    )]
    TooManyClusters {
        /// Clusters asked for.
        n_clusters: usize,
        /// Rows that differ from each other.
        distinct: usize,
        /// All rows.
        rows: usize,
    },
    /// Rows and centroids of different spaces.
    #[error("the rows have {expected} components and the centroids {given}; both need the same")]
    Dimension {
        /// Components of the rows.
        expected: usize,
        /// Components of the centroids.
        given: usize,
    },
    /// Fewer rows than an answer needs.
    #[error("the number of rows is {rows}, and at least {} are needed", wanted.max(&1) + 1)]
    TooFewRows {
        /// Rows given.
        rows: usize,
        /// Other rows that every row needs.
        wanted: usize,
    },
    /// Rows that do not differ.
    #[error("all {rows} rows are equal; there is nothing to tell apart")]
    AllEqual {
        /// Rows given.
        rows: usize,
    },
    /// A row whose square is no number any more.
    #[error("row {row} is so long that its square leaves the range of float32; scale the rows down")]
    TooLong {
        /// Row, from 0.
        row: usize,
    },
    /// No distance can be suggested.
    #[error(
        "no `tolerance` can be read off the rows: more than half of {rows} looked at have {k} others at distance 0; \
         give one, or remove duplicates"
    )]
    NoTolerance {
        /// Rows looked at.
        rows: usize,
        /// Others that were asked for.
        k: usize,
    },
    /// A Gaussian mixture that does not come out.
    #[error(
        "a mixture of {n_clusters} gaussians does not fit {rows} rows of {dimension} components; ask for fewer \
         clusters, or give more rows or fewer components"
    )]
    GaussianMixture {
        /// Clusters asked for.
        n_clusters: usize,
        /// Rows given.
        rows: usize,
        /// Components per row.
        dimension: usize,
        /// What linfa says.
        #[source]
        source: linfa_clustering::GmmError,
    },
    /// Parameters of OPTICS.
    #[error("the parameters of `optics` cannot be used")]
    Optics(#[from] OpticsParamsError),
    /// Parameters of DBSCAN.
    #[error("the parameters of `dbscan` cannot be used")]
    Dbscan(#[from] DbscanParamsError),
    /// A threshold that no similarity can be compared with.
    #[error("`threshold` is {threshold}; it must be a similarity, from -1 to 1")]
    Threshold {
        /// The threshold.
        threshold: f64,
    },
    /// More rows than memory should hold pairs of.
    #[error(
        "{rows} rows are more than the {most} whose distances fit into memory; over-cluster with `kmeans` and \
         cluster the centroids"
    )]
    TooManyRows {
        /// Rows given.
        rows: usize,
        /// Most rows that are taken.
        most: usize,
    },
    /// Parameters of HDBSCAN.
    #[error("the parameters of `hdbscan` cannot be used")]
    Hdbscan(#[from] HdbscanParamsError),
    /// Parameters of k-means.
    #[error("the parameters of `kmeans` cannot be used")]
    KMeans(#[from] KMeansParamsError),
    /// A tolerance that is not a distance.
    #[error("`tolerance` is {tolerance}; it must be a finite distance above 0")]
    Tolerance {
        /// The tolerance.
        tolerance: f64,
    },
    /// Too few points for a dense place.
    #[error("`min_points` is {min_points}; a dense place needs at least 2 points, itself included")]
    MinPoints {
        /// The number.
        min_points: usize,
    },
    /// An algorithm that needs vectors was given similarities.
    #[error("`{algorithm}` needs vectors and was given similarities; use `agreement`, or embed whole texts")]
    NeedsVectors {
        /// Its name in a study file.
        algorithm: &'static str,
    },
    /// Rows that are no unit rows.
    #[error("the rows cannot be clustered")]
    Matrix(#[from] MatrixError),
    /// Parameters of the agreement clusterer.
    #[error("the parameters of `agreement` cannot be used")]
    Agreement(#[from] AgreementParamsError),
    /// linfa's k-means failed.
    #[error("linfa's k-means failed on {rows} rows")]
    LinfaKMeans {
        /// Rows given.
        rows: usize,
        /// What it says.
        #[source]
        source: linfa_clustering::KMeansError,
    },
    /// linfa refused the data set.
    #[error("linfa refused the data set")]
    Linfa(#[from] linfa::Error),
}
