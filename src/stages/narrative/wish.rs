//! What somebody wants is no fact about them: `passed the exams` is not what the goal `pass the exams` says.

use std::collections::BTreeSet;

use crate::normalise::fold;
use crate::persona::key_of;
use crate::stages::words::content;

/// Traits that hold what is wanted.
const GOALS: [&str; 12] = [
    "goal",
    "goals",
    "objective",
    "objectives",
    "need",
    "needs",
    "wish",
    "wishes",
    "aspirations",
    "ambitions",
    "desires",
    "dreams",
];
/// Traits that hold why something is done, which may be a fact or a wish.
const MOTIVES: [&str; 4] = ["motivation", "motivations", "drivers", "values"];

/// How words begin that lead in what is wanted.
const WANTING: [&str; 24] = [
    "want",
    "wish",
    "hope",
    "hoping",
    "aim",
    "plan",
    "goal",
    "need",
    "seek",
    "look",
    "try",
    "trying",
    "intend",
    "dream",
    "aspir",
    "desir",
    "striv",
    "ambition",
    "would",
    "prefer",
    "eager",
    "keen",
    "objective",
    "should",
];

/// Whether a trait holds what is wanted.
pub(super) fn is_goal(name: &str) -> bool {
    GOALS.contains(&key_of(name).as_str())
}

/// Whether a trait may hold what is wanted: no denial of what is lacked.
pub(super) fn may_be_wanted(name: &str) -> bool {
    is_goal(name) || MOTIVES.contains(&key_of(name).as_str())
}

/// Whether a sentence says that something is wanted: by a word for it, or by `to` before a word of the goal.
pub(super) fn wants(text: &str, goal: &BTreeSet<String>) -> bool {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').collect();
    let leads_in = |word: &&str| WANTING.iter().any(|wanting| word.starts_with(wanting));
    let to = words.windows(2).any(|pair| pair[0] == "to" && !content(pair[1]).is_disjoint(goal));
    to || words.iter().any(leads_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_told_from_a_fact() {
        let goal = content("Pass the exams");
        for text in [
            "He hopes to pass",
            "He wants better exams",
            "He learns to pass the exams",
            "Goals: pass the exams",
        ] {
            assert!(wants(text, &goal), "{text}");
        }
        for text in ["He passed the exams", "He went to the exams' office and slept", "He passes the exams"] {
            assert!(!wants(text, &content("Pass")), "{text}");
        }
        assert!(is_goal("Goals") && !is_goal("pain_points") && may_be_wanted("motivations"));
    }
}
