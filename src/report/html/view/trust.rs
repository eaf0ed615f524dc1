//! Whether confidences mean what they say, what stands in the source, and how much of the input was used.

use serde::Serialize;

use super::words::{label, part, percent, shown, thousands};
use super::{Figure, Material};
use crate::consensus::{CalibrationQuality, Interval};
use crate::evaluate::metrics::{brier, expected_calibration_error};
use crate::report::html::builder::Judged;
use crate::report::html::figure::{histogram, reliability, stacked};
use crate::report::html::tallies::BINS;

#[derive(Debug, Serialize)]
pub(super) struct Trust {
    confidences: Figure,
    reliability: Option<Figure>,
    no_gold: bool,
    quality: Vec<(String, String)>,
    fitted: Option<String>,
    evidence: Option<Figure>,
    passages: Option<String>,
    coverage: Vec<(String, String)>,
}

pub(super) fn trust(material: &Material<'_>) -> Trust {
    let [probabilities, scores] = &material.tallies.confidences;
    let diagram = material.gold.filter(|gold| !gold.credits.is_empty()).and_then(diagram);
    let note = material.summary.calibration.as_ref();
    Trust {
        confidences: Figure::new(
            ("confidences", "How sure the values are"),
            histogram("confidences", [probabilities, scores]),
            format!(
                "Filled: probabilities; outlined: scores, which order only. Numbers are values.{}",
                mean(material)
            ),
        ),
        no_gold: diagram.is_none(),
        reliability: diagram,
        quality: note.and_then(|note| note.quality.as_ref()).map(quality).unwrap_or_default(),
        fitted: note.and_then(|note| note.provenance.as_ref()).map(|from| {
            format!(
                "{}: {} values of {} records, with the embedder {}. {}",
                shown(&from.data),
                thousands(from.values as u64),
                thousands(from.records as u64),
                shown(&from.embedder),
                shown(&from.note)
            )
        }),
        evidence: evidence(material),
        passages: passages(material),
        coverage: coverage(material),
    }
}

/// What came of looking for passages, for people.
fn passages(material: &Material<'_>) -> Option<String> {
    let counts = &material.summary.counts;
    let found = counts.grounding?;
    let minority = counts.grounding_of_minority.map_or_else(String::new, |found| {
        format!(
            " Of those cited for minority personas, {} do; {} of their values rest on one.",
            part(found.found(), found.passages),
            part(found.evidence, found.values())
        )
    });
    let not_found = found.echo_not_found + found.unsupported_not_found;
    let uncited = (found.echo + found.unsupported).saturating_sub(not_found);
    Some(format!(
        "Of the passages cited for consensus personas, {} stand in the source: {} word by word, {} nearly so, {} by meaning. Of the values without one, \
         nothing is cited for {uncited}, and what is cited for {not_found} was not found.{minority}",
        part(found.found(), found.passages),
        found.exact,
        found.fuzzy,
        found.meaning,
    ))
}

/// The mean of what may be averaged: probabilities, and no scores.
fn mean(material: &Material<'_>) -> String {
    match material.tallies.probabilities {
        (_, 0) => String::new(),
        (sum, n) => format!(
            " The probabilities are {} on average (n {}).",
            percent(sum / n as f64),
            thousands(n as u64)
        ),
    }
}

fn diagram(gold: &Judged) -> Option<Figure> {
    let found = expected_calibration_error(&gold.confidences, &gold.credits, BINS)?;
    let score = brier(&gold.confidences, &gold.credits)?;
    let scores = match gold.uncalibrated {
        0 => String::new(),
        n => format!(" {n} of them are scores and no probabilities."),
    };
    Some(Figure::new(
        ("reliability", "Confidence against truth"),
        reliability("reliability", &found.bins),
        format!(
            "Over {} judged values. On the diagonal, a confidence is what it says. Expected \
             calibration error {:.3}, Brier score {score:.3}; numbers are values.{scores}",
            gold.credits.len(),
            found.expected_calibration_error
        ),
    ))
}

fn quality(quality: &CalibrationQuality) -> Vec<(String, String)> {
    let figure = |interval: &Interval| match (interval.value, interval.low, interval.high) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} ({low:.3} to {high:.3})"),
        (Some(value), ..) => format!("{value:.3}"),
        _ => "–".to_owned(),
    };
    let before = |place: usize| {
        quality.uncalibrated[place]
            .map(|value| format!("; the uncalibrated score: {value:.3}"))
            .unwrap_or_default()
    };
    vec![
        ("Expected calibration error".to_owned(), format!("{}{}", figure(&quality.ece), before(0))),
        ("Brier score".to_owned(), format!("{}{}", figure(&quality.brier), before(1))),
        ("Right told from wrong (AUROC)".to_owned(), format!("{}{}", figure(&quality.auroc), before(2))),
        ("Measured by".to_owned(), shown(&quality.method)),
    ]
}

fn evidence(material: &Material<'_>) -> Option<Figure> {
    let schema = &material.summary.schema;
    let tallies = material.tallies.traits.iter();
    let mut rows: Vec<_> =
        tallies.filter(|(_, tally)| tally.evidence + tally.echo + tally.unsupported > 0).collect();
    rows.sort_by_key(|(name, _)| schema.position(name));
    let rows: Vec<(String, [usize; 3])> = rows
        .into_iter()
        .map(|(name, tally)| (label(name), [tally.evidence, tally.echo, tally.unsupported]))
        .collect();
    (!rows.is_empty()).then(|| {
        Figure::new(
            ("evidence by trait", "What values rest on, by trait"),
            stacked("evidence", "What values rest on, by trait", ["evidence", "echo", "one model’s word"], &rows),
            "Evidence: a passage cited for the value, or for an item of the list, stands in the source. Echo: several \
             models agree and there is none. n counts values of consensus personas.",
        )
    })
}

fn coverage(material: &Material<'_>) -> Vec<(String, String)> {
    let (summary, rows) = (material.summary, material.tallies.rows.len());
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(asked) = &summary.asked {
        let answered = asked.answers.values().map(|answers| answers.answered).sum::<u64>();
        let planned = answered + asked.answers.values().map(|answers| answers.unanswered).sum::<u64>();
        fact("Calls answered", part(whole(answered), whole(planned)));
        if rows > 0 {
            fact(
                "Source rows that a found passage stands in",
                part(rows.min(asked.records_read), asked.records_read),
            );
        }
    } else if rows > 0 {
        fact("Source rows that a found passage stands in", thousands(rows as u64));
    }
    facts
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
