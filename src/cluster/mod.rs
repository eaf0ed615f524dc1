//! Which drafts of different models are the same persona.
//!
//! Two facts about drafts are used that general clustering does not know: drafts of one session
//! are different by intention and cannot link, and every model has one vote. [`agreement`] uses
//! both, with thresholds that [`threshold`] reads off the data. [`fit`] chooses by name. The result is an
//! [`Assignment`]; what the drafts of a cluster agree on is for [`crate::consensus`].
//!
//! # A corpus
//! From 10³ rows to 10⁶, of any length and without sessions: [`kmeans`], [`dbscan`], [`optics`] and
//! [`hdbscan`], all on products that are computed in blocks and never stored longer than needed;
//! [`agglomerative()`] and [`GaussianMixture`]; and linfa's k-means, DBSCAN, OPTICS and mixture, guarded against
//! their traps, as baselines. Results are the same on any number of threads.
//!
//! # Above the exact sizes
//! DBSCAN is exact up to 100,000 rows; OPTICS, HDBSCAN and average linkage, which hold all distances, up to
//! 20,000. Above, k-means gathers the rows into [`cell_count`] cells (4 √n of them), and the cells are clustered,
//! each with the number of its rows: two cells are as far apart as the root mean square of the distances between
//! their rows, which is known exactly, so that distances keep their meaning. What is lost are outliers: they
//! share the fate of their cell. Measured on 20,100 rows of 256 components in 50 clusters with 5 % outliers (567
//! cells) against the exact result on 20,000 of them:
//!
//! | | CPU s, exact | by cells | ARI to exact, rows clustered by both | all rows | noise, exact | by cells |
//! |---|---|---|---|---|---|---|
//! | HDBSCAN, 15 and 5 | 5.2, 1.59 GB | 0.51, 52 MB | .9994 | .972 | 968 | 108 |
//! | OPTICS at .9 | 5.1, 1.59 GB | 0.57, 52 MB | .9997 | .996 | 978 | 999 |
//! | average linkage at .4 | 37, 3.2 GB | 0.52, 64 MB | .983 | .983 | – | – |
//!
//! ARI to the truth without outliers: 1.0 for all but OPTICS by cells (.9986).
//!
//! # Cost as it grows
//! CPU seconds of one thread and peak memory of the process with its data, by `consona cluster --threads 1
//! --json` on 2026-11-21 (AMD EPYC 7003, AVX2, two virtual cores shared with other work); k-means by
//! `benches/corpus.rs` the same day:
//!
//! | rows | k-means, 10 rounds | DBSCAN at .9 | HDBSCAN | consensus, 50 drafts a session |
//! |---|---|---|---|---|
//! | 10³ × 256, k 100 | 0.009 s, 5 MB | 0.006 s, 16 MB | 0.015 s, 17 MB | 0.08 s, 26 MB |
//! | 10⁴ × 256, k 100 | 0.084 s, 22 MB | 0.51 s, 41 MB | 1.4 s, 411 MB | 16 s, 1.2 GB |
//! | 10⁵ × 256, k 100 | 0.69 s, 202 MB | 74 s, 302 MB | 5.3 s, 170 MB (1,264 cells) | refused above 20,000 rows |
//! | 10⁶ × 64, k 256 | 8.3 s, 502 MB | 68 s, 1.4 GB (4,000 cells) | 66 s, 1.4 GB (4,000 cells) | refused |
//!
//! The consensus clusterer is made for records of some dozen drafts, of which it does tens of thousands a
//! second. Ratios to scikit-learn, faiss, `fast_hdbscan` and linfa stand in `benches/peers/README.md`.

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
mod named;
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
pub use named::AlgorithmNameError;
pub use optics::{OpticsAnalysis, OpticsParams, OpticsParamsError, OpticsValidParams};
pub use quality::{centroids, check_corpus, euclidean_silhouette, inertia};
pub use threshold::{FitSettings, FittedThresholds, PairSample, Threshold, Thresholds};
