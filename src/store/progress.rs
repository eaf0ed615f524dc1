//! How a run stands, for whoever looks from outside.

use rusqlite::{Connection, params};
use serde::Serialize;

use super::writing::whole;
use super::{Money, Store, StoreError, batches, reading};

/// How the calls of one panel member stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct MemberProgress {
    /// The panel member.
    pub model: String,
    /// Calls with a usable answer.
    pub answered: u64,
    /// Calls whose answer cannot be used, even repaired.
    pub unusable: u64,
    /// Calls that will never be answered.
    pub rejected: u64,
    /// Calls given up in the last sitting; asked again when the run is continued.
    pub failed: u64,
    /// Attempts without an end: on their way while a process works at the run.
    pub in_flight: u64,
    /// Of those, attempts that stand in a batch: the vendor keeps them, whether a process works at the run or not.
    pub in_batches: u64,
    /// Attempts that ended since the time that was asked for.
    pub recent: u64,
    /// What the attempts have cost.
    #[cfg_attr(feature = "mcp", schemars(with = "f64"))]
    pub cost: Money,
    /// What the last attempt failed with, when no later one was answered.
    pub trouble: Option<String>,
}

impl MemberProgress {
    /// Calls that are done with for good.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.answered + self.unusable + self.rejected
    }
}

impl Store {
    /// When the first and the last attempt began, in milliseconds since 1970; nothing before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn asked_between(&self) -> Result<Option<[u64; 2]>, StoreError> {
        reading::asked_between(&self.reader())
    }
}

const SQL: &str = "
SELECT s.member, sum(s.status = 'answered'), sum(s.status = 'unusable'), sum(s.status = 'rejected'), sum(s.status = 'failed'),
       (SELECT count(*) FROM attempts WHERE member = s.member AND state = 'sent'), IN_BATCHES,
       (SELECT count(*) FROM attempts WHERE member = s.member AND state <> 'sent' AND started_ms >= ?1),
       (SELECT coalesce(sum(CASE WHEN state = 'sent' THEN reserved ELSE charged END), 0) FROM attempts WHERE member = s.member),
       (SELECT message FROM attempts WHERE member = s.member AND state <> 'sent' ORDER BY id DESC LIMIT 1)
FROM slots s GROUP BY s.member ORDER BY min(s.place)";

/// How the calls of every panel member stand, in the order of the panel.
pub(super) fn progress(connection: &Connection, since_ms: u64) -> Result<Vec<MemberProgress>, StoreError> {
    let doing = "reading how the run stands";
    let batched = if batches::are_there(connection).map_err(StoreError::database(doing))? {
        "(SELECT count(*) FROM attempts a JOIN batch_calls c ON c.attempt = a.id WHERE member = s.member AND state = 'sent')"
    } else {
        "0"
    };
    let mut statement =
        connection.prepare(&SQL.replace("IN_BATCHES", batched)).map_err(StoreError::database(doing))?;
    let rows = statement
        .query_map(params![whole(since_ms)], |row| {
            let count = |at: usize| row.get::<_, i64>(at).map(|found| u64::try_from(found).unwrap_or(0));
            Ok(MemberProgress {
                model: row.get(0)?,
                answered: count(1)?,
                unusable: count(2)?,
                rejected: count(3)?,
                failed: count(4)?,
                in_flight: count(5)?,
                in_batches: count(6)?,
                recent: count(7)?,
                cost: Money::from_units(count(8)?),
                trouble: row.get(9)?,
            })
        })
        .map_err(StoreError::database(doing))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::database(doing))
}
