//! Results against gold: every metric that the README prints.

pub mod metrics;
