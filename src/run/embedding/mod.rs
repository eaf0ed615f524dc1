//! Embedders by their description: those that compute, and endpoints that are asked, retried and never
//! asked twice for the same text.

mod choice;
mod remote;

pub use choice::{EmbedderChoice, RemoteChoice};
pub use remote::RemoteEmbedder;
