//! The best one-to-one pairing of two short lists.

/// Buffers that are kept between lists.
#[derive(Debug, Default)]
pub(super) struct Assigner {
    row_price: Vec<f32>,
    column_price: Vec<f32>,
    owner: Vec<usize>,
    from: Vec<usize>,
    slack: Vec<f32>,
    visited: Vec<bool>,
}

impl Assigner {
    /// The largest sum of `gains` (`rows` × `columns`, row by row, none negative) in which no row and
    /// no column is used twice. Shortest augmenting paths with prices (Kuhn 1955, Munkres 1957), in
    /// O(rows² · columns).
    pub(super) fn best(&mut self, gains: &[f32], rows: usize, columns: usize) -> f32 {
        if rows > columns {
            let turned: Vec<f32> =
                (0..columns).flat_map(|c| (0..rows).map(move |r| gains[r * columns + c])).collect();
            return self.best(&turned, columns, rows);
        }
        if let Some(sum) = self.favourites(gains, columns) {
            return sum;
        }
        for (buffer, size) in [(&mut self.row_price, rows + 1), (&mut self.column_price, columns + 1)] {
            buffer.clear();
            buffer.resize(size, 0.0);
        }
        // Column 0 and row 0 are stand-ins: column 0 holds the row that looks for a place.
        self.owner.clear();
        self.owner.resize(columns + 1, 0);
        for row in 1..=rows {
            self.place(row, gains, columns);
        }
        let taken = self.owner.iter().enumerate().skip(1).filter(|(_, row)| **row > 0);
        taken.map(|(column, row)| gains[(row - 1) * columns + column - 1]).sum()
    }

    /// When every row's best column is another one, that is the best pairing; the usual case.
    fn favourites(&mut self, gains: &[f32], columns: usize) -> Option<f32> {
        self.visited.clear();
        self.visited.resize(columns, false);
        let mut sum = 0.0;
        for row in gains.chunks_exact(columns) {
            let mut best = 0;
            for column in 1..columns {
                if row[column] > row[best] {
                    best = column;
                }
            }
            if std::mem::replace(&mut self.visited[best], true) {
                return None;
            }
            sum += row[best];
        }
        Some(sum)
    }

    fn place(&mut self, row: usize, gains: &[f32], columns: usize) {
        self.owner[0] = row;
        self.slack.clear();
        self.slack.resize(columns + 1, f32::INFINITY);
        self.from.clear();
        self.from.resize(columns + 1, 0);
        self.visited.clear();
        self.visited.resize(columns + 1, false);
        let mut column = 0;
        while self.owner[column] != 0 {
            self.visited[column] = true;
            let current = self.owner[column];
            let (mut least, mut next) = (f32::INFINITY, 0);
            for other in (1..=columns).filter(|other| !self.visited[*other]) {
                let cost = -gains[(current - 1) * columns + other - 1];
                let reduced = cost - self.row_price[current] - self.column_price[other];
                if reduced < self.slack[other] {
                    (self.slack[other], self.from[other]) = (reduced, column);
                }
                if self.slack[other] < least {
                    (least, next) = (self.slack[other], other);
                }
            }
            for other in 0..=columns {
                if self.visited[other] {
                    self.row_price[self.owner[other]] += least;
                    self.column_price[other] -= least;
                } else {
                    self.slack[other] -= least;
                }
            }
            column = next;
        }
        while column != 0 {
            let before = self.from[column];
            self.owner[column] = self.owner[before];
            column = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every pairing, tried.
    fn exhaustive(gains: &[Vec<f32>], used: &mut Vec<bool>, row: usize) -> f32 {
        if row == gains.len() {
            return 0.0;
        }
        let mut best = exhaustive(gains, used, row + 1);
        for column in 0..used.len() {
            if !used[column] {
                used[column] = true;
                best = best.max(gains[row][column] + exhaustive(gains, used, row + 1));
                used[column] = false;
            }
        }
        best
    }

    #[test]
    fn taking_the_best_first_is_not_best() {
        // Greedy takes 0.9 and is left with 0.1; 0.8 + 0.7 is more.
        let best = Assigner::default().best(&[0.9, 0.8, 0.7, 0.1], 2, 2);
        assert!((best - 1.5).abs() < 1e-6, "{best}");
    }

    proptest! {
        #[test]
        fn no_pairing_has_a_larger_sum(
            (rows, columns, gains) in (1_usize..5, 1_usize..5).prop_flat_map(|(rows, columns)| {
                (Just(rows), Just(columns), proptest::collection::vec(0.0_f32..1.0, rows * columns))
            })
        ) {
            let table: Vec<Vec<f32>> = gains.chunks(columns).map(<[f32]>::to_vec).collect();
            let expected = exhaustive(&table, &mut vec![false; columns], 0);
            let found = Assigner::default().best(&gains, rows, columns);
            prop_assert!((found - expected).abs() < 1e-4, "{} {}", found, expected);
        }
    }
}
