-- One row per stage of a study's pipeline, as it stands; `place` is its place in the order.
CREATE TABLE stages (
  name        TEXT PRIMARY KEY,
  place       INTEGER NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('pending', 'running', 'waiting', 'completed', 'failed', 'skipped', 'rejected')),
  round       INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  started_ms  INTEGER,
  ended_ms    INTEGER,
  output      TEXT NOT NULL,
  error       TEXT
) STRICT, WITHOUT ROWID;
