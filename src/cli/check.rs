//! `consona check` and `consona models`: what can be said before anybody is asked.

use std::path::Path;

use serde::Serialize;

use super::console::Console;
use super::error::{CliError, in_one_line};
use super::exit::Exit;
use super::spending::{Beside, above_limit};
use super::staged;
use super::study::{Prepared, reserves, runtime, seats, seats_of, workload};
use crate::files;
use crate::report::{counted, safe};
use crate::run::stages::{StageEstimate, estimates};
use crate::run::study::PanelMember;
use crate::run::{self, PlanSummary, Probe, Study, Workload};
use crate::stages::adaptation::AdaptiveRules;
use crate::stages::pipeline::Kind;
use crate::stages::uncertainty::Score;
use crate::stages::workstreams;

/// The answer of `check --json`.
#[derive(Serialize)]
struct Checked<'a> {
    study: &'a str,
    fingerprint: String,
    records: usize,
    set_aside: usize,
    embedder: &'a str,
    plan: &'a PlanSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    ablation: Option<&'a PlanSummary>,
    /// What the stages of the study will ask beside the panel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageEstimate>,
    /// Which records each workstream takes, and in which order the streams go.
    #[serde(skip_serializing_if = "Option::is_none")]
    workstreams: Option<&'a workstreams::Plan>,
    /// How complex the study is, where it has rules about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    complexity: Option<Score>,
    /// What will not go as one may think.
    warnings: Vec<String>,
    /// Whether the panel can be asked: its keys and recordings are there.
    can_be_run: bool,
}

/// Checks a study and shows its plan; what keeps it from being run is said after the plan.
pub(super) fn check(path: &Path, strict: bool, console: Console) -> Result<Exit, CliError> {
    let prepared = Prepared::read(Study::load(path)?, path, strict, None)?;
    for reason in &prepared.records.set_aside {
        console.note(&format!("set aside: {reason}"));
    }
    tell_unread(&prepared.study, console);
    if let Some(several) = prepared.study.several_of_one() {
        console.note(&several);
    }
    let study = &prepared.study;
    let missing = missing(study);
    let streams = workload(study, &prepared.records)?;
    let ablation = prepared.ablation.as_ref().map(|(_, plan)| plan);
    let stages =
        study.stages.as_ref().map_or_else(Vec::new, |stages| estimates(study, stages, &prepared.plan));
    let beside = ablation.map_or_else(|| Beside::of_stages(&stages), Beside::of_ablation);
    let above = above_limit(study, &prepared.plan, beside);
    let rules = study.stages.as_ref().and_then(|stages| stages.pipeline.adaptive());
    let checked = Checked {
        study: &study.name,
        fingerprint: study.fingerprint(),
        records: prepared.records.items.len(),
        set_aside: prepared.records.set_aside.len(),
        embedder: prepared.embedder.name(),
        plan: &prepared.plan,
        ablation,
        stages,
        workstreams: streams.as_ref().map(Workload::plan),
        complexity: rules.map(|_| staged::complexity_of(study, &prepared.plan, prepared.records.items.len())),
        warnings: above.into_iter().chain(replayed(study)).chain(batched(study)).collect(),
        can_be_run: missing.is_ok(),
    };
    console
        .answer(&checked, || plan_text(&checked) + &complexity_text(checked.complexity.as_ref(), rules))?;
    missing.map(|()| Exit::Done)
}

/// Names the files of input folders that are not read.
pub(super) fn tell_unread(study: &Study, console: Console) {
    /// Names that fit on a line.
    const SHOWN: usize = 5;
    let left = files::unread(&study.input.paths);
    if left.is_empty() {
        return;
    }
    let mut names: Vec<String> = left.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    if left.len() > SHOWN {
        names.push(format!("and {} more", left.len() - SHOWN));
    }
    let files = counted(left.len(), "file");
    console.note(&format!(
        "not read, for their endings: {files} ({}); read are {}",
        names.join(", "),
        files::endings()
    ));
}

/// Everything that has to be there before anybody can be asked: keys, recordings.
fn missing(study: &Study) -> Result<(), CliError> {
    seats(study)?;
    reserves(study)?;
    if let Some(stages) = &study.stages {
        staged::models(study, &stages.pipeline)?;
    }
    Ok(())
}

/// Who is asked in batches.
fn batched(study: &Study) -> Option<String> {
    let everyone = study.panel.iter().flat_map(|member| std::iter::once(member).chain(&member.fallbacks));
    let named: Vec<String> =
        everyone.filter(|member| member.batch.is_some()).map(PanelMember::reference).collect();
    (!named.is_empty()).then(|| {
        format!(
            "asked in batches, answered within a day, and priced as such in this study: {}",
            named.join(", ")
        )
    })
}

/// Stages that ask a member of the panel which only replays the panel's own answers.
fn replayed(study: &Study) -> Option<String> {
    let stages = study.stages.as_ref()?.pipeline.stages();
    let of_panel = |name: &&String| {
        study.panel.iter().any(|member| member.recording.is_some() && member.name.as_str() == name.as_str())
    };
    let asking = stages.iter().filter(|stage| stage.kind.asks_a_model());
    let named: Vec<String> = asking
        .filter_map(|stage| {
            let name = stage.settings.model.as_ref().filter(of_panel)?;
            let how =
                if stage.kind == Kind::Review && stage.settings.optional { return None } else { "asks" };
            Some(format!("`{}` {how} {name}", stage.name))
        })
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "{}, whose recording holds answers to the panel's question alone: record the stages' answers for a model of \
             their own (`stages.models`), or make these stages `optional: true`",
            named.join(", ")
        )
    })
}

