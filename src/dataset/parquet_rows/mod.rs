//! Rows of Parquet files, as pandas, polars, Spark and `DuckDB` write them.
//!
//! A row becomes what the same object would be as a line of JSON: numbers, truth values, text, lists and objects stay
//! what they are, and null is null. What JSON has no word for is text: dates and times as ISO 8601 (`Z` where the column
//! says UTC), decimals with all their digits, UUIDs with hyphens. A whole number or a text is the same as its cell in
//! CSV, so that ids, prompts and traits do not depend on the format. A NaN, which pandas uses for "missing", is null.
//!
//! A file from elsewhere may be damaged or made to harm, and the `parquet` crate believes what a file says of
//! itself: it reserves memory for as many values as are announced, walks a schema as deep as it is nested, unpacks
//! gzip without an end, and asserts. So these limits are kept here, before and around it:
//!
//! | what | at most |
//! |---|---|
//! | the file, which is held in memory | 2 GiB |
//! | its footer | 16 MiB, 10,000 columns, nested 32 deep |
//! | its values, over all columns | 67 million |
//! | a page, unpacked | 256 MiB |
//! | the text of all rows | 4 GiB |
//!
//! Codecs: none, Snappy, gzip, zstd, LZ4 (raw). Encodings: all but the two that give lengths of texts as differences
//! (`DELTA_BYTE_ARRAY`, `DELTA_LENGTH_BYTE_ARRAY`), which few writers choose, and whose reader cannot be bounded from
//! outside. Encrypted files are refused.

mod footer;
mod open;
mod pages;
mod render;
mod shape;

pub(super) use open::open;

/// The file itself.
const LARGEST_FILE: u64 = 2 * 1024 * 1024 * 1024;
/// What describes the file, at its end.
const LARGEST_FOOTER: usize = 16 * 1024 * 1024;
const MOST_COLUMNS: usize = 10_000;
const DEEPEST: usize = 32;
/// Values over all columns and rows, as the file announces them; pages may not hold more than was announced.
const MOST_VALUES: u64 = 64 * 1024 * 1024;
const LARGEST_PAGE: usize = 256 * 1024 * 1024;
/// Bytes of all rows, rendered.
const MOST_TEXT: u64 = 4 * 1024 * 1024 * 1024;
