//! Everything that can stop a command, and the one place that gives each its exit code.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use super::cluster::VectorsError;
use super::exit::Exit;
use crate::cluster::ClusterError;
use crate::consensus::{CalibrationError, ConsensusError};
use crate::embed::EmbedError;
use crate::evaluate::{
    CalibrateError, EmbeddingEvaluationError, GoldError, LabelFileError, MatchingError, PlantedError,
};
use crate::files::{FilesError, ResultError};
use crate::mcp::ServeError;
use crate::persona::{IdError, SchemaError};
use crate::prompt::PromptError;
use crate::report::html::HtmlError;
use crate::report::{ReportError, safe};
use crate::run::consult::ConsultError;
use crate::run::stages::WalkError;
use crate::run::stages::approval::DecisionError;
use crate::run::stages::artefacts::ArtefactError;
use crate::run::study::StudyError;
use crate::run::{EndpointsError, RunError, StatusError};
use crate::stages::workstreams::WorkstreamError;
use crate::store::StoreError;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// A value on the command line that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A name on the command line that cannot be used.
    #[error("`{option}` cannot be used")]
    Name {
        /// Which option.
        option: &'static str,
        /// What is wrong with it.
        source: IdError,
    },
    /// A file that cannot be opened or read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Paths that cannot be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Not one draft that could be used.
    #[error("no draft of {files} can be used; {why}")]
    NoDrafts {
        /// The files, as given.
        files: String,
        /// The first reason, or that there was nothing.
        why: String,
    },
    /// A model on the command line of which there are no drafts.
    #[error("there are no drafts of `{model}`; there are drafts of {known}")]
    UnknownModel {
        /// The model asked for.
        model: String,
        /// The models there are.
        known: String,
    },
    /// A schema file that cannot be used.
    #[error("the schema `{}` cannot be used", path.display())]
    Schema {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: SchemaError,
    },
    /// A gold file that cannot be used.
    #[error("the gold file `{}` cannot be used", path.display())]
    Gold {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: GoldError,
    },
    /// Gold that judges nothing of a result.
    #[error(
        "no judged value of `{}` is about a value of this result: its first is `{name}` of `{record}`, and the first \
         record of the result is `{known}`; give the gold of these records",
        path.display()
    )]
    GoldElsewhere {
        /// Which file.
        path: PathBuf,
        /// The record of its first value.
        record: String,
        /// The trait of its first value.
        name: String,
        /// The result's first record.
        known: String,
    },
    /// A calibration file that cannot be used.
    #[error("the calibration `{}` cannot be used", path.display())]
    Calibration {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: CalibrationError,
    },
    /// Labelled records that nothing can be fitted to.
    #[error("no calibration was fitted")]
    Calibrate(#[from] CalibrateError),
    /// A file of planted cells that cannot be used.
    #[error("the file of planted cells `{}` cannot be used", path.display())]
    Planted {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: PlantedError,
    },
    /// Personas to match that cannot be used.
    #[error("the personas `{}` cannot be matched", path.display())]
    Matching {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: MatchingError,
    },
    /// A file whose lines hold no vectors.
    #[error("`{}` holds no vectors that can be used", path.display())]
    Vectors {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: VectorsError,
    },
    /// Vectors that cannot be clustered as asked.
    #[error("`{}` cannot be clustered", path.display())]
    Cluster {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: ClusterError,
    },
    /// Labels that cannot be used.
    #[error("the labels cannot be evaluated")]
    Labels(#[from] LabelFileError),
    /// Pairs of sentences that cannot be used.
    #[error("the pairs `{}` cannot be used", path.display())]
    Pairs {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: EmbeddingEvaluationError,
    },
    /// An embedder that cannot be had.
    #[error(transparent)]
    Embedder(#[from] EmbedError),
    /// The consensus could not be formed.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// A result that cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Personas that cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A report that cannot be made.
    #[error(transparent)]
    Html(#[from] HtmlError),
    /// Standard output is closed or full.
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
    /// A study file that cannot be used.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A section of a study file that cannot be used.
    #[error("`{}`: the section `{section}` cannot be used", path.display())]
    Section {
        /// The study file.
        path: PathBuf,
        /// Which section.
        section: &'static str,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Panel members that cannot be asked.
    #[error("{} of {panel} panel members cannot be asked:{}", errors.len(), listed(errors))]
    Endpoints {
        /// Members of the panel.
        panel: usize,
        /// Why not, each.
        errors: Vec<EndpointsError>,
    },
    /// Templates that cannot be used.
    #[error("the templates of the questions cannot be used")]
    Prompt(#[from] PromptError),
    /// Workstreams that cannot be worked on.
    #[error("the study's `workstreams` cannot be worked on")]
    Workstreams(#[from] WorkstreamError),
    /// Not one record that could be used.
    #[error("no record can be used; {why}")]
    NoRecords {
        /// The first reason, or that there was nothing.
        why: String,
    },
    /// The run cannot go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The token that callers must show cannot be used.
    #[error("callers cannot be asked for a token")]
    Token(#[source] crate::provider::ApiKeyError),
    /// The server does not serve.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Nobody could be consulted.
    #[error(transparent)]
    Consult(#[from] ConsultError),
    /// A result that cannot be read back.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// A run whose status cannot be told.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The run database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The threads that wait for answers cannot be started.
    #[error("the panel cannot be asked: the machine gives no threads")]
    Runtime(#[source] io::Error),
    /// A file that stands in the way.
    #[error("`{}` is there already; name another file, or remove it", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The stages cannot be walked.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A decision that cannot be made.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// What a stage left cannot be used.
    #[error(transparent)]
    Artefact(#[from] ArtefactError),
    /// An edit that is no JSON.
    #[error("the edit `{}` is no JSON", path.display())]
    Edit {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A result that JSON cannot carry.
    #[error("the result cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The threads asked for cannot be had.
    #[error("the threads asked for with `--threads` cannot be started")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

impl CliError {
    /// The exit code that the error means.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::Name { .. }
            | Self::UnknownModel { .. }
            | Self::Exists { .. }
            | Self::Status(StatusError::NoRun { .. })
            | Self::Result(
                ResultError::NoPersona { .. } | ResultError::Namesakes { .. } | ResultError::NoTrait { .. },
            )
            | Self::Decision(DecisionError::NothingWaits { .. } | DecisionError::Answered { .. })
            | Self::Serve(ServeError::NoToken { .. } | ServeError::ShortToken { .. }) => Exit::Usage,
            Self::Embedder(error) => of_embedder(error),
            Self::Files(error) | Self::Result(ResultError::Files(error)) => of_files(error),
            Self::Consensus(error) | Self::Calibrate(CalibrateError::Consensus(error)) => of_consensus(error),
            Self::Run(RunError::Store(error))
            | Self::Store(error)
            | Self::Walk(WalkError::Store(error))
            | Self::Decision(DecisionError::Store(error))
            | Self::Status(StatusError::Store(error)) => of_store(error),
            Self::Consult(error) => of_consultation(error),
            Self::Read { .. }
            | Self::NoDrafts { .. }
            | Self::NoRecords { .. }
            | Self::Schema { .. }
            | Self::Gold { .. }
            | Self::GoldElsewhere { .. }
            | Self::Calibration { .. }
            | Self::Calibrate(_)
            | Self::Planted { .. }
            | Self::Matching { .. }
            | Self::Pairs { .. }
            | Self::Labels(_)
            | Self::Vectors { .. }
            | Self::Cluster { .. }
            | Self::Study(_)
            | Self::Section { .. }
            | Self::Endpoints { .. }
            | Self::Workstreams(_)
            | Self::Prompt(_)
            | Self::Decision(_)
            | Self::Artefact(_)
            | Self::Edit { .. }
            | Self::Token(_)
            | Self::Result(_)
            | Self::Status(_)
            | Self::Run(_) => Exit::Input,
            // Whoever reads our output has seen enough: `consona … | head`.
            Self::Output(source) if source.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Write { .. }
            | Self::Serve(_)
            | Self::Report(_)
            | Self::Html(_)
            | Self::Output(_)
            | Self::Json(_)
            | Self::Walk(_)
            | Self::Threads(_)
            | Self::Runtime(_) => Exit::Failed,
        }
    }
}

fn of_embedder(error: &EmbedError) -> Exit {
    match error {
        EmbedError::Unknown { .. } | EmbedError::Dimension { .. } => Exit::Usage,
        _ => Exit::Input,
    }
}

fn of_files(error: &FilesError) -> Exit {
    match error {
        FilesError::Nothing
        | FilesError::StdinTwice { .. }
        | FilesError::NoResult { .. }
        | FilesError::NoFolder { .. } => Exit::Usage,
        FilesError::Io { action: "written" | "created", .. } | FilesError::Spool { .. } => Exit::Failed,
        _ => Exit::Input,
    }
}

fn of_consensus(error: &ConsensusError) -> Exit {
    match error {
        ConsensusError::Setting { .. } | ConsensusError::UnknownModel { .. } => Exit::Usage,
        ConsensusError::Source(_) => Exit::Failed,
        _ => Exit::Input,
    }
}

fn of_consultation(error: &ConsultError) -> Exit {
    match error {
        ConsultError::Endpoints(_) | ConsultError::Agreement(_) => Exit::Input,
        ConsultError::Run(RunError::Store(error)) => of_store(error),
        ConsultError::Run(_) | ConsultError::Stored { .. } | ConsultError::Broken(_) => Exit::Failed,
        _ => Exit::Usage,
    }
}

/// A run folder that belongs to another process or another study is the caller's to choose anew.
fn of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::Locked { .. } | StoreError::Changed { .. } | StoreError::Merge { .. } => Exit::Usage,
        StoreError::Version { .. } | StoreError::Unreadable { .. } | StoreError::Damaged { .. } => {
            Exit::Input
        }
        _ => Exit::Failed,
    }
}

/// Every error with its causes, on a line of its own.
fn listed(errors: &[EndpointsError]) -> String {
    let mut text = String::new();
    for error in errors {
        text.push_str("\n  ");
        text.push_str(&in_one_line(error));
    }
    text
}

/// An error with its causes, on one line.
pub(super) fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    safe::line(&text)
}

/// Writes an error to standard error, one cause per line, and gives its exit code.
#[must_use]
pub fn explain(error: &CliError) -> Exit {
    let exit = error.exit();
    if exit != Exit::Done {
        // Where standard error is closed, the exit code is all that can be said.
        let _ = io::stderr().lock().write_all(chain(error).as_bytes());
    }
    exit
}

fn chain(error: &CliError) -> String {
    let mut text = format!("error: {}\n", safe::lines(&error.to_string()));
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend(["  because: ", &safe::lines(&error.to_string()), "\n"]);
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_one_harmless_line_per_cause() {
        let error = CliError::Read {
            path: PathBuf::from("a\u{1b}[31m"),
            source: io::Error::new(io::ErrorKind::NotFound, "no \u{7}such file"),
        };
        assert_eq!(chain(&error), "error: `a[31m` cannot be read\n  because: no such file\n");
        assert_eq!(error.exit(), Exit::Input);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.exit(), Exit::Done);
    }
}
