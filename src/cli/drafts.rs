//! Drafts on their way from files or a run to the engine: set down, counted, their traits learned.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::CliError;
use super::output::Output;
use crate::dataset::{DraftDefaults, Entry, SetAside};
use crate::files::{FilesError, Spool, SpoolWriter, visit_drafts};
use crate::persona::{Draft, ModelName, TraitInference, TraitSchema};
use crate::report::InputCount;

/// Drafts, set down, and what is known about all of them.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) spool: Spool,
    /// With the traits that had to be inferred.
    pub(super) schema: TraitSchema,
    pub(super) by_model: BTreeMap<ModelName, usize>,
    pub(super) inputs: Vec<InputCount>,
}

/// Takes drafts one at a time.
#[derive(Debug)]
pub(super) struct Gathering<'a> {
    spool: SpoolWriter,
    inference: TraitInference<'a>,
    by_model: BTreeMap<ModelName, usize>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(schema: &'a TraitSchema) -> Result<Self, FilesError> {
        let inference = TraitInference::new(schema);
        Ok(Self { spool: SpoolWriter::new()?, inference, by_model: BTreeMap::new() })
    }

    pub(super) fn take(&mut self, draft: &Draft) -> Result<(), FilesError> {
        self.inference.observe(draft);
        *self.by_model.entry(draft.model.clone()).or_default() += 1;
        self.spool.push(draft)
    }

    pub(super) fn finish(self, inputs: Vec<InputCount>) -> Result<Gathered, FilesError> {
        let (spool, schema) = (self.spool.finish()?, self.inference.finish());
        Ok(Gathered { spool, schema, by_model: self.by_model, inputs })
    }
}

/// Reads files of drafts; what cannot be used goes to `aside`, a line each.
pub(super) fn gather(
    files: &[PathBuf],
    defaults: &DraftDefaults,
    schema: &TraitSchema,
    aside: &mut Output,
) -> Result<Gathered, CliError> {
    let mut gathering = Gathering::new(schema)?;
    let mut inputs: Vec<InputCount> = Vec::new();
    let mut first_reason: Option<SetAside> = None;
    visit_drafts(files, defaults, schema, &mut |input, entry| {
        let file = input.name();
        if inputs.last().is_none_or(|last| last.file != file) {
            inputs.push(InputCount { file, drafts: 0, set_aside: 0 });
        }
        match (entry, inputs.last_mut()) {
            (Entry::Item(draft), Some(count)) => {
                count.drafts += 1;
                gathering.take(&draft)?;
            }
            (Entry::SetAside(reason), Some(count)) => {
                count.set_aside += 1;
                aside.line(&reason)?;
                first_reason.get_or_insert(reason);
            }
            (_, None) => {}
        }
        Ok(())
    })?;
    let gathered = gathering.finish(inputs)?;
    if gathered.spool.is_empty() {
        let files: Vec<String> = files.iter().map(|path| format!("`{}`", path.display())).collect();
        let why = first_reason.map_or_else(|| "there are none".to_owned(), |reason| reason.to_string());
        return Err(CliError::NoDrafts { files: files.join(", "), why });
    }
    Ok(gathered)
}
