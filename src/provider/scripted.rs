//! A provider whose answers are written down in advance, for tests and demonstrations.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Call, Completion, FinishReason, Provider, ProviderError};

/// What a scripted provider does with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// How long the answer takes, on tokio's clock; zero never waits.
    pub delay: Duration,
    /// The answer.
    pub outcome: Result<Completion, ProviderError>,
}

impl Scripted {
    /// A whole answer at once, without usage.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        let content = content.into();
        let outcome = Ok(Completion {
            content,
            finish_reason: FinishReason::Stop,
            usage: None,
            response_model: None,
            response_id: None,
        });
        Self { delay: Duration::ZERO, outcome }
    }

    /// A failure at once.
    #[must_use]
    pub fn failure(error: ProviderError) -> Self {
        Self { delay: Duration::ZERO, outcome: Err(error) }
    }

    /// The same after a while.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

type Script = Box<dyn Fn(&Call) -> Scripted + Send + Sync>;

/// A provider that answers from a script and remembers what it was asked.
pub struct ScriptedProvider {
    name: String,
    script: Script,
    calls: Option<Mutex<Vec<Call>>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl ScriptedProvider {
    /// A provider that answers every call with what `script` makes of it.
    #[must_use]
    pub fn new(name: impl Into<String>, script: impl Fn(&Call) -> Scripted + Send + Sync + 'static) -> Self {
        Self {
            name: name.into(),
            script: Box::new(script),
            calls: Some(Mutex::default()),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        }
    }

    /// The same without memory of calls, for runs of millions.
    #[must_use]
    pub fn forgetful(self) -> Self {
        Self { calls: None, ..self }
    }

    /// The calls so far, in the order in which they were made, abandoned ones included.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.calls.as_ref().map(|calls| calls.lock().unwrap_or_else(PoisonError::into_inner));
        calls.map(|calls| calls.clone()).unwrap_or_default()
    }

    /// The largest number of calls that were under way at once.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    async fn perform(&self, call: &Call) -> Result<Completion, ProviderError> {
        if let Some(calls) = &self.calls {
            calls.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
        }
        let _flight = Flight::begin(self);
        let scripted = (self.script)(call);
        if !scripted.delay.is_zero() {
            tokio::time::sleep(scripted.delay).await;
        }
        scripted.outcome
    }
}

/// One call under way; ends when dropped, so that an abandoned call is counted rightly.
struct Flight<'a>(&'a AtomicUsize);

impl<'a> Flight<'a> {
    fn begin(provider: &'a ScriptedProvider) -> Self {
        let now = provider.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        provider.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(&provider.in_flight)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Provider for ScriptedProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(self.perform(call))
    }

    fn probe<'a>(&'a self, _model: &'a str) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(async { Ok("answers from a script".to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::{ModelName, RecordId};
    use crate::prompt::Prompt;
    use crate::provider::{FailureKind, SamplingOptions};

    fn call(sample: u32) -> Call {
        Call {
            record: RecordId::new("r").expect("valid"),
            member: ModelName::new("m").expect("valid"),
            model: "m".to_owned(),
            sample,
            part: 0,
            attempt: 0,
            prompt: Prompt { system: String::new(), messages: Vec::new(), schema: None },
            options: SamplingOptions::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_remembered_in_order_and_delays_run_on_the_paused_clock() {
        let provider = ScriptedProvider::new("scripted", |call: &Call| match call.sample {
            0 => Scripted::text("slow").after(Duration::from_secs(3_600)),
            _ => Scripted::failure(ProviderError::new(FailureKind::Transient, "down")),
        });
        let started = tokio::time::Instant::now();
        let (calls_0, calls_1) = (call(0), call(1));
        let (slow, failed) = tokio::join!(provider.complete(&calls_0), provider.complete(&calls_1));
        assert_eq!(slow.map(|completion| completion.content), Ok("slow".to_owned()));
        assert_eq!(failed.map_err(|error| error.kind), Err(FailureKind::Transient));
        assert_eq!(started.elapsed().as_secs(), 3_600);
        assert_eq!(provider.calls(), [calls_0, calls_1]);
        assert_eq!(provider.most_in_flight(), 2);
    }

    #[tokio::test]
    async fn a_forgetful_provider_keeps_nothing() {
        let provider = ScriptedProvider::new("scripted", |_: &Call| Scripted::text("")).forgetful();
        assert!(provider.complete(&call(0)).await.is_ok());
        assert_eq!(provider.calls(), []);
        assert_eq!(provider.most_in_flight(), 1);
    }
}
