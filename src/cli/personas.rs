//! From gathered drafts to the files of personas: what `consensus` and `run` have in common.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ablation::Ablated;
use super::console::Console;
use super::drafts::Gathered;
use super::embedder::fetch_ahead;
use super::error::CliError;
use super::output::Output;
use crate::consensus::grounding::Grounding;
use crate::consensus::{
    ConfidenceStatus, ConsensusError, ConsensusPersona, ConsensusValidParams, DraftSource, Engine, Learned,
};
use crate::embed::{EmbedError, Embedder};
use crate::files::PanelDrafts;
use crate::persona::{ModelName, RecordId};
use crate::report::{
    Asked, Counts, PanelDependence, PanelMember, PersonaFiles, Product, Summary, safe, terminal_persona,
    wrapped,
};
use crate::run::Sources;

/// How many personas a terminal is shown; all of them are in the files.
const SHOWN: usize = 12;

/// The files of a result, opened before the expensive work: a folder that cannot be written to is
/// known then.
#[derive(Debug)]
pub(super) struct Outputs {
    lines: Output,
    table: Output,
    cards: Output,
    pub(super) set_aside: Output,
    summary: Output,
}

impl Outputs {
    /// Opens the files in a folder that is there.
    pub(super) fn create(folder: &Path) -> Result<Self, CliError> {
        Ok(Self {
            lines: Output::create(folder, "consensus.jsonl")?,
            table: Output::create(folder, "personas.csv")?,
            cards: Output::create(folder, "personas.md")?,
            set_aside: Output::create(folder, "set_aside.jsonl")?,
            summary: Output::create(folder, "summary.json")?,
        })
    }

    /// Puts the files in their places; the summary, which counts the others, comes last.
    fn commit(self) -> Result<Vec<PathBuf>, CliError> {
        let files = [self.lines, self.table, self.cards, self.set_aside, self.summary];
        Ok(files.into_iter().map(Output::commit).collect::<Result<_, _>>()?)
    }
}

/// Everything that personas are made of.
#[derive(Debug)]
pub(super) struct Material<'a> {
    pub(super) gathered: Gathered,
    pub(super) panel: Vec<ModelName>,
    pub(super) embedder: &'a dyn Embedder,
    pub(super) settings: ConsensusValidParams,
    pub(super) seed: u64,
    pub(super) asked: Option<Asked>,
    /// What the drafts were made from, where that is known.
    pub(super) sources: Option<Sources>,
    /// Records whose personas are wanted in memory too.
    pub(super) keep: BTreeSet<RecordId>,
}

/// A result that stands in its files.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) files: Vec<PathBuf>,
    /// What the panel says without the evidence, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ablation: Option<Ablated>,
    #[serde(skip)]
    pub(super) kept: Vec<ConsensusPersona>,
    #[serde(skip)]
    shown: Vec<ConsensusPersona>,
}

