//! One form for the forms of an English word.

use super::polarity::OPPOSITION;

/// What the forms of an English word have in common, roughly: `rises`, `rising` and `rose` are one. Only compared
/// with others of its kind and never shown.
pub(crate) fn stem(word: &str) -> String {
    let word = OPPOSITION.answers.irregular.get(word).map_or(word, String::as_str);
    let mut stem = word.to_owned();
    if stem.len() > 4 && (stem.ends_with("ies") || stem.ends_with("ied")) {
        stem.truncate(stem.len() - 3);
        stem.push('y');
    } else if stem.len() > 3 && stem.ends_with('s') && !stem.ends_with("ss") && !stem.ends_with("us") {
        stem.pop();
    }
    for ending in ["ing", "ed"] {
        if stem.ends_with(ending) && !stem.ends_with("eed") && stem.len() >= ending.len() + 3 {
            stem.truncate(stem.len() - ending.len());
            break;
        }
    }
    while stem.len() > 2 && stem.ends_with('e') {
        stem.pop();
    }
    let mut last = stem.chars().rev();
    let (end, before) = (last.next(), last.next());
    if end == before && end.is_some_and(|end| end.is_alphabetic() && !"aeiou".contains(end)) {
        stem.pop();
    }
    if stem.len() > 2 && stem.ends_with('y') {
        stem.pop();
        stem.push('i');
    }
    stem
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_forms_of_a_word_have_one_stem() {
        for forms in [
            &["rise", "rises", "rising", "rose", "risen"][..],
            &["stop", "stops", "stopped", "stopping"],
            &["deny", "denies", "denied", "denying"],
            &["approve", "approves", "approved", "approving"],
            &["fall", "falls", "falling", "fell"],
            &["agree", "agrees", "agreed"],
            &["ban", "bans", "banned", "banning"],
        ] {
            let stems: BTreeSet<String> = forms.iter().map(|form| stem(form)).collect();
            assert_eq!(stems.len(), 1, "{stems:?}");
        }
        assert_ne!(stem("raise"), stem("rise"));
    }
}
