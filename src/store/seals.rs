//! Every row has a seal, so that a damaged file is noticed instead of believed.
//!
//! SQLite notices a damaged page only where its structure is broken: a flipped bit in the text of an answer, or in
//! an amount, reads as if it had been stored so. A seal is a hash of a row; it is written with the row, by triggers
//! that exist on the writing connection alone, and compared when a run is opened. A file that people look into
//! with other programs stays an ordinary database.

use std::fmt::Write as _;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use super::StoreError;

/// A table, what names a row of it, and what its seal is over.
struct Sealed {
    table: &'static str,
    name: &'static [&'static str],
    columns: &'static [&'static str],
}

const TABLES: [Sealed; 8] = [
    Sealed { table: "meta", name: &["name"], columns: &["name", "value"] },
    Sealed {
        table: "slots",
        name: &["unit", "place", "sample"],
        columns: &["unit", "place", "sample", "part", "record", "member", "key", "status", "reason"],
    },
    Sealed {
        table: "attempts",
        name: &["id"],
        columns: &[
            "id",
            "key",
            "member",
            "number",
            "repair",
            "state",
            "kind",
            "status",
            "message",
            "reserved",
            "charged",
            "certain",
            "started_ms",
            "latency_ms",
        ],
    },
    Sealed {
        table: "replies",
        name: &["attempt"],
        columns: &[
            "attempt",
            "key",
            "repair",
            "content",
            "finish_reason",
            "input_tokens",
            "cached_input_tokens",
            "output_tokens",
            "response_model",
            "response_id",
        ],
    },
    Sealed { table: "vectors", name: &["embedder", "hex(text)"], columns: &["embedder", "text", "vector"] },
    Sealed {
        table: "stages",
        name: &["name"],
        columns: &[
            "name",
            "place",
            "status",
            "round",
            "fingerprint",
            "started_ms",
            "ended_ms",
            "output",
            "error",
        ],
    },
    Sealed {
        table: "batches",
        name: &["id"],
        columns: &["id", "tag", "member", "address", "model", "vendor_id", "intended_ms"],
    },
    Sealed { table: "batch_calls", name: &["attempt"], columns: &["attempt", "batch", "place"] },
];

impl Sealed {
    /// What names a row, as an expression; `row` is put before every column.
    fn id(&self, row: &str) -> String {
        let part = |column: &&str| match column.strip_prefix("hex(") {
            Some(rest) => format!("hex({row}{rest}"),
            // As text, like the column that it is compared with: else no index is used.
            None => format!("CAST({row}{column} AS TEXT)"),
        };
        self.name.iter().map(part).collect::<Vec<_>>().join(" || '/' || ")
    }

    fn seal(&self, row: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("{row}{column}")).collect();
        format!("seal({})", columns.join(", "))
    }
}

/// Teaches a connection to compute seals.
fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("seal", -1, flags, |context| {
        let mut hasher = blake3::Hasher::new();
        for place in 0..context.len() {
            let (kind, bytes): (u8, &[u8]) = match context.get_raw(place) {
                ValueRef::Null => (0, &[]),
                ValueRef::Integer(number) => {
                    hasher.update(&[1]).update(&number.to_le_bytes());
                    continue;
                }
                ValueRef::Real(number) => {
                    hasher.update(&[2]).update(&number.to_le_bytes());
                    continue;
                }
                ValueRef::Text(text) => (3, text),
                ValueRef::Blob(bytes) => (4, bytes),
            };
            hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Ok(i64::from_le_bytes(first))
    })
}

/// Seals the rows that were written by a program without seals.
pub(super) fn seal_all(connection: &Connection) -> rusqlite::Result<()> {
    teach(connection)?;
    for sealed in &TABLES {
        let (table, id, seal) = (sealed.table, sealed.id(""), sealed.seal(""));
        connection.execute_batch(&format!(
            "INSERT OR REPLACE INTO seals SELECT '{table}', {id}, {seal} FROM {table};"
        ))?;
    }
    Ok(())
}

