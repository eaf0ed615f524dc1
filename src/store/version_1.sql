-- Costs are in units of 10^-12 of the currency of the study's prices.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE slots (
  unit   INTEGER NOT NULL,
  place  INTEGER NOT NULL,
  sample INTEGER NOT NULL,
  part   INTEGER NOT NULL,
  record TEXT NOT NULL,
  member TEXT NOT NULL,
  key    BLOB NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('outstanding', 'answered', 'unusable', 'rejected', 'failed')),
  reason TEXT,
  PRIMARY KEY (unit, place, sample)
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_by_key ON slots (key);

CREATE TABLE attempts (
  id         INTEGER PRIMARY KEY,
  key        BLOB NOT NULL,
  member     TEXT NOT NULL,
  number     INTEGER NOT NULL,
  repair     INTEGER NOT NULL CHECK (repair IN (0, 1)),
  state      TEXT NOT NULL CHECK (state IN ('sent', 'replied', 'failed', 'unknown')),
  kind       TEXT,
  status     INTEGER,
  message    TEXT,
  reserved   INTEGER NOT NULL,
  charged    INTEGER NOT NULL DEFAULT 0,
  certain    INTEGER NOT NULL DEFAULT 1 CHECK (certain IN (0, 1)),
  started_ms INTEGER NOT NULL,
  latency_ms INTEGER
) STRICT;
CREATE INDEX attempts_by_key ON attempts (key);
CREATE INDEX attempts_in_flight ON attempts (id) WHERE state = 'sent';

CREATE TABLE replies (
  attempt             INTEGER PRIMARY KEY REFERENCES attempts (id),
  key                 BLOB NOT NULL,
  repair              INTEGER NOT NULL,
  content             TEXT NOT NULL,
  finish_reason       TEXT NOT NULL,
  input_tokens        INTEGER,
  cached_input_tokens INTEGER,
  output_tokens       INTEGER,
  response_model      TEXT,
  response_id         TEXT
) STRICT;
CREATE INDEX replies_by_key ON replies (key, repair, attempt);

-- One row per planned call, in the order of the input and of the panel.
CREATE VIEW answers AS
SELECT s.record, s.part, s.member AS model, s.sample, s.status, s.reason, r.content, r.finish_reason,
       r.input_tokens, r.output_tokens, r.response_model, a.latency_ms, lower(hex(s.key)) AS key
FROM slots s
LEFT JOIN replies r ON r.attempt = (SELECT attempt FROM replies WHERE key = s.key ORDER BY repair DESC, attempt DESC LIMIT 1)
LEFT JOIN attempts a ON a.id = r.attempt
ORDER BY s.unit, s.place, s.sample;

-- One row per attempt that gave no answer.
CREATE VIEW errors AS
SELECT s.record, s.part, a.member AS model, s.sample, a.number AS attempt, a.kind, a.status AS http_status, a.message,
       datetime(a.started_ms / 1000, 'unixepoch') AS started, a.latency_ms
FROM attempts a JOIN slots s ON s.key = a.key AND s.member = a.member
WHERE a.state IN ('failed', 'unknown')
ORDER BY a.id;

-- One row per panel member: what it was asked, and what that cost.
CREATE VIEW spend AS
SELECT a.member AS model, count(*) AS attempts, coalesce(sum(r.input_tokens), 0) AS input_tokens,
       coalesce(sum(r.output_tokens), 0) AS output_tokens, sum(a.charged) / 1e12 AS cost,
       sum(CASE WHEN a.certain THEN 0 ELSE a.charged END) / 1e12 AS uncertain_cost
FROM attempts a LEFT JOIN replies r ON r.attempt = a.id
GROUP BY a.member ORDER BY a.member;

-- One row per panel member: how its calls stand.
CREATE VIEW progress AS
SELECT member AS model, count(*) AS calls, sum(status = 'answered') AS answered, sum(status = 'unusable') AS unusable,
       sum(status = 'rejected') AS rejected, sum(status = 'failed') AS failed, sum(status = 'outstanding') AS outstanding
FROM slots GROUP BY member ORDER BY member;
