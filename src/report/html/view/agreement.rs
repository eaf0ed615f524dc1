//! How far the models agree, beyond chance, and whether the outcome would stand without one of them.

use serde::Serialize;

use super::words::{label, percent, shown, sorted};
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
    /// What the columns changed and moved are sorted by.
    sorted: [String; 2],
}

/// More models make no square that can be read.
const MOST_MODELS: usize = 24;

pub(super) fn agreement(material: &Material<'_>) -> Agreement {
    let (summary, tallies) = (material.summary, material.tallies);
    // Who gave nothing agrees with nobody.
    let speaking = summary.panel.iter().enumerate().filter(|(_, member)| member.drafts > 0);
    let (places, models): (Vec<usize>, Vec<String>) =
        speaking.map(|(place, member)| (place, shown(member.model.as_str()))).unzip();
    let labels: Vec<String> = models.iter().take(MOST_MODELS).cloned().collect();
    let drawn = (labels.len() > 1).then(|| {
        let svg = heat("heat", "How often two models say the same", &labels, |one, other| {
            tallies.agreement(places[one], places[other])
        });
        Figure::new(
            ("similarity of models", "How often two models say the same"),
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
    let without = rows.iter().any(|(_, _, interval, _)| interval.is_none_or(|[low, high]| high - low < 0.01));
    let without = if without { ", none where they are too few or too alike to tell" } else { "" };
    let most = rows.iter().map(|(.., n)| *n).max().unwrap_or(0);
    let counts = &material.summary.counts;
    let sample = if most > 0 && most < counts.personas / 2 { " of a sample" } else { "" };
    (!rows.is_empty()).then(|| {
        Figure::new(
            ("agreement by trait", "Krippendorff’s α by trait"),
            forest("alpha", "Krippendorff’s α by trait", &rows),
            format!(
                "1 is perfect agreement, 0 that of chance, below 0 systematic disagreement. Whiskers: 95 % over resampled \
                 personas{without}; n counts personas{sample}. Names are the writers’ free choice and need not agree."
            ),
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
    let (speaking, asked) = (material.summary.speaking(), material.summary.panel.len());
    if speaking < 2 {
        return "One model spoke: there is nobody to agree or to disagree with it.".to_owned();
    }
    let silent = match asked - speaking {
        0 => String::new(),
        1 => " One more was asked and gave no draft: it has no voice.".to_owned(),
        silent => format!(" {silent} more were asked and gave no draft: they have no voice."),
    };
    format!(
        "{speaking} models are worth {:.1} independent ones: n_eff = m / (1 + (m − 1) ρ), with their errors correlated at \
         ρ = {:.2} ({how}).{silent}",
        material.summary.independent(),
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
            sorted: [out.changed, out.confidence_moved].map(|value| sorted(value.unwrap_or(-1.0))),
        })
        .collect()
}
