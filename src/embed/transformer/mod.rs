//! A local sentence transformer of the BERT family, from a sentence-transformers folder.
//!
//! An own forward pass and not candle, for measured reasons: candle answers 121 to 144 texts a second
//! and adds 399 CPU seconds to a clean build; these few hundred lines run on the matrix product that
//! ndarray brings already, so the transformer needs no cargo feature and no dependency. What the folder
//! says is heeded: architecture (`config.json`), pooling (`1_Pooling/config.json`), the modules after
//! it (`modules.json`), the longest text (`sentence_bert_config.json`). What is not known is refused
//! and not guessed.

mod config;
mod embedder;
mod layers;
mod weights;

pub use embedder::TransformerEmbedder;
