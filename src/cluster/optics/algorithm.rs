//! The walk, and its cut.

use ndarray::ArrayView2;

use super::hyperparams::OpticsValidParams;
use crate::cluster::cells::Cells;
use crate::cluster::dbscan::{Flat, Points};
use crate::cluster::distances::{Distances, MOST_ROWS};
use crate::cluster::{Assignment, ClusterError};

/// Rows in the order in which they were walked, and how they were reached. Above
/// [`OpticsValidParams::EXACT_ROWS`] rows it speaks of cells of rows.
#[derive(Debug)]
pub struct OpticsAnalysis {
    order: Vec<usize>,
    reachability: Vec<f32>,
    core_distances: Vec<f32>,
    cells: Option<Cells>,
}

impl OpticsAnalysis {
    /// All rows (or cells), as they were walked.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// How far each row (by its number) was from what had been walked, at least the core distance of the row
    /// from which it was reached; infinite for a beginning.
    #[must_use]
    pub fn reachability(&self) -> &[f32] {
        &self.reachability
    }

    /// The distance of each row to its `min_points`-th row, itself included; infinite beyond the tolerance.
    #[must_use]
    pub fn core_distances(&self) -> &[f32] {
        &self.core_distances
    }

    /// The clusters at a distance: those of DBSCAN with it, but that a border row that was walked before the
    /// dense rows around it is noise (Ankerst et al. 1999, `ExtractDBSCAN-Clustering`).
    #[must_use]
    pub fn at(&self, tolerance: f64) -> Assignment {
        let labels = cut(&self.order, &self.reachability, &self.core_distances, tolerance);
        self.cells.as_ref().map_or_else(|| Assignment::new(labels.clone()), |cells| cells.assignment(&labels))
    }
}

/// The cluster of each row by a profile cut at a distance.
pub(in crate::cluster) fn cut(
    order: &[usize],
    reachability: &[f32],
    core: &[f32],
    tolerance: f64,
) -> Vec<Option<usize>> {
    let mut labels = vec![None; order.len()];
    let mut clusters = 0;
    let mut open = false;
    for row in order {
        if !open || f64::from(reachability[*row]) > tolerance {
            open = f64::from(core[*row]) <= tolerance;
            clusters += usize::from(open);
        }
        labels[*row] = open.then(|| clusters - 1);
    }
    labels
}

impl OpticsValidParams {
    /// Most rows that are walked one by one; above, cells of them are.
    pub const EXACT_ROWS: usize = MOST_ROWS;

    /// Walks rows of any length, `n` × `d`.
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows; [`ClusterError::Matrix`] names a component that is not
    /// finite.
    pub fn analyse(&self, rows: ArrayView2<'_, f32>) -> Result<OpticsAnalysis, ClusterError> {
        if rows.nrows() > Self::EXACT_ROWS {
            return self.analyse_cells(rows);
        }
        Ok(self.walk(Flat::new(&rows)?.points()))
    }

    /// The same by cells of rows; what [`Self::analyse`] does above [`Self::EXACT_ROWS`].
    ///
    /// # Errors
    /// As [`Self::analyse`].
    pub fn analyse_cells(&self, rows: ArrayView2<'_, f32>) -> Result<OpticsAnalysis, ClusterError> {
        let cells = Cells::new(rows)?;
        let analysis = self.walk(cells.points());
        Ok(OpticsAnalysis { cells: Some(cells), ..analysis })
    }

    fn walk(&self, points: Points<'_>) -> OpticsAnalysis {
        let n = points.count();
        let Distances { values, mut core } = Distances::new(points, self.min_points);
        #[expect(clippy::cast_possible_truncation, reason = "distances are f32; a large one is none at all")]
        let limit = (self.tolerance * self.tolerance / 2.0) as f32;
        let enough = points.masses.map_or(n, |masses| masses.iter().sum()) >= self.min_points;
        for core in core.iter_mut().filter(|core| !enough || **core > limit) {
            *core = f32::INFINITY;
        }
        let mut walk = Walk::new(n);
        while let Some((row, reach)) = walk.next() {
            walk.order.push(row);
            walk.reached[row] = reach;
            if core[row].is_finite() {
                walk.reach(&values[row * n..][..n], core[row], limit);
            }
        }
        let length = |half: &f32| (2.0 * half).sqrt();
        OpticsAnalysis {
            order: walk.order,
            reachability: walk.reached.iter().map(length).collect(),
            core_distances: core.iter().map(length).collect(),
            cells: None,
        }
    }
}

