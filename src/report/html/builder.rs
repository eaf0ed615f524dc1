//! Takes a stored result apart and puts the report together.

use super::projection::Projection;
use super::render::{HtmlError, render};
use super::sample::Sample;
use super::stages::StoredStages;
use super::stored::{Metrics, Origin, StoredAnswer, StoredSummary};
use super::tallies::Tallies;
use super::view::{Material, view};
use crate::consensus::{ConfidenceStatus, ConsensusPersona};
use crate::evaluate::{GoldCell, wording};
use crate::persona::RecordId;

/// Reasons for what was set aside that are listed, at most.
const REASONS: usize = 20;

/// Makes the HTML report of a result: personas in the order of the result, then [`Self::finish`].
#[derive(Debug)]
pub struct ReportBuilder {
    summary: StoredSummary,
    tallies: Tallies,
    sample: Sample,
    record: Vec<ConsensusPersona>,
    first: Option<RecordId>,
    metrics: Option<Metrics>,
    origin: Origin,
    stages: Option<StoredStages>,
    gold: Option<Judged>,
    reasons: Vec<String>,
    notice: Option<String>,
    cost: Option<[f64; 2]>,
    beside: Option<String>,
    projection: Projection,
}

/// Values that somebody judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    cells: std::collections::BTreeMap<(RecordId, String), GoldCell>,
    pub(super) confidences: Vec<f64>,
    pub(super) credits: Vec<f64>,
    pub(super) uncalibrated: usize,
}

impl ReportBuilder {
    /// Begins a report of a result.
    #[must_use]
    pub fn new(summary: StoredSummary) -> Self {
        let tallies = Tallies::new(&summary.models());
        Self {
            summary,
            tallies,
            sample: Sample::default(),
            record: Vec::new(),
            first: None,
            metrics: None,
            origin: Origin::default(),
            stages: None,
            gold: None,
            reasons: Vec::new(),
            notice: None,
            cost: None,
            beside: None,
            projection: Projection::default(),
        }
    }

    /// Adds the sitting that the result was made in.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Adds what the run folder knows about its own making.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Adds what the stages of a pipeline left beside the personas.
    #[must_use]
    pub fn with_stages(mut self, stages: StoredStages) -> Self {
        self.stages = Some(stages);
        self
    }

    /// Adds values that somebody judged, for the reliability diagram.
    #[must_use]
    pub fn with_gold(mut self, gold: Vec<GoldCell>) -> Self {
        // Gold may use another of the trait's names.
        let name = |cell: &GoldCell| {
            self.summary
                .schema
                .get(&cell.name)
                .map_or(cell.name.clone(), |definition| definition.name.clone())
        };
        let cells = gold.into_iter().map(|cell| ((cell.record.clone(), name(&cell)), cell)).collect();
        self.gold = Some(Judged { cells, ..Judged::default() });
        self
    }

    /// Says something first that a reader should know, such as that nobody has approved the personas.
    #[must_use]
    pub fn with_notice(mut self, notice: &str) -> Self {
        self.notice = Some(notice.to_owned());
        self
    }

    /// With what everything cost, and what of it stages and an ablation did; without it, the panel's calls are added up.
    #[must_use]
    pub fn with_cost(mut self, total: f64, beside_the_panel: f64) -> Self {
        self.cost = Some([total, beside_the_panel]);
        self
    }

    /// Names the file that stands beside the report and holds all personas.
    #[must_use]
    pub fn with_rest(mut self, file: &str) -> Self {
        self.beside = Some(file.to_owned());
        self
    }

    /// Chooses how the map places drafts; principal components by default.
    #[must_use]
    pub fn with_projection(mut self, projection: Projection) -> Self {
        self.projection = projection;
        self
    }

    /// Adds a persona; those of one record come one after the other.
    pub fn add(&mut self, persona: ConsensusPersona) {
        self.tallies.add(&persona);
        self.first.get_or_insert_with(|| persona.record.clone());
        if let Some(gold) = &mut self.gold {
            gold.judge(&persona);
        }
        if self.record.last().is_some_and(|last| last.record != persona.record) {
            self.sample.add(std::mem::take(&mut self.record));
        }
        self.record.push(persona);
    }

    /// Adds a call.
    pub fn add_call(&mut self, call: &StoredAnswer) {
        self.tallies.call(call);
    }

    /// Adds a reason for something that was set aside; the first twenty are listed.
    pub fn add_reason(&mut self, reason: &str) {
        if self.reasons.len() < REASONS {
            self.reasons.push(reason.to_owned());
        }
    }

    /// Whether the result has personas to add.
    #[must_use]
    pub fn has_personas(&self) -> bool {
        self.summary.nothing.is_none()
    }

    /// The first judged value, where none of them is about a value of the personas that were added.
    #[must_use]
    pub fn gold_of_nothing_here(&self) -> Option<&GoldCell> {
        let gold = self.gold.as_ref().filter(|gold| gold.credits.is_empty())?;
        gold.cells.values().next()
    }

    /// The first record of which a persona was added.
    #[must_use]
    pub fn first_record(&self) -> Option<String> {
        self.first.as_ref().map(RecordId::to_string)
    }

    /// Whether more records came than are shown.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.sample.is_partial()
    }

    /// Takes the last record in; after it [`Self::is_partial`] is final.
    pub fn close(&mut self) {
        if !self.record.is_empty() {
            self.sample.add(std::mem::take(&mut self.record));
        }
    }

    /// The report.
    ///
    /// # Errors
    /// [`HtmlError`] of the embedder that places drafts on the map, or of a template.
    pub fn finish(mut self) -> Result<String, HtmlError> {
        self.close();
        self.tallies.asked.close();
        let Self {
            summary,
            tallies,
            sample,
            metrics,
            origin,
            stages,
            gold,
            reasons,
            notice,
            cost,
            beside,
            projection,
            ..
        } = self;
        render(&view(&Material {
            summary: &summary,
            tallies: &tallies,
            sample: &sample,
            metrics: metrics.as_ref(),
            origin: &origin,
            stages: stages.as_ref(),
            gold: gold.as_ref(),
            reasons: &reasons,
            notice: notice.as_deref(),
            cost,
            beside: beside.as_deref(),
            projection,
        })?)
    }
}

impl Judged {
    fn judge(&mut self, persona: &ConsensusPersona) {
        for (name, found) in &persona.traits {
            // What a person set says nothing about the models.
            if found.was.is_some() {
                continue;
            }
            if let Some(cell) = self.cells.get(&(persona.record.clone(), name.clone())) {
                // What is judged is what somebody wrote, not how it is shown.
                let wording = found.variants.first().and_then(wording);
                self.confidences.push(found.confidence);
                self.credits.push(wording.map_or(0.0, |wording| cell.credit(&wording)));
                self.uncalibrated += usize::from(found.confidence_status == ConfidenceStatus::Uncalibrated);
            }
        }
    }
}
