//! `consona consensus`: from files of drafts to a folder of consensus personas.

use std::collections::BTreeSet;
use std::path::Path;

use super::arguments::{ConsensusOptions, SubjectName};
use super::console::{Console, width};
use super::drafts::gather;
use super::embedder::open;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use super::personas::{Material, Outputs, write};
use super::recompute::recompute;
use super::report;
use crate::consensus::{ConsensusParams, ConsensusValidParams, Subject};
use crate::dataset::{DraftDefaults, ReadOptions};
use crate::files::{create_folder, read_dataset};
use crate::persona::RecordId;
use crate::report::safe;
use crate::run::Sources;

/// Forms consensus personas out of files of drafts.
pub(super) fn consensus(options: &ConsensusOptions, console: Console) -> Result<Exit, CliError> {
    let Some(out) = &options.out else {
        return recompute(&options.files, options.study.as_deref(), !options.no_report, console);
    };
    let is_new = !out.exists();
    let formed = formed(options, out, console);
    if formed.is_err() && is_new {
        // Nothing came of it: an empty folder would look like a result. One that holds something stays.
        let _ = std::fs::remove_dir(out);
    }
    formed
}

fn formed(options: &ConsensusOptions, out: &Path, console: Console) -> Result<Exit, CliError> {
    let settings = settings(options)?;
    let base = inputs::schema(options.schema.as_ref())?;
    create_folder(out)?;
    let embedder = open(&options.settings.embedder, Some(out))?;
    let mut outputs = Outputs::create(out)?;
    let defaults = DraftDefaults {
        format: options.format.map(Into::into),
        strict: options.strict,
        ..DraftDefaults::default()
    };
    console.detail("reading drafts");
    let gathered = gather(&options.files, &defaults, &base, &mut outputs.set_aside)?;
    let panel = inputs::panel(&options.models, gathered.spool.models())?;
    let seed = options.settings.seed;
    let sources = sources(options, gathered.spool.record_ids(), console)?;
    let material = Material {
        gathered,
        panel,
        embedder: embedder.as_ref(),
        settings,
        seed,
        asked: None,
        sources,
        keep: BTreeSet::new(),
    };
    let mut written = write(material, outputs, console)?;
    if !options.no_report {
        written.files.extend(report::beside(out)?);
    }
    console.answer(&written, || written.text(width()))?;
    Ok(Exit::Done)
}

/// The data that was named with `--source`: by record, or all of it for the one corpus that the drafts are about.
fn sources<'a>(
    options: &ConsensusOptions,
    drafted: impl Iterator<Item = &'a RecordId>,
    console: Console,
) -> Result<Option<Sources>, CliError> {
    if options.source.is_empty() {
        return Ok(None);
    }
    let read = read_dataset(&options.source, None, &ReadOptions::default())?;
    for reason in &read.set_aside {
        console.note(&format!("set aside: {reason}"));
    }
    let rows: BTreeSet<&RecordId> = read.items.iter().map(|row| &row.id).collect();
    let drafted: Vec<&RecordId> = drafted.collect();
    let without: Vec<&&RecordId> = drafted.iter().filter(|record| !rows.contains(**record)).collect();
    let (Some(first), Some(row)) = (without.first(), rows.first()) else {
        return Ok(Some(Sources::of_records(read.items)));
    };
    if let [corpus] = drafted.as_slice() {
        let corpus = (*corpus).clone();
        console.note(&format!(
            "the drafts are about `{}`, which is no row of the source: all {} rows are taken for what they were made from",
            safe::line(corpus.as_str()),
            rows.len()
        ));
        return Ok(Some(Sources::of_corpus(corpus, read.items)));
    }
    console.note(&format!(
        "the source has no row for {} of {} records that the drafts are about, such as `{}` (its first row is `{}`): passages \
         of these are not looked up",
        without.len(),
        drafted.len(),
        safe::line(first.as_str()),
        safe::line(row.as_str())
    ));
    Ok(Some(Sources::of_records(read.items)))
}

fn settings(options: &ConsensusOptions) -> Result<ConsensusValidParams, CliError> {
    let subject = match options.subject {
        SubjectName::Auto => Subject::Auto,
        SubjectName::One => Subject::One,
        SubjectName::Several => Subject::Several,
    };
    let params = ConsensusParams::new().subject(subject).seed(options.settings.seed);
    let params = params.algorithm(inputs::algorithm(&options.algorithm)?);
    Ok(inputs::calibrated(params, &options.probabilities)?.check()?)
}
