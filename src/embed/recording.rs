//! Which texts will be asked for, without asking.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{EmbedError, Embedder, FeatureMatrix, HashingEmbedder};

/// An [`Embedder`] that answers by spelling and remembers every text: a first walk over the drafts with it
/// tells what an endpoint has to be asked for, all at once.
#[derive(Debug, Default)]
pub struct RecordingEmbedder {
    spelling: HashingEmbedder,
    texts: Mutex<BTreeSet<String>>,
}

impl RecordingEmbedder {
    /// The texts that were asked for, each once, in the order of their characters.
    #[must_use]
    pub fn into_texts(self) -> Vec<String> {
        let texts = self.texts.into_inner().unwrap_or_else(PoisonError::into_inner);
        texts.into_iter().collect()
    }
}

impl Embedder for RecordingEmbedder {
    fn name(&self) -> &str {
        self.spelling.name()
    }

    fn dimension(&self) -> usize {
        self.spelling.dimension()
    }

    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
        let mut known = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        for text in texts {
            if !known.contains(*text) {
                known.insert((*text).to_owned());
            }
        }
        drop(known);
        self.spelling.embed(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_remembered_once() {
        let recording = RecordingEmbedder::default();
        recording.embed(&["b", "a"]).expect("spelling never fails");
        recording.embed(&["b", "c"]).expect("spelling never fails");
        assert_eq!(recording.into_texts(), ["a", "b", "c"]);
    }
}
