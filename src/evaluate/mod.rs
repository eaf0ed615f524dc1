//! Results against gold: every metric that the README prints.
