//! Names that travel through the whole pipeline, checked once at the border.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest identifier that is accepted, in bytes.
const LONGEST: usize = 512;

/// An identifier that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Nothing but white space.
    #[error("a {what} must not be empty")]
    Empty {
        /// Which identifier was read.
        what: &'static str,
    },
    /// Longer than 512 bytes.
    #[error("a {what} of {length} bytes is too long (at most {LONGEST})")]
    TooLong {
        /// Which identifier was read.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A control character, which no terminal, file or database should see.
    #[error("{what} `{shown}` has a control character")]
    Control {
        /// Which identifier was read.
        what: &'static str,
        /// The identifier, escaped.
        shown: String,
    },
}

fn check(what: &'static str, text: &str) -> Result<String, IdError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > LONGEST {
        return Err(IdError::TooLong { what, length: text.len() });
    }
    if text.chars().any(char::is_control) {
        return Err(IdError::Control { what, shown: text.escape_debug().to_string() });
    }
    Ok(text.to_owned())
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a name: trimmed, not empty, at most 512 bytes, no control characters.
            ///
            /// # Errors
            /// [`IdError`] names what is wrong with the text.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check($what, text).map(Self)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

identifier!(
    /// Which input a draft is about: one row, one person, or the whole corpus.
    RecordId,
    "record id"
);
identifier!(
    /// The name of a panel member, as it appears in votes, reports and files.
    ModelName,
    "model name"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(RecordId::new(" r1 ").map(String::from), Ok("r1".to_owned()));
        assert_eq!(ModelName::new("  "), Err(IdError::Empty { what: "model name" }));
        assert!(matches!(RecordId::new(&"x".repeat(513)), Err(IdError::TooLong { length: 513, .. })));
        let shown = RecordId::new("a\u{1b}[2Jb").map_err(|error| error.to_string());
        assert_eq!(shown, Err("record id `a\\u{1b}[2Jb` has a control character".to_owned()));
    }
}
