//! "Unknown" is an abstention, not a value.

use super::phrase::fold;

/// Whole answers that say nothing.
const NOTHING: &[&str] = &[
    "",
    "unknown",
    "n a",
    "na",
    "nan",
    "none given",
    "not applicable",
    "not available",
    "not specified",
    "unspecified",
    "undetermined",
    "not determinable",
    "not stated",
    "not mentioned",
    "not provided",
    "not known",
    "unclear",
    "unsure",
    "null",
    "nil",
    "tbd",
    "no answer",
    "no information",
    "unknown city",
    "unspecified city",
    "prefer not to say",
    "i dont know",
    "dont know",
    "no idea",
];

/// Beginnings of sentences that decline to answer.
const DECLINES: &[&str] = &[
    "unknown ",
    "cannot be determined",
    "cannot determine",
    "can not be determined",
    "cant be determined",
    "could not be determined",
    "unable to",
    "not enough",
    "insufficient",
    "not specified ",
    "not mentioned ",
    "not explicitly",
    "not clear",
    "not possible to",
    "impossible to",
    "i do not feel comfortable",
    "i dont feel comfortable",
    "i cannot",
    "i can not",
    "i cant",
    "im unable",
    "there is no",
    "there is not enough",
    "no information",
    "no evidence",
    "no indication",
    "it is not possible",
    "please note",
    "please provide",
];

/// Whether a text declines to say anything.
pub(super) fn declines(text: &str) -> bool {
    let key = fold(text);
    NOTHING.contains(&key.as_str()) || DECLINES.iter().any(|start| key.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declining_is_told_from_answering() {
        for text in [
            "N/A",
            "Unknown",
            "Cannot be determined from the text provided",
            "I do not feel comfortable guessing private details",
            "Not specified in the text",
        ] {
            assert!(declines(text), "{text}");
        }
        for text in ["None", "Nurse", "Not-for-profit manager", "Nanny", "No high school diploma"] {
            assert!(!declines(text), "{text}");
        }
    }
}
