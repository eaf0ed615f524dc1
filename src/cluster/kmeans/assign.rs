//! The nearest and the second nearest centroid of many rows, compared as the products come.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use crate::cluster::kernel::{LANES, Panels, ROWS, Sink, Tile, multiply, multiply_some};

/// Centroids, laid out for products.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    panels: Panels,
    /// Half of the squared length of each centroid; infinite beyond the last one.
    half: Vec<f32>,
}

impl Targets {
    /// Panels of 16 targets.
    pub(super) fn panels(&self) -> usize {
        self.panels.count()
    }

    pub(super) fn set(&mut self, centroids: &[f32], squares: &[f32], depth: usize) {
        self.panels.repack(centroids, depth);
        self.half.clear();
        self.half.extend(squares.iter().map(|square| square / 2.0));
        self.half.resize(squares.len().next_multiple_of(LANES), f32::INFINITY);
    }
}

/// The nearest centroid of a row. `half` values are ‖c‖²/2 − x·c: with ‖x‖² twice of it is the squared
/// distance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Nearest {
    pub(super) label: u32,
    pub(super) half: f32,
    /// The same of the second nearest; infinite when there is none.
    pub(super) second_half: f32,
}

impl Nearest {
    /// No centroid at all.
    pub(super) const NONE: Self = Self { label: u32::MAX, half: f32::INFINITY, second_half: f32::INFINITY };

    /// Whether it is nearer than another; the lower centroid wins a tie.
    #[expect(clippy::float_cmp, reason = "a tie is the same number")]
    #[inline(always)]
    pub(super) fn beats(&self, half: f32, label: u32) -> bool {
        self.half < half || (self.half == half && self.label < label)
    }

    #[inline(always)]
    fn see(&mut self, half: f32, label: u32) {
        let new = Self { label, half, second_half: self.half };
        if new.beats(self.half, self.label) {
            *self = new;
        } else {
            self.second_half = self.second_half.min(half);
        }
    }
}

/// Running best two of every lane: lane l compares the columns l, l + 16, l + 32, …. With `LEAST`, the least
/// half of every panel as well.
struct TwoNearest<'a, const LEAST: bool> {
    targets: &'a Targets,
    best: [[f32; LANES]; ROWS],
    second: [[f32; LANES]; ROWS],
    panel: [[u32; LANES]; ROWS],
    found: &'a mut [Nearest],
    /// The least half of every row in every panel: rows × panels.
    least: &'a mut [f32],
}

impl<const LEAST: bool> Sink for TwoNearest<'_, LEAST> {
    #[inline(always)]
    fn begin(&mut self, _row: usize) {
        self.best = [[f32::INFINITY; LANES]; ROWS];
        self.second = [[f32::INFINITY; LANES]; ROWS];
        self.panel = [[0; LANES]; ROWS];
    }

    #[inline(always)]
    fn tile(&mut self, row: usize, column: usize, products: &Tile) {
        #[expect(clippy::cast_possible_truncation, reason = "clusters are counted in u32")]
        let here = (column / LANES) as u32;
        let Some(half) = self.targets.half[column..].first_chunk::<LANES>() else { return };
        let panels = self.targets.panels.count();
        for (offset, products) in products.iter().enumerate() {
            let (best, second, panel) =
                (&mut self.best[offset], &mut self.second[offset], &mut self.panel[offset]);
            let mut values = [0.0; LANES];
            for lane in 0..LANES {
                let value = half[lane] - products[lane];
                let nearer = value < best[lane];
                // The greater of the new value and the old best is what may be second.
                let loser = if nearer { best[lane] } else { value };
                second[lane] = if loser < second[lane] { loser } else { second[lane] };
                best[lane] = if nearer { value } else { best[lane] };
                panel[lane] = if nearer { here } else { panel[lane] };
                values[lane] = value;
            }
            if !LEAST {
                continue;
            }
            if let Some(least) = self.least.get_mut((row + offset) * panels + column / LANES) {
                *least = least_of(&values);
            }
        }
    }

    #[inline(always)]
    fn end(&mut self, row: usize, count: usize) {
        for (offset, found) in self.found[row..row + count].iter_mut().enumerate() {
            let (best, panel) = (&self.best[offset], &self.panel[offset]);
            *found = Nearest::NONE;
            for lane in 0..LANES {
                #[expect(clippy::cast_possible_truncation, reason = "16 lanes")]
                found.see(best[lane], panel[lane] * LANES as u32 + lane as u32);
            }
            found.second_half =
                self.second[offset].iter().fold(found.second_half, |least, half| least.min(*half));
        }
    }
}

/// The least of 16 lanes, halving them, which takes four vector instructions.
#[inline(always)]
fn least_of(values: &[f32; LANES]) -> f32 {
    let mut values = *values;
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            let other = values[lane + width];
            values[lane] = if other < values[lane] { other } else { values[lane] };
        }
    }
    values[0]
}

