//! Vectors of endpoints by the content of their texts: what was asked for once is never asked for again.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

/// The content of a text: its blake3 hash.
pub(super) type TextKey = [u8; 32];

/// A text's vector, to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredVector {
    text: TextKey,
    vector: Vec<u8>,
}

impl StoredVector {
    /// The vector of a text, in full.
    #[must_use]
    pub fn new(text: &str, vector: &[f32]) -> Self {
        let bytes = vector.iter().flat_map(|component| component.to_le_bytes()).collect();
        Self { text: key(text), vector: bytes }
    }
}

pub(super) fn key(text: &str) -> TextKey {
    *blake3::hash(text.as_bytes()).as_bytes()
}

/// Keeps vectors; those that are there stay as they are.
pub(super) fn keep(connection: &Connection, embedder: &str, rows: &[StoredVector]) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("INSERT INTO vectors VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?;
    for row in rows {
        statement.execute(params![embedder, row.text, row.vector])?;
    }
    Ok(())
}

/// The vectors of some texts, in their order; `None` where there is none.
pub(super) fn find(
    connection: &Connection,
    embedder: &str,
    texts: &[&str],
) -> Result<Vec<Option<Vec<f32>>>, StoreError> {
    let failed = StoreError::database;
    let doing = "reading vectors";
    let mut statement = connection
        .prepare_cached("SELECT vector FROM vectors WHERE embedder = ?1 AND text = ?2")
        .map_err(failed(doing))?;
    let find = |text: &&str| {
        let found: Option<Vec<u8>> = statement
            .query_row(params![embedder, key(text)], |row| row.get(0))
            .optional()
            .map_err(failed(doing))?;
        found.map(|bytes| components(&bytes)).transpose()
    };
    texts.iter().map(find).collect()
}

fn components(bytes: &[u8]) -> Result<Vec<f32>, StoreError> {
    let (components, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(StoreError::Unreadable { what: "vector", value: format!("{} bytes", bytes.len()) });
    }
    Ok(components.iter().map(|component| f32::from_le_bytes(*component)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[tokio::test]
    async fn vectors_are_found_by_model_and_content() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = Store::open(folder.path()).expect("opened");
        let rows = vec![StoredVector::new("a", &[1.0, -2.5]), StoredVector::new("b", &[0.0, 3.0])];
        store.keep_vectors("openai:m", rows).await.expect("kept");
        store.keep_vectors("openai:m", vec![StoredVector::new("a", &[9.0, 9.0])]).await.expect("kept");
        let found = store.vectors("openai:m", &["b", "c", "a"]).expect("readable");
        assert_eq!(found, [Some(vec![0.0, 3.0]), None, Some(vec![1.0, -2.5])]);
        assert_eq!(store.vectors("openai:n", &["a"]).expect("readable"), [None]);
    }
}
