//! Drafts of many files, regrouped by record, without holding them in memory.
//!
//! Files come model by model or record by record, and consensus wants all drafts of one record at a
//! time. The drafts are set down in an anonymous temporary file as they come; only where they stand
//! is remembered: 12 bytes per draft, and every record's id once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::FilesError;
use crate::persona::{Draft, ModelName, RecordDrafts, RecordId};

/// Where a draft stands in the temporary file.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    length: u32,
}

/// Takes drafts down.
#[derive(Debug)]
pub struct SpoolWriter {
    file: BufWriter<File>,
    offset: u64,
    index: Index,
    /// Which record has which number; only looked up.
    numbers: HashMap<RecordId, usize>,
    known_models: HashSet<ModelName>,
}

#[derive(Debug, Default)]
struct Index {
    records: Vec<(RecordId, Vec<Place>)>,
    models: Vec<ModelName>,
    drafts: usize,
}

/// Gives drafts back, record by record, as often as wanted, on any number of threads.
#[derive(Debug)]
pub struct Spool {
    file: Mutex<File>,
    index: Index,
}

impl SpoolWriter {
    /// Opens a temporary file that nobody else sees and that vanishes with the process.
    ///
    /// # Errors
    /// [`FilesError::Spool`] when the temporary folder is not writable.
    pub fn new() -> Result<Self, FilesError> {
        let file = tempfile::tempfile().map_err(write_error)?;
        Ok(Self {
            file: BufWriter::with_capacity(256 * 1024, file),
            offset: 0,
            index: Index::default(),
            numbers: HashMap::new(),
            known_models: HashSet::new(),
        })
    }

    /// Takes one draft down.
    ///
    /// # Errors
    /// [`FilesError::Spool`] when the disk is full, or for a draft of more than 4 GiB.
    pub fn push(&mut self, draft: &Draft) -> Result<(), FilesError> {
        let bytes = serde_json::to_vec(draft).map_err(|error| write_error(error.into()))?;
        let length = u32::try_from(bytes.len()).map_err(|error| write_error(io::Error::other(error)))?;
        self.file.write_all(&bytes).map_err(write_error)?;
        let place = Place { offset: self.offset, length };
        self.offset += u64::from(length);
        self.index.drafts += 1;
        if !self.known_models.contains(&draft.model) {
            self.known_models.insert(draft.model.clone());
            self.index.models.push(draft.model.clone());
        }
        let number = self.numbers.get(&draft.record).copied().unwrap_or_else(|| {
            let number = self.index.records.len();
            self.numbers.insert(draft.record.clone(), number);
            self.index.records.push((draft.record.clone(), Vec::new()));
            number
        });
        self.index.records[number].1.push(place);
        Ok(())
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// [`FilesError::Spool`] when the disk is full.
    pub fn finish(self) -> Result<Spool, FilesError> {
        let file = self.file.into_inner().map_err(|error| write_error(error.into_error()))?;
        Ok(Spool { file: Mutex::new(file), index: self.index })
    }
}

impl Spool {
    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.records.is_empty()
    }

    /// The records in order of first appearance.
    pub fn record_ids(&self) -> impl Iterator<Item = &RecordId> {
        self.index.records.iter().map(|(record, _)| record)
    }

    /// How many drafts there are.
    #[must_use]
    pub fn n_drafts(&self) -> usize {
        self.index.drafts
    }

    /// The distinct models, in order of first appearance.
    #[must_use]
    pub fn models(&self) -> &[ModelName] {
        &self.index.models
    }

