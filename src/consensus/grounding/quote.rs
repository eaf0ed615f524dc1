//! A passage in a text, word by word or with small differences.

use super::source::{Source, SourceRow, words};
use super::{Found, FoundBy};

/// Shorter passages must stand word by word: two words are found nearly everywhere.
const SHORTEST_FUZZY: usize = 4;
/// The share of a passage's words that must agree.
const FUZZY: f64 = 0.75;

/// Looks for a passage; parts between `…` or `...` may stand apart, but in one row.
pub(super) fn find(quote: &str, named: Option<&str>, source: &Source) -> Found {
    let parts: Vec<Vec<String>> =
        quote.replace("...", "…").split('…').map(words).filter(|part| !part.is_empty()).collect();
    let mut best = Found { by: FoundBy::Nothing, score: 0.0, row: None };
    if parts.is_empty() {
        return best;
    }
    let is_named = |row: &&SourceRow| named == Some(row.id());
    let (first, rest): (Vec<&SourceRow>, Vec<&SourceRow>) = source.rows().iter().partition(is_named);
    for row in first.into_iter().chain(rest) {
        let (by, score) = stands_in(&parts, row.words());
        if by < best.by || (by == best.by && score > best.score) {
            let found = (by != FoundBy::Nothing).then(|| row.id().to_owned());
            best = Found { by, score, row: found };
        }
        if best.by == FoundBy::Exact {
            break;
        }
    }
    best
}

/// How all parts of a passage stand in the words of a row: as the worst of them does.
fn stands_in(parts: &[Vec<String>], row: &[String]) -> (FoundBy, f64) {
    let part = |part: &Vec<String>| {
        if row.windows(part.len()).any(|window| window == part) {
            return (FoundBy::Exact, 1.0);
        }
        let score = 1.0 - fewest_edits(part, row) as f64 / part.len() as f64;
        if part.len() >= SHORTEST_FUZZY && score >= FUZZY {
            (FoundBy::Fuzzy, score)
        } else {
            (FoundBy::Nothing, score)
        }
    };
    parts.iter().map(part).fold((FoundBy::Exact, 1.0), |worst, next| {
        (worst.0.max(next.0), if next.1 < worst.1 { next.1 } else { worst.1 })
    })
}

/// The fewest words to change, leave out or put in so that a passage stands somewhere in a text
/// (P. Sellers, *The theory and computation of evolutionary distances*, 1980: an edit distance that
/// may begin and end anywhere in the text).
fn fewest_edits(passage: &[String], text: &[String]) -> usize {
    let mut column: Vec<usize> = (0..=passage.len()).collect();
    let mut fewest = passage.len();
    for word in text {
        let mut diagonal = column[0];
        for (place, wanted) in passage.iter().enumerate() {
            let changed = diagonal + usize::from(wanted != word);
            diagonal = column[place + 1];
            column[place + 1] = changed.min(diagonal + 1).min(column[place] + 1);
        }
        fewest = fewest.min(column[passage.len()]);
    }
    fewest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(quote: &str, named: Option<&str>) -> Found {
        let source = Source::new([
            ("1", "We always order on Sunday evening, when the kids are in bed."),
            ("2", "I order on Sunday evening. Never on Monday!"),
        ]);
        find(quote, named, &source)
    }

    #[test]
    fn the_distance_is_the_fewest_edits_anywhere() {
        let (text, edits) = (words("we always order on sunday evening"), |quote: &str| words(quote));
        // `order on sunday` stands there; `order at sunday` has one word changed; `order sunday` one left out.
        assert_eq!(fewest_edits(&edits("order on sunday"), &text), 0);
        assert_eq!(fewest_edits(&edits("order at sunday"), &text), 1);
        assert_eq!(fewest_edits(&edits("order sunday"), &text), 1);
        assert_eq!(fewest_edits(&edits("parrots"), &text), 1);
    }

    #[test]
    fn case_marks_and_spaces_do_not_matter_and_the_named_row_comes_first() {
        let exact = |row: &str| Found { by: FoundBy::Exact, score: 1.0, row: Some(row.to_owned()) };
        assert_eq!(found("“Order on  SUNDAY evening”", None), exact("1"));
        assert_eq!(found("order on Sunday evening", Some("2")), exact("2"));
        assert_eq!(found("We always order … the kids are in bed", None), exact("1"));
        assert_eq!(found("We always order ... never on Monday", None).by, FoundBy::Nothing);
    }

    #[test]
    fn small_differences_are_told_from_inventions() {
        let fuzzy = found("We always order on a Sunday evening when kids are in bed", None);
        // Twelve words, one put in (`a`), one left out (`the`): 1 − 2/12.
        assert_eq!((fuzzy.by, fuzzy.row.as_deref()), (FoundBy::Fuzzy, Some("1")));
        assert!((fuzzy.score - 10.0 / 12.0).abs() < 1e-12, "{fuzzy:?}");
        for invented in ["", "…", "I love parrots more than anything", "on Tuesday"] {
            let nothing = found(invented, None);
            assert_eq!((nothing.by, nothing.row), (FoundBy::Nothing, None), "{invented}");
        }
    }
}
