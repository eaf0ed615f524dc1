//! About how many tokens a prompt has, before anyone has counted them.

use super::Prompt;

/// What each turn costs beyond its words: the marks of role and end.
const PER_TURN: u64 = 4;

/// Estimates the tokens of a prompt, its schema included.
///
/// A quarter of a token per ASCII character, half of one per other letter (Cyrillic, Greek, accented
/// Latin), one per character of Chinese, Japanese and Korean and per emoji, and four per turn. For
/// English prose the byte-pair vocabularies in use lie within about a fifth of that; JSON and
/// numbers cost more. It is for plans, never for bills.
#[must_use]
pub fn estimate_tokens(prompt: &Prompt) -> u64 {
    let schema = prompt.schema.as_ref().map(ToString::to_string).unwrap_or_default();
    let texts = prompt.messages.iter().map(|message| message.content.as_str());
    let quarters: u64 = texts
        .clone()
        .chain([prompt.system.as_str(), schema.as_str()])
        .flat_map(str::chars)
        .map(quarters)
        .sum();
    quarters.div_ceil(4) + PER_TURN * (texts.count() as u64 + 1)
}

/// Quarters of a token.
fn quarters(c: char) -> u64 {
    match u32::from(c) {
        0..=0x7f => 1,
        // Hangul, CJK and kana with their punctuation, full-width forms, and everything beyond the
        // basic plane, which is mostly ideographs and emoji.
        0x1100..=0x11ff | 0x2e80..=0xd7ff | 0xf900..=0xfaff | 0xff00..=0xffef | 0x1_0000.. => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role};

    #[test]
    fn scripts_cost_what_the_estimate_says() {
        let prompt = |text: &str| Prompt {
            system: String::new(),
            messages: vec![Message { role: Role::User, content: text.to_owned() }],
            schema: None,
        };
        // Two turns at 4, and: 8 ASCII at 1/4 = 2; 4 Cyrillic at 1/2 = 2; 3 ideographs at 1 = 3.
        assert_eq!(estimate_tokens(&prompt("abcdefgh")), 8 + 2);
        assert_eq!(estimate_tokens(&prompt("мама")), 8 + 2);
        assert_eq!(estimate_tokens(&prompt("美咲子")), 8 + 3);
        assert_eq!(estimate_tokens(&prompt("")), 8);
    }
}