    /// The records in order of first appearance, each with its drafts in the order of `panel`.
    pub fn records<'a>(
        &'a self,
        panel: &'a [ModelName],
    ) -> impl Iterator<Item = Result<RecordDrafts, FilesError>> + 'a {
        (0..self.len()).map(move |number| self.record(number, panel))
    }

    /// Some records, by their numbers in order of first appearance; numbers beyond the last are
    /// left out.
    ///
    /// # Errors
    /// [`FilesError::Spool`] when the temporary file cannot be read.
    pub fn chunk(&self, numbers: Range<usize>, panel: &[ModelName]) -> Result<Vec<RecordDrafts>, FilesError> {
        (numbers.start..numbers.end.min(self.len())).map(|number| self.record(number, panel)).collect()
    }

    fn record(&self, number: usize, panel: &[ModelName]) -> Result<RecordDrafts, FilesError> {
        let (id, places) = &self.index.records[number];
        let mut drafts = Vec::with_capacity(places.len());
        for run in runs(places) {
            let bytes = self.bytes(run)?;
            let mut rest = bytes.as_slice();
            for place in run {
                let (draft, behind) = rest.split_at(place.length as usize);
                drafts.push(serde_json::from_slice(draft).map_err(|error| read_error(error.into()))?);
                rest = behind;
            }
        }
        Ok(RecordDrafts::new(id.clone(), drafts, panel))
    }

    /// The bytes of drafts that stand side by side.
    fn bytes(&self, run: &[Place]) -> Result<Vec<u8>, FilesError> {
        let Some(first) = run.first() else { return Ok(Vec::new()) };
        let mut bytes = vec![0; run.iter().map(|place| place.length as usize).sum()];
        // A reader that panicked has left nothing behind but a position, which is set anew.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(first.offset)).map_err(read_error)?;
        file.read_exact(&mut bytes).map_err(read_error)?;
        Ok(bytes)
    }
}

/// Cuts places into runs that can be read at once.
fn runs(places: &[Place]) -> impl Iterator<Item = &[Place]> {
    places.chunk_by(|one, next| one.offset + u64::from(one.length) == next.offset)
}

fn write_error(source: io::Error) -> FilesError {
    FilesError::Spool { action: "written to", source }
}

fn read_error(source: io::Error) -> FilesError {
    FilesError::Spool { action: "read from", source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::TraitValue;

    fn draft(record: &str, model: &str, age: f64) -> Draft {
        let record = RecordId::new(record).expect("valid");
        let mut draft = Draft::new(record, ModelName::new(model).expect("valid"));
        draft.traits.insert("age".to_owned(), TraitValue::Number(age));
        draft.traits.insert("goals".to_owned(), TraitValue::List(vec!["é \n\"x\"".to_owned()]));
        draft.origin = "f:1".to_owned();
        draft
    }

    #[test]
    fn drafts_come_back_by_record_however_they_came() {
        let drafts = [
            draft("r2", "b", 0.1),
            draft("r1", "b", 2.0),
            draft("r2", "a", 1.0 / 3.0),
            draft("r2", "c", 4.0),
        ];
        let mut writer = SpoolWriter::new().expect("temporary file");
        for draft in &drafts {
            writer.push(draft).expect("written");
        }
        let spool = writer.finish().expect("written");
        assert_eq!((spool.len(), spool.n_drafts(), spool.is_empty()), (2, 4, false));
        let models: Vec<&str> = spool.models().iter().map(ModelName::as_str).collect();
        assert_eq!(models, ["b", "a", "c"]);
        let panel = [ModelName::new("a").expect("valid")];
        for _ in 0..2 {
            let read: Vec<RecordDrafts> = spool.records(&panel).collect::<Result<_, _>>().expect("readable");
            let ids: Vec<&str> = read.iter().map(|record| record.record().as_str()).collect();
            assert_eq!(ids, ["r2", "r1"]);
            assert_eq!(read[0].drafts(), [drafts[2].clone(), drafts[0].clone(), drafts[3].clone()]);
        }
        assert_eq!(spool.chunk(1..9, &panel).expect("readable").len(), 1);
        assert!(spool.chunk(5..9, &panel).expect("readable").is_empty());
    }

    #[test]
    fn threads_may_read_at_once() {
        let mut writer = SpoolWriter::new().expect("temporary file");
        for number in 0..200 {
            writer.push(&draft(&format!("r{number}"), "m", f64::from(number))).expect("written");
        }
        let spool = writer.finish().expect("written");
        std::thread::scope(|scope| {
            for start in 0..4 {
                let spool = &spool;
                scope.spawn(move || {
                    for number in (start..200).step_by(4) {
                        let read = spool.chunk(number..number + 1, &[]).expect("readable");
                        assert_eq!(read[0].record().as_str(), format!("r{number}"));
                    }
                });
            }
        });
    }
}
