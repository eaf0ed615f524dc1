//! Keys: read from the environment or a private file, sent as a header, never shown.

use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// The longest key that is accepted, in bytes; far above any vendor's.
const LONGEST: u64 = 8 * 1024;

/// A piece of a key this long is taken out of messages even when the rest was cut off.
const TELLING: usize = 8;

/// Completions are searched for keys from this length; shorter ones are dummies of local servers
/// (`ollama`, `EMPTY`), and taking such words out of an answer would falsify it.
const SEARCHED: usize = 16;

/// A key that cannot be used. No message holds the key or a part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// Neither the variable nor its `_FILE` sister is set.
    #[error(
        "no key: set the environment variable `{variable}`, or `{variable}_FILE` to a file that holds it"
    )]
    Missing {
        /// The variable that was looked up.
        variable: String,
    },
    /// Both are set, and they may differ.
    #[error("both `{variable}` and `{variable}_FILE` are set; unset one of them")]
    Ambiguous {
        /// The variable that was looked up.
        variable: String,
    },
    /// Nothing but white space.
    #[error("the key in `{variable}` is empty")]
    Empty {
        /// Where the key was read.
        variable: String,
    },
    /// A character that no header may carry, or a blank inside: a copy gone wrong.
    #[error("the key in `{variable}` has a character that is not printable ASCII; copy it again")]
    Character {
        /// Where the key was read.
        variable: String,
    },
    /// Longer than 8 KiB.
    #[error("the key in `{variable}` is longer than {LONGEST} bytes")]
    TooLong {
        /// Where the key was read.
        variable: String,
    },
    /// The file cannot be read.
    #[error("the key file `{path}` of `{variable}` cannot be read")]
    File {
        /// Where the path was read.
        variable: String,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A directory, pipe or device.
    #[error("the key file `{path}` of `{variable}` is not a regular file")]
    NotAFile {
        /// Where the path was read.
        variable: String,
        /// The file.
        path: String,
    },
    /// Others on the machine could read the key.
    #[error(
        "the key file `{path}` of `{variable}` is open to others (mode {mode:04o}); run `chmod 600 {path}`"
    )]
    TooOpen {
        /// Where the path was read.
        variable: String,
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
}

/// A key. Neither `Debug` nor `Display` shows it, only the variable that it came from.
#[derive(Clone)]
pub struct ApiKey {
    variable: Arc<str>,
    text: Arc<str>,
}

