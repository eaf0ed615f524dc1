//! Everything that can stop a command, and the one place that gives each its exit code.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use super::exit::Exit;
use crate::consensus::ConsensusError;
use crate::dataset::DatasetError;
use crate::embed::EmbedError;
use crate::evaluate::{GoldError, PlantedError};
use crate::persona::{IdError, SchemaError};
use crate::report::{ReportError, safe};

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
    /// Drafts or records that cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
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
    /// A file of planted cells that cannot be used.
    #[error("the file of planted cells `{}` cannot be used", path.display())]
    Planted {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: PlantedError,
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
    /// Standard output is closed or full.
    #[error("standard output cannot be written")]
    Output(#[source] io::Error),
    /// A result that JSON cannot carry.
    #[error("the result cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The threads asked for cannot be had.
    #[error("the threads asked for with `--threads` cannot be started")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

impl CliError {
    /// The exit code that the error means.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Name { .. } | Self::UnknownModel { .. } => Exit::Usage,
            Self::Embedder(EmbedError::Unknown { .. } | EmbedError::Dimension { .. }) => Exit::Usage,
            Self::Consensus(ConsensusError::Setting { .. } | ConsensusError::UnknownModel { .. }) => {
                Exit::Usage
            }
            Self::Consensus(ConsensusError::Source(source)) => match source.downcast_ref::<Self>() {
                Some(inner) => inner.exit(),
                None => Exit::Failed,
            },
            Self::Read { .. }
            | Self::Dataset(_)
            | Self::NoDrafts { .. }
            | Self::Schema { .. }
            | Self::Gold { .. }
            | Self::Planted { .. }
            | Self::Embedder(_)
            | Self::Consensus(_) => Exit::Input,
            // Whoever reads our output has seen enough: `consona … | head`.
            Self::Output(source) if source.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Write { .. } | Self::Report(_) | Self::Output(_) | Self::Json(_) | Self::Threads(_) => {
                Exit::Failed
            }
        }
    }
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
    let mut text = format!("error: {}\n", safe::line(&error.to_string()));
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("  because: {}\n", safe::line(&error.to_string())));
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
            source: io::Error::new(io::ErrorKind::NotFound, "no\nsuch file"),
        };
        assert_eq!(chain(&error), "error: `a[31m` cannot be read\n  because: no such file\n");
        assert_eq!(error.exit(), Exit::Input);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed = CliError::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.exit(), Exit::Done);
        let wrapped = CliError::Consensus(ConsensusError::Source(Box::new(CliError::Usage("x".to_owned()))));
        assert_eq!(wrapped.exit(), Exit::Usage);
    }
}
