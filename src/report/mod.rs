//! Results become what people read.
