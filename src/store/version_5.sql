-- One row per batch that was handed to a vendor, or was about to be: `vendor_id` is the vendor's number of it, once that
-- was heard. The tag is ours, and by it a batch is found whose number was never heard.
CREATE TABLE batches (
  id          INTEGER PRIMARY KEY,
  tag         TEXT NOT NULL UNIQUE,
  member      TEXT NOT NULL,
  address     TEXT NOT NULL,
  model       TEXT NOT NULL,
  vendor_id   TEXT,
  intended_ms INTEGER NOT NULL
) STRICT;

-- Which attempt stands at which place of which batch. A batch is on its way as long as one of its attempts has no end.
CREATE TABLE batch_calls (
  attempt INTEGER PRIMARY KEY REFERENCES attempts (id),
  batch   INTEGER NOT NULL REFERENCES batches (id),
  place   INTEGER NOT NULL,
  UNIQUE (batch, place)
) STRICT, WITHOUT ROWID;

-- One row per batch: how many of its calls are still on their way, and the most that those can cost.
CREATE VIEW in_batches AS
SELECT b.member AS model, b.vendor_id AS batch, datetime(b.intended_ms / 1000, 'unixepoch') AS sent, count(*) AS calls,
       sum(a.state = 'sent') AS on_their_way,
       sum(CASE WHEN a.state = 'sent' THEN a.reserved ELSE 0 END) / 1e12 AS reserved_cost
FROM batches b JOIN batch_calls c ON c.batch = b.id JOIN attempts a ON a.id = c.attempt
GROUP BY b.id ORDER BY b.id;
