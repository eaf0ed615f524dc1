//! How each model did: what its vote counts, how it answered, what it cost.

use serde::Serialize;

use super::words::{money, part, percent, shown, thousands};
use super::{Figure, Material};
use crate::report::html::figure::{LatencyBox, duration, latencies};
use crate::report::html::tallies::ModelTally;

#[derive(Debug, Serialize)]
pub(super) struct Models {
    rows: Vec<Row>,
    calls: Vec<Calls>,
    failures: Vec<(String, Vec<(String, u64)>)>,
    latency: Option<Figure>,
}

#[derive(Debug, Serialize)]
struct Row {
    model: String,
    drafts: String,
    weight: String,
    agreement: String,
    accepted: String,
    contradicts: usize,
    alone: usize,
    minority: usize,
}

#[derive(Debug, Serialize)]
struct Calls {
    model: String,
    answered: String,
    first_try: String,
    attempts: String,
    repairs: u64,
    tokens: String,
    cost: String,
    per_value: String,
    median: String,
}

const SHARES: [f64; 6] = [0.0, 0.25, 0.5, 0.75, 0.9, 1.0];

pub(super) fn models(material: &Material<'_>) -> Models {
    let members: Vec<_> = material.summary.panel.iter().zip(&material.tallies.models).collect();
    let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let rows = members.iter().map(|(member, tally)| Row {
        model: shown(member.model.as_str()),
        drafts: thousands(member.drafts as u64),
        weight: figure(member.weight),
        agreement: figure(member.agreement),
        accepted: part(tally.accepted, tally.values),
        contradicts: tally.contradicts,
        alone: tally.alone,
        minority: tally.minority,
    });
    let asked = members.iter().filter(|(_, tally)| tally.calls > 0);
    let boxes: Vec<LatencyBox> = asked
        .clone()
        .filter_map(|(member, tally)| {
            let at: [u64; 6] = tally.latencies(&SHARES)?.try_into().ok()?;
            // A recording answers at once: there is nothing to draw.
            (at[5] > 0).then(|| LatencyBox { label: shown(member.model.as_str()), at, n: tally.calls })
        })
        .collect();
    Models {
        rows: rows.collect(),
        calls: asked.map(|(member, tally)| calls(shown(member.model.as_str()), tally)).collect(),
        failures: failures(material),
        latency: (!boxes.is_empty()).then(|| {
            Figure::new(
                "latency",
                latencies("latency", &boxes),
                "How long the last attempt of each call took. Box: the middle half; line: the median; whiskers: from the \
                 least to nine tenths. n counts calls.",
            )
        }),
    }
}

fn calls(model: String, tally: &ModelTally) -> Calls {
    let share = |count: u64| percent(count as f64 / tally.calls.max(1) as f64);
    let known = tally.metered > 0;
    Calls {
        model,
        answered: format!(
            "{} of {} ({})",
            thousands(tally.answered),
            thousands(tally.calls),
            share(tally.answered)
        ),
        first_try: share(tally.first_try),
        attempts: thousands(tally.attempts),
        repairs: tally.repairs,
        tokens: if known { tally.tokens.map(thousands).join(" / ") } else { "not told".to_owned() },
        cost: money(tally.cost),
        per_value: if tally.accepted > 0 {
            money(tally.cost / tally.accepted as f64)
        } else {
            "–".to_owned()
        },
        median: tally.latencies(&[0.5]).map_or_else(|| "–".to_owned(), |at| duration(at[0])),
    }
}

fn failures(material: &Material<'_>) -> Vec<(String, Vec<(String, u64)>)> {
    let answers = material.summary.asked.iter().flat_map(|asked| &asked.answers);
    answers
        .filter(|(_, answers)| !answers.reasons.is_empty())
        .map(|(model, answers)| {
            let reasons = answers.reasons.iter().map(|(reason, n)| (shown(reason), *n));
            (shown(model.as_str()), reasons.collect())
        })
        .collect()
}
