//! Files become records, and existing persona files become drafts.

mod record;

pub use record::{Loaded, Record, SetAside};
