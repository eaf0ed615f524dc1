//! DBSCAN, exact, for a corpus: dense regions of any shape, and noise.
//!
//! Neighbours are counted by blocked products, half of them by symmetry, and never stored: memory grows
//! with the rows alone. A first pass counts neighbours and so finds the core rows; a second one joins core
//! rows that are neighbours and gives every border row to its nearest core row, so that the order of
//! rows changes nothing. (linfa and scikit-learn give it to whichever cluster comes first.)
//!
//! The distance is brittle: a little too small and everything is noise, a little too large and
//! everything is one cluster. [`k_distances`] shows where it bends.

mod algorithm;
mod hyperparams;
mod neighbours;

pub use algorithm::k_distances;
pub use hyperparams::{DbscanParams, DbscanParamsError, DbscanValidParams};
pub(super) use neighbours::{Points, half_squares};
