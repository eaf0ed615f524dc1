//! Reliability-aware choice among texts, with what is said about each text by the others.

use std::collections::BTreeMap;

use super::rasa::reliability_weighted;
use super::texts::{Choices, Texts};

/// HRRASA: as [`super::rasa`], but an answer's vector counts by its writer's weight times the answer's
/// own standing: half its mean cosine to the other answers of the task (0 if negative), half its mean
/// overlap of words with them (F1 of the words, each counted as often as it occurs; the source uses GLEU).
///
/// A writer's bad day then costs that answer only.
///
/// Source: Li, *Crowdsourced text sequence aggregation based on hybrid reliability and representation*,
/// SIGIR 2020.
#[must_use]
pub fn hrrasa(texts: &Texts) -> Choices {
    let words: Vec<BTreeMap<&str, usize>> = texts.texts().iter().map(|text| bag(text)).collect();
    reliability_weighted(texts, |task, text| {
        let (mut near, mut overlap, mut others) = (0.0, 0.0, 0.0);
        for (_, other) in texts.of(task) {
            near += texts.similarity(text, other).max(0.0);
            overlap += f1(&words[text], &words[other]);
            others += 1.0;
        }
        // The text itself is among the answers, once, with similarity 1. Alone it stands in full.
        if others < 2.0 { 1.0 } else { (f64::midpoint(near, overlap) - 1.0).max(0.0) / (others - 1.0) + 1e-6 }
    })
}

fn bag(text: &str) -> BTreeMap<&str, usize> {
    let mut words = BTreeMap::new();
    text.split_whitespace().for_each(|word| *words.entry(word).or_insert(0) += 1);
    words
}

/// Twice the common words over all words; two empty texts are equal.
fn f1(one: &BTreeMap<&str, usize>, other: &BTreeMap<&str, usize>) -> f64 {
    let all = one.values().sum::<usize>() + other.values().sum::<usize>();
    let common: usize = one.iter().map(|(word, n)| *n.min(other.get(word).unwrap_or(&0))).sum();
    if all == 0 { 1.0 } else { 2.0 * common as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashingEmbedder;

    #[test]
    fn overlap_of_words_by_hand() {
        // Common: a once, b once. 2 · 2 / (3 + 3).
        assert!((f1(&bag("a a b"), &bag("b a c")) - 4.0 / 6.0).abs() < 1e-12);
        assert!((f1(&bag(""), &bag(" ")) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_answer_that_nobody_backs_is_not_chosen() {
        let embedder = HashingEmbedder::default();
        let rows =
            [("t", vec![("a", "the old house"), ("b", "the old house there"), ("c", "zebra crossing")])];
        let texts = Texts::new(rows, &embedder).unwrap();
        let chosen = hrrasa(&texts).chosen[0].unwrap();
        assert!(texts.texts()[chosen].starts_with("the old"));
    }
}
