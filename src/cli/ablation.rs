//! A run beside the same panel without its evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::arguments::ProgressName;
use super::console::Console;
use super::drafts::Gathering;
use super::error::CliError;
use super::output::Output;
use super::run::ask;
use super::study::Questions;
use super::watch::Watch;
use crate::consensus::ablation::{Anyway, compare};
use crate::consensus::{ConsensusPersona, ConsensusValidParams, Engine};
use crate::embed::Embedder;
use crate::files::PanelDrafts;
use crate::persona::{RecordId, TraitSchema};
use crate::report::safe;
use crate::run::ablation::{Ablation, Evidence};
use crate::run::{self, ABLATION, Drafting, PlanSummary, Run, RunOutcome, Seats, Settings, Study, Unit};
use crate::store::{Money, Store};

/// `ablation.json`.
#[derive(Debug, Serialize)]
pub(super) struct Ablated {
    evidence: Evidence,
    units: usize,
    traits: BTreeMap<String, Anyway>,
}

/// How asking without evidence went.
#[derive(Debug)]
pub(super) enum Asked {
    /// Everything was asked; the answers.
    Finished(Store),
    /// Something is left to ask.
    Stopped {
        /// Whether because the money is used up.
        limit: bool,
    },
}

/// A panel that is asked without evidence.
pub(super) struct Asking<'a> {
    pub(super) study: &'a Study,
    pub(super) ablation: Ablation,
    pub(super) units: Vec<Unit>,
    pub(super) seats: Seats,
    pub(super) drafting: Arc<Drafting>,
    /// What the run itself has cost: the limit is for both together.
    pub(super) spent: Money,
    pub(super) plan: PlanSummary,
}

impl Asking<'_> {
    /// The records that are asked about.
    pub(super) fn records(&self) -> BTreeSet<RecordId> {
        self.units.iter().map(|unit| unit.record.clone()).collect()
    }

    /// Asks the panel, keeping its answers beside those of the run.
    pub(super) async fn ask(
        &self,
        folder: &Path,
        console: Console,
        progress: Option<ProgressName>,
    ) -> Result<Asked, CliError> {
        let store = Arc::new(Store::open(&folder.join(ABLATION))?);
        let mut identity = self.study.identity();
        identity["ablation"] = serde_json::json!(self.ablation);
        store.claim(&identity).await?;
        let mut settings = Settings::from(self.study);
        settings.max_cost = settings.max_cost.map(|limit| limit.less(self.spent));
        let run = Run::new(settings, self.seats.clone(), self.drafting.clone(), Arc::clone(&store))?;
        let units = Questions::Units(Box::new(self.units.clone().into_iter()));
        let report = ask(run, units, Watch::new(console, &self.plan, progress).from(&store)?, None).await?;
        let outcome = report.map(|report| report.outcome);
        let finished = if outcome == Some(RunOutcome::Complete) { Arc::into_inner(store) } else { None };
        let limit = matches!(outcome, Some(RunOutcome::LimitReached { .. }));
        Ok(finished.map_or(Asked::Stopped { limit }, Asked::Finished))
    }

    /// The answers that an earlier sitting stored; `None` when there are none.
    pub(super) fn stored(folder: &Path) -> Result<Option<Store>, CliError> {
        let folder = folder.join(ABLATION);
        Ok(if Store::exists(&folder) { Some(Store::read(&folder)?) } else { None })
    }

    /// What the answers without evidence come to, in the order of the input, and the schema they are read by.
    fn personas(
        &self,
        store: &Store,
        embedder: &dyn Embedder,
        settings: &ConsensusValidParams,
    ) -> Result<(Vec<ConsensusPersona>, TraitSchema), CliError> {
        let mut gathering = Gathering::new(&self.study.schema)?;
        for derived in run::drafts(store, self.drafting.as_ref(), &self.study.panel) {
            for draft in derived?.drafts.drafts() {
                gathering.take(draft)?;
            }
        }
        let gathered = gathering.finish(Vec::new())?;
        let panel = self.study.members();
        let source = PanelDrafts::new(&gathered.spool, &panel);
        let engine = Engine::new(&gathered.schema, embedder, panel.clone(), settings.clone())?;
        let learned = engine.learn(&source)?;
        let mut personas = Vec::new();
        engine.decide(&source, &learned, |some| {
            personas.extend(some);
            Ok(())
        })?;
        Ok((personas, gathered.schema))
    }

    /// Compares the run's personas with those of the answers without evidence, and writes `ablation.json`.
    pub(super) fn compare(
        &self,
        folder: &Path,
        embedder: &dyn Embedder,
        settings: &ConsensusValidParams,
        (with, answers): (&[ConsensusPersona], &Store),
    ) -> Result<(Ablated, PathBuf), CliError> {
        let (without, schema) = self.personas(answers, embedder, settings)?;
        let traits = compare(&schema, embedder, with, &without)?;
        let ablated = Ablated { evidence: self.ablation.evidence, units: self.units.len(), traits };
        let mut file = Output::create(folder, "ablation.json")?;
        file.json(&ablated)?;
        Ok((ablated, file.commit()?))
    }
}

impl Ablated {
    /// For people: what is said anyway.
    pub(super) fn text(&self) -> String {
        let how = match self.evidence {
            Evidence::Withheld => "Without any data",
            Evidence::Shuffled => "With another record's data",
        };
        let shares: Vec<String> = self
            .traits
            .iter()
            .map(|(name, anyway)| {
                format!("{} {:.0} % of {}", safe::line(name), 100.0 * anyway.share, anyway.values)
            })
            .collect();
        format!("{how} the panel says the same of: {} ({} asked again).\n", shares.join(", "), self.units)
    }
}
