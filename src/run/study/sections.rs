//! The sections that other stages read, checked with the rest: what is wrong in them is known with its line.

use std::error::Error;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StudyError;
use super::check::Checker;
use super::file::StudyFile;
use crate::cluster::Algorithm;
use crate::consensus::{ConsensusError, ConsensusParams};
use crate::embed::{EmbedError, from_name};
use crate::run::embedding::EmbedderChoice;

impl Checker<'_> {
    /// Refuses sections that their stages could not use. What they name outside of the study (a calibration file, a
    /// model folder) is looked at by whoever opens it.
    pub(super) fn sections(&self, file: &StudyFile) -> Result<(), StudyError> {
        Self::embedder(&file.embedder).map_err(|error| self.wrong(None, "embedder", with_causes(&error)))?;
        if let Some(algorithm) = self.section::<Algorithm>("clustering", &file.clustering)? {
            algorithm.check().map_err(|error| self.wrong(None, "clustering", with_causes(&error)))?;
        }
        if file.consensus.is_array() {
            let reason = "a list stands here; give a mapping, such as `{item_support: 0.6}`";
            return Err(self.wrong(None, "consensus", reason));
        }
        let Some(params) = self.section::<ConsensusParams>("consensus", &file.consensus)? else {
            return Ok(());
        };
        params
            .clustering()
            .check()
            .map_err(|error| self.wrong(None, "consensus.algorithm", with_causes(&error)))?;
        // A calibration file is not open yet; every number can be checked all the same.
        let checked = match params.missing_calibration() {
            Some(_) => params.check_numbers(),
            None => params.check().map(drop),
        };
        checked.map_err(|error| match &error {
            ConsensusError::Setting { name, value, expected } => {
                self.wrong(None, format!("consensus.{name}"), format!("`{value}` is not {expected}"))
            }
            _ => self.wrong(None, "consensus", with_causes(&error)),
        })
    }

    fn embedder(section: &Value) -> Result<(), EmbedError> {
        match EmbedderChoice::from_section(section)? {
            // The table that ships is there, and a folder is looked at when it is opened.
            EmbedderChoice::Local(name) if name == "static" || name.starts_with("dir:") => Ok(()),
            EmbedderChoice::Local(name) => from_name(&name).map(drop),
            EmbedderChoice::Remote(_) => Ok(()),
        }
    }

    fn section<T: DeserializeOwned>(
        &self,
        name: &'static str,
        value: &Value,
    ) -> Result<Option<T>, StudyError> {
        if value.is_null() {
            return Ok(None);
        }
        serde_path_to_error::deserialize(value).map(Some).map_err(|error| {
            let path = error.path().to_string();
            let at = if path == "." { name.to_owned() } else { format!("{name}.{path}") };
            self.wrong(None, at, said(&error.into_inner().to_string()))
        })
    }
}

/// What serde says, in words of a study.
fn said(reason: &str) -> String {
    let mut text = reason.to_owned();
    for (jargon, words) in [
        ("invalid type: string", "this is the text"),
        ("invalid type: ", "this is "),
        ("invalid value: ", "this is "),
        (", expected f64", "; give a number"),
        (", expected u64", "; give a whole number"),
        (", expected usize", "; give a whole number"),
        (", expected struct ConsensusParams", "; give a mapping"),
        (", expected ", "; give "),
        ("unknown field", "there is no key"),
        ("unknown variant", "there is no"),
    ] {
        text = text.replace(jargon, words);
    }
    text
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}
