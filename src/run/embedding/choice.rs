//! Which embedder a study or a command line names.

use std::num::NonZeroUsize;

use serde::Deserialize;
use serde_json::Value;

use crate::embed::{self, EmbedError, RemoteModel};
use crate::provider::{Dialect, Endpoint, EndpointError, EndpointOptions, KnownProvider, ModelReference};

/// The provider whose endpoint is Text Embeddings Inference.
const TEI: &str = "tei";

/// An embedder, described and checked, not yet opened.
#[derive(Clone, Debug, PartialEq)]
pub enum EmbedderChoice {
    /// One that computes on this machine, by its name ([`crate::files::open_embedder`]).
    Local(String),
    /// An endpoint.
    Remote(Box<RemoteChoice>),
}

/// An endpoint that embeds, and how it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteChoice {
    /// What is asked for.
    pub model: RemoteModel,
    /// Where.
    pub endpoint: Endpoint,
    /// Texts in one request at most.
    pub batch_size: NonZeroUsize,
    /// Requests at the same time at most.
    pub concurrency: NonZeroUsize,
}

/// What a mapping in a study says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    model: String,
    base_url: Option<String>,
    #[serde(alias = "key_variable")]
    api_key_env: Option<String>,
    #[serde(default)]
    allow_insecure_http: bool,
    dimensions: Option<NonZeroUsize>,
    batch_size: Option<NonZeroUsize>,
    concurrency: Option<NonZeroUsize>,
}

impl EmbedderChoice {
    /// Reads a name: `static`, `hashing`, `hashing-N`, `dir:FOLDER`, or `PROVIDER:MODEL`, where `@URL` may
    /// follow for an endpoint of one's own (`tei:bge-small@http://localhost:8080`).
    ///
    /// # Errors
    /// [`EmbedError::Unknown`] for a name without a colon that nobody has, [`EmbedError::Remote`] for an
    /// endpoint that cannot be asked.
    pub fn parse(name: &str) -> Result<Self, EmbedError> {
        let name = name.trim();
        if !name.contains(':') || name.starts_with("dir:") {
            return Ok(Self::Local(name.to_owned()));
        }
        let (model, base_url) = match name.split_once('@') {
            Some((model, url)) if url.starts_with("http") => (model, Some(url.to_owned())),
            _ => (name, None),
        };
        RemoteChoice::checked(Described { model: model.to_owned(), base_url, ..Described::default() })
    }

    /// Reads the section of a study: nothing (the default), a name, or a mapping of `model`, `base_url`,
    /// `api_key_env`, `dimensions`, `batch_size`, `concurrency`.
    ///
    /// # Errors
    /// As [`Self::parse`]; a mapping of another form is a [`EmbedError::Remote`] with field and reason.
    pub fn from_section(section: &Value) -> Result<Self, EmbedError> {
        match section {
            Value::Null => Ok(Self::default()),
            Value::String(name) => Self::parse(name),
            other => {
                let described = serde_path_to_error::deserialize(other)
                    .map_err(|error| remote(other["model"].as_str().unwrap_or("embedder"), error))?;
                RemoteChoice::checked(described)
            }
        }
    }

    /// The name under which it is recorded, for endpoints; what computes is named by its own files.
    #[must_use]
    pub fn remote_name(&self) -> Option<&str> {
        match self {
            Self::Local(_) => None,
            Self::Remote(choice) => Some(&choice.model.name),
        }
    }
}

impl Default for EmbedderChoice {
    fn default() -> Self {
        Self::Local("static".to_owned())
    }
}

/// An endpoint that cannot be asked; where a key has to be named, how a study does it.
fn unkeyed(shown: &str, error: EndpointError) -> EmbedError {
    match error {
        EndpointError::ForeignHost { .. } => {
            remote(shown, format!("{error} (in a study: `embedder: {{model, base_url, api_key_env}}`)"))
        }
        other => remote(shown, other),
    }
}

impl RemoteChoice {
    fn checked(described: Described) -> Result<EmbedderChoice, EmbedError> {
        let shown = described.model.clone();
        let reference = ModelReference::parse(&shown).map_err(|error| remote(&shown, error))?;
        let known = KnownProvider::find(reference.provider());
        if known.is_none() && described.base_url.is_none() {
            return Err(EmbedError::Unknown { name: shown, known: embed::KNOWN.to_owned() });
        }
        let options = EndpointOptions {
            base_url: described.base_url,
            // Everybody who is not known is taken to imitate OpenAI; the key goes the same way for all.
            dialect: known.map_or(Some(Dialect::OpenAi), |known| Some(known.dialect)),
            key_variable: described.api_key_env,
            allow_insecure_http: described.allow_insecure_http,
            ..EndpointOptions::default()
        };
        let endpoint =
            Endpoint::new(reference.provider(), &options).map_err(|error| unkeyed(&shown, error))?;
        let dialect = dialect(&endpoint).map_err(|reason| remote(&shown, reason))?;
        // What servers take at once by default.
        let batch_size = if dialect == embed::Dialect::Tei { 32 } else { 128 };
        let model = RemoteModel {
            name: recorded_name(&reference, &options, described.dimensions),
            dialect,
            model: reference.model().to_owned(),
            dimensions: described.dimensions.map(NonZeroUsize::get),
        };
        let batch_size = described.batch_size.or(NonZeroUsize::new(batch_size)).unwrap_or(NonZeroUsize::MIN);
        let concurrency = described.concurrency.or(NonZeroUsize::new(4)).unwrap_or(NonZeroUsize::MIN);
        Ok(EmbedderChoice::Remote(Box::new(Self { model, endpoint, batch_size, concurrency })))
    }
}