/// Forms the personas and writes them.
pub(super) fn write(
    material: Material<'_>,
    mut outputs: Outputs,
    console: Console,
) -> Result<Written, CliError> {
    let Material { gathered, panel, embedder, settings, seed, asked, sources, keep } = material;
    let Gathered { spool, schema, by_model, inputs } = gathered;
    let used = panel.iter().filter_map(|model| by_model.get(model)).sum();
    let source = PanelDrafts::new(&spool, &panel);
    fetch_ahead(embedder, &schema, &panel, &settings, &source, console)?;
    let engine = Engine::new(&schema, embedder, panel.clone(), settings.clone())?;
    console.detail(&format!("learning from {} records", spool.len()));
    let learned = engine.learn(&source)?;
    console.detail("leaving out each model in turn");
    let diagnosis = engine.diagnose(&source, &learned)?;
    let mut counts = Counts::of_reading(&inputs, used);
    let files = PersonaFiles::new(&schema, &mut outputs.lines, &mut outputs.table, &mut outputs.cards)?;
    let grounding =
        sources.map(|sources| Ok::<_, CliError>((sources, Grounding::new(embedder)?))).transpose()?;
    let in_streams = asked.as_ref().is_some_and(|asked| !asked.workstreams.is_empty());
    let grounded = |personas: &mut [ConsensusPersona]| match (&grounding, personas.first()) {
        (Some((sources, grounding)), Some(first)) => match sources.get(&first.record) {
            Some(source) => grounding.check(personas, &source),
            None => Ok(()),
        },
        _ => Ok(()),
    };
    let mut kept = Vec::new();
    let mut each = |personas: &mut [ConsensusPersona]| {
        for persona in personas.iter_mut().filter(|_| in_streams) {
            // A stream asks models of its own: the rest of the panel is not silent, but was not asked.
            persona.n_panel = persona.n_models;
        }
        grounded(personas)?;
        kept.extend(personas.iter().filter(|persona| keep.contains(&persona.record)).cloned());
        Ok(())
    };
    let shown = decide(&engine, (&source, &learned), &mut each, files, &mut counts, console)?;
    let speaking =
        panel.iter().filter(|model| by_model.get(*model).is_some_and(|drafts| *drafts > 0)).count();
    let summary = Summary {
        product: Product::this(),
        asked,
        counts,
        inputs,
        panel: PanelMember::panel(&panel, &by_model, &learned),
        learned: (&learned).into(),
        calibrated: settings.confidence_status() == ConfidenceStatus::Calibrated,
        calibration: (&settings).into(),
        dependence: PanelDependence::of(&panel, speaking, &learned.dependence),
        diagnosis,
        seed,
        embedder: embedder.name().to_owned(),
        settings,
        schema,
    };
    outputs.summary.json(&summary)?;
    Ok(Written { summary, files: outputs.commit()?, ablation: None, kept, shown })
}

/// Decides every record, writes what was decided and gives the first personas for showing.
fn decide<W: Write>(
    engine: &Engine<'_>,
    (source, learned): (&PanelDrafts<'_>, &Learned),
    each: &mut dyn FnMut(&mut [ConsensusPersona]) -> Result<(), EmbedError>,
    mut files: PersonaFiles<'_, W>,
    counts: &mut Counts,
    console: Console,
) -> Result<Vec<ConsensusPersona>, CliError> {
    let mut shown: Vec<ConsensusPersona> = Vec::new();
    let bar = console.progress("deciding", source.records());
    engine.decide(source, learned, |mut personas| {
        each(&mut personas).map_err(|source| ConsensusError::Embed {
            record: personas.first().map(|persona| persona.record.to_string()).unwrap_or_default(),
            source,
        })?;
        counts.add_record(&personas);
        files.add(&personas).map_err(|error| ConsensusError::Source(Box::new(error)))?;
        shown.extend(personas.into_iter().take(SHOWN - shown.len()));
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    files.finish()?;
    Ok(shown)
}

impl Written {
    /// What a person is told: the first personas, the counts, and where the files are.
    pub(super) fn text(&self, width: usize) -> String {
        let mut text = String::new();
        if let Some(warning) = self.summary.warning() {
            text.extend([&wrapped(&format!("Warning: {warning}"), width), "\n"]);
        }
        for persona in &self.shown {
            text.push_str(&terminal_persona(&self.summary.schema, persona, width));
            text.push('\n');
        }
        let more = self.summary.counts.personas - self.shown.len();
        if more > 0 {
            text.extend(["… and ", &more.to_string(), " more in the files.\n\n"]);
        }
        text.push_str(&wrapped(&self.summary.to_string(), width));
        if let Some(ablation) = &self.ablation {
            text.push_str(&wrapped(&ablation.text(), width));
        }
        text.push_str("Files:\n");
        for path in &self.files {
            text.extend(["  ", &safe::line(&path.display().to_string()), "\n"]);
        }
        text
    }
}
