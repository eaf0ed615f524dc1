//! The schema of the run database, and how older ones become it.

use rusqlite::Connection;

use super::{StoreError, seals};

/// Each entry takes a database from the version that is its place to the next one.
const MIGRATIONS: &[&str] = &[
    include_str!("version_1.sql"),
    include_str!("version_2.sql"),
    include_str!("version_3.sql"),
    include_str!("version_4.sql"),
    include_str!("version_5.sql"),
];

/// Prepares a connection: durable, and readable while it is written.
///
/// # Errors
/// [`StoreError::Database`].
pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000;",
        )
        .map_err(StoreError::database("opening the database"))
}

/// Brings a database to the newest version, all or nothing.
///
/// # Errors
/// [`StoreError::Version`] for a database of a later program, [`StoreError::Database`].
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let doing = "bringing the database to this version";
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(StoreError::database(doing))?;
    let Some(pending) = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(StoreError::Version { found, known });
    };
    if pending.is_empty() {
        return Ok(());
    }
    let change = connection.transaction().map_err(StoreError::database(doing))?;
    for step in pending {
        change.execute_batch(step).map_err(StoreError::database(doing))?;
    }
    seals::seal_all(&change).map_err(StoreError::database(doing))?;
    change.pragma_update(None, "user_version", known).map_err(StoreError::database(doing))?;
    change.commit().map_err(StoreError::database(doing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_later_program_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).expect("a second opening changes nothing");
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        assert!(matches!(refused, StoreError::Version { found: 99, known: 5 }), "{refused}");
    }

    #[test]
    fn a_database_of_every_earlier_program_opens_with_what_it_held() {
        for earlier in 1..MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            for step in &MIGRATIONS[..earlier] {
                connection.execute_batch(step).unwrap();
            }
            connection.pragma_update(None, "user_version", i64::try_from(earlier).unwrap()).unwrap();
            connection.execute("INSERT INTO meta VALUES ('identity', '{}')", []).unwrap();
            migrate(&mut connection).expect("migrated");
            let kept: String = connection.query_row("SELECT value FROM meta", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, "{}");
            connection.prepare("SELECT * FROM embeddings").expect("the view is there");
            connection.prepare("SELECT * FROM stages").expect("the table is there");
            connection.prepare("SELECT * FROM in_batches").expect("the newest view is there");
        }
    }
}
