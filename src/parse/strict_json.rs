//! JSON as the standard means it: no duplicate keys, no NaN, no number beyond `f64`, no bottomless
//! nesting.
//!
//! `serde_json::Value` keeps the last of two equal keys without a word, and a model that writes
//! `{"age": null, "age": 37}` has not said how old the persona is. This reader builds the same
//! `Value` and writes down every key that comes twice. It repairs nothing but one thing: half of a
//! surrogate pair, which cut-off emoji leave behind, becomes U+FFFD, visibly.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Nesting beyond this is an attack or an accident, never a persona.
const DEEPEST: usize = 64;

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into an object's field.
    Key(String),
    /// Into an array's element, from 0.
    Place(usize),
}

/// Writes steps as people do: `personas[1].age`.
pub(crate) fn path_of(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.extend(key.escape_debug());
            }
            Step::Place(place) => path.extend(["[", &place.to_string(), "]"]),
        }
    }
    path
}

/// A key that stands twice in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DuplicateKey {
    /// The object.
    pub(crate) at: Vec<Step>,
    /// The key.
    pub(crate) key: String,
}

/// A document, and what a lenient reader would have hidden.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Read {
    /// The document; of two equal keys the first.
    pub(crate) value: Value,
    /// Every key that came twice.
    pub(crate) duplicates: Vec<DuplicateKey>,
    /// How many halves of surrogate pairs were replaced.
    pub(crate) replaced_surrogates: usize,
}

/// Why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The grammar is violated.
    Syntax,
    /// `NaN` or an infinity, which JSON does not have.
    NotANumber,
    /// A number beyond the range of `f64`.
    NumberRange,
    /// More than 64 levels.
    TooDeep,
}

/// A text that is no JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StrictJsonError {
    /// What kind of fault.
    pub(crate) fault: Fault,
    /// The value in which reading stopped.
    pub(crate) at: Vec<Step>,
    /// What the reader says, with line and column.
    pub(crate) message: String,
    /// Line and column, from 1.
    pub(crate) place: (usize, usize),
}

impl fmt::Display for StrictJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.at.is_empty() { Ok(()) } else { write!(f, " (in `{}`)", path_of(&self.at)) }
    }
}

/// Reads one whole document.
pub(crate) fn read(text: &str) -> Result<Read, StrictJsonError> {
    let (text, replaced_surrogates) = replace_lone_surrogates(text);
    let state = RefCell::new(State::default());
    let mut reader = serde_json::Deserializer::from_str(&text);
    let result = Seed(&state).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let state = state.into_inner();
    match result {
        Ok(value) => Ok(Read { value, duplicates: state.duplicates, replaced_surrogates }),
        Err(error) => Err(StrictJsonError {
            fault: fault_of(&error, &text, state.too_deep),
            at: state.path,
            message: error.to_string(),
            place: (error.line(), error.column()),
        }),
    }
}

#[derive(Default)]
struct State {
    /// Where the reader stands; left as it is when reading fails.
    path: Vec<Step>,
    duplicates: Vec<DuplicateKey>,
    too_deep: bool,
}

fn fault_of(error: &serde_json::Error, text: &str, too_deep: bool) -> Fault {
    if too_deep {
        return Fault::TooDeep;
    }
    if error.to_string().starts_with("number out of range") {
        return Fault::NumberRange;
    }
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    if is_not_a_number(line.as_bytes(), error.column()) { Fault::NotANumber } else { Fault::Syntax }
}

/// Whether the word around a column (from 1, in bytes) is a NaN or an infinity.
fn is_not_a_number(line: &[u8], column: usize) -> bool {
    let of_word = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'-' || *byte == b'+';
    let place = column.saturating_sub(1).min(line.len());
    let before = line[..place].iter().rev().take_while(|byte| of_word(byte)).count();
    let after = line[place..].iter().take_while(|byte| of_word(byte)).count();
    let word = line[place - before..place + after].to_ascii_lowercase();
    let word: &[u8] = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(&word);
    matches!(word, b"nan" | b"inf" | b"infinity")
}

