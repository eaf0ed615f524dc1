-- A hash of every row of the other tables, so that a damaged file is noticed.
CREATE TABLE seals (
  about TEXT NOT NULL,
  id    TEXT NOT NULL,
  seal  INTEGER NOT NULL,
  PRIMARY KEY (about, id)
) STRICT, WITHOUT ROWID;
