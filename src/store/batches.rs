//! Batches of calls: which attempts are in them, and what the vendor calls them.
//!
//! The attempts of a batch begin with it, in one commit, before it is sent: an attempt that stands in a batch has perhaps
//! left, one that stands in none has not. Attempts in batches outlive their process, for the vendor keeps the answers.

use rusqlite::{Connection, Row, params};

use super::writing::{Write, begin, whole};
use super::{AttemptStart, CallKey, Money, Store, StoreError};

/// A batch about to be sent.
#[derive(Clone, Debug)]
pub struct BatchStart {
    /// Ours alone; unique over all runs.
    pub tag: String,
    /// In whose name it is asked.
    pub member: String,
    /// Where.
    pub address: String,
    /// Which model.
    pub model: String,
    /// Milliseconds since 1970.
    pub intended_ms: u64,
    /// Its attempts, by their places.
    pub calls: Vec<AttemptStart>,
}

/// A batch that has attempts without an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// Its number in the database.
    pub id: i64,
    /// Ours alone; unique over all runs.
    pub tag: String,
    /// In whose name it is asked.
    pub member: String,
    /// Where.
    pub address: String,
    /// Which model.
    pub model: String,
    /// The vendor's number of it, once that was heard.
    pub vendor_id: Option<String>,
    /// Milliseconds since 1970.
    pub intended_ms: u64,
    /// How many attempts are in it, ended ones included.
    pub size: u64,
    /// Those without an end, by their places.
    pub calls: Vec<OpenCall>,
}

/// An attempt in a batch that has no end yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// Its place in the batch, from 0.
    pub place: u64,
    /// Its number in the database.
    pub attempt: i64,
    /// Which question.
    pub key: CallKey,
    /// Whether it asks for a repair.
    pub repair: bool,
    /// The most that it can cost.
    pub reserved: Money,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
}

impl Store {
    /// Stores the intent to send a batch, with an attempt for each of its calls; answers it as it is stored.
    ///
    /// # Errors
    /// [`StoreError`]: the batch must then not be sent.
    pub async fn begin_batch(&self, start: BatchStart) -> Result<OpenBatch, StoreError> {
        let tag = start.tag.clone();
        let id = self.write(Write::BeginBatch(start)).await?;
        let found = self.open_batches()?.into_iter().find(|batch| batch.id == id);
        found.ok_or(StoreError::Unreadable { what: "batch", value: tag })
    }

    /// Stores the vendor's number of a batch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn name_batch(&self, id: i64, vendor_id: &str) -> Result<(), StoreError> {
        self.write(Write::NameBatch { id, vendor_id: vendor_id.to_owned() }).await.map(drop)
    }

    /// The batches that have attempts without an end, in the order in which they were sent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_batches(&self) -> Result<Vec<OpenBatch>, StoreError> {
        open(&self.reader())
    }

    /// The vendors' numbers of all batches of this run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn known_batches(&self) -> Result<Vec<String>, StoreError> {
        known(&self.reader()).map_err(StoreError::database("reading the batches"))
    }
}

/// Begins a batch and its attempts; answers the number of the batch.
pub(super) fn put(connection: &Connection, start: &BatchStart) -> rusqlite::Result<i64> {
    let batch = connection
        .prepare_cached(
            "INSERT INTO batches (tag, member, address, model, intended_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(params![start.tag, start.member, start.address, start.model, whole(start.intended_ms)])?;
    let mut link =
        connection.prepare_cached("INSERT INTO batch_calls (attempt, batch, place) VALUES (?1, ?2, ?3)")?;
    for (place, call) in (0_i64..).zip(&start.calls) {
        link.execute(params![begin(connection, call)?, batch, place])?;
    }
    Ok(batch)
}

/// Keeps the vendor's number of a batch.
pub(super) fn name(connection: &Connection, id: i64, vendor_id: &str) -> rusqlite::Result<usize> {
    connection.execute("UPDATE batches SET vendor_id = ?2 WHERE id = ?1", params![id, vendor_id])
}

/// Whether there are batches at all: a database of an earlier program, read where it may not be changed, has none.
pub(super) fn are_there(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'batch_calls'",
        [],
        |row| row.get(0),
    )
}

