//! From a study's panel to providers that can be asked, and whether they answer.

use std::ffi::OsString;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::join_all;
use serde::Serialize;

use super::study::{PanelMember, Study};
use crate::persona::ModelName;
use crate::provider::{
    ApiKey, ApiKeyError, Endpoint, HttpProvider, HttpProviderError, Provider, ReplayError, ReplayProvider,
    Timeouts,
};

/// A panel member that cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointsError {
    /// A key is missing or unusable.
    #[error("`{member}` cannot be asked")]
    Key {
        /// The panel member.
        member: ModelName,
        /// What is wrong with the key; never the key.
        source: ApiKeyError,
    },
    /// No HTTP client can be made.
    #[error("`{member}` cannot be asked")]
    Http {
        /// The panel member.
        member: ModelName,
        /// Why not.
        source: HttpProviderError,
    },
    /// A recording that cannot be opened.
    #[error("the recording `{}` of `{member}` cannot be opened; check the path", path.display())]
    Open {
        /// The panel member.
        member: ModelName,
        /// The recording.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A recording that cannot be replayed.
    #[error("`{member}` cannot be replayed")]
    Replay {
        /// The panel member.
        member: ModelName,
        /// What is wrong with the recording.
        source: ReplayError,
    },
    /// A provider that only a program can supply.
    #[error("`{member}` is scripted: only a program that uses the library can ask it")]
    Scripted {
        /// The panel member.
        member: ModelName,
    },
}

/// A panel whose members can be asked, in order.
pub type Seats = Vec<(PanelMember, Arc<dyn Provider>)>;

/// Makes the providers of a study's panel; members with the same endpoint and time limits share one.
///
/// `lookup` reads environment variables, `open` opens recordings.
///
/// # Errors
/// Every member that cannot be asked, in the order of the panel: all missing keys at once.
pub fn seats(
    study: &Study,
    lookup: &dyn Fn(&str) -> Option<OsString>,
    open: &dyn Fn(&Path) -> std::io::Result<Box<dyn BufRead>>,
) -> Result<Seats, Vec<EndpointsError>> {
    seats_of(&study.panel, lookup, open)
}

/// Makes the providers of some models; those with the same endpoint and time limits share one.
///
/// # Errors
/// As [`seats`].
pub fn seats_of(
    members: &[PanelMember],
    lookup: &dyn Fn(&str) -> Option<OsString>,
    open: &dyn Fn(&Path) -> std::io::Result<Box<dyn BufRead>>,
) -> Result<Seats, Vec<EndpointsError>> {
    let mut known = Known { lookup, open, http: Vec::new(), replay: Vec::new() };
    let (mut seats, mut errors) = (Seats::new(), Vec::new());
    for member in members {
        match known.provider(member) {
            Ok(provider) => seats.push((member.clone(), provider)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(seats) } else { Err(errors) }
}

/// Who stands in for a member of the panel.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// The member's place in the panel.
    pub place: usize,
    /// The model that stands in, in the member's name.
    pub member: PanelMember,
    /// Who asks it.
    pub provider: Arc<dyn Provider>,
}

/// Makes the providers of all fallbacks of a study's panel, in its order.
///
/// # Errors
/// As [`seats`].
pub fn reserves(
    study: &Study,
    lookup: &dyn Fn(&str) -> Option<OsString>,
    open: &dyn Fn(&Path) -> std::io::Result<Box<dyn BufRead>>,
) -> Result<Vec<Reserve>, Vec<EndpointsError>> {
    let mut known = Known { lookup, open, http: Vec::new(), replay: Vec::new() };
    let (mut reserves, mut errors) = (Vec::new(), Vec::new());
    for (place, primary) in study.panel.iter().enumerate() {
        for member in &primary.fallbacks {
            match known.provider(member) {
                Ok(provider) => reserves.push(Reserve { place, member: member.clone(), provider }),
                Err(error) => errors.push(error),
            }
        }
    }
    if errors.is_empty() { Ok(reserves) } else { Err(errors) }
}

/// The providers made so far.
struct Known<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
    open: &'a dyn Fn(&Path) -> std::io::Result<Box<dyn BufRead>>,
    http: Vec<(Endpoint, Timeouts, Arc<dyn Provider>)>,
    replay: Vec<(PathBuf, Arc<dyn Provider>)>,
}

