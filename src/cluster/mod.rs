//! Which drafts of different models are the same persona.
//!
//! Two facts about drafts are used that general clustering does not know: drafts of one session
//! are different by intention and cannot link, and every model has one vote. [`agreement`] uses
//! both, with thresholds that [`threshold`] reads off the data; linfa's k-means and DBSCAN stand
//! beside it, guarded against their traps, as baseline and oracle. [`fit`] chooses by name. The
//! result is an [`Assignment`]; what the drafts of a cluster agree on is for [`crate::consensus`].

mod agglomerative;
mod algorithm;
mod assignment;
mod cells;
mod distances;
mod error;
mod gaussian_mixture;
mod kernel;
mod linfa_dbscan;
mod linfa_kmeans;
mod linfa_optics;
mod quality;
mod rows;

pub mod agreement;
pub mod dbscan;
pub mod hdbscan;
pub mod kmeans;
pub mod optics;
pub mod threshold;

pub use agglomerative::{Cut, agglomerative};
pub use agreement::{AgreementParams, AgreementValidParams, Outcome, Workspace};
pub use algorithm::{Algorithm, Input, fit};
pub use assignment::Assignment;
pub use cells::cell_count;
pub use dbscan::{DbscanParams, DbscanParamsError, DbscanValidParams, k_distances, suggested_tolerance};
pub use error::ClusterError;
pub use gaussian_mixture::{GaussianMixture, GaussianMixtureFit};
pub use hdbscan::{HdbscanParams, HdbscanParamsError, HdbscanValidParams};
pub use kmeans::{KMeansInit, KMeansModel, KMeansParams, KMeansParamsError, KMeansValidParams};
pub use linfa_dbscan::linfa_dbscan;
pub use linfa_kmeans::{LinfaKMeans, linfa_kmeans};
pub use linfa_optics::linfa_optics;
pub use optics::{OpticsAnalysis, OpticsParams, OpticsParamsError, OpticsValidParams};
pub use quality::{centroids, check_corpus, euclidean_silhouette, inertia};
pub use threshold::{FitSettings, FittedThresholds, PairSample, Threshold, Thresholds};
