//! `consona cluster`: a corpus of vectors, clustered by any algorithm by its name.
//!
//! Vectors come from `.npy` or `.jsonl` and are left as they are, so that figures can be held against those of
//! other libraries; only average linkage and the consensus clusterer, which compare directions, bring rows to
//! unit length, and say so. Time is CPU time of the whole process, around the fit alone.

mod command;
mod fit;
mod options;
mod report;
mod sessions;
mod vectors;

pub(super) use command::cluster;
pub(super) use options::ClusterOptions;
pub use vectors::VectorsError;
