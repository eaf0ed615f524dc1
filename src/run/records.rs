//! A study's input becomes its records.

use super::study::Study;
use crate::dataset::{Loaded, ReadOptions, Record};
use crate::files::{FilesError, read_dataset};

/// Reads the records of a study, and what had to be set aside; `strict` stops at the first bad record instead.
///
/// # Errors
/// [`FilesError`] for paths that cannot be opened and for input that cannot be read at all.
pub fn records(study: &Study, strict: bool) -> Result<Loaded<Record>, FilesError> {
    let input = &study.input;
    let options = ReadOptions {
        id_field: input.id_field.clone(),
        fields: input.fields.clone(),
        split: input.split,
        strict,
    };
    read_dataset(&input.paths, input.format, &options)
}
