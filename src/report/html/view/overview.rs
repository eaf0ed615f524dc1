//! What was asked, what came of it, and how far it goes.

use serde::Serialize;

use super::Material;
use super::flow::{Step, flow, some_of};
use super::words::{label, moment, money, part, percent, shown, status, thousands};
use crate::consensus::ConfidenceStatus;
use crate::report::html::figure::duration;
use crate::report::html::stored::Metrics;
use crate::report::{
    GroundingCounts, StreamNote, alarm_words, counted, estimate_words, one_voice, setback_words,
};

/// The first section.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    question: Option<String>,
    tiles: Vec<Tile>,
    facts: Vec<(String, String)>,
    /// How drafts of the same person were told from others, for those who know the method.
    matching: Option<String>,
    flow: Vec<Step>,
    streams: Vec<Stream>,
    reasons: Vec<String>,
    warnings: Vec<String>,
}

/// One figure that matters.
#[derive(Debug, Serialize)]
struct Tile {
    value: String,
    name: String,
    note: String,
}

/// A workstream.
#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    models: String,
    why: String,
    records: String,
    answered: String,
    outcome: String,
}

pub(super) fn overview(material: &Material<'_>) -> Overview {
    let asked = material.summary.asked.as_ref();
    Overview {
        question: asked.and_then(|asked| asked.question.as_deref()).map(shown),
        tiles: tiles(material),
        facts: facts(material),
        matching: material.summary.nothing.is_none().then(|| shown(&material.summary.learned.same_persona)),
        flow: flow(material),
        streams: asked.map(|asked| asked.workstreams.iter().map(stream).collect()).unwrap_or_default(),
        reasons: material.reasons.iter().map(|reason| shown(reason)).collect(),
        warnings: warnings(material),
    }
}

fn stream(note: &StreamNote) -> Stream {
    let stream = &note.stream;
    let list = |names: &[String]| names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    let mut models = if stream.models.is_empty() { "all".to_owned() } else { list(&stream.models) };
    if !stream.fallback.is_empty() {
        models = format!("{models}; in their place {}", list(&stream.fallback));
    }
    let mut why: Vec<String> = stream.rationale.iter().map(|why| shown(why)).collect();
    why.extend(stream.expected.iter().map(|expected| format!("Expected: {}", shown(expected))));
    if !stream.tasks.is_empty() {
        why.push(format!("Tasks: {}", list(&stream.tasks)));
    }
    let mut outcome = vec![note.status.clone()];
    outcome.extend(note.blocked_by.iter().map(|by| format!("`{}` failed, which it waits for", shown(by))));
    outcome.extend(note.setbacks.iter().map(|setback| shown(&setback_words(setback))));
    outcome.extend(note.alarms.iter().filter_map(|alarm| alarm_words(alarm, note.kept_its_estimate)));
    outcome.extend(estimate_words(stream, note.kept_its_estimate));
    Stream {
        name: shown(&stream.name),
        models,
        why: why.join(". "),
        records: thousands(note.records as u64),
        answered: format!("{} of {}", thousands(note.answered), thousands(note.calls)),
        outcome: outcome.join(". "),
    }
}

fn tile(value: String, name: &str, note: String) -> Tile {
    Tile { value, name: name.to_owned(), note }
}

fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn tiles(material: &Material<'_>) -> Vec<Tile> {
    let (summary, counts) = (material.summary, &material.summary.counts);
    let mut tiles = Vec::new();
    if summary.nothing.is_none() {
        tiles.push(tile(
            thousands(counts.consensus as u64),
            plural(counts.consensus, "consensus persona", "consensus personas"),
            format!("and {} that one model alone saw", thousands(counts.minority as u64)),
        ));
        tiles.extend(disagreement(material));
    }
    if let Some(found) = counts.grounding {
        let checked = found.values();
        let share = found.evidence as f64 / checked.max(1) as f64;
        let note = format!(
            "{} of {checked} values of consensus personas rest on words that stand in the source",
            found.evidence
        );
        tiles.push(tile(percent(share), "backed by evidence", note));
    }
    if material.tallies.calls > 0 {
        let first: u64 = material.tallies.models.iter().map(|model| model.first_try).sum();
        let share = first as f64 / material.tallies.calls as f64;
        let note = format!("of {} answered at the first attempt", counted(material.tallies.calls, "call"));
        tiles.push(tile(percent(share), "without retry", note));
        tiles.push(cost(material));
    }
    tiles
}

