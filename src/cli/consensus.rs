//! `consona consensus`: from files of drafts to a folder of consensus personas.

use super::arguments::{ConsensusOptions, SubjectName};
use super::console::{Console, width};
use super::drafts::gather;
use super::embedder::open;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use super::personas::{Material, Outputs, write};
use crate::consensus::{ConsensusParams, ConsensusValidParams, Subject};
use crate::dataset::DraftDefaults;
use crate::files::create_folder;

/// Forms consensus personas out of files of drafts.
pub(super) fn consensus(options: &ConsensusOptions, console: Console) -> Result<Exit, CliError> {
    let settings = settings(options)?;
    let base = inputs::schema(options.schema.as_ref())?;
    create_folder(&options.out)?;
    let embedder = open(&options.settings.embedder, Some(&options.out))?;
    let mut outputs = Outputs::create(&options.out)?;
    let defaults = DraftDefaults {
        format: options.format.map(Into::into),
        strict: options.strict,
        ..DraftDefaults::default()
    };
    console.detail("reading drafts");
    let gathered = gather(&options.files, &defaults, &base, &mut outputs.set_aside)?;
    let panel = inputs::panel(&options.models, gathered.spool.models())?;
    let seed = options.settings.seed;
    let material = Material { gathered, panel, embedder: embedder.as_ref(), settings, seed, asked: None };
    let written = write(material, outputs, console)?;
    console.answer(&written, || written.text(width()))?;
    Ok(Exit::Done)
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
