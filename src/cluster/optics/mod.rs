//! OPTICS, exact: the order in which dense places are walked through, and from it the clusters of DBSCAN
//! at *any* distance.
//!
//! From the row with the lowest number on, the next row is always the one that is nearest to what has been
//! walked (Ankerst, Breunig, Kriegel and Sander, SIGMOD 1999). The distances at which rows were reached
//! make a profile whose valleys are clusters; [`OpticsAnalysis::at`] cuts it at a distance, as often as wanted.
//!
//! Distances come from one blocked product and are all in memory, 4 bytes each, up to 20,000 rows (1.6 GB).
//! Above, cells of rows are walked ([`super`] tells how, and what that costs). linfa's OPTICS stands beside
//! it as [`super::linfa_optics`].

mod algorithm;
mod hyperparams;

pub use algorithm::OpticsAnalysis;
pub(super) use algorithm::cut;
pub use hyperparams::{OpticsParams, OpticsParamsError, OpticsValidParams};
