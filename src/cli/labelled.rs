//! Drafts together with the gold about them.

use std::path::{Path, PathBuf};

use super::console::Console;
use super::error::CliError;
use super::inputs;
use crate::dataset::{DraftDefaults, Entry};
use crate::evaluate::{GoldCell, read_gold};
use crate::files::visit_drafts;
use crate::persona::{ModelName, RecordDrafts, TraitSchema};

/// Everything that an evaluation of the consensus, or a fit to gold, reads.
#[derive(Debug)]
pub(super) struct Labelled {
    pub(super) gold: Vec<GoldCell>,
    /// With the traits that had to be inferred.
    pub(super) schema: TraitSchema,
    pub(super) panel: Vec<ModelName>,
    pub(super) records: Vec<RecordDrafts>,
}

impl Labelled {
    pub(super) fn read(
        drafts: &[PathBuf],
        gold: &Path,
        models: &[String],
        console: Console,
    ) -> Result<Self, CliError> {
        let gold_text = inputs::text(gold)?;
        let gold =
            read_gold(&gold_text).map_err(|source| CliError::Gold { path: gold.to_owned(), source })?;
        let base = TraitSchema::default_persona();
        let (mut found, mut set_aside) = (Vec::new(), 0_usize);
        visit_drafts(drafts, &DraftDefaults::default(), &base, &mut |_, entry| {
            match entry {
                Entry::Item(draft) => found.push(draft),
                Entry::SetAside(reason) => {
                    set_aside += 1;
                    console.detail(&format!("set aside: {reason}"));
                }
            }
            Ok(())
        })?;
        if set_aside > 0 {
            console.note(&format!("{set_aside} drafts or traits were set aside; -v says why"));
        }
        let schema = base.with_inferred(&found);
        let panel = inputs::panel(models, &inputs::models(&found))?;
        let records = inputs::by_record(found, &panel);
        Ok(Self { gold, schema, panel, records })
    }
}
