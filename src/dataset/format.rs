//! Which format an input has, and how it is to be read.

use serde::{Deserialize, Serialize};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Rows with a header; the delimiter is found out.
    Csv,
    /// One document: a list, an object around a list, or one record.
    Json,
    /// One JSON value per line.
    #[serde(rename = "jsonl")]
    JsonLines,
    /// A table of typed columns; binary, and read only with the feature `parquet`.
    Parquet,
    /// Prose with headings and perhaps front matter.
    Markdown,
    /// Prose.
    Text,
}

/// The endings of files that are read, with their formats.
pub const ENDINGS: [(&str, Format); 12] = [
    ("csv", Format::Csv),
    ("tsv", Format::Csv),
    ("tab", Format::Csv),
    ("json", Format::Json),
    ("jsonl", Format::JsonLines),
    ("ndjson", Format::JsonLines),
    ("jsonlines", Format::JsonLines),
    ("parquet", Format::Parquet),
    ("md", Format::Markdown),
    ("markdown", Format::Markdown),
    ("txt", Format::Text),
    ("text", Format::Text),
];

impl Format {
    /// The format that a file's name announces by its ending, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        let ending = ending.to_ascii_lowercase();
        ENDINGS.into_iter().find(|(known, _)| *known == ending).map(|(_, format)| format)
    }

    /// Whether the first bytes are those of Parquet, plain or encrypted: its mark, and then what no text has.
    pub(super) fn is_parquet(head: &[u8]) -> bool {
        let rest = head.strip_prefix(b"PAR1").or_else(|| head.strip_prefix(b"PARE"));
        rest.is_some_and(|rest| rest.iter().any(|&byte| byte < b' ' && !byte.is_ascii_whitespace()))
    }

    /// The format that the first kilobytes of text look like, for input without a name.
    ///
    /// One line that is a whole JSON object before another line means JSONL; another start of JSON
    /// means JSON; two lines with the same number of delimiters mean CSV; front matter or a heading
    /// means Markdown; all else is text.
    #[must_use]
    pub fn sniff(head: &str) -> Self {
        let head = head.trim_start_matches('\u{feff}').trim_start();
        let mut lines = head.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().unwrap_or_default();
        let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        if head.starts_with(['{', '[']) {
            let several = lines.next().is_some_and(|line| line.trim_start().starts_with(['{', '[', '"']));
            return if several && whole(first) { Self::JsonLines } else { Self::Json };
        }
        if first == "---" || first.starts_with("# ") || first.starts_with("## ") {
            return Self::Markdown;
        }
        let second = lines.next().unwrap_or_default();
        let same = |delimiter: char| {
            let count = first.matches(delimiter).count();
            count > 0 && second.matches(delimiter).count() >= count
        };
        if [',', ';', '\t'].into_iter().any(same) && !first.ends_with(['.', '!', '?']) {
            Self::Csv
        } else {
            Self::Text
        }
    }
}

/// How prose is cut into records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Split {
    /// One record per file.
    #[default]
    Whole,
    /// One record per heading of the topmost level that occurs more than once (`#` or `##`).
    Headings,
    /// One record per line that is not blank.
    Lines,
    /// One record per block between blank lines.
    Blocks,
}

/// How records are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// The field with the record's id. Without one, the first of the usual names that the first
    /// record has (`id`, `record`, `uuid`, `respondent id`, `Responder #`, …), else `r0001` by place.
    pub id_field: Option<String>,
    /// The fields to keep; all when empty. The id survives in [`super::Record::id`] in any case.
    pub fields: Vec<String>,
    /// How Markdown and text are cut.
    pub split: Split,
    /// Whether a record that cannot be used stops the reading.
    pub strict: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_announce_formats() {
        assert_eq!(Format::from_name("a/B.JSONL"), Some(Format::JsonLines));
        assert_eq!(Format::from_name("notes.md"), Some(Format::Markdown));
        assert_eq!(Format::from_name("README"), None);
        assert_eq!(Format::from_name("x.parquet"), Some(Format::Parquet));
        assert_eq!(Format::from_name("x.xlsx"), None);
    }

    #[test]
    fn a_table_with_a_column_of_that_name_is_no_parquet() {
        assert!(Format::is_parquet(b"PAR1\x15\x04\x15"));
        assert!(!Format::is_parquet(b"PAR1,PAR2\n1,2\n"));
        assert!(!Format::is_parquet(b"PAR"));
    }

    #[test]
    fn input_without_a_name_is_known_by_its_look() {
        for (head, format) in [
            ("{\"a\":1}\n{\"a\":2}\n", Format::JsonLines),
            ("\u{feff}[\n {\"a\":1}]", Format::Json),
            ("{\"a\":1}", Format::Json),
            ("id;age\n1;2\n", Format::Csv),
            ("---\nname: Ann\n---\nText", Format::Markdown),
            ("# Ann\n\nShe works.", Format::Markdown),
            ("Well, I said so.\nAnd so, it was.", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::sniff(head), format, "{head}");
        }
    }
}
