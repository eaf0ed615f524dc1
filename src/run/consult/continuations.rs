//! Consultations that can be carried on, one private file each.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::ConsultError;
use crate::consult::{ContinuationId, Transcript};
use crate::files::{create_folder, write_file};

/// Turns of one consultation at most: every one of them is paid for again with the next question.
const MOST_TURNS: usize = 50;

/// Bytes of a question with its files and of everything that was said before, at most. Checked before anybody is asked:
/// what is paid for must be possible to carry on.
pub const MOST_TEXT: usize = 16 * 1024 * 1024;

/// Bytes of a stored transcript at most: a text of that length whose every character is escaped, and answers to it.
const MOST_BYTES: u64 = 8 * MOST_TEXT as u64;

/// A folder of transcripts (0700), a file each (0600).
///
/// A file is never changed: what follows is kept under an id of its own, so that two callers who carry on the same
/// consultation do not meet. Nothing is ever deleted here; that is for whoever owns the folder.
#[derive(Clone, Debug)]
pub struct Continuations {
    folder: PathBuf,
}

impl Continuations {
    /// The transcripts in a folder, which is made when the first one is kept.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The consultation under an id.
    ///
    /// # Errors
    /// [`ConsultError::UnknownContinuation`], [`ConsultError::TooLong`], or [`ConsultError::Stored`] for a file that
    /// cannot be read.
    pub fn load(&self, id: &ContinuationId) -> Result<Transcript, ConsultError> {
        let path = self.path(id);
        let file = File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ConsultError::UnknownContinuation { id: id.clone() },
            _ => refuse(&path, "read", &error),
        })?;
        let mut text = String::new();
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(|error| refuse(&path, "read", &error))?;
        let transcript: Transcript =
            serde_json::from_str(&text).map_err(|error| refuse(&path, "read", &error))?;
        match transcript.turns.len() {
            turns if turns >= MOST_TURNS => Err(ConsultError::TooLong { turns }),
            _ => Ok(transcript),
        }
    }

    /// Keeps a consultation under a new id.
    ///
    /// # Errors
    /// [`ConsultError::Stored`] when the folder cannot be written to.
    pub fn keep(&self, transcript: &Transcript) -> Result<ContinuationId, ConsultError> {
        let id = ContinuationId::new(rand::random());
        let path = self.path(&id);
        let text = serde_json::to_vec(transcript).map_err(|error| refuse(&path, "written", &error))?;
        if text.len() as u64 > MOST_BYTES {
            return Err(ConsultError::TooLarge { bytes: transcript.bytes(), most: MOST_TEXT });
        }
        create_folder(&self.folder).map_err(|error| refuse(&path, "written", &error))?;
        write_file(&path, &text).map_err(|error| refuse(&path, "written", &error))?;
        Ok(id)
    }

    fn path(&self, id: &ContinuationId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

fn refuse(path: &Path, action: &'static str, error: &dyn std::error::Error) -> ConsultError {
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    ConsultError::Stored { path: path.to_owned(), action, reason: format!("{error}{cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_what_is_kept_can_be_carried_on_and_is_its_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("consultations");
        let kept = Continuations::new(folder.clone());
        let transcript = Transcript::default().and(Vec::new(), "q".to_owned(), &[]);
        let id = kept.keep(&transcript).unwrap();
        assert_eq!(kept.load(&id).unwrap(), transcript);
        assert_ne!(kept.keep(&transcript).unwrap(), id, "every turn has an id of its own");
        let unknown = kept.load(&ContinuationId::new(7)).unwrap_err();
        assert!(matches!(unknown, ConsultError::UnknownContinuation { .. }), "{unknown}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&folder), mode(&kept.path(&id))), (0o700, 0o600));
        }
    }

    #[test]
    fn a_consultation_has_an_end() {
        let parent = tempfile::tempdir().unwrap();
        let kept = Continuations::new(parent.path().to_owned());
        let long = (0..MOST_TURNS)
            .fold(Transcript::default(), |so_far, _| so_far.and(Vec::new(), "q".to_owned(), &[]));
        let id = kept.keep(&long).unwrap();
        assert!(matches!(kept.load(&id), Err(ConsultError::TooLong { turns: MOST_TURNS })));
    }
}
