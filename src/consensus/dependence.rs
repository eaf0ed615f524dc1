//! Do the models err together? Estimated from the run itself, without gold.
//!
//! Two figures bracket the correlation of two models' errors. The correlation of their distances from
//! the answer that the whole cell supports best is too low: what most get wrong is not seen, and the two
//! themselves shaped that answer. The correlation of their distances from *all others* is too high:
//! where the others are wrong or divided, both are far from them. The estimate is the middle. Against
//! gold on half of `SynthPAI` (error correlation .34) the two are .18 and .54 with 19 models and .08 and
//! .48 with five. What is *not* seen is an error shared by everybody.

use std::collections::BTreeMap;

use serde::Serialize;

/// Cells from which the run's own figure begins to count, and the weight in cells of the figure
/// that is assumed: one record cannot tell, and must not make confidences jump.
const LEAST_CELLS: f64 = 100.0;
const ASSUMED_CELLS: f64 = 100.0;
/// Cells that a pair needs in common before its own figure is told.
const LEAST_PAIR_CELLS: f64 = 20.0;

/// How alike the answers of the models are in one cell: one trait of one persona.
#[derive(Debug, Default)]
pub(super) struct Cell {
    alike: BTreeMap<(usize, usize), f64>,
}

impl Cell {
    /// Counts a comparison of two models' answers; those of a model that answered several times add up
    /// to the weight of one.
    pub(super) fn add(&mut self, one: usize, other: usize, similarity: f64) {
        *self.alike.entry((one.min(other), one.max(other))).or_default() += similarity;
    }
}

/// Sums over cells from which a correlation is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Moments {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Moments {
    fn add(&mut self, x: f64, y: f64) {
        let more = Self { n: 1.0, x, y, xx: x * x, yy: y * y, xy: x * y };
        self.merge(&more);
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    /// Pearson's correlation; `None` where one side never varies.
    fn correlation(&self) -> Option<f64> {
        let covariance = self.n * self.xy - self.x * self.y;
        let spread = (self.n * self.xx - self.x * self.x) * (self.n * self.yy - self.y * self.y);
        (spread > 1e-12).then(|| (covariance / spread.sqrt()).clamp(-1.0, 1.0))
    }
}

/// What the cells of a batch say about every two models. Added up in the order of the records.
#[derive(Clone, Debug)]
pub(super) struct DependenceTable {
    models: usize,
    cells: f64,
    /// Per pair: distances from the best supported answer, and from all others.
    pairs: Vec<(Moments, Moments)>,
}

/// Two models that were compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairDependence {
    /// Places in the panel.
    pub models: (usize, usize),
    /// Cells that both and at least two others answered.
    pub cells: usize,
    /// Estimated correlation of their errors, -1..=1.
    pub correlation: f64,
}

/// How far the models of a run err together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dependence {
    /// The mean correlation that votes are discounted by, 0..=1: the run's own, drawn to the assumed
    /// one as by 100 cells; below 100 cells the assumed one.
    pub correlation: f64,
    /// The run's own: lower bound, middle and upper bound; `None` where nothing could be compared.
    pub measured: Option<[f64; 3]>,
    /// Cells with at least four answers.
    pub cells: usize,
    /// Every two models with enough cells in common.
    pub pairs: Vec<PairDependence>,
}

impl Dependence {
    /// Nothing but what is assumed.
    #[must_use]
    pub fn assumed(correlation: f64) -> Self {
        Self { correlation, measured: None, cells: 0, pairs: Vec::new() }
    }
}

impl DependenceTable {
    pub(super) fn new(models: usize) -> Self {
        Self { models, cells: 0.0, pairs: vec![<(Moments, Moments)>::default(); models * models] }
    }

