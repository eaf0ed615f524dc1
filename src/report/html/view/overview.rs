//! What was asked, what came of it, and how far it goes.

use serde::Serialize;

use super::Material;
use super::words::{label, money, part, percent, shown, status, thousands};
use crate::consensus::ConfidenceStatus;
use crate::report::html::figure::duration;
use crate::report::{
    GroundingCounts, StreamNote, alarm_words, counted, estimate_words, one_voice, setback_words,
};

/// The first section.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    question: Option<String>,
    tiles: Vec<Tile>,
    facts: Vec<(String, String)>,
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

/// How many of something there were, and where the difference to the step before went.
#[derive(Debug, Serialize)]
struct Step {
    what: String,
    n: String,
    why: String,
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
    let mut tiles = vec![
        tile(
            thousands(counts.consensus as u64),
            plural(counts.consensus, "consensus persona", "consensus personas"),
            format!("and {} that one model alone saw", thousands(counts.minority as u64)),
        ),
        tile(
            thousands(counts.divergent_traits as u64),
            plural(counts.divergent_traits, "divergent value", "divergent values"),
            format!("of {} on which models could disagree", thousands(counts.traits as u64)),
        ),
        tile(
            format!("{:.1}", summary.dependence.n_eff),
            "independent models’ worth",
            format!("{} asked; their errors correlate", counted(summary.panel.len(), "model")),
        ),
    ];
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

/// What the run cost: never nothing where that is not known.
fn cost(material: &Material<'_>) -> Tile {
    let [spent, beside] = material.cost.unwrap_or([material.tallies.cost, 0.0]);
    let of_it = if beside > 0.0 {
        format!("; {} of it beside the panel, by stages or the ablation", money(beside))
    } else {
        String::new()
    };
    let unpriced = material.metrics.map(|metrics| metrics.unpriced.as_slice()).unwrap_or_default();
    if unpriced.is_empty() {
        return tile(money(spent), "cost", format!("in the currency of the prices{of_it}"));
    }
    let value = if spent > 0.0 { format!("{} and more", money(spent)) } else { "unknown".to_owned() };
    let names: Vec<String> = unpriced.iter().map(|name| shown(name)).collect();
    tile(value, "cost", format!("no price for {}{of_it}", names.join(", ")))
}

fn facts(material: &Material<'_>) -> Vec<(String, String)> {
    let summary = material.summary;
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    let panel: Vec<String> = summary.panel.iter().map(|member| shown(member.model.as_str())).collect();
    fact("Panel", panel.join(", "));
    if let Some(asked) = &summary.asked {
        fact("Mode", shown(&asked.mode));
    }
    fact("Records", format!("{}; {}", shown(&summary.learned.subject), shown(&summary.learned.same_persona)));
    if let Some(metrics) = material.metrics {
        let efficiency = match metrics.parallel_efficiency {
            Some(share) if share >= 0.1 => format!("; parallel efficiency {share:.1}"),
            _ => String::new(),
        };
        let (wall, busy) = (duration(metrics.wall_ms), duration(metrics.busy_ms));
        fact(
            "Time",
            format!("{wall} for the last sitting; its calls took {busy} one after the other{efficiency}"),
        );
    }
    fact("Embedder", shown(&summary.embedder));
    if let Some(asked) = &summary.asked {
        let (prompt, print) = (shown(&asked.prompt_version), shown(&asked.fingerprint));
        fact(
            "Made of",
            format!(
                "prompt {prompt}, study {}, seed {}",
                &print.chars().take(16).collect::<String>(),
                summary.seed
            ),
        );
    } else {
        fact("Seed", summary.seed.to_string());
    }
    facts
}

fn flow(material: &Material<'_>) -> Vec<Step> {
    let (summary, counts) = (material.summary, &material.summary.counts);
    let mut flow = Vec::new();
    let mut step = |what: &str, n: usize, why: String| {
        flow.push(Step { what: what.to_owned(), n: thousands(n as u64), why });
    };
    if let Some(asked) = &summary.asked {
        step("Records read", asked.records_read + asked.records_set_aside, String::new());
        step(
            "Records set aside",
            asked.records_set_aside,
            "each with its reason in set_aside.jsonl".to_owned(),
        );
        step(
            "Records beyond the limit",
            asked.records_beyond_limit,
            "the study asks about the first ones only".to_owned(),
        );
        let units = usize::try_from(asked.units).unwrap_or(usize::MAX);
        step("Questions to each model", units, "one per record, or per part of the corpus".to_owned());
        let lost: u64 = asked.answers.values().map(|answers| answers.unanswered).sum();
        let why = asked.answers.iter().flat_map(|(model, answers)| {
            answers
                .reasons
                .iter()
                .map(|(reason, n)| format!("{}: {} ({n})", shown(model.as_str()), shown(reason)))
        });
        step(
            "Calls without a usable answer",
            usize::try_from(lost).unwrap_or(usize::MAX),
            why.collect::<Vec<_>>().join("; "),
        );
    }
    let inputs: Vec<String> = summary.inputs.iter().take(12).map(|input| shown(&input.file)).collect();
    step("Drafts read", counts.drafts, inputs.join(", "));
    step(
        "Drafts or traits set aside",
        counts.set_aside,
        "each with its reason in set_aside.jsonl".to_owned(),
    );
    step("Drafts of models outside the panel", counts.drafts_of_other_models, "left out".to_owned());
    step("Drafts said twice in one sitting", counts.duplicates_merged, "counted once".to_owned());
    step("Records with personas", counts.records, String::new());
    step(
        "Personas",
        counts.personas,
        format!("{} consensus, {} minority", counts.consensus, counts.minority),
    );
    if material.notice.is_some() && material.tallies.personas != counts.personas {
        step("Personas below", material.tallies.personas, "as a person approved them".to_owned());
    }
    flow.retain(|step| step.n != "0" || step.what.starts_with("Records read") || step.what == "Drafts read");
    flow
}

/// What a reader should know before believing anything.
fn warnings(material: &Material<'_>) -> Vec<String> {
    let (summary, counts) = (material.summary, &material.summary.counts);
    let notice = material.notice.map(|notice| format!("Note: {}.", shown(notice)));
    let mut warnings: Vec<String> = notice.into_iter().collect();
    warnings.push(match summary.status() {
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
    });
    if let Some(alone) = one_voice(&summary.panel) {
        warnings.insert(0, alone);
    }
    warnings.extend(counts.grounding.filter(|found| found.echo > 0).map(|found| echoes(&found)));
    if summary.panel.len() < 3 {
        warnings.push("With fewer than three models nobody can tell which of two is right.".to_owned());
    }
    if summary.dependence.measured.is_none() && summary.panel.len() > 1 {
        warnings.push(format!(
            "How far the models err together is assumed ({:.2}), not measured: that takes four models and a hundred values.",
            summary.dependence.correlation
        ));
    }
    if let Some(share) = part_of_drafts(material) {
        warnings.push(share);
    }
    warnings
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
