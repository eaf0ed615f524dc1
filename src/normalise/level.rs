//! Values of closed sets, found under any of their spellings.

use super::phrase::{fold, folds_to};
use crate::persona::Level;

/// The levels that an answer names, lowest to highest, as positions in the trait's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelSpan {
    lowest: usize,
    highest: usize,
}

impl LevelSpan {
    /// A span between two positions, in whichever order they are given.
    #[must_use]
    pub fn new(one: usize, other: usize) -> Self {
        Self { lowest: one.min(other), highest: one.max(other) }
    }

    /// Position of the lowest level named.
    #[must_use]
    pub fn lowest(&self) -> usize {
        self.lowest
    }

    /// Position of the highest level named.
    #[must_use]
    pub fn highest(&self) -> usize {
        self.highest
    }

    /// Mean distance of the ends, in levels.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        f64::midpoint(self.lowest.abs_diff(other.lowest) as f64, self.highest.abs_diff(other.highest) as f64)
    }
}

/// The levels that a text names, in the order in which it names them: the whole text if that is
/// a spelling, else every spelling that occurs in it as whole words, longest spellings first, no
/// word used twice.
pub(super) fn named(text: &str, levels: &[Level]) -> Vec<usize> {
    let key = fold(text);
    let spellings = || {
        levels.iter().enumerate().flat_map(|(place, level)| {
            std::iter::once(&level.value).chain(&level.also).map(move |spelling| (place, spelling))
        })
    };
    // Folding every spelling for every answer would be most of the time of reading.
    if let Some((place, _)) = spellings().find(|(_, spelling)| folds_to(spelling, &key)) {
        return vec![place];
    }
    let words: Vec<&str> = key.split(' ').collect();
    let mut candidates: Vec<(usize, String)> =
        spellings().map(|(place, spelling)| (place, fold(spelling))).filter(|(_, s)| s.len() > 2).collect();
    candidates.sort_by_key(|(place, spelling)| (std::cmp::Reverse(spelling.len()), *place));
    let mut used = vec![false; words.len()];
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (place, spelling) in &candidates {
        let wanted: Vec<&str> = spelling.split(' ').collect();
        for start in 0..(words.len() + 1).saturating_sub(wanted.len()) {
            let window = start..start + wanted.len();
            if words[window.clone()] == wanted[..] && !used[window.clone()].contains(&true) {
                used[window].fill(true);
                found.push((start, *place));
            }
        }
    }
    found.sort_unstable();
    let mut places: Vec<usize> = Vec::new();
    for (_, place) in found {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// The level whose range of numbers holds a number, where the levels have such ranges.
pub(super) fn holding(number: f64, levels: &[Level]) -> Option<usize> {
    levels.iter().position(|level| level.range.is_some_and(|[low, high]| (low..high).contains(&number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::{TraitKind, TraitSchema};

    fn levels(name: &str) -> Vec<Level> {
        let draft_free = TraitSchema::default_persona();
        match draft_free.get(name).map(|definition| definition.kind.clone()) {
            Some(TraitKind::Ordinal { levels }) => levels,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn shown(text: &str) -> Vec<String> {
        let levels = levels("education");
        named(text, &levels).into_iter().map(|place| levels[place].value.clone()).collect()
    }

    #[test]
    fn degrees_are_found_under_any_spelling() {
        assert_eq!(shown("Bachelor's degree"), ["college degree"]);
        assert_eq!(shown("College Degree"), ["college degree"]);
        assert_eq!(shown("Bachelor’s Degree in Computer Science"), ["college degree"]);
        assert_eq!(shown("In College"), ["in college"]);
        assert_eq!(shown("Master's Degree or PhD"), ["master's degree", "doctorate"]);
        assert_eq!(shown("No Highschool"), ["no high school diploma"]);
        assert!(shown("enjoys music").is_empty());
    }

    #[test]
    fn spans_are_as_far_apart_as_their_ends() {
        // (|1 − 2| + |1 − 4|) / 2 = 2.
        assert!((LevelSpan::new(1, 1).distance(&LevelSpan::new(4, 2)) - 2.0).abs() < 1e-12);
    }
}