fn plan_text(checked: &Checked<'_>) -> String {
    let plan = checked.plan;
    let members = plan.members.iter().map(|member| {
        let cost = member.cost.map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
        let model = safe::line(member.model.as_str());
        let (calls, read, written) = (member.calls, member.input_tokens, member.output_tokens);
        format!("{model:<32} {calls:>8} {read:>12} {written:>12} {cost:>12}\n")
    });
    let about = match (plan.unpriced.len(), plan.members.len()) {
        (0, _) => format!("About {}", plan.cost),
        (unknown, all) if unknown == all => "The cost is unknown: no price is given".to_owned(),
        _ => format!("About {} where prices are given", plan.cost),
    };
    let ablation = checked.ablation.map_or_else(String::new, |plan| {
        let calls = counted(plan.calls, "call");
        let cost = if plan.unpriced.is_empty() {
            format!("about {}", plan.cost)
        } else {
            "an unknown cost".to_owned()
        };
        format!("The ablation asks {calls} more, for {cost}.\n")
    });
    let stages: String = checked.stages.iter().map(stage_text).collect();
    let streams = checked.workstreams.map_or_else(String::new, streams_text);
    let mut warnings = String::new();
    for warning in &checked.warnings {
        warnings.extend(["Note: ", &safe::line(warning), ".\n"]);
    }
    let state = if checked.can_be_run { "can be run" } else { "is sound, and cannot be run yet" };
    format!(
        "The study `{}` {state}: {} ({} set aside), {}, {}.\n\n{:<32} {:>8} {:>12} \
         {:>12} {:>12}\n{}\n{about}; tokens are estimates.\n{ablation}{stages}{streams}{warnings}",
        safe::line(checked.study),
        counted(checked.records, "record"),
        checked.set_aside,
        counted(plan.units, "question"),
        counted(plan.calls, "call"),
        "",
        "calls",
        "tokens in",
        "tokens out",
        "cost",
        members.collect::<String>(),
    )
}

/// How complex a study with adaptive rules is, and what follows.
fn complexity_text(complexity: Option<&Score>, rules: Option<AdaptiveRules>) -> String {
    let Some((found, rules)) = complexity.zip(rules) else { return String::new() };
    let parts: Vec<String> = found.parts.iter().map(|(name, part)| format!("{name} {part:.2}")).collect();
    let then = if found.value > rules.complex_above {
        "it is asked more slowly, with longer time limits"
    } else {
        "nothing changes"
    };
    format!(
        "Complexity {:.0} of 100 ({}); {then} (complex is above {:.0}).\n",
        found.value,
        parts.join(", "),
        rules.complex_above
    )
}

/// What a stage will ask.
fn stage_text(stage: &StageEstimate) -> String {
    let cost = stage.cost.map_or_else(|| "an unknown cost".to_owned(), |cost| format!("about {cost}"));
    let (name, calls, model) = (&stage.stage, counted(stage.calls, "call"), &stage.model);
    safe::line(&format!("The stage {name} asks {model} at most {calls} more, for {cost}.")) + "\n"
}

/// Who goes when, with how many records.
fn streams_text(plan: &workstreams::Plan) -> String {
    let mut text = String::new();
    for (place, level) in plan.levels.iter().enumerate() {
        let records = |name: &String| counted(plan.records.get(name).map_or(0, Vec::len), "record");
        let named: Vec<String> = level.iter().map(|name| format!("{name} ({})", records(name))).collect();
        let when = if place == 0 { "Workstreams" } else { "then" };
        text.extend([&safe::line(&format!("{when}: {}", named.join(", "))), "\n"]);
    }
    if !plan.left_over.is_empty() {
        let left = counted(plan.left_over.len(), "record");
        text.extend(["No stream takes ", &left, "; nobody is asked about them.\n"]);
    }
    text
}

/// Asks every endpoint whether it is there. A member that cannot be asked, for want of a key, is told on its line.
pub(super) fn models(path: &Path, console: Console) -> Result<Exit, CliError> {
    let study = Study::load(path)?;
    let (mut probes, mut unasked) = (Vec::new(), false);
    let runtime = runtime()?;
    let mut found = Vec::new();
    for member in &study.panel {
        match seats_of(std::slice::from_ref(member)) {
            Ok(mut seat) => found.append(&mut seat),
            Err(error) => {
                unasked = true;
                probes.push(silent(member, &error));
            }
        }
    }
    let mut answered = runtime.block_on(run::models(&found));
    // In the order of the panel.
    let mut lines = Vec::new();
    for member in &study.panel {
        let own = |probe: &Probe| probe.model == member.name;
        for list in [&mut answered, &mut probes] {
            if let Some(place) = list.iter().position(own) {
                lines.push(list.remove(place));
            }
        }
    }
    console.answer(&lines, || lines.iter().map(probe_text).collect())?;
    let answering = u32::try_from(lines.iter().filter(|probe| probe.answers).count()).unwrap_or(u32::MAX);
    Ok(if unasked {
        Exit::Input
    } else if study.quorum.met_by(answering) {
        Exit::Done
    } else {
        Exit::TooFewModels
    })
}

fn silent(member: &PanelMember, error: &CliError) -> Probe {
    let message = match error {
        CliError::Endpoints { errors, .. } => {
            errors.iter().map(|error| in_one_line(error)).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    };
    Probe { model: member.name.clone(), endpoint: member.address(), answers: false, message }
}

fn probe_text(probe: &Probe) -> String {
    let answers = if probe.answers { "answers" } else { "does not answer" };
    format!(
        "{:<32} {answers:<16} {} ({})\n",
        safe::line(probe.model.as_str()),
        safe::line(&probe.message),
        safe::line(&probe.endpoint)
    )
}
