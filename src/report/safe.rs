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

/// One line of Markdown that shows the text as it is: no markup, no HTML, no link, no image.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (place, c) in line(text).trim().chars().enumerate() {
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => shown.extend(['\\', c]),
            '#' | '+' | '-' | '=' if place == 0 => shown.extend(['\\', c]),
            _ => shown.push(c),
        }
    }
    shown
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
            "!\\[x\\](http://a) &lt;b&gt;\\*bold\\*&lt;/b&gt; &amp; \\`c\\`"
        );
        assert_eq!(markdown("# heading\n- list"), "\\# heading - list");
    }
}
