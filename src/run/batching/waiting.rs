//! What of a run is on its way in batches, for whoever looks.

use std::collections::BTreeSet;

use crate::report::counted;
use crate::store::{Store, StoreError};

/// The batches of a run that are on their way, in a clause; `None` where none is.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn on_their_way(store: &Store) -> Result<Option<String>, StoreError> {
    let open = store.open_batches()?;
    let calls: usize = open.iter().map(|batch| batch.calls.len()).sum();
    let models: BTreeSet<&str> = open.iter().map(|batch| batch.member.as_str()).collect();
    let models: Vec<&str> = models.into_iter().collect();
    let (batches, verb) = match open.len() {
        1 => ("1 batch".to_owned(), "is"),
        more => (format!("{more} batches"), "are"),
    };
    Ok((!open.is_empty()).then(|| {
        format!(
            "{batches} with {} {verb} on the way, at {}; the answers are kept there for collecting",
            counted(calls, "call"),
            models.join(", "),
        )
    }))
}
