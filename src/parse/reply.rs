//! One reply, one outcome.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::extract::{fenced, pieces, without_thoughts};
use super::shape::{shorten, violation};
use super::strict_json::{self, Fault, Read, Step, StrictJsonError, path_of};
use super::{Notice, Outcome, Violation, read_fields};
use crate::persona::TraitSchema;

/// Beginnings with which models decline, in lower case and with plain apostrophes.
const REFUSALS: [&str; 14] = [
    "i'm sorry",
    "i am sorry",
    "i apologi",
    "i can't",
    "i cannot",
    "i can not",
    "i won't",
    "i will not",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i am not able",
    "as an ai",
    "i must decline",
];
/// How far into an answer a refusal is looked for, in characters.
const REFUSAL_WITHIN: usize = 200;

/// Reads a reply; `truncated` says that the provider reported a cut, `expected` how many personas
/// were asked for.
///
/// The JSON may be the whole text, stand in a code fence, after thoughts or in prose, or be a JSON
/// text inside a JSON string. Traits that the schema does not know are kept; traits that are missing
/// are no fault. Everything that is a fault is named in [`Outcome::Invalid`], all of it at once.
#[must_use]
pub fn parse_reply(
    text: &str,
    truncated: bool,
    schema: &TraitSchema,
    expected: RangeInclusive<usize>,
) -> Outcome {
    if truncated {
        return Outcome::Truncated;
    }
    Question { schema, expected }.interpret(text, false)
}

/// What the reply is held against.
struct Question<'a> {
    schema: &'a TraitSchema,
    expected: RangeInclusive<usize>,
}

/// The personas of an answer, where they stand, and what stands beside them.
struct Located<'v> {
    personas: Vec<&'v Value>,
    /// The path of the list; empty for an answer that is the list or the persona itself.
    path: String,
    /// Whether the answer is one persona without a list.
    single: bool,
    notices: Vec<Notice>,
}

