//! Finds JSON in what a model wrote around it.
//!
//! A reply may think aloud first, explain, fence its answer or give it bare. What is found is a piece
//! of the text, never a repair of it: a bracket that is not closed means that the answer was cut, and
//! the whole personas that stand before the cut are not picked out of it, because nobody knows what
//! would have followed.

/// Pieces that look like JSON, and how the search ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces<'a> {
    /// Balanced objects and arrays, in the order of the text.
    pub(crate) whole: Vec<&'a str>,
    /// Whether a bracket was never closed.
    pub(crate) cut: bool,
    /// Where a bracket was closed by one of another kind, as text from its beginning.
    pub(crate) crossed: Option<&'a str>,
}

/// Names of the tags between which models think aloud.
const THOUGHTS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")];

/// The text behind the thoughts with which it begins; `None` when the thinking never ends.
///
/// Only thoughts before the first bracket are left out, since a persona may speak of `<think>`. A
/// closing tag without its opening one counts when no bracket is open before it: some chat templates
/// swallow the first tag.
pub(crate) fn without_thoughts(text: &str) -> Option<&str> {
    let mut text = text;
    loop {
        let bracket = text.find(['{', '[']).unwrap_or(text.len());
        let opened = THOUGHTS
            .iter()
            .filter_map(|(open, close)| Some((text.find(open)?, open, close)))
            .filter(|(at, ..)| *at < bracket)
            .min();
        if let Some((at, open, close)) = opened {
            let inside = &text[at + open.len()..];
            text = &inside[inside.find(close)? + close.len()..];
            continue;
        }
        let orphan = THOUGHTS.iter().find_map(|(_, close)| Some(text.find(close)? + close.len()));
        // Inside an open bracket the tag belongs to a string of the answer.
        return match orphan {
            Some(end) if !pieces(&text[..end]).cut => Some(&text[end..]),
            _ => Some(text),
        };
    }
}

/// The contents of code fences that begin like JSON; a fence that is never closed runs to the end.
pub(crate) fn fenced(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("```") {
        let behind = &rest[at + 3..];
        // The language stands behind the opening marks; JSON may follow on the same line.
        let content = behind.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        let end = closing(content);
        let inside = content[..end].trim();
        if inside.starts_with(['{', '[']) {
            found.push(inside);
        }
        rest = content[end..].trim_start_matches('`');
    }
    found
}

/// Where a fence's content ends: at marks that begin a line, or that end the last one. Marks inside
/// a line may belong to a string.
fn closing(content: &str) -> usize {
    let mut start = 0;
    for line in content.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            return start;
        }
        if let Some(before) = line.trim_end().strip_suffix("```") {
            return start + before.len();
        }
        start += line.len();
    }
    content.len()
}

/// All pieces that begin as JSON does; other brackets are prose.
pub(crate) fn pieces(text: &str) -> Pieces<'_> {
    let mut found = Pieces::default();
    let mut at = 0;
    while let Some(next) = text[at..].find(['{', '[']) {
        let start = at + next;
        if !begins_json(&text[start..]) {
            at = start + 1;
            continue;
        }
        match balance(&text[start..]) {
            Balance::Closed(length) => {
                found.whole.push(&text[start..start + length]);
                at = start + length;
            }
            Balance::Cut => {
                found.cut = true;
                return found;
            }
            Balance::Crossed => {
                found.crossed = Some(&text[start..]);
                return found;
            }
        }
    }
    found
}

/// Whether a bracket is followed by what may follow it in JSON, or in what models take for JSON
/// (single quotes, comments).
fn begins_json(text: &str) -> bool {
    let inside = text[1..].trim_start();
    if text.starts_with('{') {
        inside.starts_with(['"', '\'', '}', '/'])
    } else {
        inside.starts_with(['{', '[', '"', '\'', ']', '/'])
    }
}

enum Balance {
    Closed(usize),
    Cut,
    Crossed,
}

/// Follows brackets to the one that closes the first, strings left out.
fn balance(text: &str) -> Balance {
    let mut open = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                if open.pop() != Some(byte) {
                    return Balance::Crossed;
                }
                if open.is_empty() {
                    return Balance::Closed(at + 1);
                }
            }
            _ => {}
        }
    }
    Balance::Cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_brackets_are_no_json() {
        let found = pieces("Given {the data} and [1]: {\"a\": \"}\\\"]\"} or {so}, see [\"x\"].");
        assert_eq!(found.whole, ["{\"a\": \"}\\\"]\"}", "[\"x\"]"]);
        assert!(!found.cut && found.crossed.is_none());
    }

    #[test]
    fn a_cut_answer_gives_none_of_its_parts() {
        let found = pieces("{\"personas\": [{\"age\": 3}, {\"age\": 4}");
        assert_eq!(found, Pieces { whole: Vec::new(), cut: true, crossed: None });
        assert!(pieces("{\"a\": [1}").crossed.is_some());
    }

    #[test]
    fn thoughts_before_the_answer_are_left_out_and_others_kept() {
        assert_eq!(without_thoughts("<think>{\"a\"</think> {}"), Some(" {}"));
        assert_eq!(without_thoughts("Hm. <think>a</think><think>b</think>{}"), Some("{}"));
        assert_eq!(without_thoughts("I wonder.</think>{}"), Some("{}"));
        assert_eq!(without_thoughts("<think>and so on"), None);
        let inside = "{\"a\": \"<think>x</think>\"}";
        assert_eq!(without_thoughts(inside), Some(inside));
    }

    #[test]
    fn fences_are_opened_and_marks_in_strings_are_not() {
        assert_eq!(fenced("x\n```json\n{\"a\": \"```\"}\n```\ny"), ["{\"a\": \"```\"}"]);
        assert_eq!(fenced("```\n[1]\n```\n```rust\nfn\n```\n```JSON {} ```"), ["[1]", "{}"]);
        assert_eq!(fenced("```json\n{\"a\": 1"), ["{\"a\": 1"]);
    }
}