    /// Counts a cell. With fewer than four answers there are not two others to compare with.
    pub(super) fn add(&mut self, cell: &Cell) {
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        for (&(one, other), alike) in &cell.alike {
            *sums.entry(one).or_default() += alike;
            *sums.entry(other).or_default() += alike;
        }
        if sums.len() < 4 {
            return;
        }
        self.cells += 1.0;
        let most = sums.values().copied().fold(0.0, f64::max);
        // Several answers may be supported alike: their mean is the reference, whatever the order.
        let best: Vec<usize> =
            sums.iter().filter(|(_, sum)| **sum >= most - 1e-9).map(|(model, _)| *model).collect();
        let alike = |one: usize, other: usize| {
            let pair = (one.min(other), one.max(other));
            if one == other { 1.0 } else { cell.alike.get(&pair).copied().unwrap_or(0.0) }
        };
        let near =
            |model: usize| best.iter().map(|&best| alike(model, best)).sum::<f64>() / best.len() as f64;
        let others = (sums.len() - 2) as f64;
        for (&(one, other), pair) in &cell.alike {
            let far = |model: usize| 1.0 - (sums[&model] - pair) / others;
            let moments = &mut self.pairs[one * self.models + other];
            moments.0.add(1.0 - near(one), 1.0 - near(other));
            moments.1.add(far(one), far(other));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.cells += other.cells;
        for (mine, theirs) in self.pairs.iter_mut().zip(&other.pairs) {
            mine.0.merge(&theirs.0);
            mine.1.merge(&theirs.1);
        }
    }

    /// The estimate; `assumed` is what holds without data.
    pub(super) fn estimate(&self, assumed: f64) -> Dependence {
        let (mut sums, mut weight, mut pairs) = ((0.0, 0.0), 0.0, Vec::new());
        for (place, (low, high)) in self.pairs.iter().enumerate() {
            if low.n < LEAST_PAIR_CELLS {
                continue;
            }
            // A model that never strays from the others has no errors to correlate.
            let (Some(lower), Some(upper)) = (low.correlation(), high.correlation()) else { continue };
            sums = (sums.0 + low.n * lower, sums.1 + low.n * upper);
            weight += low.n;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            pairs.push(PairDependence {
                models: (place / self.models, place % self.models),
                cells: low.n as usize,
                correlation: f64::midpoint(lower, upper),
            });
        }
        let measured = (weight > 0.0).then(|| {
            let (low, high) = (sums.0 / weight, sums.1 / weight);
            [low, f64::midpoint(low, high), high]
        });
        let correlation = match measured {
            Some([_, middle, _]) if self.cells >= LEAST_CELLS => {
                let own = middle.clamp(0.0, 1.0);
                (own * self.cells + assumed * ASSUMED_CELLS) / (self.cells + ASSUMED_CELLS)
            }
            _ => assumed,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        Dependence { correlation, measured, cells: self.cells as usize, pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell in which models with the same letter say the same.
    fn cell(answers: &str) -> Cell {
        let mut cell = Cell::default();
        let answers: Vec<char> = answers.chars().collect();
        for one in 0..answers.len() {
            for other in 0..one {
                cell.add(one, other, f64::from(u8::from(answers[one] == answers[other])));
            }
        }
        cell
    }

    fn table(cells: &[&str]) -> Dependence {
        let mut table = DependenceTable::new(4);
        (0..40).flat_map(|_| cells).for_each(|answers| table.add(&cell(answers)));
        table.estimate(0.27)
    }

    #[test]
    fn distances_by_hand() {
        // aaab: the best supported are the three a (2 each). Model 3 is 1 from them, the others 0.
        // For the pair (0, 3): far(0) = 1 − (2 − 0) / 2 = 0, far(3) = 1 − (0 − 0) / 2 = 1.
        let mut table = DependenceTable::new(4);
        table.add(&cell("aaab"));
        let pair = table.pairs[3];
        assert_eq!((pair.0.x, pair.0.y, pair.1.x, pair.1.y), (0.0, 1.0, 0.0, 1.0));
    }

    #[test]
    fn models_that_stray_together_are_correlated_and_those_that_stray_alone_are_not() {
        let alone = table(&["aaaa", "baaa", "abaa", "aaba", "aaab"]);
        let together = table(&["aaaaaa", "aaaaaa", "aaaabb", "aaaaaa"].map(|row| &row[2..]));
        let of = |found: &Dependence, models| {
            found.pairs.iter().find(|pair| pair.models == models).map(|pair| pair.correlation)
        };
        // Each strays in a fifth of the cells, never with another: −.04 / .16 = −¼ from the best.
        assert!(alone.measured.expect("measured")[0] < 0.0, "{alone:?}");
        assert!(of(&together, (2, 3)).expect("compared") > 0.5, "{together:?}");
        assert!(alone.correlation < together.correlation);
    }

    #[test]
    fn little_data_says_nothing() {
        let mut table = DependenceTable::new(4);
        (0..99).for_each(|_| table.add(&cell("aabb")));
        assert!((table.estimate(0.27).correlation - 0.27).abs() < 1e-12);
        let mut three = DependenceTable::new(3);
        three.add(&cell("aab"));
        assert_eq!(three.estimate(0.27).cells, 0, "three answers leave one other");
    }
}
