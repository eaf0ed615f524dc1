//! The best one-to-one assignment of a few rows to columns, with a way out for every row.

/// Buffers of [`Matching::run`], kept between sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Matching {
    /// `rows` × `columns` of gains, row by row; `-inf` where a row may not go.
    pub(super) gains: Vec<f32>,
    /// The answer: a column per row, or `None` for the way out.
    pub(super) chosen: Vec<Option<usize>>,
    row_price: Vec<f64>,
    column_price: Vec<f64>,
    owner: Vec<usize>,
    slack: Vec<f64>,
    from: Vec<usize>,
    visited: Vec<bool>,
}

/// No row owns the column.
const FREE: usize = usize::MAX;

impl Matching {
    /// Maximises the sum of gains, where a row that takes no column gains `way_out`.
    ///
    /// When every row's best column is a different one, those are the best assignment, and nothing is
    /// searched; that is the usual case. Else shortest augmenting paths with prices (Kuhn, Munkres;
    /// the form of Jonker and Volgenant 1987), in O(rows² · columns).
    pub(super) fn run(&mut self, rows: usize, columns: usize, way_out: f64) {
        if !self.distinct_favourites(rows, columns, way_out) {
            self.search(rows, columns, way_out);
        }
    }

    fn distinct_favourites(&mut self, rows: usize, columns: usize, way_out: f64) -> bool {
        self.visited.clear();
        self.visited.resize(columns, false);
        self.chosen.clear();
        for row in 0..rows {
            let (mut most, mut best) = (way_out, None);
            for (column, gain) in self.gains[row * columns..(row + 1) * columns].iter().enumerate() {
                if f64::from(*gain) > most {
                    (most, best) = (f64::from(*gain), Some(column));
                }
            }
            if let Some(column) = best {
                if self.visited[column] {
                    return false;
                }
                self.visited[column] = true;
            }
            self.chosen.push(best);
        }
        true
    }

    fn search(&mut self, rows: usize, columns: usize, way_out: f64) {
        self.row_price.clear();
        self.row_price.resize(rows, 0.0);
        self.column_price.clear();
        self.column_price.resize(columns, 0.0);
        self.owner.clear();
        self.owner.resize(columns, FREE);
        self.chosen.clear();
        self.chosen.resize(rows, None);
        for row in 0..rows {
            let (last, leaver) = self.shortest_path(row, columns, way_out);
            self.augment(row, last, leaver);
        }
    }

    /// Finds the cheapest way to place `row`: it ends at a free column, or with some row (the new one
    /// or one that it displaces) taking the way out. Gives the last column (or [`FREE`] for
    /// the start) and the row that leaves.
    fn shortest_path(&mut self, row: usize, columns: usize, way_out: f64) -> (usize, Option<usize>) {
        self.slack.clear();
        self.slack.resize(columns, f64::INFINITY);
        self.from.clear();
        self.from.resize(columns, FREE);
        self.visited.clear();
        self.visited.resize(columns, false);
        let (mut current, mut column) = (row, FREE);
        // The cheapest exit so far, from which row, and the column that this row would give up.
        let (mut exit, mut leaver, mut given_up) = (f64::INFINITY, row, FREE);
        loop {
            let leave = -way_out - self.row_price[current];
            if leave < exit {
                (exit, leaver, given_up) = (leave, current, column);
            }
            let (mut least, mut next) = (f64::INFINITY, FREE);
            for other in 0..columns {
                if self.visited[other] {
                    continue;
                }
                let gain = f64::from(self.gains[current * columns + other]);
                let reduced = -gain - self.row_price[current] - self.column_price[other];
                if reduced < self.slack[other] {
                    (self.slack[other], self.from[other]) = (reduced, column);
                }
                if self.slack[other] < least {
                    (least, next) = (self.slack[other], other);
                }
            }
            // On a tie the way out wins: to belong, a draft must resemble by more than the threshold.
            let step = least.min(exit);
            self.raise(row, step);
            if exit <= least {
                return (given_up, Some(leaver));
            }
            exit -= step;
            if self.owner[next] == FREE {
                return (next, None);
            }
            self.visited[next] = true;
            (current, column) = (self.owner[next], next);
        }
    }

    /// Moves all prices of the search tree by `step`, so that the next edge becomes free of cost.
    fn raise(&mut self, row: usize, step: f64) {
        self.row_price[row] += step;
        for other in 0..self.visited.len() {
            if self.visited[other] {
                self.row_price[self.owner[other]] += step;
                self.column_price[other] -= step;
            } else {
                self.slack[other] -= step;
            }
        }
    }

    /// Shifts the owners along the path that ends at `last`.
    fn augment(&mut self, row: usize, last: usize, leaver: Option<usize>) {
        if let Some(leaver) = leaver {
            self.chosen[leaver] = None;
        }
        let mut column = last;
        while column != FREE {
            let before = self.from[column];
            let owner = if before == FREE { row } else { self.owner[before] };
            self.owner[column] = owner;
            self.chosen[owner] = Some(column);
            column = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sum of gains of the best assignment, by trying all.
    fn by_trying(gains: &[f32], rows: usize, columns: usize, way_out: f64, used: u32) -> f64 {
        if rows == 0 {
            return 0.0;
        }
        let rest = &gains[columns..];
        let mut most = way_out + by_trying(rest, rows - 1, columns, way_out, used);
        for column in (0..columns).filter(|column| used & (1 << column) == 0) {
            let other = by_trying(rest, rows - 1, columns, way_out, used | (1 << column));
            most = most.max(f64::from(gains[column]) + other);
        }
        most
    }

    #[test]
    fn a_row_gives_way_where_the_sum_is_greater() {
        // Both rows like column 0 best: .9 + .2 against .8 + .85.
        let mut matching = Matching { gains: vec![0.9, 0.85, 0.8, 0.2], ..Matching::default() };
        matching.run(2, 2, 0.1);
        assert_eq!(matching.chosen, [Some(1), Some(0)]);
    }

    #[test]
    fn what_resembles_no_more_than_the_threshold_stays_out() {
        let mut matching = Matching { gains: vec![0.5, 0.4], ..Matching::default() };
        matching.run(2, 1, 0.5);
        assert_eq!(matching.chosen, [None, None]);
        matching.run(2, 1, 0.45);
        assert_eq!(matching.chosen, [Some(0), None]);
        matching.run(2, 0, 0.45);
        assert_eq!(matching.chosen, [None, None]);
    }

    proptest! {
        #[test]
        fn no_assignment_is_better(
            rows in 1_usize..6,
            columns in 0_usize..6,
            values in proptest::collection::vec(
                prop_oneof![4 => (-8_i8..8).prop_map(|value| f32::from(value) / 8.0), 1 => Just(f32::NEG_INFINITY)],
                36,
            ),
            way_out in (-6_i8..6).prop_map(|value| f64::from(value) / 8.0),
        ) {
            let gains = values[..rows * columns].to_vec();
            let best = by_trying(&gains, rows, columns, way_out, 0);
            let mut matching = Matching { gains: gains.clone(), ..Matching::default() };
            matching.run(rows, columns, way_out);
            let mut used = vec![false; columns];
            let mut sum = 0.0;
            for (row, chosen) in matching.chosen.iter().enumerate() {
                match chosen {
                    None => sum += way_out,
                    Some(column) => {
                        prop_assert!(!used[*column], "column {} is taken twice", column);
                        used[*column] = true;
                        sum += f64::from(gains[row * columns + column]);
                    }
                }
            }
            prop_assert!((sum - best).abs() < 1e-9, "{} against {}", sum, best);
        }
    }
}
