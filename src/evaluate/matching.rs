//! Are drafts of the same person found across models?
//!
//! Two forms of data. *Documents*: one persona per line with the model that wrote it and the person
//! it is about; all are clustered across models, without being told how many persons there are.
//! *Rewordings*: personas of which every line stands in an original and a reworded form; the originals
//! are one model's drafts, the rewordings another's.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lines::json_lines;
use super::metrics::{adjusted_rand_index, cannot_link_violations, pair_f1, recall_at_1, v_measure};
use crate::cluster::{Algorithm, ClusterError, Input, Threshold, fit};
use crate::embed::{BlockEncoder, EmbedError, Embedder};
use crate::persona::{
    Draft, IdError, ModelName, RecordId, TraitDefinition, TraitKind, TraitSchema, TraitValue,
};

/// One persona document.
#[derive(Clone, Debug, Deserialize)]
pub struct PersonaDocument {
    /// The person it is about: the truth.
    pub id: String,
    /// The model that wrote it.
    pub model: ModelName,
    /// What the persona is said to be.
    #[serde(default)]
    pub traits: Map<String, Value>,
    /// The same with reasons, as one text.
    #[serde(default)]
    pub text: Option<String>,
}

/// A persona whose every line stands in two forms.
#[derive(Clone, Debug, Deserialize)]
pub struct RewordedPersona {
    /// Names the persona.
    pub id: String,
    /// Its lines.
    pub traits: Vec<RewordedLine>,
}

/// One line in two forms.
#[derive(Clone, Debug, Deserialize)]
pub struct RewordedLine {
    /// As it was written.
    pub original: String,
    /// In other words.
    pub revised: String,
}

/// Why matching could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatchingError {
    /// A line that is no document of the expected form.
    #[error("line {line} is no {what}")]
    Line {
        /// Line, from 1.
        line: usize,
        /// The form that was expected.
        what: &'static str,
        /// What the reader stumbled over.
        source: serde_json::Error,
    },
    /// No line at all.
    #[error("there is nothing to match: no {what} was read")]
    Empty {
        /// The form that was expected.
        what: &'static str,
    },
    /// A name that cannot be used.
    #[error("a name cannot be used")]
    Name(#[from] IdError),
    /// The embedder failed.
    #[error("the personas cannot be embedded")]
    Embed(#[from] EmbedError),
    /// The clusterer refused.
    #[error("the personas cannot be clustered")]
    Cluster(#[from] ClusterError),
}

/// How well documents were clustered by person. Scores are in 0..=1, the adjusted Rand index down to −½.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchingReport {
    /// Documents.
    pub n: usize,
    /// Adjusted Rand index.
    pub ari: Option<f64>,
    /// V-measure.
    pub v_measure: Option<f64>,
    /// F1 over pairs of documents.
    pub pair_f1: Option<f64>,
    /// Clusters that were found; nobody told how many.
    pub k_found: usize,
    /// Persons.
    pub k_true: usize,
    /// Pairs of documents of one model in one cluster.
    pub cannot_link_violations: Option<usize>,
    /// How well each trait tells persons apart, as learned without labels, in nats.
    pub discrimination: BTreeMap<String, f64>,
}

/// How well rewordings were found. Shares in 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RewordingReport {
    /// Personas.
    pub n: usize,
    /// Rewordings whose original is the most similar of all, lines compared one to one.
    pub r_at_1: Option<f64>,
    /// The same with one vector per persona.
    pub one_vector_r_at_1: Option<f64>,
    /// Lines whose most similar line of the right persona is their own rewording.
    pub trait_accuracy: Option<f64>,
    /// The same when the lines of a persona are assigned one to one.
    pub one_to_one_accuracy: Option<f64>,
    /// Adjusted Rand index of clustering originals and rewordings, not told how many there are.
    pub ari: Option<f64>,
}

/// Reads JSON lines.
///
/// # Errors
/// [`MatchingError::Line`] names the first line that is of another form.
pub fn read_documents(text: &str) -> Result<Vec<PersonaDocument>, MatchingError> {
    read_lines(text, "persona document; expected `{\"id\", \"model\", \"traits\": {…}, \"text\"}`")
}

/// Reads JSON lines.
///
/// # Errors
/// [`MatchingError::Line`] names the first line that is of another form.
pub fn read_rewordings(text: &str) -> Result<Vec<RewordedPersona>, MatchingError> {
    read_lines(text, "reworded persona; expected `{\"id\", \"traits\": [{\"original\", \"revised\"}]}`")
}

