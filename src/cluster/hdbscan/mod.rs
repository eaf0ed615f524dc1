//! HDBSCAN, exact: dense regions of differing density, without a distance to choose.
//!
//! Distances by one blocked product; the minimum spanning tree of mutual reachability by Prim's algorithm
//! on them; then the tree is condensed and the most persistent clusters are taken (Campello, Moulavi and
//! Sander 2013; `McInnes` and Healy 2017). All distances are in memory at once, 4 bytes each: up to 20,000
//! rows (1.6 GB). Above, rows are gathered into cells by k-means and the same is done with the cells,
//! each counting as many rows as it holds ([`super`] tells how, and what that costs).

mod algorithm;
mod hyperparams;
mod spanning;
mod tree;

pub use hyperparams::{HdbscanParams, HdbscanParamsError, HdbscanValidParams};
