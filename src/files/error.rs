//! What can go wrong with a path.

use std::io;
use std::path::PathBuf;

use crate::dataset::DatasetError;

/// A path that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// There is nothing at the path.
    #[error("`{}` does not exist; check the path (`-` means standard input)", path.display())]
    NotFound {
        /// The path as given.
        path: PathBuf,
    },
    /// There is no result at the path.
    #[error("`{}` does not exist; give a run folder, or a folder of `consona consensus --out`", path.display())]
    NoResult {
        /// The path as given.
        path: PathBuf,
    },
    /// A file where a folder is to be made.
    #[error("`{}` is a file, and a folder is needed; name another one", path.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
    },
    /// A study, or other YAML, where drafts or data are wanted.
    #[error(
        "`{0}` is YAML, which holds neither drafts nor data here; if it is a study: `consona run {0}`; else say what it \
         is (`--format text`; in a study `format: text`)",
        path.display()
    )]
    Yaml {
        /// The path as given.
        path: PathBuf,
    },
    /// A folder without a file that could be read.
    #[error("`{}` has no file ending in {endings}", path.display())]
    NoInput {
        /// The folder as given.
        path: PathBuf,
        /// The endings that are read.
        endings: String,
    },
    /// A run's or a result's folder where drafts are wanted: its results would be taken for votes.
    #[error(
        "`{0}` is the folder of a run or a result, no folder of drafts; name its drafts (`{drafts}`), or derive a \
         run again with `consona consensus {0} --recompute`",
        path.display(), drafts = path.join("drafts.jsonl").display()
    )]
    ResultFolder {
        /// The folder.
        path: PathBuf,
    },
    /// No path at all.
    #[error("no input was given; name a file, a folder, or `-` for standard input")]
    Nothing,
    /// Standard input named more than once.
    #[error("standard input (`-`) was given {count} times; it can be read once")]
    StdinTwice {
        /// How often.
        count: usize,
    },
    /// The system refuses.
    #[error("`{}` cannot be {action}", path.display())]
    Io {
        /// The path as given.
        path: PathBuf,
        /// What was tried: `read`, `written`, `created`.
        action: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of vectors that cannot be used.
    #[error("`{}` is no matrix of vectors ({reason}); save one with `numpy.save`, two-dimensional, float32", path.display())]
    Npy {
        /// The path as given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of integers that cannot be used.
    #[error("`{}` holds no integers ({reason}); save one per row with `numpy.save`, one-dimensional, int64", path.display())]
    Integers {
        /// The path as given.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The content cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// What was set down in the spool does not come back.
    #[error("drafts cannot be {action} the temporary file; is the disk of the temporary folder full?")]
    Spool {
        /// What was tried: `written to` or `read from`.
        action: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}