fn read_lines<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<Vec<T>, MatchingError> {
    let items: Vec<T> = json_lines(text)
        .map(|(line, read)| read.map_err(|source| MatchingError::Line { line, what, source }))
        .collect::<Result<_, _>>()?;
    if items.is_empty() { Err(MatchingError::Empty { what }) } else { Ok(items) }
}

/// Clusters documents across models and compares with the persons they are about. Weights are learned
/// from the documents without labels. With `text`, a document's text is a trait like the others.
///
/// # Errors
/// [`MatchingError`] of the embedder or the clusterer.
pub fn evaluate_matching(
    documents: &[PersonaDocument],
    embedder: &dyn Embedder,
    text: bool,
) -> Result<MatchingReport, MatchingError> {
    let drafts = documents.iter().map(|document| draft(document, text)).collect::<Result<Vec<_>, _>>()?;
    let base = if text { TraitSchema::new(vec![prose(TEXT)]) } else { Ok(TraitSchema::empty()) };
    let schema = base.unwrap_or_else(|_| TraitSchema::empty()).with_inferred(&drafts);
    let encoder = BlockEncoder::new(&schema, embedder);
    let weights = encoder.learn_weights([&drafts[..]])?;
    let discrimination =
        weights.by_trait().into_iter().map(|(name, e)| (name.to_owned(), e.discrimination())).collect();
    let similarities = encoder.with_weights(weights).similarities(&drafts)?;
    let sessions = numbers(documents.iter().map(|document| document.model.as_str()));
    let outcome =
        fit(&Algorithm::Agreement, Input::Similarities(&similarities), &sessions, &Threshold::default(), 0)?;
    let found = outcome.assignment.noise_as_singletons();
    let truth = numbers(documents.iter().map(|document| document.id.as_str()));
    let labels = found.labels();
    Ok(MatchingReport {
        n: documents.len(),
        ari: adjusted_rand_index(&truth, labels),
        v_measure: v_measure(&truth, labels).map(|found| found.v_measure),
        pair_f1: pair_f1(&truth, labels).and_then(|found| found.f1),
        k_found: found.n_clusters(),
        k_true: truth.iter().max().map_or(0, |most| most + 1),
        cannot_link_violations: cannot_link_violations(&sessions, labels),
        discrimination,
    })
}

/// The trait that a document's text becomes.
const TEXT: &str = "document text";

fn prose(name: &str) -> TraitDefinition {
    TraitDefinition {
        name: name.to_owned(),
        description: String::new(),
        aliases: Vec::new(),
        kind: TraitKind::Text,
        weight: 1.0,
    }
}

fn draft(document: &PersonaDocument, text: bool) -> Result<Draft, IdError> {
    let mut draft = Draft::new(RecordId::new("all documents")?, document.model.clone());
    let values = document
        .traits
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), TraitValue::from_json(value)?)));
    draft.traits.extend(values);
    if let Some(value) = document.text.as_deref().filter(|_| text).and_then(TraitValue::text) {
        draft.traits.insert(TEXT.to_owned(), value);
    }
    Ok(draft)
}

/// Names as numbers, by first appearance.
fn numbers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    names
        .map(|name| {
            let next = seen.len();
            *seen.entry(name).or_insert(next)
        })
        .collect()
}

/// Finds rewordings among all, lines among the lines of the right persona, and clusters both forms.
///
/// # Errors
/// [`MatchingError`] of the embedder or the clusterer.
pub fn evaluate_rewordings(
    personas: &[RewordedPersona],
    embedder: &dyn Embedder,
) -> Result<RewordingReport, MatchingError> {
    let mut drafts = Vec::new();
    for (model, original) in [("original", true), ("revised", false)] {
        for persona in personas {
            let mut draft = Draft::new(RecordId::new("all personas")?, ModelName::new(model)?);
            let lines =
                persona.traits.iter().map(|line| if original { &line.original } else { &line.revised });
            if let Some(list) = TraitValue::list(lines) {
                draft.traits.insert("lines".to_owned(), list);
            }
            drafts.push(draft);
        }
    }
    let schema = TraitSchema::empty().with_inferred(&drafts);
    let encoder = BlockEncoder::new(&schema, embedder);
    let encoded = encoder.encode(&drafts)?;
    let kernel = encoded.similarities()?;
    let vectors = encoded.vectors()?.similarities();
    let count = personas.len();
    let truth: Vec<usize> = (0..count).collect();
    let corner = |matrix: ndarray::ArrayView2<'_, f32>| -> Array2<f32> {
        matrix.slice(ndarray::s![count.., ..count]).to_owned()
    };
    let sessions: Vec<usize> = (0..2 * count).map(|draft| draft / count).collect();
    let outcome =
        fit(&Algorithm::Agreement, Input::Similarities(&kernel), &sessions, &Threshold::default(), 0)?;
    let subjects: Vec<usize> = (0..2 * count).map(|draft| draft % count).collect();
    let aligned = aligned_lines(personas, embedder)?;
    Ok(RewordingReport {
        n: count,
        r_at_1: recall_at_1(corner(kernel.view()).view(), &truth),
        one_vector_r_at_1: recall_at_1(corner(vectors.view()).view(), &truth),
        trait_accuracy: aligned.map(|shares| shares.0),
        one_to_one_accuracy: aligned.map(|shares| shares.1),
        ari: adjusted_rand_index(&subjects, outcome.assignment.noise_as_singletons().labels()),
    })
}