/// How near every row is to what has been walked; half squared distances, as everywhere here.
struct Walk {
    order: Vec<usize>,
    reached: Vec<f32>,
    /// Infinite for what is walked already, and for what cannot be reached.
    keys: Vec<f32>,
    /// 0 for what is not walked, infinite for what is: the greater of it and a distance tells.
    done: Vec<f32>,
    first_left: usize,
}

impl Walk {
    fn new(n: usize) -> Self {
        let infinite = vec![f32::INFINITY; n];
        Self {
            order: Vec::with_capacity(n),
            reached: infinite.clone(),
            keys: infinite,
            done: vec![0.0; n],
            first_left: 0,
        }
    }

    /// The row that is reached next and at what; the first of equals, the first row left where none is
    /// reached.
    fn next(&mut self) -> Option<(usize, f32)> {
        let mut least = (f32::INFINITY, usize::MAX);
        for (row, key) in self.keys.iter().enumerate() {
            if *key < least.0 {
                least = (*key, row);
            }
        }
        if least.1 == usize::MAX {
            while self.done.get(self.first_left).is_some_and(|done| *done > 0.0) {
                self.first_left += 1;
            }
            least.1 = self.first_left;
        }
        *self.done.get_mut(least.1)? = f32::INFINITY;
        self.keys[least.1] = f32::INFINITY;
        Some((least.1, least.0))
    }

