//! Each question to the database, as SQL.

use std::ops::Range;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::writing::whole;
use super::{CallKey, MemberSpend, Money, Slot, SlotStatus, StoreError, StoredCall, StoredReply, StoredSlot};
use crate::persona::{ModelName, RecordId};
use crate::provider::{Completion, FinishReason, Usage};

/// The columns of a reply, in the order in which [`read_reply`] expects them.
const REPLY: &str = "r.key, r.repair, r.content, r.finish_reason, r.input_tokens, r.cached_input_tokens,
    r.output_tokens, r.response_model, r.response_id,
    (SELECT latency_ms FROM attempts WHERE id = r.attempt)";

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// The columns of a reply that begin at `from`.
fn read_reply(row: &Row<'_>, from: usize) -> rusqlite::Result<(StoredReply, String)> {
    let tokens = |at: usize| row.get::<_, Option<i64>>(from + at).map(|found| found.map(count));
    let usage = match (tokens(4)?, tokens(5)?, tokens(6)?) {
        (Some(input_tokens), cached, Some(output_tokens)) => {
            Some(Usage { input_tokens, cached_input_tokens: cached.unwrap_or(0), output_tokens })
        }
        _ => None,
    };
    let finish_reason: String = row.get(from + 3)?;
    let completion = Completion {
        content: row.get(from + 2)?,
        finish_reason: FinishReason::Stop,
        usage,
        response_model: row.get(from + 7)?,
        response_id: row.get(from + 8)?,
    };
    let latency = Duration::from_millis(count(row.get::<_, Option<i64>>(from + 9)?.unwrap_or(0)));
    let key = CallKey::from_bytes(row.get(from)?);
    Ok((StoredReply { key, repair: row.get(from + 1)?, completion, latency }, finish_reason))
}

fn with_reason((mut reply, reason): (StoredReply, String)) -> Result<StoredReply, StoreError> {
    reply.completion.finish_reason = serde_json::from_str(&reason)
        .map_err(|_| StoreError::Unreadable { what: "finish_reason", value: reason })?;
    Ok(reply)
}

/// The text of a reply by the beginning of its key, in hexadecimal, and whether it was repaired.
pub(super) fn reply(connection: &Connection, id: &str) -> Result<Option<String>, StoreError> {
    let (key, repair) = id.strip_suffix(".repair").map_or((id, false), |key| (key, true));
    connection
        .prepare_cached(
            "SELECT content FROM replies WHERE lower(hex(substr(key, 1, 8))) = ?1 AND repair = ?2
             ORDER BY attempt DESC LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row(params![key, repair], |row| row.get(0)).optional())
        .map_err(StoreError::database("reading a reply"))
}