/// On how much models disagree, and how many independent ones they are worth.
fn disagreement(material: &Material<'_>) -> [Tile; 2] {
    let summary = material.summary;
    let (divergent, comparable) = material.tallies.divergent();
    let of = match comparable {
        0 => "no value was given by two models: nobody could disagree".to_owned(),
        comparable => format!("of {} that two or more models gave", thousands(comparable as u64)),
    };
    let (speaking, asked) = (summary.speaking(), summary.panel.len());
    let who = match (speaking, asked - speaking) {
        (0 | 1, 0) => "one model asked: nobody confirms it".to_owned(),
        (_, 0) => format!("{} asked; their errors correlate", counted(speaking, "model")),
        (_, silent) => {
            format!("{} asked, {silent} without a draft; their errors correlate", counted(asked, "model"))
        }
    };
    [
        tile(thousands(divergent as u64), plural(divergent, "divergent value", "divergent values"), of),
        tile(format!("{:.1}", summary.independent()), "independent models’ worth", who),
    ]
}

/// What the run cost: never nothing where that is not known.
fn cost(material: &Material<'_>) -> Tile {
    let [spent, beside] = material.cost.unwrap_or([material.tallies.cost, 0.0]);
    let of_it = if beside > 0.0 {
        format!("; {} of it beside the panel, by stages or the ablation", money(beside))
    } else {
        String::new()
    };
    let unpriced = material.metrics.map(|metrics| metrics.unpriced.as_slice()).unwrap_or_default();
    if unpriced.is_empty() && spent == 0.0 {
        return tile("0".to_owned(), "cost", "nothing was charged for these calls".to_owned());
    }
    if unpriced.is_empty() {
        return tile(money(spent), "cost", format!("in the currency of the prices{of_it}"));
    }
    let value = if spent > 0.0 { format!("{} and more", money(spent)) } else { "unknown".to_owned() };
    let names: Vec<String> = unpriced.iter().map(|name| shown(name)).collect();
    tile(value, "cost", format!("no price for {}{of_it}", names.join(", ")))
}

fn facts(material: &Material<'_>) -> Vec<(String, String)> {
    let (summary, origin) = (material.summary, material.origin);
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    let panel: Vec<String> = summary.panel.iter().map(|member| shown(member.model.as_str())).collect();
    if let Some(input) = &origin.input {
        fact("Input", shown(input));
    }
    fact("Panel", panel.join(", "));
    if let Some(asked) = &summary.asked {
        fact("Mode", shown(&asked.mode));
    }
    if let Some(personas) = &origin.personas {
        fact("Personas asked for", shown(personas));
    }
    if summary.nothing.is_none() {
        fact("Records", shown(&summary.learned.subject));
    }
    if let Some([first, last]) = origin.asked.map(|asked| asked.map(moment)) {
        let until = if first == last { String::new() } else { format!(" to {last}") };
        fact("Asked", format!("{first}{until} (UTC)"));
    }
    if let Some(metrics) = material.metrics {
        fact("Time", time(metrics));
    }
    if summary.nothing.is_none() {
        fact("Embedder", shown(&summary.embedder));
    }
    if let Some(asked) = summary.asked.as_ref().filter(|asked| !asked.fingerprint.is_empty()) {
        let (prompt, print) = (shown(&asked.prompt_version), shown(&asked.fingerprint));
        let print = print.chars().take(16).collect::<String>();
        fact("Made of", format!("prompt {prompt}, study {print}, seed {}", summary.seed));
    } else if summary.nothing.is_none() {
        fact("Seed", summary.seed.to_string());
    }
    facts
}

