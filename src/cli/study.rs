//! What can be said about a study without asking anybody for an answer.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::console::Console;
use super::embedder::StudyEmbedder;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use crate::cluster::Algorithm;
use crate::consensus::{ConsensusParams, ConsensusValidParams};
use crate::dataset::{Loaded, Record};
use crate::embed::StaticEmbedder;
use crate::report::{counted, safe};
use crate::run::ablation::ablated;
use crate::run::stages::{StageEstimate, estimates};
use crate::run::study::{EXAMPLE, PanelMember};
use crate::run::{
    self, Drafting, Interpreter, PlanSummary, Probe, Reserve, RunError, Seats, Shard, Study, Unit, Workload,
    records, summarise, units,
};
use crate::stages::workstreams;

/// A study with everything that it names, ready to be run.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) study: Study,
    pub(super) records: Loaded<Record>,
    pub(super) drafting: Arc<Drafting>,
    pub(super) embedder: StudyEmbedder,
    pub(super) settings: ConsensusValidParams,
    pub(super) plan: PlanSummary,
    /// What is asked once more without its evidence, and what that costs about.
    pub(super) ablation: Option<(Vec<Unit>, PlanSummary)>,
}

impl Prepared {
    /// Reads everything that a study names; whatever is wrong is found before a call is made.
    pub(super) fn load(
        study: Study,
        path: &Path,
        strict: bool,
        shard: Option<Shard>,
    ) -> Result<(Self, Seats), CliError> {
        let prepared = Self::read(study, path, strict, shard)?;
        let seats = seats(&prepared.study)?;
        Ok((prepared, seats))
    }

    /// Reads everything that a study names but the keys of its panel.
    pub(super) fn read(
        study: Study,
        path: &Path,
        strict: bool,
        shard: Option<Shard>,
    ) -> Result<Self, CliError> {
        let embedder = embedder(&study, path)?;
        let settings = settings(&study, path)?;
        let records = records(&study, strict)?;
        if records.items.is_empty() {
            let first = records.set_aside.first().map(ToString::to_string);
            return Err(CliError::NoRecords { why: first.unwrap_or_else(|| "there are none".to_owned()) });
        }
        let drafting = Arc::new(Drafting::new(&study)?);
        let plan = plan(&study, &drafting, questions(&study, &records, shard)?.units())?;
        let ablation = match study.ablation {
            None => None,
            Some(ablation) => {
                let all: Vec<Unit> = units(records.items.iter().cloned(), &study.input).collect();
                let again = ablated(&all, ablation, study.seed);
                let plan = self::plan(&study, &drafting, again.iter().cloned())?;
                Some((again, plan))
            }
        };
        Ok(Self { study, records, drafting, embedder, settings, plan, ablation })
    }
}

/// What a panel is asked.
pub(super) enum Questions<'a> {
    /// The units of a study, in order, or of a share of it.
    Units(Box<dyn Iterator<Item = Unit> + 'a>),
    /// Those of its workstreams, in the streams' own order.
    Streams(Workload<'a>),
}

impl fmt::Debug for Questions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Units(_) => "Units",
            Self::Streams(_) => "Streams",
        })
    }
}

impl<'a> Questions<'a> {
    /// All of them, in full.
    pub(super) fn units(self) -> Box<dyn Iterator<Item = Unit> + 'a> {
        match self {
            Self::Units(units) => units,
            Self::Streams(load) => Box::new(load.into_units()),
        }
    }
}

/// The questions of a study, or of a share of it.
pub(super) fn questions<'a>(
    study: &'a Study,
    records: &'a Loaded<Record>,
    shard: Option<Shard>,
) -> Result<Questions<'a>, CliError> {
    if let Some(load) = workload(study, records)? {
        return Ok(Questions::Streams(load));
    }
    let units = units(records.items.iter().cloned(), &study.input);
    Ok(Questions::Units(Box::new(units.filter(move |unit| shard.is_none_or(|shard| shard.holds(unit))))))
}

