//! How each model did: what its vote counts, how it answered, what it cost.

use serde::Serialize;

use super::words::{money, part, percent, shown, sorted, thousands};
use super::{Figure, Material};
use crate::report::PanelMember;
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
    /// What the columns drafts, weight, agreement and values accepted are sorted by.
    sorted: [String; 4],
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
    /// What the columns answered, first try, attempts, tokens, cost, cost per value and median are sorted by.
    sorted: [String; 7],
}

const SHARES: [f64; 6] = [0.0, 0.25, 0.5, 0.75, 0.9, 1.0];

pub(super) fn models(material: &Material<'_>) -> Models {
    let members: Vec<_> = material.summary.panel.iter().zip(&material.tallies.models).collect();
    let rows = members.iter().map(|(member, tally)| row(member, tally));
    let unpriced = |member: &PanelMember| {
        material
            .metrics
            .is_some_and(|metrics| metrics.unpriced.iter().any(|name| name == member.model.as_str()))
    };
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
        calls: asked.map(|(member, tally)| calls(shown(member.model.as_str()), tally, unpriced(member))).collect(),
        failures: failures(material),
        latency: (!boxes.is_empty()).then(|| {
            Figure::new(
                ("latency", "Latency of calls by model"),
                latencies("latency", &boxes),
                "How long the last attempt of each call took. Box: the middle half; line: the median; whiskers: from the \
                 least to nine tenths. n counts calls.",
            )
        }),
    }
}

/// What a model said. Who said nothing has no weight and agrees with nobody.
fn row(member: &PanelMember, tally: &ModelTally) -> Row {
    let none = || "–".to_owned();
    Row {
        model: shown(member.model.as_str()),
        drafts: thousands(member.drafts as u64),
        weight: spoken(member, member.weight).map_or_else(none, |weight| format!("{weight:.2}")),
        agreement: spoken(member, member.agreement).map_or_else(none, |share| format!("{share:.2}")),
        accepted: if tally.values > 0 { part(tally.accepted, tally.values) } else { none() },
        sorted: [
            member.drafts as f64,
            spoken(member, member.weight).unwrap_or(-1.0),
            spoken(member, member.agreement).unwrap_or(-1.0),
            tally.accepted as f64 / tally.values.max(1) as f64,
        ]
        .map(sorted),
        contradicts: tally.contradicts,
        alone: tally.alone,
        minority: tally.minority,
    }
}

fn spoken(member: &PanelMember, value: Option<f64>) -> Option<f64> {
    value.filter(|_| member.drafts > 0)
}

fn calls(model: String, tally: &ModelTally, unpriced: bool) -> Calls {
    let share = |count: u64| percent(count as f64 / tally.calls.max(1) as f64);
    let known = tally.metered > 0;
    let median = tally.latencies(&[0.5]).map(|at| at[0]);
    Calls {
        model,
        answered: format!(
            "{} of {} ({})",
            thousands(tally.answered),
            thousands(tally.calls),
            share(tally.answered)
        ),
        first_try: share(tally.first_try),
        sorted: [
            tally.answered as f64 / tally.calls.max(1) as f64,
            tally.first_try as f64 / tally.calls.max(1) as f64,
            tally.attempts as f64,
            (tally.tokens[0] + tally.tokens[1]) as f64,
            if unpriced { -1.0 } else { tally.cost },
            if unpriced { -1.0 } else { tally.cost / tally.accepted.max(1) as f64 },
            median.unwrap_or(0) as f64,
        ]
        .map(sorted),
        attempts: thousands(tally.attempts),
        repairs: tally.repairs,
        tokens: if known { tally.tokens.map(thousands).join(" / ") } else { "not told".to_owned() },
        cost: if unpriced { "unknown".to_owned() } else { money(tally.cost) },
        per_value: if unpriced {
            "unknown".to_owned()
        } else if tally.accepted > 0 {
            money(tally.cost / tally.accepted as f64)
        } else {
            "–".to_owned()
        },
        median: median.map_or_else(|| "–".to_owned(), duration),
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
