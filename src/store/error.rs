//! Why a run database cannot be used.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// A run folder or its database that cannot be used. Nothing that was stored is lost by any of these.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Runs that cannot be put together.
    #[error("`{}` cannot be merged: {why}", folder.display())]
    Merge {
        /// Which run folder.
        folder: std::path::PathBuf,
        /// Why not, and what to do.
        why: String,
    },
    /// Another process writes to this run.
    #[error("`{}` is in use by {holder}; wait for it to end, or stop it", folder.display())]
    Locked {
        /// The run folder.
        folder: PathBuf,
        /// Who holds the lock, as `process 4711`.
        holder: String,
    },
    /// The folder or a file in it cannot be made or opened.
    #[error("`{}` cannot be opened; check that the folder exists and may be written", path.display())]
    Folder {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: Arc<std::io::Error>,
    },
    /// The database cannot be read or written.
    #[error("the run database failed while {doing}; what was committed before is safe")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        source: Arc<rusqlite::Error>,
    },
    /// The file is not as it was written.
    #[error(
        "the run database is damaged: {what}. Nothing was changed. Restore `run.sqlite` from a copy, or begin a new run \
         folder; what can still be read, `sqlite3 run.sqlite .recover` shows"
    )]
    Damaged {
        /// The first thing that is not right.
        what: String,
    },
    /// There is no room, or the system refuses to write.
    #[error(
        "the run database could not be written while {doing} ({why}); what was committed before is safe. Make room, \
         then start the same command again: nothing that is stored is paid for twice"
    )]
    Full {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        why: String,
    },
    /// The database was written by a later version.
    #[error(
        "the run database has schema version {found}, this program knows up to {known}; use a newer consona"
    )]
    Version {
        /// The version in the file.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The study is not the one that the run began with.
    #[error(
        "the run was begun with other settings ({}); take a new run folder, or put the settings back",
        differences.join("; ")
    )]
    Changed {
        /// Each difference as `path: before → after`.
        differences: Vec<String>,
    },
    /// Something stored cannot be read back.
    #[error("the run database holds a `{what}` that cannot be read: `{value}`; restore the file from a copy")]
    Unreadable {
        /// Which column.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// The thread that writes has ended after an earlier error.
    #[error("the run database has stopped writing after an earlier error; start the run again")]
    Stopped,
}

impl StoreError {
    /// Names what was being done when SQLite failed.
    pub(super) fn database(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { what: source.to_string() }
            }
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
                Self::Full { doing, why: source.to_string() }
            }
            _ => Self::Database { doing, source: Arc::new(source) },
        }
    }
}
