//! An answer as a list of claims.

use super::wording::split_verdict;
use crate::normalise::Phrase;

/// Claims of one answer at most; far more than any answer within the usual limit of tokens has.
const MOST: usize = 200;

/// Words before a full stop that ends no sentence.
const ABBREVIATIONS: [&str; 14] =
    ["e.g", "i.e", "etc", "vs", "cf", "approx", "dr", "mr", "mrs", "ms", "prof", "no", "fig", "st"];

/// What an answer claims, sentence by sentence and item by item, in order; at most 200.
///
/// Headings, code, questions and lines that only announce a list (`Reasons:`) claim nothing. Lines of one
/// paragraph belong together; marks of lists and emphasis are taken off.
///
/// A «yes» or «no» at the beginning of the answer is a claim of its own, for it answers the question. Further on it
/// answers a question of the text itself, and claims nothing.
#[must_use]
pub fn claims(answer: &str) -> Vec<String> {
    let mut found = Vec::new();
    for passage in passages(answer) {
        for sentence in sentences(&passage) {
            let (verdict, rest) = match split_verdict(sentence) {
                Some((word, rest)) => (found.is_empty().then(|| capitalised(word)), capitalised(rest)),
                None => (None, sentence.to_owned()),
            };
            found.extend(verdict);
            let shown = Phrase::new(&rest).shown().replace("**", "");
            if is_claim(&rest) && !Phrase::new(&shown).key().is_empty() {
                found.push(shown);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// With a capital at its beginning, as a sentence has it.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Paragraphs and list items, each on one line.
fn passages(answer: &str) -> Vec<String> {
    let mut passages: Vec<String> = vec![String::new()];
    let mut in_code = false;
    for line in answer.lines().map(str::trim) {
        let is_fence = line.starts_with("```");
        in_code ^= is_fence;
        if in_code || is_fence || line.is_empty() || line.starts_with(['#', '|']) {
            passages.push(String::new());
            continue;
        }
        if is_item(line) {
            passages.push(String::new());
        }
        if let Some(last) = passages.last_mut() {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(line);
        }
    }
    passages.retain(|passage| !passage.is_empty());
    passages
}

/// Whether a line begins a list item: a bullet, or a number with a mark and a space.
fn is_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['-', '*', '•', '–']) && line.chars().nth(1) == Some(' ')
        || after_number.len() < line.len()
            && (after_number.starts_with(". ") || after_number.starts_with(") "))
}

/// Sentences of a passage: cut after `.`, `!`, `?` and `;` before a space.
fn sentences(passage: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (place, mark) in passage.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?' | ';')) {
        let end = place + mark.len_utf8();
        if passage[end..].starts_with(char::is_whitespace)
            && !(mark == '.' && is_abbreviated(&passage[start..place]))
        {
            sentences.push(passage[start..end].trim());
            start = end;
        }
    }
    sentences.push(passage[start..].trim());
    sentences
}

/// Whether the full stop after this text belongs to its last word, or to the number of a list item.
fn is_abbreviated(before: &str) -> bool {
    let last = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    ABBREVIATIONS.contains(&last.to_lowercase().as_str())
        || (before.trim() == last && last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_claim(sentence: &str) -> bool {
    let end = sentence.trim_end_matches(['*', '_', ' ', '"']);
    !end.ends_with(['?', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_cut_into_what_it_claims() {
        let answer = "# Verdict\nShip it now. The tests are green,\nand the risk is small; e.g. a typo.\n\nReasons:\n\
                      1. **Users** wait for it.\n2) It costs 3.5 days.\n- Who else would do it?\n- No.\n```\nlet x = 1.\n```\n";
        assert_eq!(
            claims(answer),
            [
                "Ship it now",
                "The tests are green, and the risk is small",
                "e.g. a typo",
                "Users wait for it",
                "It costs 3.5 days"
            ]
        );
        assert!(claims("").is_empty() && claims("---\n…").is_empty());
    }

    #[test]
    fn a_verdict_is_a_claim_of_its_own_where_an_answer_begins_with_it() {
        for (answer, expected) in [
            ("Yes, ship it.", &["Yes", "Ship it"][..]),
            ("**No.** Do not ship it. No, really not.", &["No", "Do not ship it", "Really not"]),
            ("no", &["No"]),
            ("Yes!", &["Yes"]),
            ("# Verdict\n\nNo — it is late.", &["No", "It is late"]),
            ("Nein, noch nicht.", &["Nein", "Noch nicht"]),
            ("No one wants it.", &["No one wants it"]),
            ("No. 5 is the best.", &["No. 5 is the best"]),
            ("It is late. Will they come? No.", &["It is late"]),
        ] {
            assert_eq!(claims(answer), expected, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_few_claims_and_never_an_empty_one(text in "[a-zé.!?;:#*|` \n0-9-]{0,400}") {
            let found = claims(&text);
            prop_assert!(found.len() <= MOST);
            prop_assert!(found.iter().all(|claim| !claim.trim().is_empty()));
        }
    }
}
