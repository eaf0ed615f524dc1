//! The run database as the executor and the later stages see it.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde_json::Value;

use super::lock::{self, RunLock, private, private_folder};
use super::writer::Writer;
use super::writing::{Write, apply};
use super::{
    AttemptEnd, AttemptStart, CallKey, MemberProgress, MemberSpend, Money, Note, Slot, SlotStatus,
    StoreError, StoredCall, StoredSlot, StoredStage, StoredVector, differences, progress, reading, seals,
    stages, tables, vectors,
};

/// The file in the run folder.
pub(super) const FILE: &str = "run.sqlite";

/// The name under which the run's identity is kept.
pub(super) const IDENTITY: &str = "identity";

/// The run database. Reads answer at once; writes answer when they are durable.
#[derive(Debug)]
pub struct Store {
    reader: Mutex<Connection>,
    /// Without one, the reader's connection writes too (a database in memory).
    writer: Option<Writer>,
    /// Declared last: released only when the writer has made its last commit.
    _lock: Option<RunLock>,
}

impl Store {
    /// Opens the database of a run folder as its only writer; makes folder and database when missing.
    ///
    /// The folder is its owner's alone (0700), and so are the files (0600).
    ///
    /// # Errors
    /// [`StoreError::Locked`] at once when another process writes to the run, [`StoreError::Version`]
    /// for a database of a later program, [`StoreError::Damaged`] for one that is not as it was written (the
    /// whole file is read for that), [`StoreError::Folder`] and [`StoreError::Database`] when
    /// the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        private_folder(folder)?;
        let lock = RunLock::take(folder)?;
        let path = folder.join(FILE);
        private(&path)
            .map_err(|source| StoreError::Folder { path: path.clone(), source: Arc::new(source) })?;
        let doing = "opening the database";
        let mut connection = Connection::open(&path).map_err(StoreError::database(doing))?;
        tables::configure(&connection)?;
        tables::migrate(&mut connection)?;
        seals::verify(&connection)?;
        seals::keep(&connection).map_err(StoreError::database(doing))?;
        let reader = open_reader(&path)?;
        let writer = Writer::start(connection)
            .map_err(|source| StoreError::Folder { path, source: Arc::new(source) })?;
        Ok(Self { reader: Mutex::new(reader), writer: Some(writer), _lock: Some(lock) })
    }

    /// Opens the database of a run folder for reading, also while another process writes to it.
    ///
    /// # Errors
    /// [`StoreError::Database`] when there is no run in the folder; every write answers
    /// [`StoreError::Stopped`] or fails.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let reader = open_reader(&folder.join(FILE))?;
        Ok(Self { reader: Mutex::new(reader), writer: None, _lock: None })
    }

    /// The process that writes to the run folder at this moment, in words; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Folder`] when the lock cannot be looked at.
    pub fn holder(folder: &Path) -> Result<Option<String>, StoreError> {
        lock::holder(folder)
    }

    /// Refuses a run folder that another process writes to, as [`Store::open`] would.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Folder`].
    pub fn refuse_held(folder: &Path) -> Result<(), StoreError> {
        match lock::holder(folder)? {
            Some(holder) => Err(StoreError::Locked { folder: folder.to_owned(), holder }),
            None => Ok(()),
        }
    }

    /// Whether there is a run database in a folder.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// A database in memory, for tests and for consultations that leave nothing behind.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection =
            Connection::open_in_memory().map_err(StoreError::database("opening the database"))?;
        tables::migrate(&mut connection)?;
        Ok(Self { reader: Mutex::new(connection), writer: None, _lock: None })
    }

    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        // A connection has no state of ours that a panic could leave half made.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn write(&self, write: Write) -> Result<i64, StoreError> {
        if let Some(writer) = &self.writer {
            return writer.write(write).await;
        }
        let mut connection = self.reader();
        let transaction = connection.transaction().map_err(StoreError::database("committing"))?;
        let answer = apply(&transaction, &write)?;
        transaction.commit().map_err(StoreError::database("committing"))?;
        Ok(answer)
    }

    /// Says what the run is, or checks that it still is what it began as.
    ///
    /// # Errors
    /// [`StoreError::Changed`] with every difference, when the run was begun as something else.
    pub async fn claim(&self, identity: &Value) -> Result<(), StoreError> {
        if reading::meta(&self.reader(), IDENTITY)?.is_some() {
            return self.check(identity);
        }
        let value = super::canonical(identity)
            .map_err(|error| StoreError::Unreadable { what: IDENTITY, value: error.to_string() })?;
        self.write(Write::Meta { name: IDENTITY, value }).await.map(drop)
    }

    /// Checks that the run is what it began as; one that has not begun is anything.
    ///
    /// # Errors
    /// [`StoreError::Changed`] with every difference, when the run was begun as something else.
    pub fn check(&self, identity: &Value) -> Result<(), StoreError> {
        let Some(text) = reading::meta(&self.reader(), IDENTITY)? else { return Ok(()) };
        let before: Value = serde_json::from_str(&text)
            .map_err(|_| StoreError::Unreadable { what: IDENTITY, value: text })?;
        let differences = differences(&before, identity);
        if differences.is_empty() { Ok(()) } else { Err(StoreError::Changed { differences }) }
    }

    /// Keeps a fact about the run under a name, instead of what was kept under it before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note(&self, note: Note, value: String) -> Result<(), StoreError> {
        self.write(Write::Meta { name: note.name(), value }).await.map(drop)
    }

    /// The fact that was kept under a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn noted(&self, note: Note) -> Result<Option<String>, StoreError> {
        self.noted_text(note.name())
    }

    pub(super) fn noted_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        reading::meta(&self.reader(), name)
    }

    /// Stores how a stage of the pipeline stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_stage(&self, stage: StoredStage) -> Result<(), StoreError> {
        self.write(Write::Stage(stage)).await.map(drop)
    }

    /// How the stages of the pipeline stand, in order; none for a run without stages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stages(&self) -> Result<Vec<StoredStage>, StoreError> {
        stages::all(&self.reader())
    }

    /// Marks attempts whose process is gone: sent, end unknown, their reservation counted as spent. Those in batches
    /// are still on their way.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn recover(&self) -> Result<(), StoreError> {
        self.write(Write::Recover).await.map(drop)
    }

    /// Stores the intent to make an attempt; answers its number.
    ///
    /// # Errors
    /// [`StoreError`]: the attempt must then not be made.
    pub async fn begin(&self, start: AttemptStart) -> Result<i64, StoreError> {
        self.write(Write::Begin(start)).await
    }

    /// Stores how an attempt ended and what it cost; `certain` says that the cost is not an upper bound.
    ///
    /// # Errors
    /// [`StoreError`]: the run must stop, for an answer could not be kept.
    pub async fn end(
        &self,
        attempt: i64,
        end: AttemptEnd,
        charged: Money,
        certain: bool,
        latency: Duration,
    ) -> Result<(), StoreError> {
        self.write(Write::End { attempt, end, charged, certain, latency }).await.map(drop)
    }

    /// Stores how a planned call stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle(
        &self,
        slot: Slot,
        key: CallKey,
        status: SlotStatus,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        self.write(Write::Settle { slot, key, status, reason }).await.map(drop)
    }

    /// Keeps vectors that an endpoint answered, under the name of its model.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_vectors(&self, embedder: &str, rows: Vec<StoredVector>) -> Result<(), StoreError> {
        self.write(Write::Vectors { embedder: embedder.to_owned(), rows }).await.map(drop)
    }

    /// The vectors of some texts by a model, in the order of the texts; `None` where none is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn vectors(&self, embedder: &str, texts: &[&str]) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
        vectors::find(&self.reader(), embedder, texts)
    }

    /// What is stored about a question.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn call(&self, key: CallKey) -> Result<StoredCall, StoreError> {
        reading::call(&self.reader(), key)
    }

    /// The text of the reply with that id, as drafts name it ([`StoredReply::id`](super::StoredReply::id)).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reply(&self, id: &str) -> Result<Option<String>, StoreError> {
        reading::reply(&self.reader(), id)
    }

    /// The planned calls of some units, by unit, panel place and sample.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn slots(&self, units: Range<u64>) -> Result<Vec<StoredSlot>, StoreError> {
        reading::slots(&self.reader(), &units)
    }

    /// One more than the highest unit that was begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn units(&self) -> Result<u64, StoreError> {
        reading::units(&self.reader())
    }

    /// How the calls of each panel member stand, in the order of the panel; also while another process writes.
    /// Rates are counted from `since_ms`, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn progress(&self, since_ms: u64) -> Result<Vec<MemberProgress>, StoreError> {
        progress::progress(&self.reader(), since_ms)
    }

    /// What each panel member was asked and cost, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn spend(&self) -> Result<Vec<MemberSpend>, StoreError> {
        reading::spend(&self.reader())
    }
}