impl Question<'_> {
    fn interpret(&self, text: &str, unwrapped: bool) -> Outcome {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Outcome::Empty;
        }
        if text.starts_with(['{', '[', '"'])
            && let Ok(read) = strict_json::read(text)
        {
            return match &read.value {
                Value::String(inner) if !unwrapped => self.interpret(inner, true),
                Value::String(_) => Outcome::NoJson,
                _ => self.judge(&read),
            };
        }
        let Some(text) = without_thoughts(text).map(str::trim) else { return Outcome::Truncated };
        if text.is_empty() {
            return Outcome::Empty;
        }
        let fences = fenced(text);
        self.search(text, if fences.is_empty() { vec![text] } else { fences })
    }

    /// Looks for the one answer in pieces of text.
    fn search(&self, text: &str, regions: Vec<&str>) -> Outcome {
        let mut reads: Vec<Read> = Vec::new();
        for region in regions {
            let found = pieces(region);
            if found.cut {
                return Outcome::Truncated;
            }
            for piece in found.whole.into_iter().chain(found.crossed) {
                match strict_json::read(piece) {
                    Ok(read) if !reads.contains(&read) => reads.push(read),
                    Ok(_) => {}
                    Err(error) => return invalid(unreadable(&error, piece)),
                }
            }
        }
        let answers: Vec<&Read> = reads.iter().filter(|read| self.is_answer(&read.value)).collect();
        match (answers.as_slice(), reads.iter().find(|read| read.value.is_object())) {
            ([answer], _) => self.judge(answer),
            ([], Some(other)) => self.judge(other),
            ([], None) if is_refusal(text) => Outcome::Refusal,
            ([], None) => Outcome::NoJson,
            (several, _) => Outcome::Ambiguous { answers: several.len() },
        }
    }

    /// Whether a value speaks of personas, or is one that has a trait of the schema.
    fn is_answer(&self, value: &Value) -> bool {
        match value {
            Value::Object(object) => {
                object.contains_key("personas") || object.contains_key("persona") || self.is_persona(object)
            }
            Value::Array(items) => items.iter().any(|item| item.is_object() && self.is_answer(item)),
            _ => false,
        }
    }

    fn is_persona(&self, object: &Map<String, Value>) -> bool {
        let known = |key: &String| self.schema.definitions().is_empty() || self.schema.get(key).is_some();
        object.keys().any(known)
            || object.values().filter_map(Value::as_object).any(|inner| inner.keys().any(known))
    }

    /// Holds an answer against the schema and the number that was asked for.
    fn judge(&self, read: &Read) -> Outcome {
        let mut violations: Vec<Violation> = read.duplicates.iter().map(twice).collect();
        let Some(located) = self.locate(&read.value, "") else {
            let expected = "an object with `personas`, a list of persona objects".to_owned();
            violations.push(violation("", &read.value, expected));
            return Outcome::Invalid { violations };
        };
        let Located { personas: items, path, single, mut notices } = located;
        violations.extend(self.count(&path, items.len()));
        if read.replaced_surrogates > 0 {
            let message = format!("{} halves of surrogate pairs became U+FFFD", read.replaced_surrogates);
            notices.push(Notice { path: String::new(), message });
        }
        let mut personas = Vec::new();
        // Personas beyond the number asked for are a violation already, however many there are.
        for (place, item) in items.into_iter().take(*self.expected.end()).enumerate() {
            let path = if single { path.clone() } else { format!("{path}[{place}]") };
            let Value::Object(object) = item else {
                violations.push(violation(&path, item, "a persona object".to_owned()));
                continue;
            };
            let fields = read_fields(self.schema, object, &path);
            if fields.persona.traits.is_empty() && fields.violations.is_empty() {
                violations.push(violation(&path, item, "at least one trait with a value".to_owned()));
            }
            violations.extend(fields.violations);
            notices.extend(fields.notices);
            personas.push(fields.persona);
        }
        if violations.is_empty() {
            Outcome::Personas { personas, notices }
        } else {
            Outcome::Invalid { violations }
        }
    }

    fn locate<'v>(&self, value: &'v Value, path: &str) -> Option<Located<'v>> {
        let located =
            |personas, path: String, single| Located { personas, path, single, notices: Vec::new() };
        match value {
            Value::Array(items) => match items.as_slice() {
                [Value::Object(only)] if only.contains_key("personas") && path.is_empty() => {
                    self.locate(&items[0], "[0]")
                }
                _ => Some(located(items.iter().collect(), path.to_owned(), false)),
            },
            Value::Object(object) => {
                let (key, inner) = match (object.get("personas"), object.get("persona")) {
                    (Some(list), _) => ("personas", list),
                    (None, Some(one)) => ("persona", one),
                    (None, None) if self.is_persona(object) => {
                        return Some(located(vec![value], path.to_owned(), true));
                    }
                    (None, None) => return None,
                };
                let path = super::fields::join(path, key);
                let mut found = match inner {
                    Value::Array(items) => located(items.iter().collect(), path, false),
                    Value::Object(_) if key == "persona" => located(vec![inner], path, true),
                    _ => return None,
                };
                for other in object.keys().filter(|other| *other != key) {
                    let message = format!("left out: it stands beside `{key}`");
                    found.notices.push(Notice { path: path_of(&[Step::Key(other.clone())]), message });
                }
                Some(found)
            }
            _ => None,
        }
    }

    fn count(&self, path: &str, count: usize) -> Option<Violation> {
        let (min, max) = (self.expected.start(), self.expected.end());
        if self.expected.contains(&count) {
            return None;
        }
        let expected = if min == max { format!("exactly {min}") } else { format!("{min} to {max}") };
        Some(Violation { path: path.to_owned(), found: format!("a list of {count}"), expected })
    }
}

fn twice(found: &strict_json::DuplicateKey) -> Violation {
    let mut steps = found.at.clone();
    steps.push(Step::Key(found.key.clone()));
    let (found, expected) = ("given twice".to_owned(), "every key once".to_owned());
    Violation { path: path_of(&steps), found, expected }
}

fn invalid(violation: Violation) -> Outcome {
    Outcome::Invalid { violations: vec![violation] }
}

fn unreadable(error: &StrictJsonError, piece: &str) -> Violation {
    let expected = match error.fault {
        Fault::NotANumber => "a number or null (JSON has no NaN or Infinity)",
        Fault::NumberRange => "a number within the range of a 64-bit float",
        Fault::TooDeep => "at most 64 levels of nesting",
        Fault::Syntax => "valid JSON",
    };
    let found = match error.fault {
        Fault::Syntax => format!("{}: {}", shorten(&Value::String(piece.to_owned())), error.message),
        Fault::NotANumber => "no number".to_owned(),
        Fault::NumberRange => "a number out of range".to_owned(),
        Fault::TooDeep => "nested deeper".to_owned(),
    };
    Violation { path: path_of(&error.at), found, expected: expected.to_owned() }
}

pub(crate) fn is_refusal(text: &str) -> bool {
    let start: String = text
        .chars()
        .take(REFUSAL_WITHIN)
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
        .flat_map(char::to_lowercase)
        .collect();
    REFUSALS.iter().any(|words| start.contains(words))
}