fn open(connection: &Connection) -> Result<Vec<OpenBatch>, StoreError> {
    read(connection).map_err(StoreError::database("reading the batches"))
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<OpenBatch>> {
    if !are_there(connection)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT b.id, b.tag, b.member, b.address, b.model, b.vendor_id, b.intended_ms,
                (SELECT count(*) FROM batch_calls WHERE batch = b.id),
                c.place, a.id, a.key, a.repair, a.reserved, a.started_ms
         FROM attempts a JOIN batch_calls c ON c.attempt = a.id JOIN batches b ON b.id = c.batch
         WHERE a.state = 'sent' ORDER BY b.id, c.place",
    )?;
    let mut rows = statement.query([])?;
    let mut batches: Vec<OpenBatch> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if batches.last().is_none_or(|last| last.id != id) {
            batches.push(batch_of(row)?);
        }
        let call = call_of(row)?;
        if let Some(batch) = batches.last_mut() {
            batch.calls.push(call);
        }
    }
    Ok(batches)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The batch of a row, without its calls.
fn batch_of(row: &Row<'_>) -> rusqlite::Result<OpenBatch> {
    Ok(OpenBatch {
        id: row.get(0)?,
        tag: row.get(1)?,
        member: row.get(2)?,
        address: row.get(3)?,
        model: row.get(4)?,
        vendor_id: row.get(5)?,
        intended_ms: count(row.get(6)?),
        size: count(row.get(7)?),
        calls: Vec::new(),
    })
}

fn call_of(row: &Row<'_>) -> rusqlite::Result<OpenCall> {
    Ok(OpenCall {
        place: count(row.get(8)?),
        attempt: row.get(9)?,
        key: CallKey::from_bytes(row.get(10)?),
        repair: row.get(11)?,
        reserved: Money::from_units(count(row.get(12)?)),
        started_ms: count(row.get(13)?),
    })
}

fn known(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT vendor_id FROM batches WHERE vendor_id IS NOT NULL")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::{ModelName, RecordId};
    use crate::provider::FailureKind;
    use crate::store::{AttemptEnd, Slot};
    use std::time::Duration;

    fn call(unit: u64) -> AttemptStart {
        let slot = Slot {
            unit,
            place: 0,
            sample: 0,
            part: 0,
            record: RecordId::new(&format!("r{unit}")).unwrap(),
            member: ModelName::new("m").unwrap(),
        };
        let key = CallKey::from_bytes([u8::try_from(unit).unwrap(); 32]);
        let reserved = Money::from_units(70);
        AttemptStart { slot, key, number: 0, repair: false, reserved, started_ms: 5 }
    }

    fn start(tag: &str, units: std::ops::Range<u64>) -> BatchStart {
        BatchStart {
            tag: tag.to_owned(),
            member: "m".to_owned(),
            address: "https://a".to_owned(),
            model: "x".to_owned(),
            intended_ms: 9,
            calls: units.map(call).collect(),
        }
    }

    #[tokio::test]
    async fn c9_a_batch_outlives_its_process_and_counts_with_what_it_can_cost() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let batch = store.begin_batch(start("t", 0..3)).await.unwrap();
        assert_eq!((batch.size, batch.calls.len(), batch.vendor_id.as_ref()), (3, 3, None));
        store.name_batch(batch.id, "b-1").await.unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        store.begin(call(9)).await.unwrap();
        store.recover().await.unwrap();
        let open = store.open_batches().unwrap();
        assert_eq!((open.len(), open[0].vendor_id.as_deref()), (1, Some("b-1")));
        assert_eq!(open[0].calls, batch.calls, "only what is in no batch is lost with its process");
        let spend = &store.spend().unwrap()[0];
        assert_eq!((spend.cost, spend.uncertain_calls), (Money::from_units(280), 4));
        assert_eq!(store.known_batches().unwrap(), ["b-1"]);
    }

    #[tokio::test]
    async fn c9_a_batch_is_over_when_its_last_attempt_has_ended() {
        let store = Store::in_memory().unwrap();
        let batch = store.begin_batch(start("t", 0..2)).await.unwrap();
        let second = store.begin_batch(start("u", 2..3)).await.unwrap();
        assert_ne!(batch.id, second.id);
        for (ended, left) in batch.calls.iter().zip([2, 1]) {
            let end =
                AttemptEnd::Failed { kind: FailureKind::Transient, status: None, message: "no".to_owned() };
            store.end(ended.attempt, end, Money::ZERO, true, Duration::ZERO).await.unwrap();
            assert_eq!(store.open_batches().unwrap().len(), left);
        }
        assert_eq!(store.open_batches().unwrap(), [second]);
    }
}