/// Puts U+FFFD for `\ud800` and the like where the other half is missing.
fn replace_lone_surrogates(text: &str) -> (Cow<'_, str>, usize) {
    if !text.contains("\\u") {
        return (Cow::Borrowed(text), 0);
    }
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u16> {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut out, mut kept, mut at, mut count) = (String::new(), 0, 0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[kept..at]);
                out.push_str("\\ufffd");
                count += 1;
                at += 6;
                kept = at;
            }
            // The character after a backslash is part of the escape, even when it is a backslash.
            _ => at += 2,
        }
    }
    if count == 0 {
        return (Cow::Borrowed(text), 0);
    }
    out.push_str(&text[kept..]);
    (Cow::Owned(out), count)
}

#[derive(Clone, Copy)]
struct Seed<'a>(&'a RefCell<State>);

impl Seed<'_> {
    fn enter<E: serde::de::Error>(self, step: Step) -> Result<(), E> {
        let mut state = self.0.borrow_mut();
        if state.path.len() + 1 >= DEEPEST {
            state.too_deep = true;
            return Err(E::custom(format!("nested deeper than {DEEPEST} levels")));
        }
        state.path.push(step);
        Ok(())
    }

    fn leave(self) {
        self.0.borrow_mut().path.pop();
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            self.enter(Step::Place(array.len()))?;
            let Some(item) = items.next_element_seed(self)? else { break };
            self.leave();
            array.push(item);
        }
        self.leave();
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.enter::<A::Error>(Step::Key(key.clone())).map_err(A::Error::custom)?;
            let value = entries.next_value_seed(self)?;
            self.leave();
            if object.contains_key(&key) {
                let mut state = self.0.borrow_mut();
                let at = state.path.clone();
                state.duplicates.push(DuplicateKey { at, key });
            } else {
                object.insert(key, value);
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_duplicate_key_is_named_with_its_place() {
        let read = read(r#"{"a":1,"a":2,"b":[{"c":1,"c":{"d":1,"d":2}}]}"#).expect("readable");
        let found: Vec<(String, &str)> =
            read.duplicates.iter().map(|found| (path_of(&found.at), found.key.as_str())).collect();
        assert_eq!(found, [(String::new(), "a"), ("b[0].c".to_owned(), "d"), ("b[0]".to_owned(), "c")]);
        assert_eq!(read.value, json!({"a": 1, "b": [{"c": 1}]}));
    }

    #[test]
    fn what_is_no_number_is_named_as_such() {
        let fault = |text: &str| read(text).map(|_| ()).map_err(|error| (error.fault, path_of(&error.at)));
        for token in ["NaN", "Infinity", "-Infinity", "nan"] {
            let text = format!(r#"{{"x": [{{"age": {token}}}]}}"#);
            assert_eq!(fault(&text), Err((Fault::NotANumber, "x[0].age".to_owned())), "{token}");
        }
        assert_eq!(fault("{\"a\": 1e999}"), Err((Fault::NumberRange, "a".to_owned())));
        let digits = format!("[{}e9]", "1".repeat(400));
        assert_eq!(fault(&digits), Err((Fault::NumberRange, "[0]".to_owned())));
        assert_eq!(fault("{\"a\": 1,}"), Err((Fault::Syntax, String::new())));
        assert_eq!(fault("{} {}"), Err((Fault::Syntax, String::new())));
    }

    #[test]
    fn depth_ends_at_sixty_four() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(&nested(63)).is_ok());
        assert_eq!(read(&nested(65)).map_err(|error| error.fault), Err(Fault::TooDeep));
        assert_eq!(read(&nested(100_000)).map_err(|error| error.fault), Err(Fault::TooDeep));
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_visible_mark() {
        let read = read(r#"["\ud800", "\ud83d\ude00", "\udc00\ud83d", "\\ud800"]"#).expect("readable");
        assert_eq!(read.value, json!(["\u{fffd}", "😀", "\u{fffd}\u{fffd}", "\\ud800"]));
        assert_eq!(read.replaced_surrogates, 3);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = read(&text);
        }

        #[test]
        fn what_serde_reads_is_read_the_same(text in r#"[\[\]{}",:0-9a-b\\u]{0,24}"#) {
            if let Ok(read) = read(&text) && read.duplicates.is_empty() && read.replaced_surrogates == 0 {
                prop_assert_eq!(Some(read.value), serde_json::from_str::<Value>(&text).ok());
            }
        }
    }
}