/// Shares of lines that find their rewording inside the right persona, alone and one to one.
fn aligned_lines(
    personas: &[RewordedPersona],
    embedder: &dyn Embedder,
) -> Result<Option<(f64, f64)>, MatchingError> {
    let (mut total, mut alone, mut together) = (0.0, 0.0, 0.0);
    for persona in personas.iter().filter(|persona| !persona.traits.is_empty()) {
        let texts: Vec<&str> = persona
            .traits
            .iter()
            .map(|line| line.original.as_str())
            .chain(persona.traits.iter().map(|line| line.revised.as_str()))
            .collect();
        let count = persona.traits.len();
        let rows = embedder.embed(&texts)?;
        let cosines = Array2::from_shape_fn((count, count), |(one, other)| rows.cosine(one, count + other));
        let truth: Vec<usize> = (0..count).collect();
        let found = pathfinding::prelude::Matrix::from_fn(count, count, |(one, other)| {
            #[expect(clippy::cast_possible_truncation, reason = "a cosine in millionths")]
            let gain = (f64::from(cosines[[one, other]]) * 1e6) as i64;
            gain
        });
        let (_, chosen) = pathfinding::prelude::kuhn_munkres(&found);
        total += count as f64;
        alone += recall_at_1(cosines.view(), &truth).unwrap_or_default() * count as f64;
        together += chosen.iter().zip(0..).filter(|(other, one)| *other == one).count() as f64;
    }
    Ok((total > 0.0).then(|| (alone / total, together / total)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::StaticEmbedder;

    #[test]
    fn documents_of_one_person_are_found_across_models() {
        let jobs = ["nurse", "crane driver", "cheese maker", "law student", "chess teacher", "bus driver"];
        let mut lines = String::new();
        for model in ["a", "b", "c", "d"] {
            for (place, job) in jobs.iter().enumerate() {
                let age = 20 + 9 * place;
                let traits = serde_json::json!({"occupation": job, "age": age.to_string()});
                let line = serde_json::json!({"id": format!("p{place}"), "model": model, "traits": traits});
                lines += &line.to_string();
                lines.push('\n');
            }
        }
        let documents = read_documents(&lines).expect("documents");
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let report = evaluate_matching(&documents, &embedder, false).expect("clusters");
        assert_eq!((report.n, report.k_true, report.cannot_link_violations), (24, 6, Some(0)));
        assert_eq!((report.k_found, report.ari), (6, Some(1.0)), "{report:?}");
    }

    #[test]
    fn rewordings_find_their_originals() {
        let lines = r#"{"id": "x", "traits": [{"original": "i work at a bank", "revised": "i am a bank clerk"}, {"original": "i love dogs", "revised": "my puppy is great"}]}
{"id": "y", "traits": [{"original": "i sail on weekends", "revised": "my boat is my hobby"}, {"original": "i am a retired teacher", "revised": "i taught at a school"}]}"#;
        let personas = read_rewordings(lines).expect("personas");
        let embedder = StaticEmbedder::embedded().expect("shipped");
        let report = evaluate_rewordings(&personas, &embedder).expect("compares");
        assert_eq!(
            (report.n, report.r_at_1, report.one_to_one_accuracy),
            (2, Some(1.0), Some(1.0)),
            "{report:?}"
        );
    }

    #[test]
    fn what_is_no_document_is_named_by_its_line() {
        let error = read_documents("{\"id\": 1}").unwrap_err().to_string();
        assert!(error.starts_with("line 1 is no persona document; expected"), "{error}");
        assert!(matches!(read_rewordings("\n"), Err(MatchingError::Empty { .. })));
    }
}
