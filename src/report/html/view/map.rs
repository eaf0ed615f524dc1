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
use crate::report::html::figure::{COLOURS, NUMBERED, Point, SHAPES, scatter, shortened};
use crate::report::html::projection::{Projection, principal_plane};
use crate::report::html::tsne::neighbourhoods;

/// Drafts that are placed, at most.
const MOST: usize = 400;

/// Said where t-SNE gives way.
const NO_NEIGHBOURHOODS: &str =
    " t-SNE was asked for; it needs 4 drafts or more, some of them nearer to each other than to others.";

/// A draft with the place of its group.
type Grouped = (usize, Draft);
/// The number of a persona's card, and what it is called.
type Group = (usize, String);

#[derive(Debug, Serialize)]
pub(super) struct Map {
    figure: Figure,
    groups: Vec<Group>,
}

/// The map; `None` where there are fewer than three drafts or they do not differ.
pub(super) fn map(material: &Material<'_>) -> Result<Option<Map>, EmbedError> {
    let speaking = material.summary.panel.iter().filter(|member| member.drafts > 0);
    let models: Vec<ModelName> = speaking.map(|member| member.model.clone()).collect();
    let (drafts, groups) = placed_drafts(material);
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
        "{} {}",
        key((points.len(), groups.len()), material.tallies.personas, models.len()),
        placed.words
    );
    let title = ("map of drafts", placed.title);
    let figure = Figure::new(title, scatter("map", placed.title, &points, &names), caption);
    Ok(Some(Map { figure, groups: if groups.len() > NUMBERED { Vec::new() } else { groups } }))
}

/// The drafts that are placed, each with its group, and the groups: persona by persona, as many as fit.
fn placed_drafts(material: &Material<'_>) -> (Vec<Grouped>, Vec<Group>) {
    let mut drafts: Vec<Grouped> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for (number, persona) in numbered(material) {
        let own = said(persona);
        if drafts.len() + own.len() > MOST {
            break;
        }
        drafts.extend(own.into_iter().map(|draft| (groups.len(), draft)));
        let name = persona.traits.get("name").map(|name| shown(&name.value.to_string()));
        groups.push((number, name.unwrap_or_else(|| shown(&persona.persona_id))));
    }
    (drafts, groups)
}

/// What is shown, and what tells persona and model: colours begin again, and numbers end.
fn key((drafts, shown): (usize, usize), personas: usize, models: usize) -> String {
    let of = if shown < personas {
        format!("{drafts} drafts of {shown} of {personas} personas, those of the first cards")
    } else {
        format!("{drafts} drafts of {personas} personas")
    };
    let persona = if shown <= COLOURS {
        "colour and number tell the persona"
    } else if shown <= NUMBERED {
        "the number tells the persona, colours begin again"
    } else {
        "what lies under the pointer is named, and colours begin again"
    };
    let model = if models <= SHAPES { "shape" } else { "letter" };
    format!("{of}: {persona}, the {model} tells the model.")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caption_claims_no_more_than_the_map_shows() {
        assert_eq!(
            key((389, 22), 109, 19),
            "389 drafts of 22 of 109 personas, those of the first cards: the number tells the persona, colours begin \
             again, the letter tells the model."
        );
        assert!(
            key((12, 4), 4, 3)
                .starts_with("12 drafts of 4 personas: colour and number tell the persona, the shape")
        );
        assert!(key((90, 30), 30, 3).contains("what lies under the pointer is named"));
    }
}
