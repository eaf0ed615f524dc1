//! Numbers that say how right a result is: clusterings against the truth, confidences against
//! what turned out correct, orders against orders.
//!
//! Every function is pure and takes plain slices. Where no number is right (one class only, no
//! pair, lengths that differ, a confidence outside 0 to 1) the answer is `None`: not 0 and not NaN.
//! What is *not* decided here is what counts as correct; callers bring that.

mod partition;
mod probability;
mod rank;

pub use partition::{
    PairScores, VMeasure, adjusted_rand_index, cannot_link_violations, pair_f1, silhouette, v_measure,
};
pub use probability::{Calibration, ReliabilityBin, auroc, brier, expected_calibration_error};
pub use rank::{recall_at_1, spearman};
