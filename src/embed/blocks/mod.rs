//! temporary
use super::*;
use crate::persona::*;
/// t
#[derive(Debug)]
pub struct BlockEncoder;
impl BlockEncoder {
    /// t
    pub fn new(_: &TraitSchema, _: &dyn Embedder) -> Self {
        Self
    }
    /// t
    pub fn similarities(&self, _: &[Draft]) -> Result<SimilarityMatrix, EmbedError> {
        todo!()
    }
    /// t
    pub fn vectors(&self, _: &[Draft]) -> Result<FeatureMatrix, EmbedError> {
        todo!()
    }
}
