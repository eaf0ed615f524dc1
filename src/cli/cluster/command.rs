//! From a file of vectors to labels and figures.

use super::fit::fit;
use super::options::ClusterOptions;
use super::report::Report;
use super::sessions::sessions;
use super::vectors::read;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cluster::check_corpus;
use crate::files::{OutputFile, write_labels, write_npy};

/// Clusters a corpus.
pub(in crate::cli) fn cluster(options: &ClusterOptions, console: Console) -> Result<Exit, CliError> {
    options.check()?;
    // A folder that cannot be written to is known before the work, not after it.
    for path in [&options.labels, &options.centroids].into_iter().flatten() {
        drop(OutputFile::create_with_folder(path)?);
    }
    let vectors = read(options)?;
    let refuse = |source| CliError::Cluster { path: options.file.clone(), source };
    check_corpus(vectors.rows.view()).map_err(refuse)?;
    let sessions = sessions(options, &vectors)?;
    console.detail(&format!("clustering {} rows", vectors.rows.nrows()));
    let mut found = fit(options, vectors.rows, &sessions)?;
    found.notes.splice(0..0, vectors.note);
    let report = Report::new(options, &found);
    if let Some(path) = &options.labels {
        write_labels(path, found.assignment.labels())?;
    }
    if let Some(path) = &options.centroids {
        write_npy(path, found.centroids.view())?;
    }
    console.answer(&report, || report.text())?;
    Ok(Exit::Done)
}
