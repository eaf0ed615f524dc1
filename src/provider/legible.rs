//! Text from outside, made fit for a terminal and a log.

use super::ApiKey;

/// The longest vendor message that is shown, in characters.
const LONGEST: usize = 200;

/// How much of a vendor's text is looked at; nobody reads more, and redaction costs time.
const LOOKED_AT: usize = 4_000;

/// One line of at most 200 characters without control, bidi or zero-width characters and
/// without `secret`.
pub(crate) fn legible(text: &str, secret: Option<&ApiKey>) -> String {
    let head: String = text.chars().take(LOOKED_AT).collect();
    let clean = secret.map_or_else(|| head.clone(), |key| key.redact(&head));
    let mut line = String::new();
    let mut length = 0;
    for word in clean.split_whitespace() {
        let gap = usize::from(length > 0);
        for character in " ".chars().take(gap).chain(word.chars()) {
            if length == LONGEST {
                line.push('…');
                return line;
            }
            length += 1;
            if is_deceptive(character) {
                line.extend(character.escape_unicode());
            } else {
                line.push(character);
            }
        }
    }
    line
}

/// Characters that move the cursor, turn the direction of reading or hide.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_driven_by_vendors() {
        let shown = legible("a\u{1b}[2J\r\nb \u{202e}evil\u{200b} \u{9b}31m", None);
        assert_eq!(shown, "a\\u{1b}[2J b \\u{202e}evil\\u{200b} \\u{9b}31m");
    }

    #[test]
    fn a_long_message_is_cut_at_200_characters() {
        let shown = legible(&"é".repeat(500), None);
        assert_eq!(shown.chars().count(), 201);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn the_key_is_gone_before_the_cut() {
        let key = ApiKey::new("TEST_KEY", "sk-canary-0123456789abcdef").expect("valid");
        // The cut at 200 falls into the middle of the key.
        let text = format!("{} sk-canary-0123456789abcdef", "x".repeat(185));
        let shown = legible(&text, Some(&key));
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.ends_with("[key]"), "{shown}");
    }
}
