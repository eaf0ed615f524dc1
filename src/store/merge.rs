//! Several run databases become one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::database::{FILE, IDENTITY};
use super::lock::{RunLock, private, private_folder};
use super::{Note, Store, StoreError, differences, reading, seals, tables};

/// Attempts are numbered anew, so that those of one part never take the place of another's; batches too, and by the same
/// number, for every batch has an attempt of its own.
const COPY: &str = "
INSERT INTO attempts SELECT id + ?1, key, member, number, repair, state, kind, status, message, reserved, charged,
  certain, started_ms, latency_ms FROM part.attempts ORDER BY id;
INSERT INTO replies SELECT attempt + ?1, key, repair, content, finish_reason, input_tokens, cached_input_tokens,
  output_tokens, response_model, response_id FROM part.replies ORDER BY attempt;
INSERT INTO slots SELECT * FROM part.slots WHERE true
  ON CONFLICT (unit, place, sample) DO UPDATE SET key = excluded.key, status = excluded.status, reason = excluded.reason
  WHERE slots.status IN ('outstanding', 'failed');
INSERT OR IGNORE INTO vectors SELECT * FROM part.vectors;
INSERT INTO batches SELECT id + ?1, tag, member, address, model, vendor_id, intended_ms FROM part.batches;
INSERT INTO batch_calls SELECT attempt + ?1, batch + ?1, place FROM part.batch_calls;";

/// Calls that two parts have in common although they ask something different.
const CLASH: &str = "
SELECT p.record FROM part.slots p JOIN slots s USING (unit, place, sample)
WHERE s.key <> p.key OR s.record <> p.record ORDER BY p.unit LIMIT 1";

/// Puts the databases of run folders together in a new run folder.
///
/// # Errors
/// [`StoreError::Merge`] when there is a run in the folder already, when a part is none or is given twice, or when two
/// parts ask about different data; [`StoreError::Changed`] for parts of different studies;
/// [`StoreError::Locked`] for a part that is in use. Nothing is left in the folder then.
pub fn merge(parts: &[PathBuf], folder: &Path) -> Result<(), StoreError> {
    if Store::exists(folder) {
        return Err(refused(folder, "there is a run in it already; name another folder"));
    }
    private_folder(folder)?;
    let _lock = RunLock::take(folder)?;
    let path = folder.join(FILE);
    let merged = put_together(parts, &path);
    if merged.is_err() {
        // What was begun is of no use; where it cannot be removed, the next merge says so.
        let _ = std::fs::remove_file(&path);
    }
    merged
}

fn put_together(parts: &[PathBuf], path: &Path) -> Result<(), StoreError> {
    private(path).map_err(|source| StoreError::Folder { path: path.to_owned(), source: Arc::new(source) })?;
    let mut connection = Connection::open(path).map_err(StoreError::database("opening the database"))?;
    tables::configure(&connection)?;
    tables::migrate(&mut connection)?;
    seals::keep(&connection).map_err(StoreError::database("opening the database"))?;
    let mut plan: BTreeMap<String, u64> = BTreeMap::new();
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    for part in parts {
        if !taken.insert(part.canonicalize().unwrap_or_else(|_| part.clone())) {
            return Err(refused(part, "it is given twice"));
        }
        take(&mut connection, part, &mut plan)?;
    }
    let plan = serde_json::json!(plan).to_string();
    put(&connection, Note::Plan.name(), &plan)
}

/// Takes over everything that a part holds.
fn take(
    connection: &mut Connection,
    part: &Path,
    plan: &mut BTreeMap<String, u64>,
) -> Result<(), StoreError> {
    if !Store::exists(part) {
        return Err(refused(part, "it is no run folder: there is no `run.sqlite` in it"));
    }
    // Opened once as its writer: brought to this version, and nobody writes to it meanwhile.
    let opened = Store::open(part)?;
    let theirs = opened.noted_text(IDENTITY)?.ok_or_else(|| refused(part, "it has not begun"))?;
    match reading::meta(connection, IDENTITY)? {
        None => {
            put(connection, IDENTITY, &theirs)?;
            for note in [Note::Study, Note::Unpriced] {
                if let Some(said) = opened.noted(note)? {
                    put(connection, note.name(), &said)?;
                }
            }
        }
        Some(ours) => same(&ours, &theirs)?,
    }
    if let Some(counts) = opened.noted(Note::Plan)? {
        let counts: BTreeMap<String, u64> = serde_json::from_str(&counts)
            .map_err(|_| StoreError::Unreadable { what: "plan", value: counts })?;
        for (model, calls) in counts {
            *plan.entry(model).or_default() += calls;
        }
    }
    copy(connection, part)
}

fn same(ours: &str, theirs: &str) -> Result<(), StoreError> {
    let read = |text: &str| -> Result<Value, StoreError> {
        serde_json::from_str(text)
            .map_err(|_| StoreError::Unreadable { what: IDENTITY, value: text.to_owned() })
    };
    let differences = differences(&read(ours)?, &read(theirs)?);
    if differences.is_empty() { Ok(()) } else { Err(StoreError::Changed { differences }) }
}

fn copy(connection: &mut Connection, part: &Path) -> Result<(), StoreError> {
    let failed = || StoreError::database("merging a run");
    let database = part.join(FILE).to_string_lossy().into_owned();
    connection.execute("ATTACH DATABASE ?1 AS part", params![database]).map_err(failed())?;
    let transaction = connection.transaction().map_err(failed())?;
    let clash: Option<String> = match transaction.query_row(CLASH, [], |row| row.get(0)) {
        Ok(record) => Some(record),
        Err(rusqlite::Error::QueryReturnedNoRows) => None,
        Err(error) => return Err(failed()(error)),
    };
    if let Some(record) = clash {
        let why = format!("it asks about `{record}` what another part asks about different data");
        return Err(refused(part, &why));
    }
    let last: i64 = transaction
        .query_row("SELECT coalesce(max(id), 0) FROM attempts", [], |row| row.get(0))
        .map_err(failed())?;
    for statement in COPY.split(';').filter(|statement| !statement.trim().is_empty()) {
        let mut statement = transaction.prepare(statement).map_err(failed())?;
        let copied =
            if statement.parameter_count() == 0 { statement.execute([]) } else { statement.execute([last]) };
        copied.map_err(failed())?;
    }
    transaction.commit().map_err(failed())?;
    connection.execute("DETACH DATABASE part", []).map(drop).map_err(failed())
}

fn put(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    connection
        .execute("INSERT INTO meta VALUES (?1, ?2)", params![name, value])
        .map(drop)
        .map_err(StoreError::database("storing what the run is"))
}

fn refused(folder: &Path, why: &str) -> StoreError {
    StoreError::Merge { folder: folder.to_owned(), why: why.to_owned() }
}
