//! Personas for tests, formed by the real engine.

use std::sync::LazyLock;

use crate::consensus::{ConsensusParams, ConsensusPersona, Engine};
use crate::embed::StaticEmbedder;
use crate::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema, TraitValue};

static EMBEDDER: LazyLock<StaticEmbedder> = LazyLock::new(|| StaticEmbedder::embedded().expect("shipped"));

/// The embedder that ships.
pub(crate) fn embedder() -> &'static StaticEmbedder {
    &EMBEDDER
}

/// One model's draft about record `r`; `;` separates the items of `goals`.
pub(crate) fn said(model: &str, traits: &[(&str, &str)]) -> Draft {
    about("r", model, traits)
}

/// One model's draft about a record.
pub(crate) fn about(record: &str, model: &str, traits: &[(&str, &str)]) -> Draft {
    let record = RecordId::new(record).expect("valid");
    let mut draft = Draft::new(record, ModelName::new(model).expect("valid"));
    for (name, value) in traits {
        let value = match *name {
            "goals" | "pain_points" => TraitValue::list(value.split(';')).expect("items"),
            _ => TraitValue::text(value).expect("a value"),
        };
        draft.traits.insert((*name).to_owned(), value);
    }
    draft
}

/// The personas of drafts, one a record, in the order of the records' first drafts.
pub(crate) fn personas(drafts: &[Draft]) -> Vec<ConsensusPersona> {
    let mut panel: Vec<ModelName> = drafts.iter().map(|draft| draft.model.clone()).collect();
    panel.sort();
    panel.dedup();
    let mut ids: Vec<RecordId> = Vec::new();
    for draft in drafts {
        if !ids.contains(&draft.record) {
            ids.push(draft.record.clone());
        }
    }
    let records: Vec<RecordDrafts> = ids
        .into_iter()
        .map(|id| {
            let own = drafts.iter().filter(|draft| draft.record == id).cloned().collect();
            RecordDrafts::new(id, own, &panel)
        })
        .collect();
    let (schema, embedder) = (TraitSchema::default_persona().with_inferred(drafts), embedder());
    let settings = ConsensusParams::new().check().expect("valid");
    let engine = Engine::new(&schema, embedder, panel, settings).expect("valid");
    let learned = engine.learn(records.as_slice()).expect("learns");
    let mut found = Vec::new();
    engine
        .decide(records.as_slice(), &learned, |personas| {
            found.extend(personas);
            Ok(())
        })
        .expect("decides");
    found
}
