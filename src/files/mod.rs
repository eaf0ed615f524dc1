//! Paths become readers, and results become files: the only place that opens either.
//!
//! [`inputs`] expands paths, folders and `-`; [`read_dataset`] and [`spool_drafts`] read many of them
//! as one, the latter into a [`Spool`] that gives all drafts of one record at a time. [`OutputFile`]
//! writes results beside their place and moves them there when they are whole.
//!
//! [`read_npy`] and [`write_npy`] exchange vectors with `NumPy`.
//!
//! [`Resources`] tells what the process and a run take of the machine.
//!
//! What a file means is [`crate::dataset`]'s.

mod atomic;
mod embedder;
mod error;
mod input;
mod npy;
mod panel_drafts;
mod read;
mod resources;
mod result_folder;
mod spool;

pub(crate) use atomic::folder_of;
pub use atomic::{OutputFile, create_folder, room_for_folder, write_file};
pub use embedder::open_embedder;
pub use error::FilesError;
pub use input::{Input, endings, inputs, unread};
pub use npy::{read_integers, read_npy, write_labels, write_npy};
pub use panel_drafts::PanelDrafts;
pub use read::{DraftVisitor, read_dataset, spool_drafts, visit_drafts, visit_records};
pub use resources::Resources;
#[cfg(feature = "mcp")]
pub(crate) use result_folder::{PERSONAS, SUMMARY};
pub use result_folder::{ResultError, ResultFolder, named_trait};
pub use spool::{Spool, SpoolWriter};
