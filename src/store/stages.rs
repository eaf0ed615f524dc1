//! How the stages of a pipeline stand: one row each, replaced as a whole.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StoreError;
use super::writing::whole;

/// How a stage stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// Not begun, or to be done again.
    #[default]
    Pending,
    /// Begun; after a restart it is done again.
    Running,
    /// A person is asked.
    Waiting,
    /// Done; what it made is there.
    Completed,
    /// Not done; the same command tries again.
    Failed,
    /// Left out, for something that it needs is missing.
    Skipped,
    /// A person said no.
    Rejected,
}

impl StageStatus {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Skipped,
        Self::Rejected,
    ];

    /// The word in the database and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A stage as it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredStage {
    /// Its name.
    pub name: String,
    /// Its place in the order, from 0.
    pub place: u64,
    /// How it stands.
    pub status: StageStatus,
    /// How often it was asked to do its work anew, with fresh answers.
    pub round: u32,
    /// A hash of what it was made from; a stage whose inputs have changed is done again.
    pub fingerprint: String,
    /// Milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// Milliseconds since 1970.
    pub ended_ms: Option<u64>,
    /// What it has to say; what it made stands in files.
    pub output: Value,
    /// Why it is not done.
    pub error: Option<String>,
}

/// Puts a stage in the place of what was known about it.
pub(super) fn put(connection: &Connection, stage: &StoredStage) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO stages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
        stage.name,
        whole(stage.place),
        stage.status.name(),
        stage.round,
        stage.fingerprint,
        stage.started_ms.map(whole),
        stage.ended_ms.map(whole),
        stage.output.to_string(),
        stage.error,
    ])?;
    Ok(())
}

/// All stages, in order; a database of an earlier program has none.
pub(super) fn all(connection: &Connection) -> Result<Vec<StoredStage>, StoreError> {
    let doing = "reading the stages";
    let failed = || StoreError::database(doing);
    let there: bool = connection
        .query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'stages'", [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(failed())?
        > 0;
    if !there {
        return Ok(Vec::new());
    }
    let mut statement = connection
        .prepare(
            "SELECT name, place, status, round, fingerprint, started_ms, ended_ms, output, error
             FROM stages ORDER BY place, name",
        )
        .map_err(failed())?;
    let mut rows = statement.query([]).map_err(failed())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed())? {
        let (stage, status, output) = read(row).map_err(failed())?;
        let status = StageStatus::named(&status)
            .ok_or_else(|| StoreError::Unreadable { what: "status of a stage", value: status })?;
        let output = serde_json::from_str(&output)
            .map_err(|_| StoreError::Unreadable { what: "output of a stage", value: output })?;
        found.push(StoredStage { status, output, ..stage });
    }
    Ok(found)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(StoredStage, String, String)> {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let stage = StoredStage {
        name: row.get(0)?,
        place: count(row.get(1)?),
        status: StageStatus::Pending,
        round: row.get(3)?,
        fingerprint: row.get(4)?,
        started_ms: row.get::<_, Option<i64>>(5)?.map(count),
        ended_ms: row.get::<_, Option<i64>>(6)?.map(count),
        output: Value::Null,
        error: row.get(8)?,
    };
    Ok((stage, row.get(2)?, row.get(7)?))
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn g4_a_stage_comes_back_as_it_stood_also_for_who_only_reads() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut review = StoredStage {
            name: "review".to_owned(),
            place: 2,
            status: StageStatus::Running,
            round: 1,
            fingerprint: "f".to_owned(),
            started_ms: Some(5),
            ..StoredStage::default()
        };
        store.put_stage(review.clone()).await.unwrap();
        store.put_stage(StoredStage { name: "panel".to_owned(), ..StoredStage::default() }).await.unwrap();
        review.status = StageStatus::Completed;
        review.output = json!({"summary": "é"});
        store.put_stage(review.clone()).await.unwrap();
        let stages = Store::read(folder.path()).unwrap().stages().unwrap();
        assert_eq!(stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["panel", "review"]);
        assert_eq!(stages[1], review);
    }
}