impl Known<'_> {
    fn provider(&mut self, member: &PanelMember) -> Result<Arc<dyn Provider>, EndpointsError> {
        match (&member.endpoint, &member.recording) {
            (Some(endpoint), _) => self.http(member, endpoint),
            (None, Some(path)) => self.replay(member, path),
            (None, None) => Err(EndpointsError::Scripted { member: member.name.clone() }),
        }
    }

    fn http(
        &mut self,
        member: &PanelMember,
        endpoint: &Endpoint,
    ) -> Result<Arc<dyn Provider>, EndpointsError> {
        let same = |(known, timeouts, _): &&(Endpoint, Timeouts, _)| {
            known == endpoint && *timeouts == member.timeouts
        };
        if let Some((_, _, provider)) = self.http.iter().find(same) {
            return Ok(Arc::clone(provider));
        }
        let name = || member.name.clone();
        let key = endpoint.key_variable().map(|variable| ApiKey::resolve(variable, self.lookup)).transpose();
        let key = key.map_err(|source| EndpointsError::Key { member: name(), source })?;
        let provider = HttpProvider::new(endpoint.clone(), key, member.timeouts)
            .map_err(|source| EndpointsError::Http { member: name(), source })?;
        let provider: Arc<dyn Provider> = Arc::new(provider);
        self.http.push((endpoint.clone(), member.timeouts, Arc::clone(&provider)));
        Ok(provider)
    }

    fn replay(&mut self, member: &PanelMember, path: &Path) -> Result<Arc<dyn Provider>, EndpointsError> {
        if let Some((_, provider)) = self.replay.iter().find(|(known, _)| known == path) {
            return Ok(Arc::clone(provider));
        }
        let name = || member.name.clone();
        let lines = (self.open)(path).map_err(|source| EndpointsError::Open {
            member: name(),
            path: path.to_owned(),
            source,
        })?;
        let provider = ReplayProvider::from_lines(path.display().to_string(), lines)
            .map_err(|source| EndpointsError::Replay { member: name(), source })?;
        let provider: Arc<dyn Provider> = Arc::new(provider);
        self.replay.push((path.to_owned(), Arc::clone(&provider)));
        Ok(provider)
    }
}

/// Whether the endpoint of a panel member answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The panel member.
    pub model: ModelName,
    /// Where it is asked.
    pub endpoint: String,
    /// Whether it answered.
    pub answers: bool,
    /// What it said, or why it did not answer.
    pub message: String,
}

/// Asks all endpoints at once whether they are there, without paying for an answer; in the order of the panel.
pub async fn models(seats: &Seats) -> Vec<Probe> {
    join_all(seats.iter().map(|(member, provider)| async {
        let (answers, message) = match provider.probe(&member.model).await {
            Ok(said) => (true, said),
            Err(error) => (false, error.message),
        };
        Probe { model: member.name.clone(), endpoint: member.address(), answers, message }
    }))
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(panel: &str) -> Study {
        let text = format!("name: x\ninput: {{path: a}}\npanel:\n{panel}");
        Study::parse(&text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap()
    }

    fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
        match path.to_str() {
            Some("demo.jsonl") => Ok(Box::new(&br#"{"record":"r","model":"a","reply":"x"}"#[..])),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    #[test]
    fn every_missing_key_is_named_at_once() {
        let study = study(
            "  - model: openai:a\n  - model: anthropic:b\n  - {model: 'replay:c', recording: no.jsonl}",
        );
        let errors = seats(&study, &|_| None, &open).unwrap_err();
        let shown: Vec<String> =
            errors.iter().map(|e| format!("{e}: {}", std::error::Error::source(e).unwrap())).collect();
        assert_eq!(errors.len(), 3);
        assert!(shown[0].contains("`openai:a`") && shown[0].contains("OPENAI_API_KEY"), "{shown:?}");
        assert!(shown[1].contains("ANTHROPIC_API_KEY") && shown[2].contains("no.jsonl"), "{shown:?}");
    }

    #[tokio::test]
    async fn members_share_a_provider_and_all_are_probed_in_order() {
        let panel =
            "  - {model: 'replay:a', recording: demo.jsonl}\n  - {model: 'replay:b', recording: demo.jsonl}";
        let seats = seats(&study(panel), &|_| None, &open).unwrap();
        assert!(Arc::ptr_eq(&seats[0].1, &seats[1].1));
        let probes = models(&seats).await;
        assert_eq!(
            probes.iter().map(|probe| probe.model.as_str()).collect::<Vec<_>>(),
            ["replay:a", "replay:b"]
        );
        assert!(probes.iter().all(|probe| probe.answers));
    }
}
