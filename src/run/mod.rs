//! The order of the stages, from a study file to a run folder.

pub mod price;
pub mod retry;
pub mod study;
