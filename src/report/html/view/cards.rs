//! One card per persona: every trait with its confidence, its support and its passages.

use std::borrow::Cow;

use serde::Serialize;

use super::Material;
use super::stages::{Narrative, narrative};
use super::words::{confidence, label, shown, status, thousands};
use crate::consensus::grounding::{Basis, Citations, FoundBy, of_item, passages};
use crate::consensus::{
    CitedEvidence, ConfidenceStatus, ConsensusPersona, DissentKind, PersonaKind, TraitConsensus,
};
use crate::persona::{ModelName, TraitValue};
use crate::report::html::figure::confidence_bar;
use crate::report::markdown::of_dissenter;
use crate::report::table::in_order;
use crate::report::wording::{basis_words, citation_words, described, models_said};

/// All cards that are shown.
#[derive(Debug, Serialize)]
pub(super) struct Cards {
    /// Said where not all are shown.
    partial: Option<String>,
    records: Vec<Record>,
}

#[derive(Debug, Serialize)]
struct Record {
    name: String,
    consensus: Vec<Card>,
    minority: Vec<Card>,
}

#[derive(Debug, Serialize)]
struct Card {
    /// Number in the report: the anchor is made of it, never of an id.
    number: usize,
    name: Option<String>,
    id: String,
    confidence: String,
    status: &'static str,
    support: String,
    models: String,
    duplicates: Option<String>,
    divergent: usize,
    narrative: Option<Narrative>,
    traits: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    items: Vec<Item>,
    is_list: bool,
    confidence: String,
    bar: String,
    status: &'static str,
    support: String,
    marks: Vec<Mark>,
    /// Ranges and sets.
    notes: Vec<String>,
    otherwise: Vec<Otherwise>,
    passages: Vec<Passage>,
}

#[derive(Debug, Serialize)]
struct Item {
    text: String,
    support: Option<String>,
    /// Of an item without a passage in a list that has some.
    mark: Option<Mark>,
}

/// A word that stands beside a value, with what it means.
#[derive(Debug, Serialize)]
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) word: Cow<'static, str>,
}

fn mark(class: &'static str, word: impl Into<Cow<'static, str>>) -> Mark {
    Mark { class, word: word.into() }
}

#[derive(Debug, Serialize)]
struct Otherwise {
    model: String,
    value: String,
    why: &'static str,
    passages: Vec<Passage>,
}

#[derive(Debug, Serialize)]
struct Passage {
    quote: String,
    model: String,
    /// Of a list: the item that it speaks for.
    item: Option<String>,
    row: Option<String>,
    found: Option<Mark>,
}

/// Every persona that is shown, numbered from 1 in the order of the cards.
pub(super) fn numbered<'a>(material: &Material<'a>) -> Vec<(usize, &'a ConsensusPersona)> {
    let records = material.sample.records();
    let ordered = records.into_iter().flat_map(|personas| {
        let of = move |kind| personas.iter().filter(move |persona| persona.kind == kind);
        of(PersonaKind::Consensus).chain(of(PersonaKind::Minority))
    });
    ordered.enumerate().map(|(place, persona)| (place + 1, persona)).collect()
}

pub(super) fn cards(material: &Material<'_>) -> Cards {
    let mut records: Vec<Record> = Vec::new();
    let mut last = None;
    for (number, persona) in numbered(material) {
        if last != Some(&persona.record) {
            let name = shown(persona.record.as_str());
            records.push(Record { name, consensus: Vec::new(), minority: Vec::new() });
            last = Some(&persona.record);
        }
        let Some(record) = records.last_mut() else { continue };
        match persona.kind {
            PersonaKind::Consensus => record.consensus.push(card(number, persona, material)),
            PersonaKind::Minority => record.minority.push(card(number, persona, material)),
        }
    }
    let partial = material.sample.is_partial().then(|| {
        let rest =
            material.beside.map(|file| format!(" All personas are in {}.", shown(file))).unwrap_or_default();
        format!(
            "Shown are the {} records of {} about which the models disagree most.{rest}",
            records.len(),
            thousands(material.sample.records as u64)
        )
    });
    Cards { partial, records }
}

