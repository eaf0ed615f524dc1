//! An endpoint that may be sent its key.

use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::reference::is_provider_name;
use super::{Dialect, KNOWN_PROVIDERS, KnownProvider};
use crate::provider::batch::{AnthropicBatches, BatchWire, OpenAiBatches};
use crate::provider::wire::{AnthropicWire, GeminiWire, OllamaWire, OpenAiWire};
use crate::provider::{StructuredOutput, Wire};

/// What a study says about a provider; what is `None` comes from the table of known providers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointOptions {
    /// Where it answers, up to the part that all its paths share (`https://host/v1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The wire format that it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// The environment variable of its key (its `_FILE` sister may name a file); `none` sends no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// How it is asked for JSON, unless a panel member says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<StructuredOutput>,
    /// Lets the key be sent without TLS to another machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_insecure_http: bool,
}

/// An endpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Neither known nor described.
    #[error(
        "unknown provider `{name}`; known are {}, and `replay` with a `recording`; for an own endpoint give its `base_url` and `dialect` \
         (`openai`, `anthropic`, `gemini` or `ollama`)",
        known_names()
    )]
    Unknown {
        /// The name, escaped.
        name: String,
    },
    /// An own endpoint is described by half.
    #[error("the endpoint `{name}` has no `{missing}`, which an own endpoint needs")]
    Incomplete {
        /// The endpoint's name.
        name: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// No URL that paths can be put behind.
    #[error("`base_url` `{base_url}` of `{name}` {reason}")]
    BaseUrl {
        /// The endpoint's name.
        name: String,
        /// The URL as given; withheld when it holds a password.
        base_url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No name of an environment variable. It is not shown: it may be the key itself.
    #[error(
        "`api_key_env` of `{name}` is no name of an environment variable (not shown, in case it is the key \
         itself); export the key and give the variable's name, or `none`"
    )]
    KeyVariable {
        /// The endpoint's name.
        name: String,
    },
    /// The data, and the key where there is one, would travel in the clear.
    #[error(
        "{}your data would be sent to `{host}` without TLS; use https, or set `allow_insecure_http: true`",
        variable.as_ref().map(|variable| format!("the key `{variable}` and ")).unwrap_or_default()
    )]
    Insecure {
        /// The key's variable; `None` where no key goes there.
        variable: Option<String>,
        /// Where they would go.
        host: String,
    },
    /// A vendor's key would go to somebody else.
    #[error(
        "`{name}` is sent to `{host}` instead of `{usual}`; say which key may go there with `api_key_env` \
         (a variable's name, or `none`)"
    )]
    ForeignHost {
        /// The endpoint's name.
        name: String,
        /// Where calls would go.
        host: String,
        /// Where the provider usually answers.
        usual: String,
    },
}

fn known_names() -> String {
    KNOWN_PROVIDERS.map(|provider| format!("`{}`", provider.name)).join(", ")
}

/// Where and how a provider is asked: checked, so that its key may be sent there.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    name: String,
    dialect: Dialect,
    base_url: Url,
    key_variable: Option<String>,
    structured_output: StructuredOutput,
}

impl Endpoint {
    /// Checks the endpoint `name`, known or described by `options`.
    ///
    /// Calls go over TLS or to this machine, and a known provider's key to that provider's
    /// host only, unless the options say otherwise in so many words.
    ///
    /// # Errors
    /// [`EndpointError`] says what is missing or unsafe.
    pub fn new(name: &str, options: &EndpointOptions) -> Result<Self, EndpointError> {
        let known = KnownProvider::find(name);
        let described = options.base_url.is_some() || options.dialect.is_some();
        if !is_provider_name(name) || (known.is_none() && !described) {
            return Err(EndpointError::Unknown { name: name.escape_debug().take(80).collect() });
        }
        let missing = |missing| EndpointError::Incomplete { name: name.to_owned(), missing };
        let usual = known.map(|known| known.base_url);
        let text = options.base_url.as_deref().or(usual).ok_or_else(|| missing("base_url"))?;
        let base_url = parse_base_url(name, text)?;
        let dialect =
            options.dialect.or(known.map(|known| known.dialect)).ok_or_else(|| missing("dialect"))?;
        let key_variable = key_variable(name, options, known, &base_url)?;
        let is_safe = base_url.scheme() == "https" || is_loopback(&base_url);
        if !is_safe && !options.allow_insecure_http {
            return Err(EndpointError::Insecure { variable: key_variable, host: host(&base_url) });
        }
        let usual_output = known.map(|known| known.structured_output);
        Ok(Self {
            name: name.to_owned(),
            dialect,
            base_url,
            key_variable,
            structured_output: options.structured_output.or(usual_output).unwrap_or_default(),
        })
    }