/// The workstreams of a study with their records, where it has any. Records go to themes by the table that ships,
/// whatever embeds the drafts: sorting them must cost nothing and be the same before and after a run.
fn workload<'a>(study: &'a Study, records: &'a Loaded<Record>) -> Result<Option<Workload<'a>>, CliError> {
    let Some(section) = &study.workstreams else { return Ok(None) };
    let embedder = StaticEmbedder::embedded()?;
    Ok(Some(Workload::new(study, section, &records.items, &embedder)?))
}

fn plan(
    study: &Study,
    drafting: &Drafting,
    units: impl IntoIterator<Item = Unit>,
) -> Result<PlanSummary, RunError> {
    summarise(units, &study.panel, study.personas.max, |unit, member| {
        let render = drafting.prompt(unit, member, &[]);
        render.map_err(|reason| RunError::Render { record: unit.record.clone(), reason })
    })
}

pub(super) fn seats(study: &Study) -> Result<Seats, CliError> {
    seats_of(&study.panel)
}

/// Models that can be asked, with whoever asks them.
pub(super) fn seats_of(members: &[PanelMember]) -> Result<Seats, CliError> {
    run::seats_of(members, &|name| std::env::var_os(name), &recording)
        .map_err(|errors| CliError::Endpoints { panel: members.len(), errors })
}

/// Those who stand in for the members of the panel.
pub(super) fn reserves(study: &Study) -> Result<Vec<Reserve>, CliError> {
    run::reserves(study, &|name| std::env::var_os(name), &recording)
        .map_err(|errors| CliError::Endpoints { panel: study.panel.len(), errors })
}

fn recording(path: &Path) -> io::Result<Box<dyn BufRead>> {
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

fn section<T: DeserializeOwned>(
    path: &Path,
    section: &'static str,
    value: &Value,
) -> Result<Option<T>, CliError> {
    if value.is_null() {
        return Ok(None);
    }
    let read = serde_path_to_error::deserialize(value);
    read.map(Some).map_err(|source| CliError::Section {
        path: path.to_owned(),
        section,
        source: Box::new(source),
    })
}

pub(super) fn embedder(study: &Study, path: &Path) -> Result<StudyEmbedder, CliError> {
    StudyEmbedder::prepare(&study.embedder).map_err(|source| CliError::Section {
        path: path.to_owned(),
        section: "embedder",
        source: Box::new(source),
    })
}

/// The settings of the consensus: those of the study's sections, its seed, its members' weights.
pub(super) fn settings(study: &Study, path: &Path) -> Result<ConsensusValidParams, CliError> {
    let mut params: ConsensusParams = section(path, "consensus", &study.consensus)?.unwrap_or_default();
    if let Some(algorithm) = section::<Algorithm>(path, "clustering", &study.clustering)? {
        params = params.algorithm(algorithm);
    }
    #[expect(clippy::float_cmp, reason = "exactly 1 is what a study without weights has")]
    let weighted = study.panel.iter().filter(|member| member.weight != 1.0);
    let weights = weighted.map(|member| (member.name.clone(), member.weight)).collect();
    let folder = path.parent().unwrap_or(Path::new(""));
    let params = inputs::with_calibration_file(params, folder)?;
    params.seed(study.seed).model_weights(weights).check().map_err(|source| CliError::Section {
        path: path.to_owned(),
        section: "consensus",
        source: Box::new(source),
    })
}

/// Writes the example study.
pub(super) fn init(path: &Path, console: Console) -> Result<Exit, CliError> {
    let written = OpenOptions::new().write(true).create_new(true).open(path);
    written.and_then(|mut file| file.write_all(EXAMPLE.as_bytes())).map_err(|source| {
        match source.kind() {
            io::ErrorKind::AlreadyExists => CliError::Exists { path: path.to_owned() },
            _ => CliError::Write { path: path.to_owned(), source },
        }
    })?;
    console.answer(&json!({ "file": path }), || {
        let shown = safe::line(&path.display().to_string());
        format!("`{shown}` is written. Edit it, then: consona check {shown}\n")
    })?;
    Ok(Exit::Done)
}

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
}

