//! The files of a model folder, as bytes: what the shell has read and the core judges.

use std::borrow::Cow;

use serde_json::Value;

use super::wordpiece::WordPiece;
use super::{EmbedError, Embedder, StaticEmbedder, TransformerEmbedder};

/// The files of one model folder. The core opens none of them; the shell reads those of
/// [`ModelFolder::FILES`] that exist.
#[derive(Clone, Debug, Default)]
pub struct ModelFolder {
    /// The folder's name, for messages.
    pub path: String,
    /// `config.json`.
    pub config: Option<Vec<u8>>,
    /// `tokenizer.json`.
    pub tokenizer: Option<Vec<u8>>,
    /// `vocab.txt`, read when there is no `tokenizer.json`.
    pub vocabulary: Option<Vec<u8>>,
    /// `model.safetensors`.
    pub table: Option<Cow<'static, [u8]>>,
    /// `1_Pooling/config.json` of sentence-transformers.
    pub pooling: Option<Vec<u8>>,
    /// `modules.json` of sentence-transformers.
    pub modules: Option<Vec<u8>>,
    /// `sentence_bert_config.json` of sentence-transformers.
    pub sentence_bert: Option<Vec<u8>>,
}

impl ModelFolder {
    /// The files that are looked at, by their place inside the folder.
    pub const FILES: [&'static str; 7] = [
        "config.json",
        "tokenizer.json",
        "vocab.txt",
        "model.safetensors",
        "1_Pooling/config.json",
        "modules.json",
        "sentence_bert_config.json",
    ];

    /// Takes in one of [`Self::FILES`]; any other name is left out.
    #[must_use]
    pub fn with_file(mut self, name: &str, bytes: Vec<u8>) -> Self {
        let place = match name {
            "config.json" => &mut self.config,
            "tokenizer.json" => &mut self.tokenizer,
            "vocab.txt" => &mut self.vocabulary,
            "1_Pooling/config.json" => &mut self.pooling,
            "modules.json" => &mut self.modules,
            "sentence_bert_config.json" => &mut self.sentence_bert,
            "model.safetensors" => {
                self.table = Some(Cow::Owned(bytes));
                return self;
            }
            _ => return self,
        };
        *place = Some(bytes);
        self
    }

    /// The embedder that the folder holds, told by `model_type` in its `config.json`: a static table
    /// (`model2vec`, or no configuration at all) or a sentence transformer (`bert`).
    ///
    /// # Errors
    /// [`EmbedError::Model`] says what is missing or does not fit.
    pub fn open(self) -> Result<Box<dyn Embedder>, EmbedError> {
        let kind = self.config()?.and_then(|config| Some(config.get("model_type")?.as_str()?.to_owned()));
        match kind.as_deref() {
            None | Some("model2vec") => Ok(Box::new(StaticEmbedder::from_folder(self)?)),
            Some("bert") => Ok(Box::new(TransformerEmbedder::from_folder(&self)?)),
            Some(other) => Err(self.refuse(format!(
                "`config.json` names a model of type `{other}`; `model2vec` tables and `bert` transformers are read"
            ))),
        }
    }

    /// `config.json`, where there is one.
    pub(crate) fn config(&self) -> Result<Option<Value>, EmbedError> {
        self.config.as_deref().map(|bytes| self.json("config.json", bytes)).transpose()
    }

    pub(crate) fn json(&self, name: &str, bytes: &[u8]) -> Result<Value, EmbedError> {
        serde_json::from_slice(bytes)
            .map_err(|error| self.refuse(format!("`{name}` cannot be read: {error}")))
    }

    /// The tokenizer: `tokenizer.json`, else `vocab.txt`.
    pub(crate) fn word_piece(&self) -> Result<WordPiece, EmbedError> {
        let read = match (&self.tokenizer, &self.vocabulary) {
            (Some(bytes), _) => WordPiece::from_tokenizer(bytes),
            (None, Some(bytes)) => std::str::from_utf8(bytes)
                .map_err(|error| format!("`vocab.txt` is not UTF-8: {error}"))
                .and_then(WordPiece::from_vocabulary),
            (None, None) => {
                Err("there is no tokenizer: put `tokenizer.json` or `vocab.txt` into the folder".to_owned())
            }
        };
        read.map_err(|reason| self.refuse(reason))
    }

    pub(crate) fn refuse(&self, reason: String) -> EmbedError {
        EmbedError::Model { path: self.path.clone(), reason }
    }
}
