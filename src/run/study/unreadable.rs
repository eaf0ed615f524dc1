//! A study that cannot be read, in words for whoever wrote it: the file, the line, the key, the value, what to give.

use std::borrow::Cow;
use std::path::Path;

use serde_saphyr::{Error, Location, MessageFormatter, UserMessageFormatter};

use super::StudyError;
use super::error::nearest;

/// Whether nothing but comments stands in a file.
pub(super) fn is_empty(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

/// Why the text of a study cannot be read, with the lines around the place.
pub(super) fn unreadable(path: &Path, text: &str, error: &Error) -> StudyError {
    let hint = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. }
            if field.contains("key") && expected.contains(&"api_key_env") =>
        {
            ": keys never stand in a study; name the environment variable with `api_key_env`".to_owned()
        }
        Error::SerdeUnknownField { field, expected, .. } => match nearest(field, expected.iter().copied()) {
            Some(known) => format!(": there is no key `{field}`; did you mean `{known}`?"),
            None => format!(": there is no key `{field}` here; there are\n{}", folded(expected)),
        },
        _ => String::new(),
    };
    let (words, name) = (Words { text }, path.display().to_string());
    let report = error.render_with_options(serde_saphyr::render_options! {
        formatter: &words,
        source_name: Some(&name),
    });
    StudyError::Form { path: path.to_owned(), report: masked(&report), hint }
}

/// Names in lines that a terminal shows whole.
fn folded(names: &[&str]) -> String {
    const WIDE: usize = 100;
    let mut text = String::from(" ");
    let mut wide = 1;
    for (place, name) in names.iter().enumerate() {
        let comma = if place + 1 < names.len() { "," } else { "" };
        if wide + name.len() + 2 > WIDE {
            text.push_str("\n ");
            wide = 1;
        }
        text.extend([" ", name, comma]);
        wide += name.len() + 2;
    }
    text
}

/// What the reader of YAML finds, without the words of whoever programs it.
struct Words<'a> {
    text: &'a str,
}

impl MessageFormatter for Words<'_> {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        let text = match error {
            Error::SerdeUnknownField { field, .. } => format!("there is no key `{field}` here"),
            Error::SerdeMissingField { field, .. } => format!("`{field}` is missing here"),
            Error::InvalidScalar { ty, location } => self.scalar(kind(ty), *location),
            Error::InvalidBooleanStrict { location } => self.scalar("true or false", *location),
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                let meant = nearest(variant, expected.iter().copied());
                let meant = meant.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
                format!("there is no `{variant}` here; give one of {}{meant}", expected.join(", "))
            }
            Error::Unexpected { expected, location } if expected.contains("mapping") => {
                self.instead("a mapping, such as `{a: 1}`", *location)
            }
            Error::Unexpected { expected, location } if expected.contains("sequence") => {
                self.instead("a list (`[a, b]`, or lines that begin with `-`)", *location)
            }
            Error::Unexpected { expected, location } if expected.contains("scalar") => {
                self.instead("a single value", *location)
            }
            Error::SerdeInvalidType { expected, location, .. } => self.instead(kind(expected), *location),
            Error::NullIntoString { location } => self.instead("a text", *location),
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("duplicate key `{key}`: it can stand here once")
            }
            Error::Message { msg, .. } if msg == "duplicate field `path`" => {
                "`path` and `paths` are one key; give one of them".to_owned()
            }
            other => return UserMessageFormatter.format_message(other),
        };
        Cow::Owned(text)
    }

    fn format_validation_issue_lines(&self, error: &Error) -> Option<Vec<String>> {
        UserMessageFormatter.format_validation_issue_lines(error)
    }
}

impl Words<'_> {
    /// What stands at a place, with its key where that is on the same line.
    fn standing(&self, location: Location) -> (Option<&str>, &str) {
        let line = usize::try_from(location.line()).unwrap_or(0).checked_sub(1);
        let line = line.and_then(|line| self.text.lines().nth(line)).unwrap_or_default();
        let column = usize::try_from(location.column()).unwrap_or(0).saturating_sub(1);
        let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        let (before, value) = line.split_at(at);
        let key = before.trim_end().strip_suffix(':').and_then(|before| {
            let key = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
            (!key.is_empty()).then_some(key)
        });
        let flows = before.contains(['{', '[']);
        let end = value.find(|c| flows && matches!(c, ',' | '}' | ']')).unwrap_or(value.len());
        let value = value[..end].split(" #").next().unwrap_or_default().trim();
        (key, value)
    }

    /// A value that is no number, or not the kind of one that is needed.
    fn scalar(&self, wanted: &str, location: Location) -> String {
        match self.standing(location) {
            (Some(key), value) if !value.is_empty() => format!("`{key}` is `{value}`; give {wanted}"),
            (_, value) if !value.is_empty() => format!("`{value}` stands here; give {wanted}"),
            _ => format!("give {wanted} here"),
        }
    }

    /// A value of another form than the one that is needed.
    fn instead(&self, wanted: &str, location: Location) -> String {
        match self.standing(location).0 {
            Some(key) => format!("`{key}` is something else than is needed; give {wanted}"),
            None => format!("something else than is needed stands here; give {wanted}"),
        }
    }
}

