//! Each change of the database, as SQL; who calls it owns the transaction.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{
    AttemptEnd, AttemptStart, BatchStart, CallKey, Money, Slot, SlotStatus, StoreError, StoredStage,
    StoredVector, batches, stages, vectors,
};
use crate::provider::Completion;

/// One change of the database.
#[derive(Debug)]
pub(super) enum Write {
    /// An attempt is about to be made; answered with its number in the database.
    Begin(AttemptStart),
    /// An attempt ended, and this is what it cost.
    End { attempt: i64, end: AttemptEnd, charged: Money, certain: bool, latency: Duration },
    /// A planned call stands so.
    Settle { slot: Slot, key: CallKey, status: SlotStatus, reason: Option<String> },
    /// A fact about the run.
    Meta { name: &'static str, value: String },
    /// A stage stands so.
    Stage(StoredStage),
    /// Vectors that an endpoint answered.
    Vectors { embedder: String, rows: Vec<StoredVector> },
    /// A batch is about to be sent, with all its attempts; answered with its number in the database.
    BeginBatch(BatchStart),
    /// The vendor calls a batch so.
    NameBatch { id: i64, vendor_id: String },
    /// Attempts of a process that is gone: sent, end unknown, perhaps paid. Those in batches are not lost.
    Recover,
}

/// A count as SQLite stores it.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Makes one change; answers the number of the attempt that it began, else 0.
pub(super) fn apply(connection: &Connection, write: &Write) -> Result<i64, StoreError> {
    match write {
        Write::Begin(start) => begin(connection, start).map_err(StoreError::database("storing an intent")),
        Write::End { attempt, end, charged, certain, latency } => {
            finish(connection, *attempt, end, (*charged, *certain), *latency)
                .map_err(StoreError::database("storing an answer"))?;
            Ok(0)
        }
        Write::Settle { slot, key, status, reason } => {
            place(connection, slot, *key, *status, reason.as_deref())
                .map_err(StoreError::database("settling a call"))?;
            Ok(0)
        }
        Write::Meta { name, value } => {
            connection
                .prepare_cached(
                    "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
                )
                .and_then(|mut statement| statement.execute(params![name, value]))
                .map_err(StoreError::database("storing what the run is"))?;
            Ok(0)
        }
        Write::Vectors { embedder, rows } => {
            vectors::keep(connection, embedder, rows).map_err(StoreError::database("storing vectors"))?;
            Ok(0)
        }
        Write::Stage(stage) => {
            stages::put(connection, stage).map_err(StoreError::database("storing a stage"))?;
            Ok(0)
        }
        Write::BeginBatch(start) => {
            batches::put(connection, start).map_err(StoreError::database("storing a batch"))
        }
        Write::NameBatch { id, vendor_id } => {
            batches::name(connection, *id, vendor_id).map_err(StoreError::database("storing a batch"))?;
            Ok(0)
        }
        Write::Recover => {
            connection
                .execute(
                    "UPDATE attempts SET state = 'unknown', charged = reserved, certain = 0,
                          message = 'the process ended while the call was in flight'
                     WHERE state = 'sent' AND id NOT IN (SELECT attempt FROM batch_calls)",
                    [],
                )
                .map_err(StoreError::database("recovering calls in flight"))?;
            Ok(0)
        }
    }
}

pub(super) fn begin(connection: &Connection, start: &AttemptStart) -> rusqlite::Result<i64> {
    place(connection, &start.slot, start.key, SlotStatus::Outstanding, None)?;
    connection
        .prepare_cached(
            "INSERT INTO attempts (key, member, number, repair, state, reserved, started_ms)
             VALUES (?1, ?2, ?3, ?4, 'sent', ?5, ?6)",
        )?
        .insert(params![
            start.key.as_bytes(),
            start.slot.member.as_str(),
            start.number,
            start.repair,
            whole(start.reserved.units()),
            whole(start.started_ms),
        ])
}

fn place(
    connection: &Connection,
    slot: &Slot,
    key: CallKey,
    status: SlotStatus,
    reason: Option<&str>,
) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO slots (unit, place, sample, part, record, member, key, status, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (unit, place, sample) DO UPDATE
             SET part = ?4, record = ?5, member = ?6, key = ?7, status = ?8, reason = ?9",
        )?
        .execute(params![
            whole(slot.unit),
            slot.place,
            slot.sample,
            slot.part,
            slot.record.as_str(),
            slot.member.as_str(),
            key.as_bytes(),
            status.name(),
            reason,
        ])
}

fn finish(
    connection: &Connection,
    attempt: i64,
    end: &AttemptEnd,
    (charged, certain): (Money, bool),
    latency: Duration,
) -> rusqlite::Result<()> {
    let (state, kind, status, message) = match end {
        AttemptEnd::Replied(completion) => {
            reply(connection, attempt, completion)?;
            ("replied", None, None, None)
        }
        AttemptEnd::Failed { kind, status, message } => {
            ("failed", serde_json::to_value(kind).ok(), *status, Some(message.as_str()))
        }
    };
    connection
        .prepare_cached(
            "UPDATE attempts SET state = ?2, kind = ?3, status = ?4, message = ?5, charged = ?6, certain = ?7,
             latency_ms = ?8 WHERE id = ?1",
        )?
        .execute(params![
            attempt,
            state,
            kind.as_ref().and_then(serde_json::Value::as_str),
            status,
            message,
            whole(charged.units()),
            certain,
            milliseconds(latency),
        ])?;
    Ok(())
}

fn reply(connection: &Connection, attempt: i64, completion: &Completion) -> rusqlite::Result<()> {
    let finish_reason = serde_json::to_string(&completion.finish_reason)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let usage = completion.usage;
    connection
        .prepare_cached(
            "INSERT INTO replies SELECT id, key, repair, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM attempts WHERE id = ?1",
        )?
        .execute(params![
            attempt,
            completion.content,
            finish_reason,
            usage.map(|usage| whole(usage.input_tokens)),
            usage.map(|usage| whole(usage.cached_input_tokens)),
            usage.map(|usage| whole(usage.output_tokens)),
            completion.response_model,
            completion.response_id,
        ])?;
    Ok(())
}
