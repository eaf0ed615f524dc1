//! The run database: nothing paid is lost, nothing is paid twice.
//!
//! One SQLite file per run folder, written by one thread with group commit. The order of every
//! call is: intent with its reserved cost committed, call, raw answer with its usage committed; only
//! then is the answer read and the call settled. What is *not* here: drafts, consensus, counts.
//! All of that is recomputed from the stored replies, so a better parser needs no new call.
//!
//! | table | one row is | truth or note |
//! |---|---|---|
//! | `meta` | a fact about the run (its identity) | truth |
//! | `attempts` | one request, sent or about to be, with what it cost | truth |
//! | `replies` | one raw answer | truth |
//! | `vectors` | one text's vector from an endpoint, by the text's hash | truth |
//! | `stages` | one stage of the pipeline, as it stands | truth |
//! | `batches` | one batch that was handed to a vendor, or was about to be | truth |
//! | `batch_calls` | the place of an attempt in a batch | truth |
//! | `seals` | a hash of each row of the other tables | note: written again |
//! | `slots` | one planned call of the run and how it stands | note: rebuilt by running again |
//!
//! People read the views `answers`, `errors`, `spend`, `progress`, `embeddings` and `in_batches` with any SQLite tool.

mod batches;
mod canonical;
mod database;
mod error;
mod key;
mod lock;
mod merge;
mod money;
mod progress;
mod reading;
mod rows;
mod seals;
mod stages;
mod tables;
mod vectors;
mod writer;
mod writing;

pub use batches::{BatchStart, OpenBatch, OpenCall};
pub(crate) use canonical::{canonical, differences};
pub use database::Store;
pub use error::StoreError;
pub use key::{CallIdentity, CallKey};
pub use merge::merge;
pub use money::Money;
pub use progress::MemberProgress;
pub use rows::{
    AttemptEnd, AttemptStart, MemberSpend, Note, Slot, SlotStatus, StoredCall, StoredReply, StoredSlot,
};
pub use stages::{StageStatus, StoredStage};
pub use vectors::StoredVector;