/// What is stored about one question.
pub(super) fn call(connection: &Connection, key: CallKey) -> Result<StoredCall, StoreError> {
    let doing = "reading a call";
    let attempts = connection
        .prepare_cached("SELECT count(*) FROM attempts WHERE key = ?1")
        .and_then(|mut statement| statement.query_row(params![key.as_bytes()], |row| row.get(0)))
        .map_err(StoreError::database(doing))?;
    let mut stored = StoredCall { attempts: small(attempts), ..StoredCall::default() };
    let mut statement = connection
        .prepare_cached(&format!("SELECT {REPLY} FROM replies r WHERE r.key = ?1 ORDER BY r.attempt"))
        .map_err(StoreError::database(doing))?;
    let rows = statement
        .query_map(params![key.as_bytes()], |row| read_reply(row, 0))
        .map_err(StoreError::database(doing))?;
    for row in rows {
        let reply = with_reason(row.map_err(StoreError::database(doing))?)?;
        if reply.repair {
            stored.repaired = Some(reply);
        } else {
            stored.reply = Some(reply);
        }
    }
    let discarded: Option<(String, Option<String>)> = connection
        .prepare_cached(
            "SELECT status, reason FROM slots WHERE key = ?1 AND status IN ('unusable', 'rejected') LIMIT 1",
        )
        .and_then(|mut statement| {
            statement.query_row(params![key.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(StoreError::database(doing))?;
    if let Some((status, reason)) = discarded {
        stored.discarded = Some((SlotStatus::read(&status)?, reason.unwrap_or_default()));
    }
    Ok(stored)
}

/// The planned calls of some units with their last replies, in the order of the run.
pub(super) fn slots(connection: &Connection, units: &Range<u64>) -> Result<Vec<StoredSlot>, StoreError> {
    let doing = "reading the calls of a record";
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT s.unit, s.place, s.sample, s.part, s.record, s.member, s.key, s.status, s.reason,
             (SELECT count(*) FROM attempts WHERE key = s.key),
             (SELECT coalesce(sum(repair), 0) FROM attempts WHERE key = s.key),
             (SELECT coalesce(sum(charged), 0) FROM attempts WHERE key = s.key),
             (SELECT latency_ms FROM attempts WHERE key = s.key ORDER BY id DESC LIMIT 1),
             r.attempt IS NOT NULL, {REPLY}
             FROM slots s LEFT JOIN replies r ON r.attempt =
               (SELECT attempt FROM replies WHERE key = s.key ORDER BY repair DESC, attempt DESC LIMIT 1)
             WHERE s.unit >= ?1 AND s.unit < ?2 ORDER BY s.unit, s.place, s.sample"
        ))
        .map_err(StoreError::database(doing))?;
    let mut rows = statement
        .query(params![whole(units.start), whole(units.end)])
        .map_err(StoreError::database(doing))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(StoreError::database(doing))? {
        let names: (String, String, String) =
            (|| Ok((row.get(4)?, row.get(5)?, row.get(7)?)))().map_err(StoreError::database(doing))?;
        let (mut slot, reply) = read_slot(row, &names).map_err(StoreError::database(doing))??;
        slot.reply = reply.map(with_reason).transpose()?;
        found.push(slot);
    }
    Ok(found)
}

type SlotRow = (StoredSlot, Option<(StoredReply, String)>);

fn read_slot(
    row: &Row<'_>,
    (record, member, status): &(String, String, String),
) -> rusqlite::Result<Result<SlotRow, StoreError>> {
    let unreadable = |what, value: &str| StoreError::Unreadable { what, value: value.to_owned() };
    let (Ok(record), Ok(member)) = (RecordId::new(record), ModelName::new(member)) else {
        return Ok(Err(unreadable("record or member", &format!("{record}, {member}"))));
    };
    let status = match SlotStatus::read(status) {
        Ok(status) => status,
        Err(error) => return Ok(Err(error)),
    };
    let slot = Slot {
        unit: count(row.get(0)?),
        place: small(row.get(1)?),
        sample: small(row.get(2)?),
        part: small(row.get(3)?),
        record,
        member,
    };
    let reply = if row.get(13)? { Some(read_reply(row, 14)?) } else { None };
    let stored = StoredSlot {
        slot,
        key: CallKey::from_bytes(row.get(6)?),
        status,
        reason: row.get(8)?,
        attempts: small(row.get(9)?),
        repairs: small(row.get(10)?),
        cost: Money::from_units(count(row.get(11)?)),
        latency: Duration::from_millis(count(row.get::<_, Option<i64>>(12)?.unwrap_or(0))),
        reply: None,
    };
    Ok(Ok((stored, reply)))
}

/// Units of the run so far: one more than the highest.
pub(super) fn units(connection: &Connection) -> Result<u64, StoreError> {
    connection
        .query_row("SELECT coalesce(max(unit) + 1, 0) FROM slots", [], |row| row.get(0))
        .map(count)
        .map_err(StoreError::database("counting the records"))
}

/// A fact about the run.
pub(super) fn meta(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", params![name], |row| row.get(0))
        .optional()
        .map_err(StoreError::database("reading what the run is"))
}

/// When the first and the last attempt began, in milliseconds since 1970.
pub(super) fn asked_between(connection: &Connection) -> Result<Option<[u64; 2]>, StoreError> {
    let ends = connection.query_row("SELECT min(started_ms), max(started_ms) FROM attempts", [], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    });
    let (first, last) = ends.map_err(StoreError::database("reading when calls were made"))?;
    Ok(first.zip(last).map(|(first, last)| [count(first), count(last)]))
}

/// What each panel member cost, by name. A call without an end, on its way or lost with its process, counts with all that
/// was set aside for it: whoever goes on within a limit must not spend that a second time.
pub(super) fn spend(connection: &Connection) -> Result<Vec<MemberSpend>, StoreError> {
    let doing = "adding up the costs";
    let mut statement = connection
        .prepare(
            "SELECT a.member, count(*), coalesce(sum(r.input_tokens), 0), coalesce(sum(r.output_tokens), 0),
             sum(CASE WHEN a.state = 'sent' THEN a.reserved ELSE a.charged END),
             sum(CASE WHEN a.state = 'sent' THEN a.reserved WHEN a.certain THEN 0 ELSE a.charged END),
             sum(CASE WHEN a.state = 'sent' THEN a.reserved > 0 ELSE NOT a.certain AND a.charged > 0 END)
             FROM attempts a LEFT JOIN replies r ON r.attempt = a.id GROUP BY a.member ORDER BY a.member",
        )
        .map_err(StoreError::database(doing))?;
    let rows = statement
        .query_map([], |row| {
            Ok(MemberSpend {
                member: row.get(0)?,
                attempts: count(row.get(1)?),
                input_tokens: count(row.get(2)?),
                output_tokens: count(row.get(3)?),
                cost: Money::from_units(count(row.get(4)?)),
                uncertain: Money::from_units(count(row.get(5)?)),
                uncertain_calls: count(row.get(6)?),
            })
        })
        .map_err(StoreError::database(doing))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::database(doing))
}