    /// The name before the colon in `provider:model`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The wire format that it speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Where it answers, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.base_url.as_str().trim_end_matches('/')
    }

    /// The environment variable of its key; `None` sends no key.
    #[must_use]
    pub fn key_variable(&self) -> Option<&str> {
        self.key_variable.as_deref()
    }

    /// How it is asked for JSON when the call does not say.
    #[must_use]
    pub fn structured_output(&self) -> StructuredOutput {
        self.structured_output
    }

    /// Its wire format, with the provider's peculiarities.
    #[must_use]
    pub fn wire(&self) -> Box<dyn Wire> {
        let structured_output = self.structured_output;
        match self.dialect {
            Dialect::OpenAi => Box::new(OpenAiWire {
                structured_output,
                max_tokens_field: if self.name == "openai" { "max_completion_tokens" } else { "max_tokens" },
                seed_field: if self.name == "mistral" { "random_seed" } else { "seed" },
                // OpenRouter lists its models to everybody, so that would not try the key.
                probe_path: if self.name == "openrouter" { "/key" } else { "/models" },
            }),
            Dialect::Anthropic => Box::new(AnthropicWire { structured_output }),
            Dialect::Gemini => Box::new(GeminiWire { structured_output }),
            Dialect::Ollama => Box::new(OllamaWire { structured_output }),
        }
    }

    /// Its form of batches; none where it has none, or where nobody has said that it has OpenAI's: of those who speak
    /// OpenAI's dialect most have no batches, or others.
    pub(crate) fn batches(&self) -> Option<&'static dyn BatchWire> {
        let known = KnownProvider::find(&self.name).is_some();
        match self.dialect {
            Dialect::Anthropic => Some(&AnthropicBatches),
            Dialect::OpenAi if self.name == "openai" || !known => Some(&OpenAiBatches),
            Dialect::OpenAi | Dialect::Gemini | Dialect::Ollama => None,
        }
    }

    /// Whether it takes questions in batches, in a form that is known.
    #[must_use]
    pub fn has_batches(&self) -> bool {
        self.batches().is_some()
    }

    /// Whether it runs on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.base_url)
    }

    /// Whether it is asked over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.base_url.scheme() == "https"
    }

    /// The URL of a path; `None` when the path would lead to another origin.
    pub(crate) fn url(&self, path: &str) -> Option<Url> {
        let url = Url::parse(&format!("{}{path}", self.base_url())).ok()?;
        (path.starts_with('/') && url.origin() == self.base_url.origin()).then_some(url)
    }
}