impl<'a, const LEAST: bool> TwoNearest<'a, LEAST> {
    fn new(targets: &'a Targets, found: &'a mut [Nearest], least: &'a mut [f32]) -> Self {
        let (empty, panel) = ([[f32::INFINITY; LANES]; ROWS], [[0; LANES]; ROWS]);
        Self { targets, best: empty, second: empty, panel, found, least }
    }
}

/// Finds the two nearest targets of every row (`found.len()` × depth), and the least half in every panel
/// of targets: `least` is `found.len()` × panels.
pub(super) fn nearest_two(rows: &[f32], targets: &Targets, found: &mut [Nearest], least: &mut [f32]) {
    multiply(rows, &targets.panels, &mut TwoNearest::<true>::new(targets, found, least));
}

/// Finds the nearest target of every row (`found.len()` × depth).
pub(super) fn nearest(rows: &[f32], targets: &Targets, found: &mut [Nearest]) {
    multiply(rows, &targets.panels, &mut TwoNearest::<false>::new(targets, found, &mut []));
}

/// The two nearest targets of one panel, the row's own one left out.
struct InPanel<'a> {
    targets: &'a Targets,
    own: &'a [u32],
    found: &'a mut [Nearest],
}

impl Sink for InPanel<'_> {
    #[inline(always)]
    fn begin(&mut self, _row: usize) {}

    #[inline(always)]
    fn tile(&mut self, row: usize, column: usize, products: &Tile) {
        let rest = self.found[row..].iter_mut().zip(&self.own[row..]);
        for ((found, own), products) in rest.zip(products) {
            *found = Nearest::NONE;
            for (lane, (half, product)) in self.targets.half[column..].iter().zip(products).enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "clusters are counted in u32")]
                let label = (column + lane) as u32;
                if label != *own {
                    found.see(half - product, label);
                }
            }
        }
    }

    #[inline(always)]
    fn end(&mut self, _row: usize, _count: usize) {}
}

/// Finds the two nearest targets of one panel for every row, except for the row's own target.
pub(super) fn nearest_in(rows: &[f32], targets: &Targets, panel: usize, own: &[u32], found: &mut [Nearest]) {
    let mut sink = InPanel { targets, own, found };
    multiply_some(rows, &targets.panels, panel..panel + 1, &mut sink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_the_two_nearest(
            rows in 1_usize..20,
            columns in 1_usize..40,
            depth in 1_usize..9,
            seed in proptest::collection::vec(-8_i8..8, 64),
        ) {
            // Eighths are exact in f32, so that ties are ties.
            let value = |place: usize| f32::from(seed[(place * 29 + place / 64) % 64]) / 8.0;
            let left: Vec<f32> = (0..rows * depth).map(value).collect();
            let right: Vec<f32> = (0..columns * depth).map(|place| value(place + 11)).collect();
            let squares: Vec<f32> =
                right.chunks(depth).map(|row| row.iter().map(|value| value * value).sum()).collect();
            let mut targets = Targets::default();
            targets.set(&right, &squares, depth);
            let mut found = vec![Nearest::default(); rows];
            let mut least = vec![f32::NAN; rows * targets.panels()];
            nearest_two(&left, &targets, &mut found, &mut least);
            let mut plain = vec![Nearest::default(); rows];
            nearest(&left, &targets, &mut plain);
            prop_assert_eq!(&plain, &found);
            let own: Vec<u32> = found.iter().map(|found| found.label).collect();
            let mut others = vec![Nearest::default(); rows];
            let panel = seed.len() % targets.panels();
            nearest_in(&left, &targets, panel, &own, &mut others);
            for (index, (row, found)) in left.chunks(depth).zip(&found).enumerate() {
                let mut halves: Vec<(f32, u32)> = (0_u32..)
                    .zip(right.chunks(depth).zip(&squares))
                    .map(|(label, (column, square))| {
                        let product: f32 = row.iter().zip(column).map(|(a, b)| a * b).sum();
                        (square / 2.0 - product, label)
                    })
                    .collect();
                for (panel, chunk) in halves.chunks(LANES).enumerate() {
                    let expected = chunk.iter().fold(f32::INFINITY, |least, half| least.min(half.0));
                    prop_assert_eq!(least[index * targets.panels() + panel].to_bits(), expected.to_bits());
                }
                let mut inside: Vec<(f32, u32)> =
                    halves.chunks(LANES).nth(panel).unwrap().iter().copied().filter(|half| half.1 != found.label).collect();
                inside.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
                let nth = |place: usize| inside.get(place).map_or(f32::INFINITY, |half| half.0);
                prop_assert_eq!((others[index].half, others[index].second_half), (nth(0), nth(1)));
                halves.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
                prop_assert_eq!((found.half, found.label), halves[0]);
                let second = halves.get(1).map_or(f32::INFINITY, |half| half.0);
                prop_assert_eq!(found.second_half.to_bits(), second.to_bits());
            }
        }
    }
}
