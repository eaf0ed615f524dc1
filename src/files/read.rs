//! Many files as one dataset, or as one spool of drafts.

use std::path::{Path, PathBuf};

use super::{FilesError, Input, Spool, SpoolWriter, inputs};
use crate::dataset::{
    DatasetError, DraftDefaults, Entry, Format, Identities, Loaded, Positions, ReadOptions, Record, SetAside,
    drafts_after, records_after,
};
use crate::persona::{Draft, TraitSchema};
use crate::store::Store;

/// Hands every record of all inputs to `visit`, in the order of the paths; ids are unique over all.
///
/// Without a format each file's ending decides, and else its look. A file that cannot be read at
/// all is set aside when there are others and `strict` is off.
///
/// # Errors
/// [`FilesError`] for paths that cannot be opened, for the only file when it cannot be read, and
/// whatever `visit` returns.
pub fn visit_records(
    paths: &[PathBuf],
    format: Option<Format>,
    options: &ReadOptions,
    visit: &mut dyn FnMut(Entry<Record>) -> Result<(), FilesError>,
) -> Result<(), FilesError> {
    let inputs = inputs(paths)?;
    refuse_yaml(&inputs, format)?;
    let tolerant = inputs.len() > 1 && !options.strict;
    let mut identities = Identities::default();
    for input in &inputs {
        let format = format.or_else(|| input.format());
        let opened = records_after(&mut identities, &input.name(), format, input.open()?, options);
        visit_entries(opened, input, tolerant, visit)?;
    }
    Ok(())
}

/// Reads all records of all inputs.
///
/// # Errors
/// As [`visit_records`].
pub fn read_dataset(
    paths: &[PathBuf],
    format: Option<Format>,
    options: &ReadOptions,
) -> Result<Loaded<Record>, FilesError> {
    let mut loaded = Loaded { items: Vec::new(), set_aside: Vec::new() };
    visit_records(paths, format, options, &mut |entry| {
        match entry {
            Entry::Item(record) => loaded.items.push(record),
            Entry::SetAside(reason) => loaded.set_aside.push(reason),
        }
        Ok(())
    })?;
    Ok(loaded)
}

/// Reads the drafts of all inputs into a spool, and what was set aside on the way.
///
/// Drafts that do not name their model get `defaults.model`, else the stem of their file.
///
/// # Errors
/// [`FilesError`] for paths that cannot be opened, for the only file when it cannot be read, and
/// for a temporary folder that is full.
pub fn spool_drafts(
    paths: &[PathBuf],
    defaults: &DraftDefaults,
    schema: &TraitSchema,
) -> Result<(Spool, Vec<SetAside>), FilesError> {
    let mut spool = SpoolWriter::new()?;
    let mut set_aside = Vec::new();
    visit_drafts(paths, defaults, schema, &mut |_, entry| match entry {
        Entry::Item(draft) => spool.push(&draft),
        Entry::SetAside(reason) => {
            set_aside.push(reason);
            Ok(())
        }
    })?;
    Ok((spool.finish()?, set_aside))
}

/// Takes the drafts of [`visit_drafts`], each with the input it stands in.
pub type DraftVisitor<'a> = dyn FnMut(&Input, Entry<Draft>) -> Result<(), FilesError> + 'a;

/// Hands every draft of all inputs to `visit`, together with the input it stands in, in the order
/// of the paths.
///
/// A file that cannot be read at all is set aside when there are others and `strict` is off.
///
/// # Errors
/// [`FilesError`] for paths that cannot be opened, for the folder of a run or a result, for the only file when it
/// cannot be read, and whatever `visit` returns.
pub fn visit_drafts(
    paths: &[PathBuf],
    defaults: &DraftDefaults,
    schema: &TraitSchema,
    visit: &mut DraftVisitor<'_>,
) -> Result<(), FilesError> {
    let inputs = inputs_of_drafts(paths)?;
    refuse_yaml(&inputs, defaults.format)?;
    let tolerant = inputs.len() > 1 && !defaults.strict;
    let mut positions = Positions::default();
    for input in &inputs {
        let opened = drafts_after(&mut positions, &input.name(), input.open()?, defaults, schema);
        visit_entries(opened, input, tolerant, &mut |entry| visit(input, entry))?;
    }
    Ok(())
}

/// The inputs at the paths. A folder that holds a result is refused, wherever it stands in what was named: beside
/// its drafts stand personas that were made of them.
fn inputs_of_drafts(paths: &[PathBuf]) -> Result<Vec<Input>, FilesError> {
    let refuse = |folder: &Path| {
        if is_result(folder) { Err(FilesError::ResultFolder { path: folder.to_owned() }) } else { Ok(()) }
    };
    paths.iter().filter(|path| path.is_dir()).try_for_each(|path| refuse(path))?;
    let inputs = inputs(paths)?;
    for input in &inputs {
        if let Input::File(file) = input
            && !paths.contains(file)
        {
            file.parent().map_or(Ok(()), refuse)?;
        }
    }
    Ok(inputs)
}

/// Refuses YAML that nobody calls by another name: it would be taken for prose, and a study for somebody's words.
fn refuse_yaml(inputs: &[Input], format: Option<Format>) -> Result<(), FilesError> {
    let yaml = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        ["yaml", "yml"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    };
    let found = inputs.iter().find_map(|input| match input {
        Input::File(path) if format.is_none() && yaml(path) => Some(path.clone()),
        _ => None,
    });
    found.map_or(Ok(()), |path| Err(FilesError::Yaml { path }))
}

/// Whether a run or a result stands in a folder.
fn is_result(folder: &Path) -> bool {
    Store::exists(folder)
        || ["summary.json", "consensus.jsonl"].iter().all(|name| folder.join(name).is_file())
}

/// Walks one input; its failure is set aside when the caller is tolerant.
fn visit_entries<T>(
    opened: Result<impl Iterator<Item = Result<Entry<T>, DatasetError>>, DatasetError>,
    input: &Input,
    tolerant: bool,
    visit: &mut dyn FnMut(Entry<T>) -> Result<(), FilesError>,
) -> Result<(), FilesError> {
    let mut failure = None;
    match opened {
        Err(error) => failure = Some(error),
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) => visit(entry)?,
                    Err(error) => failure = Some(error),
                }
            }
        }
    }
    match failure {
        None => Ok(()),
        Some(error) if tolerant => {
            let reason = format!("{error}; the file is read up to here");
            visit(Entry::SetAside(SetAside { file: input.name(), line: None, field: None, reason }))
        }
        Some(error) => Err(error.into()),
    }
}
