//! The rows that a persona was drafted from, ready to be searched.

use crate::normalise::fold;

/// How many sentences are compared by meaning: those that share most words with the passage.
const LIKELY: usize = 16;

/// One row of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    id: String,
    text: String,
    /// Folded words, in order.
    words: Vec<String>,
}

impl SourceRow {
    /// The id that is named in results.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn words(&self) -> &[String] {
        &self.words
    }
}

/// All rows behind one record's personas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source(Vec<SourceRow>);

impl Source {
    /// Rows by id and text, in order.
    pub fn new<'t>(rows: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let row = |(id, text): (&str, &str)| SourceRow {
            id: id.to_owned(),
            text: text.to_owned(),
            words: words(text),
        };
        Self(rows.into_iter().map(row).collect())
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[SourceRow] {
        &self.0
    }

    /// Sentences that share words with a passage, with the id of their row: most shared words first, then
    /// in order; at most 16.
    pub(super) fn likely_sentences(&self, passage: &str) -> Vec<(&str, &str)> {
        let wanted = words(passage);
        let mut likely: Vec<(usize, &str, &str)> = Vec::new();
        for row in &self.0 {
            for sentence in sentences(&row.text) {
                let said = words(sentence);
                let shared = wanted.iter().filter(|word| word.len() > 3 && said.contains(word)).count();
                if shared > 0 {
                    likely.push((shared, &row.id, sentence));
                }
            }
        }
        likely.sort_by_key(|(shared, ..)| std::cmp::Reverse(*shared));
        likely.into_iter().take(LIKELY).map(|(_, id, sentence)| (id, sentence)).collect()
    }
}

/// Folded words of a text.
pub(super) fn words(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?', '\n', ';']).map(str::trim).filter(|sentence| !sentence.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_with_most_shared_words_come_first() {
        let source =
            Source::new([("a", "The night shift is long. I sleep."), ("b", "A long night shift ends.")]);
        let likely = source.likely_sentences("long night, shift ends");
        assert_eq!(likely, [("b", "A long night shift ends."), ("a", "The night shift is long.")]);
        assert!(source.likely_sentences("parrots").is_empty());
    }
}
