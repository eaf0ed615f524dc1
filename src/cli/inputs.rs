//! Files named on the command line, opened and read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::arguments::Probabilities;
use super::error::{CliError, in_one_line};
use crate::cluster::{Algorithm, AlgorithmNameError};
use crate::consensus::{Calibration, Calibrator, ConsensusParams};
use crate::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema};

/// The text of a file.
pub(super) fn text(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|source| CliError::Read { path: path.to_owned(), source })
}

/// A schema file, or the default persona schema.
pub(super) fn schema(path: Option<&PathBuf>) -> Result<TraitSchema, CliError> {
    let Some(path) = path else { return Ok(TraitSchema::default_persona()) };
    TraitSchema::from_json(&text(path)?).map_err(|source| CliError::Schema { path: path.clone(), source })
}

/// The panel asked for, each model known and named once; all models as they came when none is asked for.
pub(super) fn panel(asked: &[String], seen: &[ModelName]) -> Result<Vec<ModelName>, CliError> {
    let mut panel: Vec<ModelName> = Vec::new();
    for name in asked {
        let model = ModelName::new(name).map_err(|source| CliError::Name { option: "--models", source })?;
        if !seen.contains(&model) {
            let known: Vec<&str> = seen.iter().map(ModelName::as_str).collect();
            return Err(CliError::UnknownModel { model: model.to_string(), known: known.join(", ") });
        }
        if panel.contains(&model) {
            return Err(CliError::Usage(format!("`--models` names `{model}` twice; a model has one vote")));
        }
        panel.push(model);
    }
    Ok(if panel.is_empty() { seen.to_vec() } else { panel })
}

/// The drafts of the panel by record, records in the order in which they came.
pub(super) fn by_record(drafts: Vec<Draft>, panel: &[ModelName]) -> Vec<RecordDrafts> {
    let mut places: BTreeMap<RecordId, usize> = BTreeMap::new();
    let mut groups: Vec<(RecordId, Vec<Draft>)> = Vec::new();
    for draft in drafts.into_iter().filter(|draft| panel.contains(&draft.model)) {
        let place = *places.entry(draft.record.clone()).or_insert_with(|| {
            groups.push((draft.record.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(draft);
    }
    groups.into_iter().map(|(record, drafts)| RecordDrafts::new(record, drafts, panel)).collect()
}

/// The models of drafts, in the order in which they came.
pub(super) fn models(drafts: &[Draft]) -> Vec<ModelName> {
    let mut models: Vec<ModelName> = Vec::new();
    for draft in drafts {
        if !models.contains(&draft.model) {
            models.push(draft.model.clone());
        }
    }
    models
}

/// Settings with the calibration, the coverage and the risk asked for.
pub(super) fn calibrated(
    params: ConsensusParams,
    asked: &Probabilities,
) -> Result<ConsensusParams, CliError> {
    let params = params.calibration(Calibration::from(asked.calibration.clone()));
    let params = match asked.coverage {
        Some(coverage) => params.coverage(coverage),
        None => params,
    };
    let params = match asked.item_risk {
        Some(risk) => params.item_risk(risk),
        None => params,
    };
    with_calibration_file(params, Path::new(""))
}

/// Settings with the calibration file that they name, read; its path is relative to `folder`.
pub(super) fn with_calibration_file(
    params: ConsensusParams,
    folder: &Path,
) -> Result<ConsensusParams, CliError> {
    let Some(path) = params.missing_calibration().map(|path| folder.join(path)) else { return Ok(params) };
    let read = Calibrator::from_json(&text(&path)?);
    Ok(params.calibrator(read.map_err(|source| CliError::Calibration { path, source })?))
}

/// The algorithm that a name means, and its numbers.
pub(super) fn algorithm(text: &str) -> Result<Algorithm, CliError> {
    let refuse = |reason: String| CliError::Usage(format!("`--algorithm {text}`{reason}"));
    let parsed: Result<Algorithm, AlgorithmNameError> = text.parse();
    let algorithm = parsed.map_err(|error| refuse(format!(" {}", error.reason)))?;
    algorithm.check().map_err(|error| refuse(format!(": {}", in_one_line(&error))))?;
    Ok(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> ModelName {
        ModelName::new(name).expect("valid")
    }

    #[test]
    fn the_panel_is_in_the_order_asked_for() {
        let seen = [model("a"), model("b")];
        let asked = ["b".to_owned(), "a".to_owned()];
        assert_eq!(panel(&asked, &seen).expect("both known"), [model("b"), model("a")]);
        assert_eq!(panel(&[], &seen).expect("all"), seen);
        let unknown = panel(&["c".to_owned()], &seen).unwrap_err().to_string();
        assert_eq!(unknown, "there are no drafts of `c`; there are drafts of a, b");
        assert!(panel(&["a".to_owned(), "a".to_owned()], &seen).is_err());
    }

    #[test]
    fn algorithms_are_read_with_their_numbers() {
        assert_eq!(algorithm("linfa_kmeans:4").expect("known"), Algorithm::LinfaKmeans { n_clusters: 4 });
        for (text, name) in [
            ("agreement", "agreement"),
            ("consensus", "agreement"),
            ("kmeans:3", "kmeans"),
            ("gaussian_mixture:3", "gaussian_mixture"),
            ("linfa_gaussian_mixture:3", "linfa_gaussian_mixture"),
            ("agglomerative:0.4", "agglomerative"),
            ("hdbscan:5:2", "hdbscan"),
            ("dbscan:0.4:2", "dbscan"),
            ("optics:0.4:2", "optics"),
            ("linfa_dbscan:0.4:2", "linfa_dbscan"),
            ("linfa_optics:0.4:2", "linfa_optics"),
        ] {
            assert_eq!(algorithm(text).expect("known").name(), name);
        }
        for wrong in ["kmeans", "linfa_kmeans", "linfa_kmeans:x", "linfa_dbscan:1", "agreement:2"] {
            assert!(algorithm(wrong).is_err(), "{wrong}");
        }
    }
}
