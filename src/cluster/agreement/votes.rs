//! Drafts of one session that say the same: one vote.

/// The votes of a record: near-duplicates of one session share one.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    /// Vote of each row, numbered by first appearance.
    pub(super) of_row: Vec<usize>,
    /// Session of each vote.
    pub(super) sessions: Vec<usize>,
    /// The row that opened a vote, and a later row that says the same.
    pub(super) merged: Vec<(usize, usize)>,
    /// `votes` × `votes` mean similarities; filled only when something merged.
    pub(super) similarities: Vec<f32>,
    sizes: Vec<f32>,
}

impl Votes {
    /// A row joins the first vote of its session all of whose rows it resembles by at least
    /// `duplicate`. `similarities` is `n` × `n`, row by row.
    pub(super) fn count(&mut self, similarities: &[f32], sessions: &[usize], duplicate: Option<f64>) {
        let n = sessions.len();
        self.of_row.clear();
        self.sessions.clear();
        self.merged.clear();
        for row in 0..n {
            let vote = duplicate.and_then(|least| self.same_vote(similarities, sessions, row, least));
            if let Some((vote, first)) = vote {
                self.of_row.push(vote);
                self.merged.push((first, row));
            } else {
                self.of_row.push(self.sessions.len());
                self.sessions.push(sessions[row]);
            }
        }
        if !self.merged.is_empty() {
            self.average(similarities, n);
        }
    }

    /// The vote that `row` repeats, and the row that opened it.
    fn same_vote(
        &self,
        similarities: &[f32],
        sessions: &[usize],
        row: usize,
        least: f64,
    ) -> Option<(usize, usize)> {
        let n = sessions.len();
        let alike = |other: usize| f64::from(similarities[row * n + other]) >= least;
        let opener = (0..row).find(|other| {
            sessions[*other] == sessions[row]
                && alike(*other)
                && (0..row).all(|third| self.of_row[third] != self.of_row[*other] || alike(third))
        })?;
        Some((self.of_row[opener], opener))
    }

    fn average(&mut self, similarities: &[f32], n: usize) {
        let votes = self.sessions.len();
        self.similarities.clear();
        self.similarities.resize(votes * votes, 0.0);
        self.sizes.clear();
        self.sizes.resize(votes, 0.0);
        for (row, vote) in self.of_row.iter().enumerate() {
            self.sizes[*vote] += 1.0;
            for (other, similarity) in self.of_row.iter().zip(&similarities[row * n..(row + 1) * n]) {
                self.similarities[vote * votes + other] += similarity;
            }
        }
        for one in 0..votes {
            for other in 0..votes {
                self.similarities[one * votes + other] /= self.sizes[one] * self.sizes[other];
            }
            self.similarities[one * votes + one] = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persona_said_twice_is_one_vote_with_mean_similarities() {
        // Rows 0 and 2 of session 5 are alike (.95); row 1 of session 7 resembles them by .4 and .6.
        let similarities = [1.0, 0.4, 0.95, 0.4, 1.0, 0.6, 0.95, 0.6, 1.0];
        let mut votes = Votes::default();
        votes.count(&similarities, &[5, 7, 5], Some(0.9));
        assert_eq!(votes.of_row, [0, 1, 0]);
        assert_eq!(votes.merged, [(0, 2)]);
        // (.4 + .6) / 2 between the votes.
        assert_eq!(votes.similarities, [1.0, 0.5, 0.5, 1.0]);
        votes.count(&similarities, &[5, 7, 5], None);
        assert_eq!((votes.of_row.as_slice(), votes.merged.len()), ([0, 1, 2].as_slice(), 0));
        votes.count(&similarities, &[5, 7, 6], Some(0.9));
        assert!(votes.merged.is_empty(), "different sessions never share a vote");
    }
}
