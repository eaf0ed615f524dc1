//! DBSCAN, exact, for a corpus: dense regions of any shape, and noise.
//!
//! Neighbours are counted by blocked products, half of them by symmetry, and never stored: memory grows
//! with the rows alone. A first pass counts neighbours and so finds the core rows; a second one joins core
//! rows that are neighbours and gives every border row to its nearest core row, so that the order of
//! rows changes nothing. (linfa and scikit-learn give it to whichever cluster comes first.)
//!
//! The distance is brittle: a little too small and everything is noise, a little too large and
//! everything is one cluster. [`k_distances`] shows where it bends, and [`suggested_tolerance`] takes the
//! bend.
//!
//! Time grows with the square of the rows. Above 100,000 rows, k-means gathers them into cells and the same is
//! done with those, each counting as many rows as it holds ([`super`] tells how, and what that costs).

mod algorithm;
mod flat;
mod hyperparams;
mod neighbours;
mod suggestion;

pub(super) use flat::Flat;
pub use hyperparams::{DbscanParams, DbscanParamsError, DbscanValidParams};
pub(super) use neighbours::Points;
pub use suggestion::{k_distances, suggested_tolerance};
