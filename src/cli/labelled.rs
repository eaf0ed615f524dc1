//! Drafts together with the gold about them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::console::Console;
use super::error::CliError;
use super::inputs;
use crate::dataset::{DraftDefaults, Entry};
use crate::evaluate::{GoldCell, read_gold};
use crate::files::visit_drafts;
use crate::persona::{ModelName, RecordDrafts, RecordId, TraitSchema};
use crate::report::safe;

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
        gold_path: &Path,
        models: &[String],
        console: Console,
    ) -> Result<Self, CliError> {
        let gold = read_gold(&inputs::text(gold_path)?)
            .map_err(|source| CliError::Gold { path: gold_path.to_owned(), source })?;
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
        let labelled = Self { gold, schema, panel, records };
        labelled.tell_of_strangers(gold_path, console)?;
        Ok(labelled)
    }

    /// Says how many labelled values the drafts say nothing about.
    ///
    /// # Errors
    /// [`CliError::GoldElsewhere`] when that is all of them.
    fn tell_of_strangers(&self, path: &Path, console: Console) -> Result<(), CliError> {
        let spoken: BTreeSet<(&RecordId, String)> = self
            .records
            .iter()
            .flat_map(RecordDrafts::drafts)
            .flat_map(|draft| draft.traits.keys().map(|name| (&draft.record, name.clone())))
            .collect();
        // Gold may call a trait by another of its names.
        let named = |name: &str| self.schema.get(name).map_or(name, |definition| &definition.name).to_owned();
        let strange = |cell: &&GoldCell| !spoken.contains(&(&cell.record, named(&cell.name)));
        let strangers: Vec<&GoldCell> = self.gold.iter().filter(strange).collect();
        let Some(first) = strangers.first() else { return Ok(()) };
        if strangers.len() == self.gold.len() {
            return Err(CliError::GoldElsewhere {
                path: path.to_owned(),
                record: first.record.to_string(),
                name: first.name.clone(),
                known: self.records.first().map(|record| record.record().to_string()).unwrap_or_default(),
            });
        }
        let (path, count, all) = (path.display(), strangers.len(), self.gold.len());
        console.note(&format!(
            "{count} of {all} labelled values of `{path}` are about records or traits that no draft of the panel speaks of: \
             an evaluation counts them as wrong, a fit leaves them out; the first is `{}` of `{}`",
            safe::line(&first.name),
            safe::line(first.record.as_str())
        ));
        Ok(())
    }
}
