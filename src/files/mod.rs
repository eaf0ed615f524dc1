//! Paths become readers, and results become files: the only place that opens either.

mod embedder;

pub use embedder::open_embedder;