/// Opens the database of a run for reading. Beside a database that may be written SQLite keeps two small files even for
/// readers; in an archive that nobody may write to it cannot, and need not: nothing there changes.
fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let doing = "opening the database";
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(path, flags).map_err(StoreError::database(doing))?;
    reader.busy_timeout(Duration::from_secs(5)).map_err(StoreError::database(doing))?;
    let looked = reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let archived = |error: &rusqlite::Error| {
        matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
    };
    match looked {
        Err(error) if archived(&error) && is_whole(path) => {
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(immutable(path), flags).map_err(StoreError::database(doing))
        }
        // Whatever else is wrong, the first question says so, in its own words.
        _ => Ok(reader),
    }
}

/// Whether everything that was committed stands in the file itself, and none of it in the log beside it.
fn is_whole(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |log| log.len() == 0)
}

/// The address under which SQLite takes a file for one that never changes.
fn immutable(path: &Path) -> String {
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => address.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(*byte)),
            // Writing to a `String` cannot fail.
            byte => drop(write!(address, "%{byte:02X}")),
        }
    }
    address + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::{ModelName, RecordId};
    use crate::provider::{Completion, FailureKind, FinishReason, Usage};
    use serde_json::json;

    fn key(byte: u8) -> CallKey {
        CallKey::from_bytes([byte; 32])
    }

    fn slot(unit: u64, place: u32) -> Slot {
        Slot {
            unit,
            place,
            sample: 0,
            part: 0,
            record: RecordId::new(&format!("r{unit}")).unwrap(),
            member: ModelName::new(&format!("m{place}")).unwrap(),
        }
    }

    fn start(slot: &Slot, key: CallKey, repair: bool) -> AttemptStart {
        AttemptStart {
            slot: slot.clone(),
            key,
            number: 0,
            repair,
            reserved: Money::from_units(70),
            started_ms: 1,
        }
    }

    fn completion(content: &str) -> Completion {
        Completion {
            content: content.to_owned(),
            finish_reason: FinishReason::Other("odd".to_owned()),
            usage: Some(Usage { input_tokens: 5, cached_input_tokens: 2, output_tokens: 3 }),
            response_model: Some("m-1".to_owned()),
            response_id: None,
        }
    }

    async fn answered(store: &Store, slot: &Slot, key: CallKey, repair: bool, content: &str) {
        let attempt = store.begin(start(slot, key, repair)).await.unwrap();
        let end = AttemptEnd::Replied(completion(content));
        store.end(attempt, end, Money::from_units(11), true, Duration::from_millis(9)).await.unwrap();
    }

    #[tokio::test]
    async fn a_reply_comes_back_as_it_came_and_the_repaired_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        for store in [Store::in_memory().unwrap(), Store::open(folder.path()).unwrap()] {
            let slot = slot(4, 1);
            answered(&store, &slot, key(1), false, "prose").await;
            answered(&store, &slot, key(1), true, "{}").await;
            store.settle(slot.clone(), key(1), SlotStatus::Answered, None).await.unwrap();
            let call = store.call(key(1)).unwrap();
            assert_eq!(call.reply.as_ref().map(|r| &r.completion), Some(&completion("prose")));
            assert_eq!(call.last().map(|r| &r.completion), Some(&completion("{}")));
            let slots = store.slots(0..9).unwrap();
            assert_eq!(slots.len(), 1);
            assert_eq!((slots[0].attempts, slots[0].repairs, slots[0].cost), (2, 1, Money::from_units(22)));
            assert_eq!(slots[0].reply, call.repaired);
            assert_eq!(slots[0].slot, slot);
            assert_eq!(store.units().unwrap(), 5);
        }
    }

    #[tokio::test]
    async fn a_failed_attempt_is_a_row_and_never_an_answer() {
        let store = Store::in_memory().unwrap();
        let attempt = store.begin(start(&slot(0, 0), key(1), false)).await.unwrap();
        let end =
            AttemptEnd::Failed { kind: FailureKind::Transient, status: Some(500), message: "no".to_owned() };
        store.end(attempt, end, Money::ZERO, true, Duration::ZERO).await.unwrap();
        assert_eq!(store.call(key(1)).unwrap(), StoredCall { attempts: 1, ..StoredCall::default() });
        let row: (String, i64, String) = store
            .reader()
            .query_row("SELECT kind, http_status, message FROM errors", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(row, ("transient".to_owned(), 500, "no".to_owned()));
    }

    #[tokio::test]
    async fn a_call_in_flight_when_the_process_died_counts_as_perhaps_paid() {
        let store = Store::in_memory().unwrap();
        store.begin(start(&slot(0, 0), key(1), false)).await.unwrap();
        let before = store.spend().unwrap();
        store.recover().await.unwrap();
        let spend = store.spend().unwrap();
        assert_eq!((spend[0].cost, spend[0].uncertain), (Money::from_units(70), Money::from_units(70)));
        assert_eq!(spend[0].uncertain_calls, 1);
        assert_eq!(before, spend, "a lost call counts before anybody has called it lost");
    }

    #[tokio::test]
    async fn a_discarded_call_leaves_a_tombstone() {
        let store = Store::in_memory().unwrap();
        store.settle(slot(0, 0), key(1), SlotStatus::Rejected, Some("too long".to_owned())).await.unwrap();
        let discarded = store.call(key(1)).unwrap().discarded;
        assert_eq!(discarded, Some((SlotStatus::Rejected, "too long".to_owned())));
    }

    #[tokio::test]
    async fn a_run_remembers_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.claim(&json!({"seed": 1, "name": "x"})).await.unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        store.claim(&json!({"name": "x", "seed": 1})).await.expect("the same, in another order");
        let refused = store.claim(&json!({"seed": 2, "name": "x"})).await.unwrap_err().to_string();
        assert!(refused.contains("seed: 1 → 2"), "{refused}");
    }

    #[tokio::test]
    async fn everybody_may_read_while_one_writes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        answered(&store, &slot(0, 0), key(1), false, "x").await;
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Locked { .. })));
        let reader = Store::read(folder.path()).unwrap();
        assert!(reader.call(key(1)).unwrap().reply.is_some());
        for view in ["answers", "errors", "spend", "progress", "embeddings"] {
            let query = format!("SELECT count(*) FROM {view}");
            reader.reader().query_row(&query, [], |row| row.get::<_, i64>(0)).expect(view);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_run_folder_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("run");
        let store = Store::open(&folder).unwrap();
        answered(&store, &slot(0, 0), key(1), false, "x").await;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        let mut files = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            files += 1;
        }
        assert!(files >= 3, "database, log and lock");
    }

    #[test]
    fn a_folder_without_a_run_is_an_error_not_an_empty_run() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Store::read(folder.path()), Err(StoreError::Database { .. })));
    }
}
