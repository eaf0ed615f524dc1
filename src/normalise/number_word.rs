//! Numbers written as words, in English: `twelve`, `thirties`, `hundred`.
//!
//! One table for all who read numbers, so that a number that is a range in one place is no plain word in another.

/// What a word says about a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NumberWord {
    /// `twelve`.
    Number(f64),
    /// `thirties`: the ten numbers from this one on.
    Decade(f64),
    /// `hundred`: as often as the number before it says.
    Hundred,
}

const NUMBERS: [(&str, f64); 27] = [
    ("one", 1.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("thirteen", 13.0),
    ("fourteen", 14.0),
    ("fifteen", 15.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
];

/// Reads a word in lower case; `None` for one that is no number.
pub(crate) fn number_word(word: &str) -> Option<NumberWord> {
    let number = |word: &str| NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if word == "hundred" {
        return Some(NumberWord::Hundred);
    }
    let tens = word.strip_suffix("ies").and_then(|stem| number(&format!("{stem}y")));
    number(word).map(NumberWord::Number).or(tens.map(NumberWord::Decade))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_decades_and_hundreds_are_told_apart() {
        assert_eq!(number_word("twelve"), Some(NumberWord::Number(12.0)));
        assert_eq!(number_word("nineteen"), Some(NumberWord::Number(19.0)));
        assert_eq!(number_word("forties"), Some(NumberWord::Decade(40.0)));
        assert_eq!(number_word("hundred"), Some(NumberWord::Hundred));
        for word in ["families", "ies", "teens", "hundreds", ""] {
            assert_eq!(number_word(word), None, "{word}");
        }
    }
}
