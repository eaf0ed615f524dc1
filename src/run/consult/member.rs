//! A panel member that stands in no study.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::ConsultError;
use crate::provider::Dialect;
use crate::run::study::{PanelMember, Study, StudyError};

/// What a caller may say about a model beside its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberOptions {
    /// Where it answers, instead of the provider's usual place.
    pub base_url: Option<String>,
    /// The wire format, where the provider is not known.
    pub dialect: Option<Dialect>,
    /// The environment variable of its key; `none` sends no key.
    pub key_variable: Option<String>,
    /// Recorded replies, for the provider `replay`.
    pub recording: Option<PathBuf>,
    /// Seconds that one attempt may take.
    pub timeout: Option<f64>,
}

/// The member that `provider:model` names, checked as a study's members are.
///
/// # Errors
/// [`ConsultError::Model`] with the name and what is wrong.
pub fn member(model: &str, options: &MemberOptions) -> Result<PanelMember, ConsultError> {
    let mut entry = json!({ "model": model });
    let given = [
        ("base_url", options.base_url.clone()),
        ("dialect", options.dialect.map(|dialect| dialect.name().to_owned())),
        ("api_key_env", options.key_variable.clone()),
        // Only `replay` reads recordings; one is given for all models of a command.
        ("recording", recording(model, options)),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    if let Some(seconds) = options.timeout {
        entry["timeouts"] = json!({ "total": seconds, "first_byte": seconds.min(86_400.0) });
    }
    // A study that asks nobody else about nothing: its loader is the one place that knows what a member is.
    let study = json!({ "name": "consultation", "input": { "path": "-" }, "panel": [entry] });
    let refuse = |reason: String| ConsultError::Model { model: model.to_owned(), reason };
    let study =
        Study::parse(&study.to_string(), Path::new(""), &|_| Err(std::io::ErrorKind::NotFound.into()))
            .map_err(|error| match error {
                StudyError::Value { reason, .. } => refuse(reason),
                other => refuse(other.to_string()),
            })?;
    study.panel.into_iter().next().ok_or_else(|| refuse("it names nobody".to_owned()))
}

fn recording(model: &str, options: &MemberOptions) -> Option<String> {
    let recording = options.recording.as_ref().filter(|_| model.starts_with("replay:"))?;
    Some(recording.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_in_a_study() {
        let member = member("ollama:llama3:8b", &MemberOptions::default()).unwrap();
        assert_eq!((member.provider.as_str(), member.model.as_str()), ("ollama", "llama3:8b"));
        let error = super::member("gpt-5", &MemberOptions::default()).unwrap_err().to_string();
        assert!(error.contains("write `provider:model`"), "{error}");
        let error = super::member("opnai:x", &MemberOptions::default()).unwrap_err().to_string();
        assert!(error.contains("did you mean `openai`"), "{error}");
    }

    #[test]
    fn a_recording_is_for_replayed_models_only() {
        let options = MemberOptions { recording: Some("r.jsonl".into()), ..MemberOptions::default() };
        assert_eq!(member("replay:a", &options).unwrap().recording, Some(PathBuf::from("r.jsonl")));
        assert_eq!(member("ollama:a", &options).unwrap().recording, None);
    }
}
