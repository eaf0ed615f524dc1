//! What must not draw personas together is taken out of texts before they are embedded.
//!
//! With names left in, nine of ten nearest neighbours of a transformer merely share a name
//! (`data/static-256-int8` was measured so). So the persona's own name, passages in quotation marks,
//! addresses and ids are left out; what remains are words that say something about a person.

use std::borrow::Cow;

/// Words after a capitalised beginning that show it to be a person's name.
const VERBS: [&str; 14] = [
    "is", "was", "has", "works", "lives", "wants", "enjoys", "loves", "likes", "runs", "studies", "spends",
    "feels", "needs",
];

/// Words that begin sentences with a capital and are no names.
const NO_NAMES: [&str; 16] = [
    "she", "he", "they", "it", "this", "that", "the", "a", "an", "who", "what", "everyone", "nobody", "life",
    "money", "work",
];

/// The words of a persona's name, to be left out of its texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// From the value of a name trait: every word of two or more letters.
    pub(super) fn from_value(value: &str) -> Self {
        Self(words(value).map(str::to_lowercase).filter(|word| word.chars().count() > 1).collect())
    }

    /// From the beginning of a prose text (`Anna Meyer, 34, …`; `Anna is …`), where no trait names
    /// the persona.
    pub(super) fn from_prose(prose: &str) -> Self {
        let mut found = Vec::new();
        let mut rest = prose.trim_start();
        while found.len() < 3 {
            let end = rest.find(|c: char| !(c.is_alphabetic() || c == '-')).unwrap_or(rest.len());
            let word = &rest[..end];
            let named =
                word.starts_with(char::is_uppercase) && !NO_NAMES.contains(&word.to_lowercase().as_str());
            if !named {
                break;
            }
            found.push(word.to_lowercase());
            rest = &rest[end..];
            let after = rest.trim_start();
            let next = words(after).next().unwrap_or_default();
            if rest.starts_with(',')
                || rest.starts_with('\'')
                || rest.starts_with('’')
                || VERBS.contains(&next)
            {
                return Self(found);
            }
            rest = after;
        }
        Self::default()
    }

    fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a word is part of the name.
    pub(super) fn hold(&self, word: &str) -> bool {
        if word.is_ascii() {
            return self.0.iter().any(|name| name.eq_ignore_ascii_case(word));
        }
        self.0.iter().any(|name| *name == word.to_lowercase())
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic() && c != '-').filter(|word| !word.is_empty())
}

/// The text without names, quoted passages of three words or more, addresses and ids. Borrowed when
/// there is nothing to leave out, which is the usual case.
pub(super) fn mask<'a>(text: &'a str, names: &Names) -> Cow<'a, str> {
    let quoted = without_quotes(text);
    let of_name = |word: &str| names.any() && words(word).any(|part| names.hold(part));
    let keep = |word: &&str| !is_id(word) && !of_name(word);
    if quoted.split_whitespace().all(|word| keep(&word)) {
        return quoted;
    }
    Cow::Owned(quoted.split_whitespace().filter(keep).collect::<Vec<_>>().join(" "))
}

/// Addresses, and marks that mix letters with digits or run to five digits: they name, and mean
/// nothing. `25-29`, `2nd`, `401k`, `90s` stay.
fn is_id(word: &str) -> bool {
    if !word.bytes().any(|byte| matches!(byte, b'0'..=b'9' | b'@' | b'/' | b'.')) {
        return false;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if word.contains("://") || word.starts_with("www.") || word.trim_start_matches('@').contains('@') {
        return true;
    }
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let amount = word.contains([',', '$', '€', '£', '%']);
    !amount && (digits >= 5 || (digits >= 2 && letters >= 2 && letters + digits > 5))
}

fn without_quotes(text: &str) -> Cow<'_, str> {
    const LONG: usize = 3;
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['"', '“']) {
        let open = if rest[start..].starts_with('"') { 1 } else { '“'.len_utf8() };
        let inside = &rest[start + open..];
        let Some(length) = inside.find(['"', '”']) else { break };
        let close = if inside[length..].starts_with('"') { 1 } else { '”'.len_utf8() };
        let after = start + open + length + close;
        if inside[..length].split_whitespace().count() >= LONG {
            kept.push_str(&rest[..start]);
        } else {
            kept.push_str(&rest[..after]);
        }
        rest = &rest[after..];
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_left_out_of_what_is_said_about_its_bearer() {
        let names = Names::from_value("Anna Meyer");
        let masked = mask("Anna is a nurse; Meyer's shifts are long.", &names);
        assert_eq!(masked, "is a nurse; shifts are long.");
        let names = Names::from_prose("Jean-Luc Picard, 59, commands a ship. Picard drinks tea.");
        assert_eq!(mask("Picard drinks tea.", &names), "drinks tea.");
        for no_name in ["She is a nurse.", "Retired teacher from Leeds", "nurse", ""] {
            assert!(Names::from_prose(no_name).0.is_empty(), "{no_name}");
        }
    }

    #[test]
    fn quotes_ids_and_addresses_say_nothing_about_a_person() {
        let none = Names::default();
        assert_eq!(mask("says “I never have time” at work", &none), "says  at work");
        assert_eq!(mask("a \"power user\" of tools", &none), "a \"power user\" of tools");
        assert_eq!(mask("user4711x writes to a@b.org from row 104423", &none), "writes to from row");
        for kept in ["earns $25,000", "is 25-29", "has a 401k", "in her 90s", "a $1,200,000 house"] {
            assert_eq!(mask(kept, &none), kept);
        }
    }
}
