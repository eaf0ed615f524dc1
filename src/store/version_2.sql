-- Vectors that an endpoint was asked for. The text is not kept, only its blake3 hash; a vector is
-- float32, little endian, as it came.
CREATE TABLE vectors (
  embedder TEXT NOT NULL,
  text     BLOB NOT NULL,
  vector   BLOB NOT NULL,
  PRIMARY KEY (embedder, text)
) STRICT, WITHOUT ROWID;

-- One row per embedding model: how many texts it was asked for, and how long its vectors are.
CREATE VIEW embeddings AS
SELECT embedder, count(*) AS texts, min(length(vector)) / 4 AS dimension FROM vectors GROUP BY embedder ORDER BY embedder;