    /// Lowers the keys of what is near a dense row.
    fn reach(&mut self, distances: &[f32], core: f32, limit: f32) {
        for ((distance, done), key) in distances.iter().zip(&self.done).zip(&mut self.keys) {
            let reach = if *distance > core { *distance } else { core };
            let reach = if reach > *done { reach } else { *done };
            *key = if reach < *key && reach <= limit { reach } else { *key };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::dbscan::DbscanParams;
    use crate::cluster::optics::OpticsParams;
    use linfa::ParamGuard;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    /// OPTICS as it is defined, in f64, on squared distances; ties go to the lower row.
    fn by_definition(
        rows: &[[f32; 2]],
        min_points: usize,
        tolerance: f64,
    ) -> (Vec<usize>, Vec<f64>, Vec<f64>) {
        let n = rows.len();
        let square = |one: usize, other: usize| {
            (0..2).map(|k| (f64::from(rows[one][k]) - f64::from(rows[other][k])).powi(2)).sum::<f64>()
        };
        let core: Vec<f64> = (0..n)
            .map(|one| {
                let mut near: Vec<f64> = (0..n).map(|other| square(one, other)).collect();
                near.sort_by(f64::total_cmp);
                let core = near.get(min_points - 1).copied().unwrap_or(f64::INFINITY);
                if core <= tolerance * tolerance { core } else { f64::INFINITY }
            })
            .collect();
        let mut reach = vec![f64::INFINITY; n];
        let mut order: Vec<usize> = Vec::new();
        while order.len() < n {
            let left = (0..n).filter(|row| !order.contains(row));
            let next = left.min_by(|one, other| reach[*one].total_cmp(&reach[*other])).unwrap();
            order.push(next);
            for other in (0..n).filter(|other| !order.contains(other)) {
                let candidate = core[next].max(square(next, other));
                if core[next].is_finite() && candidate <= tolerance * tolerance {
                    reach[other] = reach[other].min(candidate);
                }
            }
        }
        (order, reach, core)
    }

    proptest! {
        #[test]
        fn it_is_optics_as_defined(
            // Quarters and their squares are exact, so that ties are ties.
            cells in proptest::collection::vec((-12_i8..12, -12_i8..12), 1..50),
            tolerance in prop_oneof![Just(0.9), Just(1.6), Just(f64::INFINITY)],
            min_points in 2_usize..6,
        ) {
            // Rows far from the origin would be moved, and their products be rounded.
            let rows: Vec<[f32; 2]> = cells
                .iter()
                .flat_map(|(x, y)| [1.0, -1.0].map(|side| [side * f32::from(*x) / 4.0, side * f32::from(*y) / 4.0]))
                .collect();
            let matrix = Array2::from_shape_fn((rows.len(), 2), |(row, column)| rows[row][column]);
            let params = OpticsParams::new(min_points).tolerance(tolerance).check().unwrap();
            let found = params.analyse(matrix.view()).unwrap();
            let (order, reach, core) = by_definition(&rows, min_points, tolerance);
            prop_assert_eq!(found.order(), &order);
            for row in 0..rows.len() {
                for (one, other) in [(found.reachability[row], reach[row]), (found.core_distances[row], core[row])] {
                    let other = other.sqrt();
                    let equal = f64::from(one).is_infinite() && other.is_infinite();
                    prop_assert!(equal || (f64::from(one) - other).abs() < 1e-5, "{} {}", one, other);
                }
            }
        }

        #[test]
        fn a_cut_has_the_core_rows_of_dbscan(
            cells in proptest::collection::vec((-12_i8..12, -12_i8..12), 1..60),
            tolerance in prop_oneof![Just(0.3), Just(0.6), Just(0.9)],
            min_points in 2_usize..6,
        ) {
            let rows = Array2::from_shape_fn((cells.len(), 2), |(row, column)| {
                f32::from(if column == 0 { cells[row].0 } else { cells[row].1 }) / 4.0
            });
            let analysis = OpticsParams::new(min_points).check().unwrap().analyse(rows.view()).unwrap();
            let dbscan = DbscanParams::new(min_points, tolerance).check().unwrap().fit_rows(rows.view()).unwrap();
            let cut = analysis.at(tolerance);
            let core: Vec<usize> =
                (0..cells.len()).filter(|row| f64::from(analysis.core_distances()[*row]) <= tolerance).collect();
            let of = |found: &Assignment| Assignment::new(core.iter().map(|row| found.labels()[*row]));
            prop_assert_eq!(of(&cut), of(&dbscan));
            prop_assert_eq!(cut.n_clusters(), dbscan.n_clusters());
        }
    }

    #[test]
    fn a_profile_worked_by_hand() {
        // On a line: 0, 1, 2 and 10, 11, 12; two rows make a place dense, so that core distances are 1.
        let rows = array![[-6.0_f32], [-5.0], [-4.0], [4.0], [5.0], [6.0]];
        let found = OpticsParams::new(2).check().unwrap().analyse(rows.view()).unwrap();
        assert_eq!(found.order(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(found.reachability(), [f32::INFINITY, 1.0, 1.0, 8.0, 1.0, 1.0]);
        assert_eq!(found.at(1.5).labels(), [0, 0, 0, 1, 1, 1].map(Some));
        assert_eq!(found.at(8.5).n_clusters(), 1);
        assert_eq!(found.at(0.5).n_clusters(), 0);
        // By cells of one row each the same comes out.
        let cells = OpticsParams::new(2).check().unwrap().analyse_cells(rows.view()).unwrap();
        assert_eq!(cells.at(1.5), found.at(1.5));
    }

    #[test]
    fn more_points_than_there_are_rows_make_nothing_dense() {
        let found = OpticsParams::new(4).check().unwrap().analyse(array![[0.0_f32], [1.0]].view()).unwrap();
        assert_eq!(found.at(9.0).labels(), [None, None]);
        assert!(OpticsParams::new(2).check().unwrap().analyse(array![[f32::NAN]].view()).is_err());
    }
}
