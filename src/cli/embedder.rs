//! Embedders as the command line names them, opened.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use super::arguments::EmbedderOptions;
use super::console::Console;
use super::error::CliError;
use crate::consensus::{ConsensusValidParams, DraftSource, Engine};
use crate::embed::{EmbedError, Embedder, RecordingEmbedder};
use crate::files::open_embedder;
use crate::persona::{ModelName, TraitSchema};
use crate::run::embedding::{EmbedderChoice, RemoteEmbedder};
use crate::store::Store;

/// How many texts are embedded between two steps of a progress bar.
pub(super) const BULK: usize = 1024;

/// Opens the embedder that was asked for. Vectors of an endpoint are kept in the folder that was named, else
/// in `folder`, else only as long as the program runs.
pub(super) fn open(options: &EmbedderOptions, folder: Option<&Path>) -> Result<Box<dyn Embedder>, CliError> {
    match EmbedderChoice::parse(&options.embedder)? {
        EmbedderChoice::Local(name) => Ok(open_embedder(&name)?),
        EmbedderChoice::Remote(choice) => {
            let folder = options.embedding_cache.as_deref().or(folder);
            let store = folder.map_or_else(Store::in_memory, Store::open)?;
            Ok(Box::new(RemoteEmbedder::new(&choice, Arc::new(store), &environment)?))
        }
    }
}

/// The embedder of a study: an endpoint has to wait for the run database.
#[derive(Debug)]
pub(super) enum StudyEmbedder {
    Ready(Box<dyn Embedder>),
    Remote(EmbedderChoice),
}

impl StudyEmbedder {
    /// Opens it, or checks that it can be opened: a missing key is known before anything is paid for.
    pub(super) fn prepare(section: &serde_json::Value) -> Result<Self, EmbedError> {
        match EmbedderChoice::from_section(section)? {
            EmbedderChoice::Local(name) => Ok(Self::Ready(open_embedder(&name)?)),
            remote @ EmbedderChoice::Remote(_) => {
                let refuse = |error: crate::store::StoreError| EmbedError::Remote {
                    embedder: remote.remote_name().unwrap_or_default().to_owned(),
                    source: Box::new(error),
                };
                let store = Arc::new(Store::in_memory().map_err(refuse)?);
                Self::Remote(remote.clone()).open(&store)?;
                Ok(Self::Remote(remote))
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Ready(embedder) => embedder.name(),
            Self::Remote(choice) => choice.remote_name().unwrap_or_default(),
        }
    }

    /// The embedder, which keeps an endpoint's vectors in the run database.
    pub(super) fn open(self, store: &Arc<Store>) -> Result<Box<dyn Embedder>, EmbedError> {
        match self {
            Self::Ready(embedder) => Ok(embedder),
            Self::Remote(EmbedderChoice::Local(name)) => open_embedder(&name),
            Self::Remote(EmbedderChoice::Remote(choice)) => {
                Ok(Box::new(RemoteEmbedder::new(&choice, Arc::clone(store), &environment)?))
            }
        }
    }
}

fn environment(variable: &str) -> Option<OsString> {
    std::env::var_os(variable)
}

/// Asks an endpoint for everything that the engine is going to need, in few large questions.
pub(super) fn fetch_ahead<S: DraftSource + ?Sized>(
    embedder: &dyn Embedder,
    schema: &TraitSchema,
    panel: &[ModelName],
    settings: &ConsensusValidParams,
    source: &S,
    console: Console,
) -> Result<(), CliError> {
    if !embedder.prefers_bulk() {
        return Ok(());
    }
    let recording = RecordingEmbedder::default();
    Engine::new(schema, &recording, panel.to_vec(), settings.clone())?.learn(source)?;
    let texts = recording.into_texts();
    let bar = console.progress("embedding", texts.len());
    for some in texts.chunks(BULK) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        embedder.embed(&some)?;
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}
