//! Texts without list markers, decoration and case.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A short text, as it is shown and as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    shown: String,
    key: String,
}

impl Phrase {
    /// Cleans a text of list markers and decoration.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let shown = strip_markers(text).to_owned();
        let key = fold(&shown);
        Self { shown, key }
    }

    /// The text without list markers, emphasis and closing punctuation.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Words in lower case without accents and punctuation, one space between them.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Lower case, compatibility forms, no accents, no apostrophes, every other mark a space.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    if text.is_ascii() {
        // Most texts: no decomposition to look up. Folding is the hot spot of reading.
        fold_ascii(text, |byte| {
            folded.push(char::from(byte));
            true
        });
        return folded;
    }
    for character in text.nfkd().filter(|c| !is_combining_mark(*c) && !matches!(c, '\'' | '’')) {
        if character.is_alphanumeric() {
            folded.extend(character.to_lowercase());
        } else if !folded.is_empty() && !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Whether a text folds to `key`, without folding it where it is plain.
pub(super) fn folds_to(text: &str, key: &str) -> bool {
    if !text.is_ascii() {
        return fold(text) == key;
    }
    let mut rest = key.bytes();
    fold_ascii(text, |byte| rest.next() == Some(byte)) && rest.next().is_none()
}

/// The folded bytes of a plain text, one after the other, until `take` wants no more; whether it
/// took them all.
fn fold_ascii(text: &str, mut take: impl FnMut(u8) -> bool) -> bool {
    let (mut begun, mut gap) = (false, false);
    for byte in text.bytes().filter(|byte| *byte != b'\'') {
        if byte.is_ascii_alphanumeric() {
            if gap && begun && !take(b' ') {
                return false;
            }
            (begun, gap) = (true, false);
            if !take(byte.to_ascii_lowercase()) {
                return false;
            }
        } else {
            gap = true;
        }
    }
    true
}

/// Removes what models put around an answer: `** 1. `, `2) `, `* **…**;`, brackets, quotes.
pub(super) fn strip_markers(text: &str) -> &str {
    let mut rest = text.trim();
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['*', '#', '>', '[', '"', '“', '`', '•', '–']).trim_start();
        rest = strip_number_marker(rest);
        if let Some(dashed) = rest.strip_prefix("- ") {
            rest = dashed.trim_start();
        }
        if rest == before {
            break;
        }
    }
    rest = rest.trim_end_matches(['*', ';', ',', '.', ']', '"', '”', '`', ':']).trim_end();
    if rest.is_empty() { text.trim() } else { rest }
}

/// `1. x`, `2) x`, `(3) x` lose their number; `1.5` and `25 years` do not.
fn strip_number_marker(text: &str) -> &str {
    let body = text.strip_prefix('(').unwrap_or(text);
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 2 {
        return text;
    }
    let after = &body[digits..];
    match after.strip_prefix('.').or_else(|| after.strip_prefix(')')) {
        Some(rest) if rest.starts_with(char::is_whitespace) && !rest.trim().is_empty() => rest.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_markers_are_not_part_of_an_answer() {
        for (written, meant) in [
            ("1. 25-29 years old", "25-29 years old"),
            ("** 1. Late 20s", "Late 20s"),
            ("* **Financial advisor**;", "Financial advisor"),
            ("1) High-income professional", "High-income professional"),
            ("[College Degree", "College Degree"),
            ("2.5", "2.5"),
            ("1", "1"),
            ("25 years", "25 years"),
            ("- night shifts", "night shifts"),
            ("**", "**"),
        ] {
            assert_eq!(strip_markers(written), meant, "{written}");
        }
    }

    #[test]
    fn keys_forget_case_accents_and_punctuation() {
        assert_eq!(fold("São  Paulo, Brazil!"), "sao paulo brazil");
        assert_eq!(fold("Bachelor’s Degree"), "bachelors degree");
        assert_eq!(fold("non-binary"), fold("Non Binary"));
    }
}
