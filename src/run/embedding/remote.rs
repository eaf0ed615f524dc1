//! An endpoint as an embedder: in batches, retried, and every vector kept before it is used.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{Arc, OnceLock, mpsc};

use futures::stream::{self, StreamExt, TryStreamExt};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::RemoteChoice;
use crate::embed::{EmbedError, Embedder, FeatureMatrix, RemoteModel};
use crate::provider::{ApiKey, FailureKind, HttpProvider, Timeouts};
use crate::run::gate::Gate;
use crate::run::retry::{Failures, RetryPolicy, Step, next_step};
use crate::run::window::START;
use crate::store::{Store, StoredVector};

/// An [`Embedder`] that asks an endpoint for what its store does not hold yet.
///
/// Requests run on a thread of their own, so that it may be asked from any other, also from one that waits
/// for something else.
#[derive(Debug)]
pub struct RemoteEmbedder {
    asked: Arc<Asked>,
    dimension: OnceLock<usize>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// What the requests share.
#[derive(Debug)]
struct Asked {
    model: RemoteModel,
    provider: HttpProvider,
    store: Arc<Store>,
    batch_size: usize,
    concurrency: usize,
    gate: Gate,
    places: Semaphore,
    policy: RetryPolicy,
}

impl RemoteEmbedder {
    /// Prepares to ask an endpoint, keeping its vectors in `store`; `lookup` reads environment variables.
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// [`EmbedError::Remote`] when the key is missing or unusable, or no client or thread can be had.
    pub fn new(
        choice: &RemoteChoice,
        store: Arc<Store>,
        lookup: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, EmbedError> {
        let name = &choice.model.name;
        let key =
            choice.endpoint.key_variable().map(|variable| ApiKey::resolve(variable, lookup)).transpose();
        let key = key.map_err(|error| refuse(name, error))?;
        let provider = HttpProvider::new(choice.endpoint.clone(), key, Timeouts::default())
            .map_err(|error| refuse(name, error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("consona-embed")
            .enable_all()
            .build()
            .map_err(|error| refuse(name, error))?;
        let concurrency = choice.concurrency.get();
        let asked = Asked {
            model: choice.model.clone(),
            provider,
            store,
            batch_size: choice.batch_size.get(),
            concurrency,
            gate: Gate::new(name.clone(), START, concurrency),
            places: Semaphore::new(concurrency),
            policy: RetryPolicy::default(),
        };
        Ok(Self { asked: Arc::new(asked), dimension: OnceLock::new(), runtime: Some(runtime) })
    }

    /// Vectors of texts, kept or fetched, in order.
    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let name = self.name();
        let kept = self.asked.store.vectors(name, texts).map_err(|error| refuse(name, error))?;
        let missing: BTreeSet<&str> =
            texts.iter().zip(&kept).filter(|(_, row)| row.is_none()).map(|(text, _)| *text).collect();
        if missing.is_empty() {
            return Ok(kept.into_iter().flatten().collect());
        }
        self.fetch(missing.iter().map(|text| (*text).to_owned()).collect())?;
        let rows = self.asked.store.vectors(name, texts).map_err(|error| refuse(name, error))?;
        let missing = |text: &&str| EmbedError::Missing { embedder: name.to_owned(), length: text.len() };
        texts.iter().zip(rows).map(|(text, row)| row.ok_or_else(|| missing(text))).collect()
    }

    /// Asks for texts and waits until every vector is kept.
    fn fetch(&self, texts: Vec<String>) -> Result<(), EmbedError> {
        let (done, waiting) = mpsc::channel();
        let asked = Arc::clone(&self.asked);
        let stopped = || refuse(self.name(), "the thread that asks has ended");
        self.runtime.as_ref().ok_or_else(stopped)?.spawn(async move {
            // Nobody waits any more only when the embedder itself is gone.
            let _ = done.send(fetch(asked, &texts).await);
        });
        waiting.recv().map_err(|_| stopped())?
    }
}

async fn fetch(asked: Arc<Asked>, texts: &[String]) -> Result<(), EmbedError> {
    let batches: Vec<Vec<String>> = texts.chunks(asked.batch_size).map(<[String]>::to_vec).collect();
    stream::iter(batches)
        .map(|batch| {
            let asked = Arc::clone(&asked);
            async move { asked.batch(&batch).await }
        })
        .buffer_unordered(asked.concurrency)
        .try_collect()
        .await
}

impl Asked {
    /// Asks for one batch until it is answered or not worth another attempt, and keeps what came.
    async fn batch(&self, texts: &[String]) -> Result<(), EmbedError> {
        let name = &self.model.name;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut failures = Failures::default();
        // Jitter only spreads requests in time; no result depends on it.
        let mut jitter = Xoshiro256Plus::from_entropy();
        loop {
            let admission = self.gate.enter(&self.places).await.map_err(|stop| refuse(name, &*stop.0))?;
            let answer = self.provider.embed(&self.model, &texts).await;
            drop(admission);
            let error = match answer {
                Ok(vectors) => return self.keep(&texts, &vectors).await,
                Err(error) => error,
            };
            failures.add(error.kind);
            match next_step(&self.policy, error.kind, error.retry_after, failures, jitter.r#gen()) {
                Step::Retry { after, shared: true } => {
                    self.gate.close_for(after);
                }
                Step::Retry { after, shared: false } => tokio::time::sleep(after).await,
                Step::StopProvider => {
                    self.gate.stop(&error.message);
                    return Err(refuse(name, error.message));
                }
                Step::GiveUp | Step::Reject => {
                    return Err(refuse(name, explained(&error.message, error.kind)));
                }
            }
        }
    }

    /// Keeps vectors that can be used; others would be found again by every later run.
    async fn keep(&self, texts: &[&str], vectors: &[Vec<f32>]) -> Result<(), EmbedError> {
        unit_rows(&self.model.name, vectors)?;
        let rows = texts.iter().zip(vectors).map(|(text, row)| StoredVector::new(text, row)).collect();
        let kept = self.store.keep_vectors(&self.model.name, rows).await;
        kept.map_err(|error| refuse(&self.model.name, error))
    }
}

fn explained(message: &str, kind: FailureKind) -> String {
    match kind {
        FailureKind::RecordRejected => format!("{message}; a smaller `batch_size` may help"),
        _ => format!("{message}; what was answered before is kept, and the same command goes on from there"),
    }
}

fn refuse(embedder: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EmbedError {
    EmbedError::Remote { embedder: embedder.to_owned(), source: source.into() }
}

/// Vectors of one length, each brought to length 1.
fn unit_rows(embedder: &str, vectors: &[Vec<f32>]) -> Result<FeatureMatrix, EmbedError> {
    let expected = vectors.first().map_or(0, Vec::len);
    let ragged = |found| EmbedError::Ragged { embedder: embedder.to_owned(), expected, found };
    if let Some(row) = vectors.iter().find(|row| row.len() != expected) {
        return Err(ragged(row.len()));
    }
    let rows =
        Array2::from_shape_vec((vectors.len(), expected), vectors.concat()).map_err(|_| ragged(expected))?;
    FeatureMatrix::normalise(rows)
        .map_err(|source| EmbedError::Matrix { embedder: embedder.to_owned(), source })
}

impl Embedder for RemoteEmbedder {
    fn name(&self) -> &str {
        &self.asked.model.name
    }

    /// 0 until the first vector is there.
    fn dimension(&self) -> usize {
        self.dimension.get().copied().or(self.asked.model.dimensions).unwrap_or(0)
    }

    fn prefers_bulk(&self) -> bool {
        true
    }

    /// # Errors
    /// [`EmbedError::Ragged`] also when the endpoint's vectors have another length than those that were kept
    /// before: then its model is another one under the same name.
    fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
        let rows = unit_rows(self.name(), &self.vectors(texts)?)?;
        if rows.rows() == 0 {
            return Ok(rows);
        }
        let (found, expected) = (rows.dimension(), *self.dimension.get_or_init(|| rows.dimension()));
        if found == expected {
            Ok(rows)
        } else {
            Err(EmbedError::Ragged { embedder: self.name().to_owned(), expected, found })
        }
    }
}

impl Drop for RemoteEmbedder {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it would panic where the embedder is dropped inside another runtime.
            runtime.shutdown_background();
        }
    }
}