fn parse_base_url(name: &str, text: &str) -> Result<Url, EndpointError> {
    let refuse = |base_url: &str, reason| EndpointError::BaseUrl {
        name: name.to_owned(),
        base_url: base_url.escape_debug().take(200).collect(),
        reason,
    };
    // What stands before an `@` may be a password.
    if text.contains('@') {
        return Err(refuse("(withheld)", "holds a user or a password; give the key by `api_key_env`"));
    }
    let url = Url::parse(text.trim()).map_err(|_| refuse(text, "is no URL; write `https://host/v1`"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse(text, "must begin with `https://` or `http://`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("(withheld)", "must not have a `?` or `#` part"));
    }
    Ok(url)
}

fn key_variable(
    name: &str,
    options: &EndpointOptions,
    known: Option<&KnownProvider>,
    base_url: &Url,
) -> Result<Option<String>, EndpointError> {
    if let Some(variable) = options.key_variable.as_deref() {
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        return match variable.trim() {
            "none" => Ok(None),
            variable if (1..=64).contains(&variable.len()) && variable.bytes().all(is_name) => {
                Ok(Some(variable.to_owned()))
            }
            _ => Err(EndpointError::KeyVariable { name: name.to_owned() }),
        };
    }
    let Some((known, variable)) = known.and_then(|known| Some((known, known.key_variable?))) else {
        return Ok(None);
    };
    let usual = Url::parse(known.base_url).map(|url| host(&url)).unwrap_or_default();
    if host(base_url) == usual {
        Ok(Some(variable.to_owned()))
    } else {
        Err(EndpointError::ForeignHost { name: name.to_owned(), host: host(base_url), usual })
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(base_url: &str) -> EndpointOptions {
        EndpointOptions { base_url: Some(base_url.to_owned()), ..EndpointOptions::default() }
    }

    #[test]
    fn every_known_provider_makes_an_endpoint() {
        let mut names: Vec<&str> = Vec::new();
        for known in &KNOWN_PROVIDERS {
            let endpoint = Endpoint::new(known.name, &EndpointOptions::default()).expect("valid");
            assert_eq!(endpoint.base_url(), known.base_url);
            assert_eq!(endpoint.key_variable(), known.key_variable);
            names.push(known.name);
        }
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn an_unknown_provider_is_told_the_known_ones_and_the_way_out() {
        let error = Endpoint::new("opnai", &EndpointOptions::default()).expect_err("refused").to_string();
        assert!(error.contains("`openai`") && error.contains("`base_url` and `dialect`"), "{error}");
        let half = Endpoint::new("mine", &options("https://h/v1")).expect_err("refused").to_string();
        assert!(half.contains("has no `dialect`"), "{half}");
    }

    #[test]
    fn a_vendors_key_goes_to_that_vendor_only() {
        let error = Endpoint::new("openai", &options("https://elsewhere.example/v1")).expect_err("refused");
        assert!(matches!(error, EndpointError::ForeignHost { .. }), "{error}");
        let mut said = options("https://elsewhere.example/v1");
        said.key_variable = Some("ELSEWHERE_KEY".to_owned());
        let endpoint = Endpoint::new("openai", &said).expect("said so");
        assert_eq!(endpoint.key_variable(), Some("ELSEWHERE_KEY"));
    }

    #[test]
    fn keys_and_data_travel_in_the_clear_to_this_machine_only() {
        let mut named = options("http://10.0.0.7:8000/v1");
        named.key_variable = Some("VLLM_KEY".to_owned());
        let error = Endpoint::new("vllm", &named).expect_err("refused");
        assert!(matches!(error, EndpointError::Insecure { .. }), "{error}");
        let keyless = EndpointOptions { key_variable: None, ..named.clone() };
        let error = Endpoint::new("vllm", &keyless).expect_err("refused").to_string();
        assert!(error.starts_with("your data would be sent to `10.0.0.7`"), "{error}");
        named.allow_insecure_http = true;
        assert!(Endpoint::new("vllm", &named).is_ok());
        for here in ["http://localhost:1/v1", "http://127.0.0.1:1/v1", "http://[::1]:1/v1"] {
            named = EndpointOptions { base_url: Some(here.to_owned()), allow_insecure_http: false, ..named };
            assert!(Endpoint::new("vllm", &named).is_ok(), "{here}");
        }
        for fake in ["http://localhost.evil.example/v1", "http://127.0.0.1.evil.example/v1"] {
            named = EndpointOptions { base_url: Some(fake.to_owned()), ..named };
            assert!(Endpoint::new("vllm", &named).is_err(), "{fake}");
        }
    }

    #[test]
    fn a_key_given_in_place_of_its_variable_is_not_repeated() {
        let pasted =
            EndpointOptions { key_variable: Some("sk-canary".to_owned()), ..EndpointOptions::default() };
        let error = Endpoint::new("openai", &pasted).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("canary"));
        let error = Endpoint::new("vllm", &options("https://user:canary@host/v1")).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[test]
    fn no_path_leads_to_another_host() {
        let endpoint = Endpoint::new("openai", &EndpointOptions::default()).expect("valid");
        assert!(endpoint.url("/models").is_some());
        for path in ["@evil.example/", ".evil.example/", ":443@evil.example/"] {
            assert_eq!(endpoint.url(path), None, "{path}");
        }
    }
}
