//! The answer that is nearest to all others.

use super::texts::{Choices, Texts};

/// Per task the text with the highest summed cosine to the answers of all annotators.
///
/// Source: Kaufman and Rousseeuw, *Clustering by means of medoids*, 1987.
#[must_use]
pub fn medoid(texts: &Texts) -> Choices {
    let of = |task| {
        texts.choose(task, |candidate| {
            texts.of(task).map(|(_, other)| texts.similarity(candidate, other)).sum()
        })
    };
    let weights = texts.counts().iter().map(|n| (*n > 0.0).then_some(1.0)).collect();
    Choices { chosen: (0..texts.tasks().len()).map(of).collect(), weights }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashingEmbedder;

    #[test]
    fn the_middle_wording_is_chosen() {
        let embedder = HashingEmbedder::default();
        let rows = [
            (
                "t",
                vec![
                    ("a", "the red house"),
                    ("b", "the red house stands"),
                    ("c", "the red house stands here"),
                ],
            ),
            ("none", vec![]),
        ];
        let texts = Texts::new(rows, &embedder).unwrap();
        let found = medoid(&texts);
        assert_eq!(found.chosen[0].map(|place| texts.texts()[place].as_str()), Some("the red house stands"));
        assert_eq!(found.chosen[1], None);
    }
}