impl ApiKey {
    /// Takes a key that was read from `variable`: trimmed, not empty, printable ASCII.
    ///
    /// # Errors
    /// [`ApiKeyError`] says what is wrong with the key, without showing it.
    pub fn new(variable: &str, text: &str) -> Result<Self, ApiKeyError> {
        let variable = variable.to_owned();
        let text = text.trim();
        if text.is_empty() {
            return Err(ApiKeyError::Empty { variable });
        }
        if text.len() as u64 > LONGEST {
            return Err(ApiKeyError::TooLong { variable });
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiKeyError::Character { variable });
        }
        Ok(Self { variable: variable.into(), text: text.into() })
    }

    /// Reads `variable` from the process's environment, or the file that `variable_FILE` names.
    ///
    /// # Errors
    /// As [`ApiKey::resolve`].
    pub fn from_environment(variable: &str) -> Result<Self, ApiKeyError> {
        Self::resolve(variable, |name| std::env::var_os(name))
    }

    /// Reads `variable`, or the file that `variable_FILE` names, looking variables up with `lookup`.
    ///
    /// The file must be a regular one, readable by its owner only (mode 0600 or less).
    ///
    /// # Errors
    /// [`ApiKeyError`] when there is no key, two of them, or one that cannot be used.
    pub fn resolve(variable: &str, lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ApiKeyError> {
        let file_variable = format!("{variable}_FILE");
        match (lookup(variable), lookup(&file_variable)) {
            (Some(_), Some(_)) => Err(ApiKeyError::Ambiguous { variable: variable.to_owned() }),
            (Some(text), None) => {
                let text = text
                    .into_string()
                    .map_err(|_| ApiKeyError::Character { variable: variable.to_owned() })?;
                Self::new(variable, &text)
            }
            (None, Some(path)) => Self::new(variable, &read_private(&file_variable, Path::new(&path))?),
            (None, None) => Err(ApiKeyError::Missing { variable: variable.to_owned() }),
        }
    }

    /// The environment variable that the key belongs to.
    #[must_use]
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// The key itself, for the one header that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// `text` with the key, and every piece of it of eight characters or more, replaced.
    pub(crate) fn redact(&self, text: &str) -> String {
        let key = &*self.text;
        let telling = key.len().min(TELLING);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            // The key is ASCII, so a matching slice begins and ends on character borders.
            let is_piece = |length: usize| rest.get(..length).is_some_and(|piece| key.contains(piece));
            if is_piece(telling) {
                let length = (telling..=key.len()).take_while(|&length| is_piece(length)).last();
                out.push_str("[key]");
                rest = &rest[length.unwrap_or(telling)..];
            } else {
                out.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        out
    }

    /// An answer without the key, should a model or a proxy repeat it.
    pub(crate) fn redact_answer(&self, text: String) -> String {
        if self.text.len() >= SEARCHED && text.contains(&*self.text) {
            text.replace(&*self.text, "[key]")
        } else {
            text
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey(${})", self.variable)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.variable)
    }
}

/// A file's text, when nobody but its owner can read it.
fn read_private(variable: &str, path: &Path) -> Result<String, ApiKeyError> {
    let shown = || path.display().to_string();
    let failed = |source| ApiKeyError::File { variable: variable.to_owned(), path: shown(), source };
    // Opening a pipe would wait for a writer, so the kind is asked before.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ApiKeyError::NotAFile { variable: variable.to_owned(), path: shown() });
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(ApiKeyError::TooOpen { variable: variable.to_owned(), path: shown(), mode });
        }
    }
    let mut text = String::new();
    file.take(LONGEST + 2).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-canary-0123456789abcdef";

    fn environment<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    #[test]
    fn a_key_never_shows_itself() {
        let key = ApiKey::new("OPENAI_API_KEY", SECRET).expect("valid");
        assert_eq!(format!("{key:?} {key}"), "ApiKey($OPENAI_API_KEY) $OPENAI_API_KEY");
        assert_eq!(key.redact("wrong key sk-canary-0123456789abcdef!"), "wrong key [key]!");
        assert_eq!(key.redact("wrong key sk-canary-01234…"), "wrong key [key]…");
        assert_eq!(key.redact("a sk-canar"), "a [key]");
        assert_eq!(key.redact("a sk-ca é"), "a sk-ca é");
    }

    #[test]
    fn a_dummy_key_is_not_taken_out_of_answers() {
        let key = ApiKey::new("K", "ollama").expect("valid");
        assert_eq!(key.redact_answer("uses ollama".to_owned()), "uses ollama");
        let key = ApiKey::new("K", SECRET).expect("valid");
        assert_eq!(key.redact_answer(format!("it is {SECRET}")), "it is [key]");
    }

    #[test]
    fn unusable_keys_are_refused_without_being_shown() {
        let bad =
            [("", "empty"), ("  \n", "empty"), ("sk-canary\u{7}", "printable"), ("sk canary", "printable")];
        for (text, reason) in bad {
            let error = ApiKey::resolve("K", environment(&[("K", text)])).expect_err("refused");
            assert!(error.to_string().contains(reason), "{error}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        let missing = ApiKey::resolve("K", environment(&[])).expect_err("refused");
        assert!(missing.to_string().contains("`K_FILE`"), "{missing}");
        let both = ApiKey::resolve("K", environment(&[("K", SECRET), ("K_FILE", "/x")]));
        assert!(matches!(both, Err(ApiKeyError::Ambiguous { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, format!("{SECRET}\n")).expect("written");
        let path_text = path.to_str().expect("utf-8");
        let pairs = [("K_FILE", path_text)];
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        set(0o640);
        let open = ApiKey::resolve("K", environment(&pairs)).expect_err("refused");
        assert!(open.to_string().contains("mode 0640"), "{open}");
        set(0o600);
        let key = ApiKey::resolve("K", environment(&pairs)).expect("read");
        assert_eq!((key.expose(), key.variable()), (SECRET, "K"));
        let folder_text = folder.path().to_str().expect("utf-8");
        let not_a_file = ApiKey::resolve("K", environment(&[("K_FILE", folder_text)]));
        assert!(matches!(not_a_file, Err(ApiKeyError::NotAFile { .. })));
    }
}
