//! Drafts in two dimensions.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cards::numbered;
use super::words::{percent, shown};
use super::{Figure, Material};
use crate::consensus::ConsensusPersona;
use crate::embed::{BlockEncoder, EmbedError, StaticEmbedder};
use crate::persona::{Draft, ModelName, TraitValue};
use crate::report::html::figure::{Point, scatter, shortened};
use crate::report::html::projection::principal_plane;

/// Drafts that are placed, at most.
const MOST: usize = 400;

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
    let Some(plane) = principal_plane(rows.view()) else { return Ok(None) };
    let points: Vec<Point> = drafts
        .iter()
        .zip(&plane.points)
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
    let [one, other] = plane.explained;
    let caption = format!(
        "{} drafts: colour and number tell the persona, shape the model. Principal components of the drafts’ vectors \
         (the two axes show {} and {} of their variance), by the embedder that comes with consona. Distances here are a \
         shadow: drafts that lie close may differ in what the plane does not show.",
        points.len(),
        percent(one),
        percent(other)
    );
    let figure = Figure::new("map of drafts", scatter("map", "Map of the drafts", &points, &names), caption);
    Ok(Some(Map { figure, groups: if groups.len() > 24 { Vec::new() } else { groups } }))
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
