//! k-means at the machine's limit, for a corpus: 10³ to 10⁶ rows.
//!
//! Same habits and results as linfa's, many times faster. Assignment is one blocked product whose
//! entries are compared as they come; centroids are sums in `f64`, to which only
//! rows that changed sides are added and from which they are taken; after the first rounds, bounds on
//! distances to whole groups of centroids (Ding et al., *Yinyang k-means*, ICML 2015) leave most of the
//! work out, and are not asked while most of them fail. Sums run in the order of rows whatever the number of
//! threads, so that the result is the same bit for bit.
//!
//! It knows nothing of sessions; for drafts of one record that is what [`super::agreement`] is for.
//! Above 10⁵ rows with unknown structure, over-cluster with this and cluster the centroids.

mod algorithm;
mod assign;
mod bounds;
mod hyperparams;
mod init;
mod state;

pub use algorithm::KMeansModel;
pub use hyperparams::{KMeansInit, KMeansParams, KMeansParamsError, KMeansValidParams};
