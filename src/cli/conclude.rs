//! From stored answers to the files of personas: what a run and its recomputation have in common.

use std::path::Path;

use super::ablation::Asking;
use super::console::Console;
use super::error::CliError;
use super::personas::{Material, Outputs, Written, write};
use super::report;
use super::results::{self, Derived};
use super::study::questions;
use crate::consensus::ConsensusValidParams;
use crate::dataset::{Loaded, Record};
use crate::embed::Embedder;
use crate::run::{Drafting, Sources, Study};
use crate::store::Store;

/// Everything that a result is derived from, all of it stored.
pub(super) struct Conclusion<'a> {
    pub(super) study: &'a Study,
    pub(super) records: &'a Loaded<Record>,
    pub(super) drafting: &'a Drafting,
    pub(super) embedder: &'a dyn Embedder,
    pub(super) settings: ConsensusValidParams,
    /// Units of the plan.
    pub(super) units: u64,
    pub(super) derived: Derived,
    /// The panel without its evidence, where it was asked, and what it said.
    pub(super) without: Option<(Asking<'a>, Store)>,
    /// Whether the page to look at is written too.
    pub(super) report: bool,
}

impl Conclusion<'_> {
    /// Forms the personas and writes all files.
    pub(super) fn write(
        self,
        folder: &Path,
        mut outputs: Outputs,
        console: Console,
    ) -> Result<Written, CliError> {
        let Self { study, records, drafting, embedder, settings, units, derived, without, report } = self;
        let facts = results::asked(study, drafting, &derived, records, units);
        for reason in &records.set_aside {
            outputs.set_aside.line(reason)?;
        }
        let material = Material {
            gathered: derived.gathered,
            panel: study.members(),
            embedder,
            settings: settings.clone(),
            seed: study.seed,
            asked: Some(facts),
            keep: without.as_ref().map(|(asking, _)| asking.records()).unwrap_or_default(),
            sources: Some(Sources::of_units(questions(study, records, None)?.units())),
        };
        let mut written = write(material, outputs, console)?;
        written.files.extend(derived.files);
        if let Some((asking, answers)) = &without {
            let (ablated, file) = asking.compare(folder, embedder, &settings, (&written.kept, answers))?;
            written.files.push(file);
            written.ablation = Some(ablated);
        }
        if report {
            written.files.extend(report::beside(folder)?);
        }
        Ok(written)
    }
}
