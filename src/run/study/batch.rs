//! The key `batch` of a panel member.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::check::Checker;
use super::file::{MemberFile, StudyFile};
use super::{Batching, Mode, StudyError};
use crate::provider::Endpoint;

/// `true`, or a mapping with what differs from the standard.
#[derive(Debug, Default)]
pub(super) struct BatchFile(Option<BatchSettings>);

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchSettings {
    poll_seconds: Option<f64>,
    linger_seconds: Option<f64>,
    max_requests: Option<usize>,
}

impl<'de> Deserialize<'de> for BatchFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = BatchFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or a mapping")
            }

            fn visit_bool<E>(self, wanted: bool) -> Result<BatchFile, E> {
                Ok(BatchFile(wanted.then(BatchSettings::default)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BatchFile, A::Error> {
                BatchSettings::deserialize(MapAccessDeserializer::new(map))
                    .map(|found| BatchFile(Some(found)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl BatchFile {
    /// The settings, checked; errors name the key at fault and the reason.
    pub(super) fn check(
        &self,
        member: &MemberFile,
        endpoint: Option<&Endpoint>,
    ) -> Result<Option<Batching>, (&'static str, String)> {
        let Some(file) = &self.0 else { return Ok(None) };
        if endpoint.is_none_or(|endpoint| !endpoint.has_batches()) {
            let provider = member.model.value.split(':').next().unwrap_or_default();
            return Err((
                "batch",
                format!(
                    "`{provider}` has no batches that are known here; `anthropic` and `openai` have, and endpoints of \
                     your own with the dialect of either"
                ),
            ));
        }
        if member.concurrency.is_some() {
            let why = "a batch has no calls in flight; its size is `batch.max_requests`";
            return Err(("concurrency", why.to_owned()));
        }
        if member.timeouts.adaptive {
            return Err((
                "timeouts.adaptive",
                "a batch has a day; its answers have no latency to learn".to_owned(),
            ));
        }
        file.check().map(Some)
    }

    fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

impl BatchSettings {
    fn check(&self) -> Result<Batching, (&'static str, String)> {
        let standard = Batching::default();
        let seconds = |key, given: Option<f64>, standard: Duration, most: f64| match given {
            None => Ok(standard),
            Some(given) if (0.0..=most).contains(&given) => Ok(Duration::from_secs_f64(given)),
            Some(given) => Err((key, format!("`{given}` is not within 0 and {most}"))),
        };
        let max_requests = self.max_requests.unwrap_or(standard.max_requests);
        if !(1..=50_000).contains(&max_requests) {
            return Err(("batch.max_requests", format!("`{max_requests}` is not within 1 and 50000")));
        }
        Ok(Batching {
            poll: seconds("batch.poll_seconds", self.poll_seconds, standard.poll, 3_600.0)?,
            linger: seconds("batch.linger_seconds", self.linger_seconds, standard.linger, 600.0)?,
            max_requests,
        })
    }
}

impl Checker<'_> {
    /// Refuses what batches cannot go with.
    pub(super) fn batches(&self, file: &StudyFile) -> Result<(), StudyError> {
        let why = if file.mode == Mode::Sequential {
            "in the mode `sequential` every member waits for the one before it, which with batches takes up to a day each"
        } else if file.quorum.laggards.is_some() {
            "with `quorum.laggards` nobody would wait for a batch that is paid for"
        } else if file.stages.is_some() {
            "`stages` ask single questions at another price than that of batches"
        } else if file.workstreams.is_some() {
            "`workstreams` wait for each other and are called stuck after minutes; a batch takes up to a day"
        } else {
            return Ok(());
        };
        let on = |member: &MemberFile| member.batch.as_ref().is_some_and(BatchFile::is_on);
        for (place, member) in file.panel.iter().enumerate() {
            let fallback = member.fallback.iter().position(on);
            if on(member) || fallback.is_some() {
                let at = fallback.map(|number| format!(".fallback[{number}]")).unwrap_or_default();
                let line = Some(member.model.referenced.line());
                return Err(self.wrong(
                    line,
                    format!("panel[{place}]{at}.batch"),
                    format!("{why}; drop one of them"),
                ));
            }
        }
        Ok(())
    }
}