fn card(number: usize, persona: &ConsensusPersona, material: &Material<'_>) -> Card {
    let names = |models: &[ModelName]| -> String {
        models.iter().map(|model| shown(model.as_str())).collect::<Vec<_>>().join(", ")
    };
    let traits = in_order(&material.summary.schema, persona);
    let mut told = material.stages.iter().flat_map(|stages| &stages.narratives);
    Card {
        number,
        name: persona.traits.get("name").map(|name| shown(&name.value.to_string())),
        id: shown(&persona.persona_id),
        confidence: confidence(persona.confidence, persona.confidence_status),
        status: status(persona.confidence_status),
        support: described(persona),
        models: names(&persona.models),
        duplicates: (!persona.merged_duplicates.is_empty()).then(|| names(&persona.merged_duplicates)),
        divergent: persona.traits.values().filter(|found| found.divergent).count(),
        narrative: told.find(|told| told.persona_id == persona.persona_id).map(narrative),
        traits: traits
            .into_iter()
            .filter(|(name, _)| *name != "name")
            .map(|(name, found)| row(name, found))
            .collect(),
    }
}

fn row(name: &str, found: &TraitConsensus) -> Row {
    let items = match &found.value {
        TraitValue::List(items) => items.iter().map(|item| listed(item, found)).collect(),
        value => vec![Item { text: shown(&value.to_string()), support: None, mark: None }],
    };
    let mut notes = Vec::new();
    if let Some([low, high]) = found.interval.filter(|[low, high]| low < high) {
        notes.push(format!("middle 80 % of the votes: {low} to {high}"));
    }
    notes.extend(models_said(found).as_deref().map(shown));
    notes.extend(found.prediction_set.as_ref().map(|set| shown(&crate::report::wording::set_words(set))));
    Row {
        name: label(name),
        items,
        is_list: matches!(found.value, TraitValue::List(_)),
        confidence: confidence(found.confidence, found.confidence_status),
        bar: confidence_bar(found.confidence, found.confidence_status != ConfidenceStatus::Uncalibrated),
        status: status(found.confidence_status),
        support: format!("{} of {}", found.support, found.n_models),
        marks: marks(found),
        notes,
        otherwise: otherwise(found),
        passages: passages(found).filter(|cited| !is_of_dissenter(cited, found)).map(passage).collect(),
    }
}

/// An item of a list, with the models behind it.
fn listed(item: &str, found: &TraitConsensus) -> Item {
    let variant = found.variants.iter().find(|variant| variant.value.to_string() == item);
    Item {
        text: shown(item),
        support: variant.map(|variant| format!("{} of {}", variant.models.len(), found.n_models)),
        mark: match (found.backing.map(|backing| backing.basis), of_item(found, item)) {
            (Some(Basis::Evidence), none @ (Citations::Nothing | Citations::NotFound)) => {
                Some(mark("unsupported", citation_words(none)))
            }
            _ => None,
        },
    }
}

fn marks(found: &TraitConsensus) -> Vec<Mark> {
    let mut marks = Vec::new();
    if found.divergent {
        marks.push(mark("divergent", "divergent"));
    }
    if found.lacks_majority() {
        marks.push(mark("divergent", "no majority"));
    }
    marks.extend(found.backing.map(|backing| {
        let class = match backing.basis {
            Basis::Evidence => "evidence",
            Basis::Echo => "echo",
            Basis::Unsupported => "unsupported",
        };
        mark(class, basis_words(&backing))
    }));
    marks
}

/// Why an answer is pointed out, in few words.
pub(super) fn why(kind: DissentKind) -> &'static str {
    match kind {
        DissentKind::Contradiction => "contradicts",
        DissentKind::Bimodal => "second group",
        DissentKind::SplitPanel => "panel divided",
        DissentKind::Outlier => "stands alone",
    }
}

fn otherwise(found: &TraitConsensus) -> Vec<Otherwise> {
    let said = found.dissent.iter().map(|one| Otherwise {
        model: shown(one.model.as_str()),
        value: shown(&one.value.to_string()),
        why: why(one.kind),
        passages: of_dissenter(found, &one.model).map(passage).collect(),
    });
    said.collect()
}

/// Whether a passage is told with what somebody says otherwise.
fn is_of_dissenter(cited: &CitedEvidence, found: &TraitConsensus) -> bool {
    found.dissent.iter().any(|one| of_dissenter(found, &one.model).any(|other| other == cited))
}

fn passage(cited: &CitedEvidence) -> Passage {
    let found = cited.found.as_ref();
    let row = found.and_then(|found| found.row.as_deref()).or(cited.row.as_deref());
    Passage {
        quote: shown(&cited.quote),
        model: shown(cited.model.as_str()),
        item: cited.item.as_deref().map(shown),
        row: row.map(shown),
        found: found.map(|found| match found.by {
            FoundBy::Exact => mark("evidence", "word by word"),
            FoundBy::Fuzzy => mark("evidence", "nearly word by word"),
            FoundBy::Meaning => mark("evidence", "by meaning"),
            FoundBy::Nothing => mark("echo", "not in the source"),
        }),
    }
}
