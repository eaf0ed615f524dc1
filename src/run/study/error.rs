//! Why a study cannot be run, in words that help to mend it.

use std::path::PathBuf;

use crate::persona::SchemaError;

/// A study file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A file that cannot be opened.
    #[error("`{}`{} cannot be read; check the path{}", path.display(), named(named_by.as_ref()), relative(named_by.as_ref()))]
    Read {
        /// Which file.
        path: PathBuf,
        /// The study that names it, where it is not the study itself.
        named_by: Option<PathBuf>,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder where a study is wanted.
    #[error("`{}` is a folder; give the study file in it", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
    },
    /// A file without a key.
    #[error("`{}` is empty; `consona init` writes a study to begin with", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// Not YAML, an unknown key, a value of the wrong kind or out of range.
    #[error("`{}` cannot be used as a study{hint}\n{report}", path.display())]
    Form {
        /// The study file.
        path: PathBuf,
        /// Where and what, with the lines around it.
        report: String,
        /// What was probably meant: empty, or beginning with a colon.
        hint: String,
    },
    /// A value that cannot stand beside the others.
    #[error("`{}`{}: `{at}`: {reason}", path.display(), shown(*line))]
    Value {
        /// The study file.
        path: PathBuf,
        /// The line, where it is known, from 1.
        line: Option<u64>,
        /// Which value, such as `panel[1].model`.
        at: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The trait schema cannot be used.
    #[error("`{}`{}: the trait schema cannot be used", path.display(), shown(*line))]
    Schema {
        /// The file that holds it.
        path: PathBuf,
        /// The line of the trait at fault, where it is known, from 1.
        line: Option<u64>,
        /// What is wrong with it.
        source: SchemaError,
    },
}

fn named(study: Option<&PathBuf>) -> String {
    study.map(|study| format!(", which `{}` names,", study.display())).unwrap_or_default()
}

fn relative(study: Option<&PathBuf>) -> &'static str {
    study.map(|_| " (paths in a study are relative to the study file)").unwrap_or_default()
}

fn shown(line: Option<u64>) -> String {
    line.map(|line| format!(" line {line}")).unwrap_or_default()
}

/// The known name that is nearest to a given one, when it is near enough to have been meant.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(given, name), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Edits between two names (Levenshtein), case ignored.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, left) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (place, &right) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(left != right);
            diagonal = row[place + 1];
            row[place + 1] = substituted.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_what_was_meant_and_nonsense_finds_nothing() {
        assert_eq!(distance("kitten", "sitting"), 3);
        let known = ["temperature", "top_p", "seed"];
        assert_eq!(nearest("temprature", known), Some("temperature"));
        assert_eq!(nearest("Seed", known), Some("seed"));
        assert_eq!(nearest("colour", known), None);
    }
}
