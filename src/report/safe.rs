//! Text of unknown origin, made harmless for the place where it is shown.
//!
//! Models repeat what their input says, and the input may be hostile: an escape sequence that
//! rewrites the terminal, a direction mark that shows a text backwards, a cell that a spreadsheet
//! takes for a formula, markup that loads an image.

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;

/// One line without control characters, direction marks and other invisible characters; line
/// breaks and tabs become spaces.
///
/// Joiners are kept, because emoji and several scripts need them.
#[must_use]
pub fn line(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            '\u{200c}' | '\u{200d}' => Some(c),
            c if is_invisible(c) => None,
            c => Some(c),
        })
        .collect()
}

/// Like [`line()`], for a text of several lines: line breaks stay.
#[must_use]
pub fn lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn is_invisible(c: char) -> bool {
    matches!(
        get_general_category(c),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

/// A cell that no spreadsheet takes for a formula: an apostrophe goes before texts that begin with
/// `=`, `+`, `-`, `@`, a tab or a line break, also where white space, invisible characters or
/// full-width forms disguise it (OWASP, *CSV injection*).
#[must_use]
pub fn cell(text: &str) -> String {
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c));
    let formula = bare.chars().take(1).nfkc().any(|c| matches!(c, '=' | '+' | '-' | '@' | '\u{2212}'));
    if formula || text.starts_with(['\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

/// One line of Markdown that shows the text as it is: no markup, no HTML, no link, no image, no formula, nobody
/// mentioned.
///
/// Some renderers make links of bare addresses and mentions of `@name`, after they have read what is escaped. So a word
/// joiner, which nobody sees, stands where an address or a mention would begin. Backslashes stop formulas and lists.
#[must_use]
pub fn markdown(text: &str) -> String {
    let text = line(text);
    let text: Vec<char> = text.trim().chars().collect();
    let mut shown = String::with_capacity(text.len());
    for (place, &c) in text.iter().enumerate() {
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '@' => shown.extend(['@', WORD_JOINER]),
            ':' if text[place + 1..].starts_with(&['/', '/']) => shown.extend([':', WORD_JOINER]),
            '.' if ends_in_www(&text[..place]) => shown.extend([WORD_JOINER, '.']),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => shown.extend(['\\', c]),
            '#' | '+' | '-' | '=' if place == 0 => shown.extend(['\\', c]),
            '.' | ')' if is_numbered(&text, place) => shown.extend(['\\', c]),
            _ => shown.push(c),
        }
    }
    shown
}

/// Takes no room, breaks no line, and is no part of an address or of a name.
const WORD_JOINER: char = '\u{2060}';

/// Whether a text begins like the item of a numbered list whose number ends here.
fn is_numbered(text: &[char], place: usize) -> bool {
    let number = (1..10).contains(&place) && text[..place].iter().all(char::is_ascii_digit);
    number && text.get(place + 1).is_none_or(|next| next.is_whitespace())
}

/// Whether `www` stands at the end of a text.
fn ends_in_www(text: &[char]) -> bool {
    text.len() >= 3 && text[text.len() - 3..].iter().all(|c| matches!(c, 'w' | 'W'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sees_no_escape_and_no_direction_mark() {
        assert_eq!(line("a\u{1b}[2Jb\u{202e}c\u{7}\u{9b}d\r\ne"), "a[2Jbcd  e");
        assert_eq!(lines("a\u{1b}[1m\nb"), "a[1m\nb");
        assert_eq!(line("👩\u{200d}🏫 naïve"), "👩\u{200d}🏫 naïve");
    }

    #[test]
    fn formulas_are_defused_in_every_disguise() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\rx",
            " =1",
            "\u{200b}=1",
            "\u{feff}+1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff20}x",
            "\u{fe63}1",
        ] {
            assert_eq!(cell(formula), format!("'{formula}"), "{formula:?}");
        }
        for harmless in ["London", "", "1-2", "a=b", "28 years"] {
            assert_eq!(cell(harmless), harmless);
        }
    }

    #[test]
    fn markdown_shows_markup_as_text() {
        assert_eq!(
            markdown("![x](http://a) <b>*bold*</b> & `c`"),
            "!\\[x\\](http:\u{2060}//a) &lt;b&gt;\\*bold\\*&lt;/b&gt; &amp; \\`c\\`"
        );
        assert_eq!(markdown("# heading\n- list"), "\\# heading - list");
        assert_eq!(markdown("1. first, 2. second"), "1\\. first, 2. second");
        assert_eq!(markdown("21.5"), "21.5");
    }

    #[test]
    fn markdown_makes_no_link_no_mention_and_no_formula_of_bare_text() {
        assert_eq!(
            markdown("https://evil.example and WWW.evil.example"),
            "https:\u{2060}//evil.example and WWW\u{2060}.evil.example"
        );
        assert_eq!(
            markdown("a@evil.example @everyone $$x$$"),
            "a@\u{2060}evil.example @\u{2060}everyone \\$\\$x\\$\\$"
        );
        assert_eq!(markdown("at 10:30, i.e. late"), "at 10:30, i.e. late");
    }
}
