//! What can be said about a study without asking anybody for an answer.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::console::{Console, write_out};
use super::embedder::StudyEmbedder;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use crate::cluster::Algorithm;
use crate::consensus::{ConsensusParams, ConsensusValidParams};
use crate::dataset::{Loaded, Record};
use crate::embed::StaticEmbedder;
use crate::report::safe;
use crate::run::ablation::ablated;
use crate::run::study::{EXAMPLE, PanelMember, StudyError};
use crate::run::{
    self, Drafting, Interpreter, PlanSummary, Reserve, RunError, Seats, Shard, Study, Unit, Workload,
    records, summarise, units,
};

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
            let files: Vec<String> =
                study.input.paths.iter().map(|path| path.display().to_string()).collect();
            let none = || format!("there are none in `{}`", files.join("`, `"));
            return Err(CliError::NoRecords { why: first.unwrap_or_else(none) });
        }
        let drafting = Arc::new(Drafting::new(&study)?);
        let asked = questions(&study, &records, shard).map_err(|error| in_section(path, error))?;
        let plan = plan(&study, &drafting, asked.units())?;
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
pub(super) fn workload<'a>(
    study: &'a Study,
    records: &'a Loaded<Record>,
) -> Result<Option<Workload<'a>>, CliError> {
    let Some(section) = &study.workstreams else { return Ok(None) };
    let embedder = StaticEmbedder::embedded()?;
    Ok(Some(Workload::new(study, section, &records.items, &embedder)?))
}

/// Workstreams that cannot be worked on, with the study that has them.
fn in_section(path: &Path, error: CliError) -> CliError {
    match error {
        CliError::Workstreams(source) => {
            CliError::Section { path: path.to_owned(), section: "workstreams", source: Box::new(source) }
        }
        other => other,
    }
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
    let params = inputs::with_calibration_file(params, folder).map_err(|error| match error {
        CliError::Read { path: file, source } => {
            StudyError::Read { path: file, named_by: Some(path.to_owned()), source }.into()
        }
        other => other,
    })?;
    params.seed(study.seed).model_weights(weights).check().map_err(|source| CliError::Section {
        path: path.to_owned(),
        section: "consensus",
        source: Box::new(source),
    })
}

/// Writes the example study.
pub(super) fn init(path: &Path, console: Console) -> Result<Exit, CliError> {
    if path.as_os_str() == "-" {
        write_out(EXAMPLE)?;
        return Ok(Exit::Done);
    }
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