/// Checks a study and shows its plan.
pub(super) fn check(path: &Path, strict: bool, console: Console) -> Result<Exit, CliError> {
    let (prepared, _) = Prepared::load(Study::load(path)?, path, strict, None)?;
    for reason in &prepared.records.set_aside {
        console.note(&format!("set aside: {reason}"));
    }
    if let Some(several) = prepared.study.several_of_one() {
        console.note(&several);
    }
    let streams = workload(&prepared.study, &prepared.records)?;
    let checked = Checked {
        study: &prepared.study.name,
        fingerprint: prepared.study.fingerprint(),
        records: prepared.records.items.len(),
        set_aside: prepared.records.set_aside.len(),
        embedder: prepared.embedder.name(),
        plan: &prepared.plan,
        ablation: prepared.ablation.as_ref().map(|(_, plan)| plan),
        stages: prepared
            .study
            .stages
            .as_ref()
            .map_or_else(Vec::new, |stages| estimates(&prepared.study, stages, prepared.plan.units)),
        workstreams: streams.as_ref().map(Workload::plan),
    };
    console.answer(&checked, || plan_text(&checked))?;
    Ok(Exit::Done)
}

fn plan_text(checked: &Checked<'_>) -> String {
    let plan = checked.plan;
    let members = plan.members.iter().map(|member| {
        let cost = member.cost.map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
        let model = safe::line(member.model.as_str());
        let (calls, read, written) = (member.calls, member.input_tokens, member.output_tokens);
        format!("{model:<32} {calls:>8} {read:>12} {written:>12} {cost:>12}\n")
    });
    let ablation = checked.ablation.map_or_else(String::new, |plan| {
        let (calls, cost) = (counted(plan.calls, "call"), plan.cost);
        format!("The ablation asks {calls} more, for about {cost}.\n")
    });
    let stages: String = checked.stages.iter().map(stage_text).collect();
    let streams = checked.workstreams.map_or_else(String::new, streams_text);
    format!(
        "The study `{}` can be run: {} ({} set aside), {}, {}.\n\n{:<32} {:>8} {:>12} \
         {:>12} {:>12}\n{}\nAbout {} where prices are given; tokens are estimates.\n{ablation}{stages}{streams}",
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
        plan.cost
    )
}

/// What a stage will ask.
fn stage_text(stage: &StageEstimate) -> String {
    let cost = stage.cost.map_or_else(|| "unknown".to_owned(), |cost| cost.to_string());
    let (name, calls, model) = (&stage.stage, counted(stage.calls, "call"), &stage.model);
    safe::line(&format!("The stage {name} asks {model} at most {calls} more, for about {cost}.")) + "\n"
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

/// Asks every endpoint whether it is there.
pub(super) fn models(path: &Path, console: Console) -> Result<Exit, CliError> {
    let study = Study::load(path)?;
    let seats = seats(&study)?;
    let runtime = runtime()?;
    let probes = runtime.block_on(run::models(&seats));
    console.answer(&probes, || probes.iter().map(probe_text).collect())?;
    let answering = u32::try_from(probes.iter().filter(|probe| probe.answers).count()).unwrap_or(u32::MAX);
    Ok(if study.quorum.met_by(answering) { Exit::Done } else { Exit::TooFewModels })
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

/// The threads on which answers are waited for.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)
}

/// Where a run keeps its files.
pub(super) fn run_folder(study: &Study, asked: Option<&PathBuf>) -> PathBuf {
    let named = asked.or(study.output.as_ref()).cloned();
    named.unwrap_or_else(|| Path::new("runs").join(folder_name(&study.name)))
}

/// A study's name as the name of a folder: no separators, nothing hidden.
fn folder_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ') { c } else { '-' })
        .collect();
    let safe = safe.trim().trim_start_matches('.').to_owned();
    if safe.is_empty() { "study".to_owned() } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_folder_of_runs() {
        for (name, folder) in [
            ("library-evenings", "library-evenings"),
            ("../../etc", "-..-etc"),
            ("a/b\\c:d", "a-b-c-d"),
            ("..", "study"),
        ] {
            assert_eq!(folder_name(name), folder);
        }
    }
}
