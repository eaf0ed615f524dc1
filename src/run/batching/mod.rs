//! Calls that are answered in batches: gathered, handed to the vendor, awaited, collected.
//!
//! A call of such a member waits at its [`Desk`] until the batch is full or nobody comes any more. Then, in this order: the
//! batch and an attempt for each of its calls are committed; it is sent; the vendor's number of it is committed; it is
//! looked at until it has ended; each answer is committed with its cost, and only then handed to whoever waits.
//!
//! | the process dies | what is stored | what the next sitting does |
//! |---|---|---|
//! | before the batch is committed | nothing, and nothing was sent | asks |
//! | before its number is | a batch without a number | looks for it at the vendor's by its tag; only when it is not there, long enough after, the calls are free to be asked again |
//! | after that | its number, attempts without an end | waits for it and takes its answers for the same attempts |
//! | while answers are taken | some ends | takes the others |
//!
//! So at most one attempt at a question is ever on its way, and it ends once, with what the vendor tells of it. An attempt
//! on its way counts with all that it can cost. A batch that cannot be asked about (another key, another account) is
//! left as it is: its calls fail in this sitting and are not asked a second time.
//!
//! Sending again here is not the retry of a call ([`super::retry`]): a batch is sent again only when it is certain that
//! there is none. What failed inside a batch goes by the run's own rules, into a following batch.

mod course;
mod desk;
mod drive;
#[cfg(feature = "cli")]
mod waiting;

pub(super) use desk::{Desk, Outcome, seats_at_desks};
#[cfg(feature = "cli")]
pub(crate) use waiting::on_their_way;

/// Questions whose calls may wait in batches at the same time; their prompts are held in memory.
pub(super) const UNITS: usize = 10_000;

/// Calls in batches have no connection each, so nothing but the units bounds them.
pub(super) const PLACES: usize = 1_000_000;
