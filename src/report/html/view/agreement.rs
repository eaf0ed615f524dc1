//! How far the models agree, beyond chance, and whether the outcome would stand without one of them.

use serde::Serialize;

use super::words::{label, percent, shown};
use super::{Figure, Material};
use crate::report::html::figure::{forest, heat};

#[derive(Debug, Serialize)]
pub(super) struct Agreement {
    heat: Option<Figure>,
    models: Vec<String>,
    alpha: Option<Figure>,
    independent: String,
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    model: String,
    changed: String,
    values: usize,
    moved: String,
    lost: usize,
}

/// More models make no square that can be read.
const MOST_MODELS: usize = 24;

pub(super) fn agreement(material: &Material<'_>) -> Agreement {
    let (summary, tallies) = (material.summary, material.tallies);
    let models: Vec<String> = summary.panel.iter().map(|member| shown(member.model.as_str())).collect();
    let labels: Vec<String> = models.iter().take(MOST_MODELS).cloned().collect();
    let drawn = (labels.len() > 1).then(|| {
        let svg = heat("heat", "How often two models say the same", &labels, |one, other| tallies.agreement(one, other));
        Figure::new(
            "similarity of models",
            svg,
            "How often two models stand behind the same value, over all traits that both answered for one persona \
             (of lists, the share of items in common). Darker is more; n counts traits.",
        )
    });
    Agreement {
        heat: drawn,
        models,
        alpha: alpha(material),
        independent: independent(material),
        left_out: left_out(material),
    }
}

fn alpha(material: &Material<'_>) -> Option<Figure> {
    let diagnosis = &material.summary.diagnosis;
    let mut rows: Vec<_> = diagnosis.alpha.iter().collect();
    rows.sort_by_key(|(name, _)| material.summary.schema.position(name));
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, found)| (label(name), found.alpha, found.interval, found.units))
        .collect();
    (!rows.is_empty()).then(|| {
        Figure::new(
            "agreement by trait",
            forest("alpha", "Krippendorff’s α by trait", &rows),
            "Krippendorff’s α: 1 is perfect agreement, 0 that of chance, below 0 systematic disagreement. Whiskers: 95 % \
             over resampled personas; n counts personas. Names are the writers’ free choice and need not agree.",
        )
    })
}

fn independent(material: &Material<'_>) -> String {
    let dependence = &material.summary.dependence;
    let how = match dependence.measured {
        Some([low, _, high]) => {
            format!("estimated from {} values, between {low:.2} and {high:.2}", dependence.cells)
        }
        None => "assumed: to estimate it takes four models and a hundred values".to_owned(),
    };
    format!(
        "{} models are worth {:.1} independent ones: n_eff = m / (1 + (m − 1) ρ), with their errors correlated at \
         ρ = {:.2} ({how}).",
        material.summary.panel.len(),
        dependence.n_eff,
        dependence.correlation
    )
}

fn left_out(material: &Material<'_>) -> Vec<LeftOut> {
    let left_out = material.summary.diagnosis.left_out.iter();
    left_out
        .map(|out| LeftOut {
            model: shown(out.model.as_str()),
            changed: out.changed.map_or_else(|| "–".to_owned(), percent),
            values: out.values,
            moved: out.confidence_moved.map_or_else(|| "–".to_owned(), |moved| format!("{moved:.3}")),
            lost: out.personas_lost,
        })
        .collect()
}
