//! Numbers and ranges as people write them: `28`, `25-30`, `Late 20s`, `early thirties`, `55+`, `$50k`.

use super::number_word::{NumberWord, number_word};

/// A closed range of numbers; a single number is a range of no width. Both ends are finite and
/// `low` is not above `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// A range, in whichever order its ends are given; `None` when an end is not finite.
    #[must_use]
    pub fn new(one: f64, other: f64) -> Option<Self> {
        (one.is_finite() && other.is_finite()).then(|| Self { low: one.min(other), high: one.max(other) })
    }

    /// The lower end.
    #[must_use]
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The upper end.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Whether the range is a single number.
    #[must_use]
    pub fn is_point(&self) -> bool {
        self.high <= self.low
    }

    /// The middle.
    #[must_use]
    pub fn centre(&self) -> f64 {
        f64::midpoint(self.low, self.high)
    }

    /// The Wasserstein-1 distance between the uniform distributions on two ranges: how far the
    /// mass of one must move to become the other. Between two single numbers, their difference.
    ///
    /// With quantile functions `q(t) = low + t (high − low)` it is `∫₀¹ |q₁(t) − q₂(t)| dt`, the
    /// integral of the absolute value of a line (Villani, *Optimal Transport*, 2009, remark 2.19).
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        let (start, end) = (self.low - other.low, self.high - other.high);
        if start * end >= 0.0 {
            return f64::midpoint(start.abs(), end.abs());
        }
        // The line changes sign: two triangles.
        f64::midpoint(start * start, end * end) / (start.abs() + end.abs())
    }
}

/// Reads the first number or range of a text.
pub(super) fn parse(text: &str) -> Option<Range> {
    let text = text.to_lowercase().replace(['–', '—', '−'], "-");
    let spans: Vec<Range> = spans(&tokens(&text));
    let first = spans.first()?;
    // "Late 20s or early 30s", "30s-40s": decades that stand side by side are one range.
    match spans.get(1) {
        Some(second) if joins(&text) => Range::new(first.low.min(second.low), first.high.max(second.high)),
        _ => Some(*first),
    }
}

fn joins(text: &str) -> bool {
    text.contains('-') || [" to ", " or ", " and ", "/"].iter().any(|word| text.contains(word))
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Decade(f64),
    Hundred,
    Early,
    Middle,
    Late,
    Plus,
    Below,
    Above,
    Teens,
    Aged,
    Other,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if character.is_ascii_digit() {
            let (token, length) = number(rest);
            found.push(match token {
                Token::Number(value) if is_negative(&text[..text.len() - rest.len()], &found) => {
                    Token::Number(-value)
                }
                token => token,
            });
            rest = &rest[length..];
        } else if character.is_alphabetic() {
            let length = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
            found.push(word(&rest[..length]));
            rest = &rest[length..];
        } else {
            if character == '+' {
                found.push(Token::Plus);
            } else if character == '<' {
                found.push(Token::Below);
            } else if character == '>' {
                found.push(Token::Above);
            }
            rest = &rest[character.len_utf8()..];
        }
    }
    found
}

/// Whether a minus stands directly before a number: at the beginning of a word, and before any other number, after which
/// it would be the dash of a range.
fn is_negative(before: &str, found: &[Token]) -> bool {
    let Some(ahead) = before.strip_suffix('-') else { return false };
    let begins = ahead.chars().next_back().is_none_or(|last| last.is_whitespace() || last == '(');
    begins && !found.iter().any(|token| matches!(token, Token::Number(_) | Token::Decade(_)))
}

/// A number with separators, decimals and a scale, or a decade such as `20s`. Returns its length too.
fn number(text: &str) -> (Token, usize) {
    let bytes = text.as_bytes();
    let mut length = 0;
    while length < bytes.len() {
        let next_is_digit = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        match bytes[length] {
            b'0'..=b'9' => length += 1,
            b',' if bytes.len() >= length + 4
                && bytes[length + 1..length + 4].iter().all(u8::is_ascii_digit) =>
            {
                length += 1;
            }
            b'.' if next_is_digit => length += 1,
            _ => break,
        }
    }
    let value: f64 = text[..length].replace(',', "").parse().unwrap_or(0.0);
    let rest = &text[length..];
    let ends_word = |tail: &str| !tail.starts_with(char::is_alphanumeric);
    for (decade, extra) in [("'s", 2), ("’s", "’s".len()), ("s", 1)] {
        if rest.starts_with(decade) && ends_word(&rest[extra..]) && value % 10.0 == 0.0 {
            return (Token::Decade(value), length + extra);
        }
    }
    for (scale, factor) in [("k", 1e3), ("m", 1e6), (" million", 1e6), (" thousand", 1e3)] {
        if rest.starts_with(scale) && ends_word(&rest[scale.len()..]) {
            return (Token::Number(value * factor), length + scale.len());
        }
    }
    (Token::Number(value), length)
}

fn word(word: &str) -> Token {
    match word {
        "early" => Token::Early,
        "mid" | "middle" => Token::Middle,
        "late" => Token::Late,
        "under" | "below" | "less" | "younger" => Token::Below,
        "over" | "above" | "more" | "older" => Token::Above,
        "teens" | "teenager" | "teenage" | "teen" => Token::Teens,
        "aged" => Token::Aged,
        _ => match number_word(word) {
            Some(NumberWord::Number(number)) => Token::Number(number),
            Some(NumberWord::Decade(decade)) => Token::Decade(decade),
            Some(NumberWord::Hundred) => Token::Hundred,
            None => Token::Other,
        },
    }
}

