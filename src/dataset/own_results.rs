//! What consona itself wrote after it had read drafts: never drafts again.
//!
//! A file of results looks like a file of drafts (records, models, traits), and taken for one it would give its
//! personas a vote of their own. It is known by its fields, not by its name: people rename files.

use serde_json::{Map, Value};

/// What the fields of a line show it to be, where it is something that consona wrote as a result.
pub(super) fn kind(fields: &Map<String, Value>) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|name| fields.contains_key(*name));
    let product = fields.get("product").and_then(|product| product.get("name"));
    if has(&["persona_id", "kind", "traits", "confidence"]) {
        Some("consensus personas (`consensus.jsonl`)")
    } else if has(&["persona_id", "kind", "trait", "value", "confidence"]) {
        Some("a table of consensus personas (`personas.csv`, `personas.parquet`)")
    } else if product.is_some_and(|name| name == env!("CARGO_PKG_NAME")) {
        Some("the summary of a result (`summary.json`)")
    } else if has(&["model", "stance", "status", "content", "error_message"]) {
        Some("a run's answers (`results.jsonl`)")
    } else if has(&["file", "reason"])
        && fields.keys().all(|name| matches!(name.as_str(), "file" | "line" | "field" | "reason"))
    {
        Some("what was set aside (`set_aside.jsonl`)")
    } else if artefact(&has) {
        Some("what a stage made (`artefacts`)")
    } else {
        fields.values().filter_map(Value::as_str).find_map(text_kind)
    }
}

/// Whether the fields are those of a stage's output.
fn artefact(has: &dyn Fn(&[&str]) -> bool) -> bool {
    [
        ["persona_id", "author", "text"].as_slice(),
        &["record", "review", "reviewer"],
        &["rows", "covered", "uncovered"],
        &["passages", "passages_found", "share"],
        &["verdict", "findings"],
        &["personas", "narratives", "edited"],
    ]
    .iter()
    .any(|names| has(names))
}

/// What a prose of consona's own shows itself to be.
fn text_kind(text: &str) -> Option<&'static str> {
    let has = |words: &str| text.contains(words);
    if has("You speak as ") && has("a persona in a study.") {
        Some("a card for role play (`export --to card`)")
    } else if has("Consensus persona: described by ") || has("Minority persona: described by ") {
        Some("consensus personas in Markdown (`personas.md`)")
    } else if has(", described by ") && has(" models, confidence ") {
        Some("the report of a run's stages (`report.md`)")
    } else {
        None
    }
}