/// A type of Rust, in words.
fn kind(name: &str) -> &str {
    match name {
        "f32" | "f64" | "floating point" => "a number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, not below 0",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "an integer" => "a whole number",
        "bool" | "boolean" | "a boolean" => "true or false",
        "a string" | "string" => "a text",
        "a sequence" | "seq" => "a list (`[a, b]`, or lines that begin with `-`)",
        "a map" | "map" => "a mapping, such as `{a: 1}`",
        other if other.starts_with("struct ") => "a mapping, such as `{a: 1}`",
        other => other,
    }
}

/// A report without what looks like a key: errors show the lines around them, and end up in logs.
fn masked(report: &str) -> String {
    /// Names whose values nobody else should read end so.
    const SECRET: [&str; 4] = ["key", "token", "secret", "password"];
    let mut text = String::with_capacity(report.len());
    for line in report.split_inclusive('\n') {
        let mut rest = line;
        while let Some(colon) = rest.find(':') {
            let (name, value) = rest.split_at(colon + 1);
            text.push_str(name);
            rest = value;
            let name = name[..colon].trim_end_matches(['"', '\'', ' ', '`']).to_lowercase();
            if SECRET.iter().any(|ending| name.ends_with(ending)) && value.starts_with([' ', '"', '\'']) {
                let blank = value.len() - value.trim_start_matches(' ').len();
                let end = value[blank..].find([',', '}', '\n']).map_or(value.len(), |end| blank + end);
                // What is no value of a line of YAML, such as the words of an error, stays.
                if end > blank && !value[blank..end].contains(' ') {
                    text.push_str(" ***");
                    rest = &value[end..];
                }
            }
        }
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Study;

    const SMALL: &str = "name: x\ninput: {path: a.csv}\npanel:\n  - model: openai:a\n";

    fn refused(text: &str) -> String {
        let read: &dyn Fn(&Path) -> std::io::Result<String> =
            &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        Study::parse(text, Path::new("s.yaml"), read).map(drop).expect_err("refused").to_string()
    }

    #[test]
    fn values_of_another_kind_are_named_with_key_value_and_what_to_give() {
        for (text, said) in [
            ("seed: one", "`seed` is `one`; give a whole number, not below 0"),
            ("limits: {max_cost: lots}", "`max_cost` is `lots`; give a number"),
            ("quorum: 3", "`quorum` is something else than is needed; give a mapping"),
            ("mode: blind", "there is no `blind` here; give one of parallel, sequential, consensus"),
            ("mode: consensu", "did you mean `consensus`?"),
            ("retry: {repair: maybe}", "`repair` is `maybe`; give true or false"),
        ] {
            let error = refused(&format!("{SMALL}{text}\n"));
            assert!(error.contains(said), "{error}");
            assert!(error.contains("s.yaml:5:") && !error.contains("<input>"), "{error}");
            for jargon in ["u64", "floating point", "mapping start", "variant"] {
                assert!(!error.contains(jargon), "{error}");
            }
        }
        let panel = refused("name: x\ninput: {path: a.csv}\npanel: 3\n");
        assert!(panel.contains("`panel` is something else than is needed; give a list"), "{panel}");
    }

    #[test]
    fn the_known_keys_are_listed_once_in_lines_that_can_be_read() {
        let error = refused(&format!("{SMALL}colour: red\n"));
        assert_eq!(error.matches("workstreams").count(), 1, "{error}");
        assert!(error.lines().all(|line| line.chars().count() <= 110), "{error}");
    }

    #[test]
    fn two_names_of_one_key_and_a_file_without_any_are_told_as_such() {
        let both = refused(&SMALL.replace("path: a.csv", "path: a.csv, paths: b.csv"));
        assert!(both.contains("`path` and `paths` are one key"), "{both}");
        for nothing in ["", "\n  \n", "# a study\n---\n"] {
            assert!(refused(nothing).contains("`s.yaml` is empty"), "{nothing:?}");
        }
    }
}