/// How an endpoint wants to be asked for vectors.
fn dialect(endpoint: &Endpoint) -> Result<embed::Dialect, String> {
    match endpoint.dialect() {
        _ if endpoint.name() == TEI => Ok(embed::Dialect::Tei),
        Dialect::OpenAi => Ok(embed::Dialect::Openai),
        Dialect::Ollama => Ok(embed::Dialect::Ollama),
        other => Err(format!(
            "`{other}` has no embeddings that consona knows; take `openai:`, `ollama:` or `tei:` models, or \
             any endpoint that imitates OpenAI's with `@URL`"
        )),
    }
}

/// `provider:model`, and what else makes it another model: its own endpoint, its shortened vectors.
fn recorded_name(
    reference: &ModelReference,
    options: &EndpointOptions,
    dimensions: Option<NonZeroUsize>,
) -> String {
    let mut name = format!("{}:{}", reference.provider(), reference.model());
    if let Some(url) = &options.base_url {
        name.extend(["@", url.trim().trim_end_matches('/')]);
    }
    if let Some(dimensions) = dimensions {
        name.extend(["#", &dimensions.to_string()]);
    }
    name
}

fn remote(embedder: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EmbedError {
    EmbedError::Remote { embedder: embedder.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serde_json::json;

    use super::*;

    fn parsed(name: &str) -> RemoteChoice {
        match EmbedderChoice::parse(name).expect("valid") {
            EmbedderChoice::Remote(choice) => *choice,
            EmbedderChoice::Local(name) => panic!("`{name}` is local"),
        }
    }

    #[test]
    fn names_say_where_and_how() {
        for local in ["static", "hashing-64", "dir:/models/a:b"] {
            assert_eq!(EmbedderChoice::parse(local).expect("valid"), EmbedderChoice::Local(local.to_owned()));
        }
        let openai = parsed("openai:text-embedding-3-small");
        assert_eq!(openai.model.dialect, embed::Dialect::Openai);
        assert_eq!(openai.endpoint.key_variable(), Some("OPENAI_API_KEY"));
        let ollama = parsed("ollama:nomic-embed-text:v1.5");
        assert_eq!(
            (ollama.model.dialect, ollama.model.model.as_str()),
            (embed::Dialect::Ollama, "nomic-embed-text:v1.5")
        );
        let tei = parsed("tei:bge-small@http://localhost:8080/");
        assert_eq!((tei.model.dialect, tei.batch_size.get()), (embed::Dialect::Tei, 32));
        assert_eq!(tei.model.name, "tei:bge-small@http://localhost:8080");
        assert_eq!((tei.endpoint.base_url(), tei.endpoint.key_variable()), ("http://localhost:8080", None));
        assert_eq!(parsed("mine:m@http://localhost:9/v1").model.dialect, embed::Dialect::Openai);
    }

    #[test]
    fn a_mapping_says_more_and_nothing_unknown() {
        let section = json!({"model": "openai:m", "dimensions": 256, "batch_size": 8});
        let EmbedderChoice::Remote(choice) = EmbedderChoice::from_section(&section).expect("valid") else {
            panic!("an endpoint")
        };
        assert_eq!((choice.model.name.as_str(), choice.batch_size.get()), ("openai:m#256", 8));
        assert_eq!(EmbedderChoice::from_section(&Value::Null).expect("valid"), EmbedderChoice::default());
        for wrong in [
            json!({"model": "openai:m", "batch": 8}),
            json!({"model": "openai:m", "dimensions": 0}),
            json!(7),
        ] {
            let error = EmbedderChoice::from_section(&wrong).unwrap_err();
            assert!(matches!(error, EmbedError::Remote { .. }), "{error}");
        }
    }

    #[test]
    fn endpoints_that_cannot_be_asked_are_refused_with_the_way_out() {
        let cause = |name: &str| {
            let error = EmbedderChoice::parse(name).unwrap_err();
            format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
        };
        assert!(cause("nobody:m").contains("no embedder is called `nobody:m`"));
        assert!(cause("anthropic:m").contains("imitates OpenAI"), "{}", cause("anthropic:m"));
        assert!(
            cause("openai:m@https://elsewhere.example/v1")
                .contains("embedder: {model, base_url, api_key_env}")
        );
        let old =
            json!({"model": "openai:m", "base_url": "https://elsewhere.example/v1", "key_variable": "KEY"});
        assert!(EmbedderChoice::from_section(&old).is_ok(), "the earlier name is read as well");
        assert!(cause("tei:").contains("names no model"));
    }
}
