//! How alike two drafts must be to be the same persona, read off the data.
//!
//! Pairs of drafts of one session are *known negatives*: the model meant them to differ. So the
//! distribution of negatives is measured, and the pairs across sessions are a mixture of it and one
//! bell of positives. Where the two cross, a pair is as likely to be the same persona as not. That
//! replaces a number of clusters, which nobody knows.
//!
//! A [`PairSample`] gathers pairs over as many records as there are (flat memory, mergeable in any
//! order with the same result); [`PairSample::fit`] turns them into [`Thresholds`] and says in
//! [`FittedThresholds`] how. What is *not* decided here is which drafts belong together.

mod fitted;
mod mixture;
mod sample;

pub use fitted::{FittedThresholds, Origin, Positives, Threshold, Thresholds};
pub use sample::{FitSettings, PairSample};
