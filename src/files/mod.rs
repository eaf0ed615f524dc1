//! Paths become readers, and results become files: the only place that opens either.
