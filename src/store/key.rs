//! What makes two calls the same call.

use std::fmt;

use serde::Serialize;

use super::canonical::canonical;
use crate::persona::RecordId;
use crate::prompt::Prompt;
use crate::provider::SamplingOptions;

/// The identity of a call: BLAKE3 over everything that its answer may depend on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey([u8; 32]);

/// Everything that a call's answer may depend on.
#[derive(Debug, Serialize)]
pub struct CallIdentity<'a> {
    /// The name before the colon in `provider:model`.
    pub provider: &'a str,
    /// Where it is asked, for providers over HTTP.
    pub base_url: Option<&'a str>,
    /// The model's name at the endpoint.
    pub model: &'a str,
    /// How it is sampled.
    pub options: &'a SamplingOptions,
    /// The version of the prompt templates.
    pub prompt_version: &'a str,
    /// What is asked: the record's content, the stance and earlier drafts stand in it.
    pub prompt: &'a Prompt,
    /// What is asked about; two records of equal text stay two calls.
    pub record: &'a RecordId,
    /// Which part of the corpus, from 0.
    pub part: u32,
    /// Which repetition, from 0.
    pub sample: u32,
    /// How many earlier panel members are asked the very same thing.
    pub twin: u32,
}

impl CallIdentity<'_> {
    /// The key: BLAKE3 of the canonical (key-sorted) JSON.
    ///
    /// # Errors
    /// When an option has no JSON form.
    pub fn key(&self) -> Result<CallKey, serde_json::Error> {
        Ok(CallKey(*blake3::hash(canonical(self)?.as_bytes()).as_bytes()))
    }
}

impl CallKey {
    /// A key from its 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 hexadecimal digits: enough for a person to tell replies apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..16].to_owned()
    }

    /// A number that is different for different keys, as the seed of this call's jitter.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.iter().take(8).fold(0, |seed, &byte| (seed << 8) | u64::from(byte))
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role};

    fn prompt(text: &str) -> Prompt {
        let messages = vec![Message { role: Role::User, content: text.to_owned() }];
        Prompt { system: String::new(), messages, schema: None }
    }

    #[test]
    fn whatever_the_answer_may_depend_on_changes_the_key() {
        let (options, record) = (SamplingOptions::default(), RecordId::new("r").unwrap());
        let hot = SamplingOptions { temperature: Some(1.5), ..options.clone() };
        let (asked, other) = (prompt("a"), prompt("b"));
        let base = || CallIdentity {
            provider: "p",
            base_url: None,
            model: "m",
            options: &options,
            prompt_version: "1",
            prompt: &asked,
            record: &record,
            part: 0,
            sample: 0,
            twin: 0,
        };
        let second = RecordId::new("s").unwrap();
        let all = [
            base(),
            CallIdentity { provider: "q", ..base() },
            CallIdentity { base_url: Some("http://x"), ..base() },
            CallIdentity { model: "n", ..base() },
            CallIdentity { options: &hot, ..base() },
            CallIdentity { prompt_version: "2", ..base() },
            CallIdentity { prompt: &other, ..base() },
            CallIdentity { record: &second, ..base() },
            CallIdentity { part: 1, ..base() },
            CallIdentity { sample: 1, ..base() },
            CallIdentity { twin: 1, ..base() },
        ];
        let keys: std::collections::BTreeSet<CallKey> = all.iter().map(|id| id.key().unwrap()).collect();
        assert_eq!(keys.len(), all.len());
        assert_eq!(base().key().unwrap(), base().key().unwrap());
    }

    #[test]
    fn a_key_is_shown_as_hexadecimal() {
        let mut bytes = [0; 32];
        bytes[0] = 0xab;
        bytes[7] = 1;
        let key = CallKey::from_bytes(bytes);
        assert_eq!(key.short(), "ab00000000000001");
        assert_eq!(key.seed(), 0xab00_0000_0000_0001);
    }
}