/// The ranges that the tokens name, in order; adjacent numbers (`25-30`) are one range.
fn spans(tokens: &[Token]) -> Vec<Range> {
    let mut found: Vec<Range> = Vec::new();
    let mut part = None;
    let mut bound = None;
    let mut previous_number = false;
    for (place, token) in tokens.iter().enumerate() {
        let mut is_number = false;
        match token {
            Token::Early | Token::Middle | Token::Late => part = Some(token.clone()),
            Token::Below | Token::Above => bound = Some(token.clone()),
            Token::Decade(decade) => found.extend(decade_range(*decade, part.take().as_ref())),
            Token::Teens => found.extend(teens(part.take().as_ref())),
            Token::Aged if part == Some(Token::Middle) => found.extend(Range::new(40.0, 60.0)),
            Token::Plus => open_upwards(found.last_mut()),
            Token::Hundred => match found.last_mut().filter(|last| previous_number && last.is_point()) {
                Some(last) => *last = Range { low: 100.0 * last.low, high: 100.0 * last.high },
                None => found.extend(Range::new(100.0, 100.0)),
            },
            Token::Number(value) => {
                is_number = true;
                push_number(
                    &mut found,
                    *value,
                    previous_number,
                    bound.take().as_ref(),
                    tokens.get(place + 1),
                );
            }
            Token::Aged | Token::Other => {}
        }
        previous_number = is_number;
    }
    found
}

fn push_number(
    found: &mut Vec<Range>,
    value: f64,
    follows_number: bool,
    bound: Option<&Token>,
    next: Option<&Token>,
) {
    match (bound, found.last_mut()) {
        (Some(Token::Below), _) => found.extend(Range::new(value * 0.6, value)),
        (Some(Token::Above), _) => found.extend(Range::new(value, value * 1.3)),
        // "thirty five" is one number, "25-30" and "25 30" are a range.
        (_, Some(last)) if follows_number && last.is_point() && value < 10.0 && is_tens(last.low) => {
            *last = Range { low: last.low + value, high: last.low + value };
        }
        (_, Some(last)) if follows_number && last.is_point() && value >= last.low => last.high = value,
        _ => found.extend(Range::new(value, value)),
    }
    if next == Some(&Token::Above) {
        open_upwards(found.last_mut());
    }
}

fn is_tens(value: f64) -> bool {
    (20.0..100.0).contains(&value) && value % 10.0 == 0.0
}

/// `55+` reaches a fifth further up: enough to hold the people that the writer meant, without
/// drawing the middle far away from the number that was written.
fn open_upwards(range: Option<&mut Range>) {
    if let Some(range) = range {
        range.high = range.low * 1.2;
    }
}

fn decade_range(decade: f64, part: Option<&Token>) -> Option<Range> {
    let (from, to) = match part {
        Some(Token::Early) => (0.0, 3.0),
        Some(Token::Middle) => (4.0, 6.0),
        Some(Token::Late) => (7.0, 9.0),
        _ => (0.0, 9.0),
    };
    Range::new(decade + from, decade + to)
}

fn teens(part: Option<&Token>) -> Option<Range> {
    match part {
        Some(Token::Early) => Range::new(13.0, 14.0),
        Some(Token::Middle) => Range::new(15.0, 16.0),
        Some(Token::Late) => Range::new(17.0, 19.0),
        _ => Range::new(13.0, 19.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_as_people_write_them() {
        for (text, low, high) in [
            ("28", 28.0, 28.0),
            ("28 years old", 28.0, 28.0),
            ("25-30", 25.0, 30.0),
            ("25 – 30 years", 25.0, 30.0),
            ("25 to 30", 25.0, 30.0),
            ("Late 20s", 27.0, 29.0),
            ("early thirties", 30.0, 33.0),
            ("Mid-30s", 34.0, 36.0),
            ("30s", 30.0, 39.0),
            ("30's", 30.0, 39.0),
            ("In their late 20s or early 30s", 27.0, 33.0),
            ("40s-60s", 40.0, 69.0),
            ("Late teens", 17.0, 19.0),
            ("Middle-aged", 40.0, 60.0),
            ("65+", 65.0, 78.0),
            ("thirty five", 35.0, 35.0),
            ("eleven or twelve", 11.0, 12.0),
            ("fifteen-nineteen", 15.0, 19.0),
            ("a hundred", 100.0, 100.0),
            ("two hundred", 200.0, 200.0),
            ("-4", -4.0, -4.0),
            ("about -4 degrees", -4.0, -4.0),
            ("25 -30", 25.0, 30.0),
            ("mid-30s", 34.0, 36.0),
        ] {
            assert_eq!(parse(text), Range::new(low, high), "{text}");
        }
        assert_eq!(parse("no number at all"), None);
    }

    #[test]
    fn money_keeps_its_thousands() {
        assert_eq!(parse("$50,000 - $75,000 per year"), Range::new(50_000.0, 75_000.0));
        assert_eq!(parse("50k"), Range::new(50_000.0, 50_000.0));
        assert_eq!(parse("1.5 million"), Range::new(1_500_000.0, 1_500_000.0));
        assert_eq!(parse("Less than $25,000"), Range::new(15_000.0, 25_000.0));
    }

    #[test]
    fn distance_is_the_mass_that_moves() {
        let range = |low, high| Range::new(low, high).expect("finite");
        // Two points: |30 − 28| = 2.
        assert!((range(28.0, 28.0).distance(&range(30.0, 30.0)) - 2.0).abs() < 1e-12);
        // 25–30 against 28: the line runs from −3 to 2; triangles (3² + 2²) / (2 · 5) = 1.3.
        assert!((range(25.0, 30.0).distance(&range(28.0, 28.0)) - 1.3).abs() < 1e-12);
        // 20–30 against 30–50: from −10 to −20; mean 15.
        assert!((range(20.0, 30.0).distance(&range(30.0, 50.0)) - 15.0).abs() < 1e-12);
    }
}
