//! Drafts in two dimensions.

use std::collections::BTreeMap;

use ndarray::ArrayView2;
use serde::Serialize;

use super::cards::numbered;
use super::words::{percent, shown};
use super::{Figure, Material};
use crate::consensus::ConsensusPersona;
use crate::embed::{BlockEncoder, EmbedError, StaticEmbedder};
use crate::persona::{Draft, ModelName, TraitValue};
use crate::report::html::figure::{Point, scatter, shortened};
use crate::report::html::projection::{Projection, principal_plane};
use crate::report::html::tsne::neighbourhoods;

/// Drafts that are placed, at most.
const MOST: usize = 400;

/// Said where t-SNE gives way.
const NO_NEIGHBOURHOODS: &str =
    " t-SNE was asked for; it needs 4 drafts or more, some of them nearer to each other than to others.";

#[derive(Debug, Serialize)]
pub(super) struct Map {
    figure: Figure,
    groups: Vec<(usize, String)>,
}

/// The map; `None` where there are fewer than three drafts or they do not differ.
pub(super) fn map(material: &Material<'_>) -> Result<Option<Map>, EmbedError> {
    let models = material.summary.models();
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    let mut groups: Vec<(usize, String)> = Vec::new();
    for (number, persona) in numbered(material) {
        let own = said(persona);
        if drafts.len() + own.len() > MOST {
            break;
        }
        drafts.extend(own.into_iter().map(|draft| (groups.len(), draft)));
        let name = persona.traits.get("name").map(|name| shown(&name.value.to_string()));
        groups.push((number, name.unwrap_or_else(|| shown(&persona.persona_id))));
    }
    let embedder = StaticEmbedder::embedded()?;
    let own: Vec<Draft> = drafts.iter().map(|(_, draft)| draft.clone()).collect();
    if own.len() < 3 {
        return Ok(None);
    }
    let rows = BlockEncoder::new(&material.summary.schema, &embedder).vectors(&own)?;
    let Some(placed) = place(rows.view(), material.projection) else { return Ok(None) };
    let points: Vec<Point> = drafts
        .iter()
        .zip(&placed.points)
        .map(|((group, draft), at)| Point {
            at: *at,
            group: *group,
            model: models.iter().position(|model| *model == draft.model).unwrap_or(models.len()),
            label: format!(
                "{}, by {}",
                shortened(&groups[*group].1, 60),
                shortened(&shown(draft.model.as_str()), 60)
            ),
        })
        .collect();
    let names: Vec<String> = models.iter().map(|model| shown(model.as_str())).collect();
    let caption = format!(
        "{} drafts: colour and number tell the persona, shape the model. {}",
        points.len(),
        placed.words
    );
    let figure = Figure::new("map of drafts", scatter("map", placed.title, &points, &names), caption);
    Ok(Some(Map { figure, groups: if groups.len() > 24 { Vec::new() } else { groups } }))
}

/// Where drafts stand, and how that is to be read.
#[derive(Debug)]
struct Placed {
    points: Vec<[f64; 2]>,
    title: &'static str,
    words: String,
}

/// Places drafts in the plane; `None` where they do not differ. Where t-SNE finds nothing it says so and gives way
/// to principal components.
fn place(rows: ArrayView2<'_, f32>, projection: Projection) -> Option<Placed> {
    let plane = principal_plane(rows)?;
    if projection == Projection::Tsne
        && let Some(found) = neighbourhoods(rows, &plane.points)
    {
        let words = format!(
            "t-SNE of the drafts’ vectors (perplexity {:.1}, n {}), by the embedder that comes with consona. It keeps \
             neighbours together and nothing else: how far groups lie apart, how large they are and where the axes point \
             mean nothing.",
            found.perplexity,
            rows.nrows()
        );
        return Some(Placed { points: found.points, title: "Map of the drafts (t-SNE)", words });
    }
    let [one, other] = plane.explained;
    let mut words = format!(
        "Principal components of the drafts’ vectors (the two axes show {} and {} of their variance), by the embedder \
         that comes with consona. Distances here are a shadow: drafts that lie close may differ in what the plane does \
         not show.",
        percent(one),
        percent(other)
    );
    if projection == Projection::Tsne {
        words += NO_NEIGHBOURHOODS;
    }
    Some(Placed { points: plane.points, title: "Map of the drafts", words })
}

/// What each model said about a persona, as the drafts that they were.
fn said(persona: &ConsensusPersona) -> Vec<Draft> {
    let mut drafts: BTreeMap<(usize, &str), Draft> = BTreeMap::new();
    let place = |model: &ModelName| persona.models.iter().position(|name| name == model);
    for (name, found) in &persona.traits {
        let mut items: BTreeMap<(usize, &str), Vec<String>> = BTreeMap::new();
        for variant in &found.variants {
            for said in &variant.said {
                let Some(model) = place(&said.model) else { continue };
                let key = (model, said.origin.as_str());
                let draft = drafts
                    .entry(key)
                    .or_insert_with(|| Draft::new(persona.record.clone(), said.model.clone()));
                if found.kind == "list" {
                    items.entry(key).or_default().push(said.value.to_string());
                } else {
                    draft.traits.insert(name.clone(), said.value.clone());
                }
            }
        }
        for (key, items) in items {
            if let (Some(draft), Some(list)) = (drafts.get_mut(&key), TraitValue::list(items)) {
                draft.traits.insert(name.clone(), list);
            }
        }
    }
    drafts.into_values().collect()
}
