//! What the templates are given: words and numbers, already chosen, not yet placed.

mod agreement;
mod cards;
mod divergence;
mod flow;
mod map;
mod models;
mod overview;
mod stages;
mod trust;
mod words;

use serde::Serialize;

use super::builder::Judged;
use super::projection::Projection;
use super::sample::Sample;
use super::stages::StoredStages;
use super::stored::{Metrics, Origin, StoredSummary};
use super::tallies::Tallies;
use crate::embed::EmbedError;

/// Everything that the report is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Material<'a> {
    pub(super) summary: &'a StoredSummary,
    pub(super) tallies: &'a Tallies,
    pub(super) sample: &'a Sample,
    pub(super) metrics: Option<&'a Metrics>,
    pub(super) origin: &'a Origin,
    pub(super) stages: Option<&'a StoredStages>,
    pub(super) gold: Option<&'a Judged>,
    pub(super) reasons: &'a [String],
    /// What a reader should know first.
    pub(super) notice: Option<&'a str>,
    /// What everything cost, and what of it the panel did not.
    pub(super) cost: Option<[f64; 2]>,
    pub(super) beside: Option<&'a str>,
    pub(super) projection: Projection,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub(super) struct View {
    title: String,
    product: String,
    /// Whether there is more than how the models were asked.
    has_personas: bool,
    overview: overview::Overview,
    stages: Option<stages::Stages>,
    cards: cards::Cards,
    divergence: divergence::Divergence,
    agreement: agreement::Agreement,
    map: Option<map::Map>,
    trust: trust::Trust,
    models: models::Models,
}

/// A drawing with its words. The drawing is markup of our own making, with all text escaped.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    /// What it shows, in few words of our own: it stands in an attribute.
    name: &'static str,
    title: &'static str,
    svg: String,
    caption: String,
}

impl Figure {
    fn new((name, title): (&'static str, &'static str), svg: String, caption: impl Into<String>) -> Self {
        Self { name, title, svg, caption: caption.into() }
    }
}

/// Chooses what is said.
pub(super) fn view(material: &Material<'_>) -> Result<View, EmbedError> {
    let summary = material.summary;
    let study = summary.asked.as_ref().map(|asked| words::shown(&asked.study));
    let cards = cards::cards(material);
    Ok(View {
        title: study.unwrap_or_else(|| "Consensus personas".to_owned()),
        product: format!(
            "{} {}",
            words::shown(&summary.product.name),
            words::shown(&summary.product.version)
        ),
        has_personas: summary.nothing.is_none(),
        overview: overview::overview(material),
        stages: material.stages.map(|stored| stages::stages(stored, material)),
        divergence: divergence::divergence(material),
        agreement: agreement::agreement(material),
        map: map::map(material)?,
        trust: trust::trust(material),
        models: models::models(material),
        cards,
    })
}