/// From now on every row that this connection writes is sealed in the same transaction.
pub(super) fn keep(connection: &Connection) -> rusqlite::Result<()> {
    teach(connection)?;
    // Not `OR REPLACE`: in a trigger, the policy of the statement that fired it would count instead.
    let again = "ON CONFLICT (about, id) DO UPDATE SET seal = excluded.seal";
    let mut triggers = String::new();
    for sealed in &TABLES {
        let (table, columns) = (sealed.table, sealed.columns.join(", "));
        let (id, seal, gone) = (sealed.id("new."), sealed.seal("new."), sealed.id("old."));
        // Writing to a `String` cannot fail.
        let _ = write!(
            triggers,
            "CREATE TEMP TRIGGER sealed_{table} AFTER INSERT ON main.{table} BEGIN
               INSERT INTO seals VALUES ('{table}', {id}, {seal}) {again}; END;
             CREATE TEMP TRIGGER resealed_{table} AFTER UPDATE OF {columns} ON main.{table} BEGIN
               INSERT INTO seals VALUES ('{table}', {id}, {seal}) {again}; END;
             CREATE TEMP TRIGGER unsealed_{table} AFTER DELETE ON main.{table} BEGIN
               DELETE FROM seals WHERE about = '{table}' AND id = {gone}; END;"
        );
    }
    connection.execute_batch(&triggers)
}

/// Whether the whole file is what was stored: its structure, every row, and no row too few.
///
/// # Errors
/// [`StoreError::Damaged`] with the first thing that is not, [`StoreError::Database`].
pub(super) fn verify(connection: &Connection) -> Result<(), StoreError> {
    let failed = || StoreError::database("looking for damage");
    let said: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed())?;
    if said != "ok" {
        return Err(StoreError::Damaged { what: said.lines().collect::<Vec<_>>().join("; ") });
    }
    teach(connection).map_err(failed())?;
    for sealed in &TABLES {
        let (table, id, seal) = (sealed.table, sealed.id("t."), sealed.seal("t."));
        let differs = format!(
            "SELECT {id} FROM {table} t LEFT JOIN seals s ON s.about = '{table}' AND s.id = {id}
             WHERE s.seal IS NOT {seal} LIMIT 1"
        );
        let lost = format!(
            "SELECT id FROM seals WHERE about = '{table}' AND id NOT IN (SELECT {id} FROM {table} t) LIMIT 1"
        );
        for (question, what) in [(differs, "is not what was stored"), (lost, "is gone")] {
            let row: Option<String> =
                connection.query_row(&question, [], |row| row.get(0)).optional().map_err(failed())?;
            if let Some(row) = row {
                return Err(StoreError::Damaged { what: format!("row `{row}` of `{table}` {what}") });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().expect("opened");
        tables::migrate(&mut connection).expect("migrated");
        keep(&connection).expect("watched");
        connection.execute("INSERT INTO meta (name, value) VALUES ('a', 'one')", []).expect("stored");
        connection
            .execute("INSERT INTO slots VALUES (0, 1, 2, 0, 'r', 'm', x'00', 'failed', NULL)", [])
            .expect("stored");
        connection
    }

    /// Changes the database as damage does: without anybody knowing.
    fn behind_its_back(connection: &Connection, change: &str) -> Result<(), StoreError> {
        connection
            .execute_batch(
                "DROP TRIGGER resealed_meta; DROP TRIGGER unsealed_meta; DROP TRIGGER resealed_slots;",
            )
            .expect("dropped");
        connection.execute_batch(change).expect("changed");
        verify(connection)
    }

    #[test]
    fn what_was_stored_is_believed_and_so_are_its_changes() {
        let connection = database();
        connection.execute("UPDATE meta SET value = 'two'", []).expect("changed");
        connection.execute("UPDATE slots SET status = 'answered'", []).expect("changed");
        verify(&connection).expect("whole");
        connection.execute("DELETE FROM meta", []).expect("removed");
        verify(&connection).expect("whole");
    }

    #[test]
    fn what_nobody_stored_is_named() {
        for (change, said) in [
            ("UPDATE meta SET value = 'onf'", "row `a` of `meta` is not what was stored"),
            ("DELETE FROM meta", "row `a` of `meta` is gone"),
            ("UPDATE slots SET reason = ''", "row `0/1/2` of `slots` is not what was stored"),
            ("DELETE FROM seals", "row `a` of `meta` is not what was stored"),
        ] {
            let error = behind_its_back(&database(), change).expect_err("damaged").to_string();
            assert!(error.contains(said), "{change}: {error}");
        }
    }

    #[test]
    fn a_database_of_a_program_without_seals_is_sealed_as_it_is() {
        let connection = database();
        connection.execute("DELETE FROM seals", []).expect("unsealed");
        seal_all(&connection).expect("sealed");
        verify(&connection).expect("whole");
    }
}