/// How long it took, and what asking at the same time saved.
fn time(metrics: &Metrics) -> String {
    let (wall, busy) = (duration(metrics.wall_ms), duration(metrics.busy_ms));
    if metrics.busy_ms == 0 {
        return format!(
            "{wall} for the last sitting; its answers were stored before or recorded, and took no time"
        );
    }
    let faster = match metrics.parallel_efficiency {
        Some(times) if times >= 1.05 => format!(": asking at the same time was {times:.1} times as fast"),
        _ => String::new(),
    };
    format!("{wall} for the last sitting; one after the other its calls would have taken {busy}{faster}")
}

/// What a reader should know before believing anything.
fn warnings(material: &Material<'_>) -> Vec<String> {
    let summary = material.summary;
    let notice = material.notice.map(|notice| format!("Note: {}.", shown(notice)));
    let first = summary.nothing.clone().or_else(|| one_voice(&summary.panel));
    let mut warnings: Vec<String> = first.as_deref().map(shown).into_iter().chain(notice).collect();
    if summary.nothing.is_none() {
        warnings.push(what_confidences_are(material));
        warnings.extend(summary.counts.grounding.filter(|found| found.echo > 0).map(|found| echoes(&found)));
        // With one voice alone that is said already.
        if summary.speaking() == 2 {
            warnings.push("With fewer than three models nobody can tell which of two is right.".to_owned());
        }
        if summary.dependence.measured.is_none() && summary.speaking() > 1 {
            warnings.push(format!(
                "How far the models err together is assumed ({:.2}), not measured: that takes four models and a \
                 hundred values.",
                summary.dependence.correlation
            ));
        }
    }
    warnings.extend(part_of_drafts(material));
    warnings.extend(material.metrics.and_then(below_quorum));
    warnings
}

fn what_confidences_are(material: &Material<'_>) -> String {
    let summary = material.summary;
    match summary.status() {
        ConfidenceStatus::Uncalibrated => {
            "Confidences are scores: they order values and are no probabilities.".to_owned()
        }
        known => {
            let kinds = summary.calibration.as_ref().map(|note| note.kinds.join(", ")).unwrap_or_default();
            format!(
                "A confidence in percent is a {} (kinds of traits: {}). One written ~0.83 is a score: it orders values \
                 and is no probability.",
                status(known),
                label(&kinds)
            )
        }
    }
}

/// Records about which fewer models answered than the study's quorum asks for.
fn below_quorum(metrics: &Metrics) -> Option<String> {
    let all = usize::try_from(metrics.units_below_quorum).unwrap_or(usize::MAX);
    (all > 0).then(|| {
        let named = &metrics.records_below_quorum[..metrics.records_below_quorum.len().min(20)];
        format!(
            "To {} fewer models answered than the quorum asks for: {}.",
            counted(all, "question"),
            some_of(named, all)
        )
    })
}

fn echoes(found: &GroundingCounts) -> String {
    format!(
        "Echo: on {} values several models agree without a passage in the source: for {} nothing is cited, for {} what \
         is cited was not found. They may repeat what they were trained on.",
        part(found.echo, found.values()),
        found.echo.saturating_sub(found.echo_not_found),
        found.echo_not_found
    )
}

fn part_of_drafts(material: &Material<'_>) -> Option<String> {
    let asked = material.summary.asked.as_ref()?;
    let answered: u64 = asked.answers.values().map(|one| one.answered).sum();
    let lost: u64 = asked.answers.values().map(|one| one.unanswered).sum();
    (lost > 0).then(|| {
        let all = usize::try_from(answered + lost).unwrap_or(usize::MAX);
        format!("{} calls have no usable answer.", part(usize::try_from(lost).unwrap_or(usize::MAX), all))
    })
}
