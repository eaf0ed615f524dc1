//! What of a run is on its way in batches, for whoever looks.

use crate::report::counted;
use crate::store::{Store, StoreError};

/// The batches of a run that are on their way, in a clause; `None` where none is.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn on_their_way(store: &Store) -> Result<Option<String>, StoreError> {
    let open = store.open_batches()?;
    let calls: usize = open.iter().map(|batch| batch.calls.len()).sum();
    let mut models: Vec<&str> = open.iter().map(|batch| batch.member.as_str()).collect();
    models.dedup();
    let verb = if open.len() == 1 { "is" } else { "are" };
    Ok((!open.is_empty()).then(|| {
        format!(
            "{} with {} {verb} on the way, at {}; the answers are kept there for collecting",
            if open.len() == 1 { "1 batch".to_owned() } else { format!("{} batches", open.len()) },
            counted(calls, "call"),
            models.join(", "),
        )
    }))
}
