//! Core rows, their components, and the borders.

use linfa::param_guard::TransformGuard;
use linfa::traits::Transformer;
use ndarray::{Array1, ArrayBase, ArrayView2, Data, Ix2};

use super::flat::Flat;
use super::hyperparams::{DbscanParams, DbscanValidParams};
use super::neighbours::{Pair, Points, near_pairs};
use crate::cluster::cells::Cells;
use crate::cluster::{Assignment, ClusterError};
use crate::embed::FeatureMatrix;

/// Pairs kept between the passes, per row and in all (200 MB). Where there are more, the second pass finds
/// them again, which doubles the time and keeps memory linear.
const KEPT_PER_ROW: usize = 256;
const KEPT: usize = 1 << 24;

/// Nobody.
const NONE: u32 = u32::MAX;

impl DbscanValidParams {
    /// Most rows that are clustered exactly; above, cells of rows are, as [`crate::cluster`] tells.
    pub const EXACT_ROWS: usize = 100_000;

    /// Clusters unit rows; what lies in no dense place is noise (`None`).
    ///
    /// For unit rows the distance of a cosine s is √(2 − 2s).
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows.
    pub fn fit(&self, features: &FeatureMatrix) -> Result<Assignment, ClusterError> {
        self.fit_rows(features.view())
    }

    /// The same for rows of any length, `n` × `d`.
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows; [`ClusterError::Matrix`] names a component that is not
    /// finite.
    pub fn fit_rows(&self, rows: ArrayView2<'_, f32>) -> Result<Assignment, ClusterError> {
        if rows.nrows() > Self::EXACT_ROWS {
            return self.fit_cells(rows);
        }
        let flat = Flat::new(&rows)?;
        Ok(Assignment::new(self.labels(flat.points(), KEPT)))
    }

    /// The same by cells of rows; what [`Self::fit_rows`] does above [`Self::EXACT_ROWS`].
    ///
    /// # Errors
    /// As [`Self::fit_rows`].
    pub fn fit_cells(&self, rows: ArrayView2<'_, f32>) -> Result<Assignment, ClusterError> {
        let cells = Cells::new(rows)?;
        Ok(cells.assignment(&self.labels(cells.points(), KEPT)))
    }

    /// Rows near each row before any other is looked at: itself, and in a cell narrow enough all of them.
    fn own_counts(&self, points: Points<'_>) -> Vec<usize> {
        let Some(masses) = points.masses else { return vec![1; points.count()] };
        let narrow = |spread: &f32| 2.0 * f64::from(*spread) <= self.tolerance * self.tolerance;
        masses
            .iter()
            .zip(points.spreads)
            .map(|(mass, spread)| if narrow(spread) { *mass } else { 1 })
            .collect()
    }

    /// The component of each row, named by one of its rows; `None` for noise.
    fn labels(&self, points: Points<'_>, most_kept: usize) -> Vec<Option<u32>> {
        let mut counts = self.own_counts(points);
        let mass = |row: u32| points.masses.map_or(1, |masses| masses[row as usize]);
        let most = most_kept.min(points.count() * KEPT_PER_ROW);
        let mut kept: Option<Vec<Pair>> = Some(Vec::new());
        near_pairs(points, self.tolerance, |pairs| {
            for (one, other, _) in pairs {
                counts[*one as usize] += mass(*other);
                counts[*other as usize] += mass(*one);
            }
            kept = kept.take().filter(|kept| kept.len() + pairs.len() <= most);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(pairs);
            }
        });
        let core: Vec<bool> = counts.iter().map(|count| *count >= self.min_points).collect();
        let mut regions = Regions::new(&core);
        match kept {
            Some(pairs) => regions.take(&pairs),
            None => near_pairs(points, self.tolerance, |pairs| regions.take(pairs)),
        }
        regions.labels()
    }
}

/// Core rows joined where they are near (union-find), and the nearest core row of every other row.
struct Regions<'a> {
    core: &'a [bool],
    parent: Vec<u32>,
    nearest: Vec<(f32, u32)>,
}

impl<'a> Regions<'a> {
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    fn new(core: &'a [bool]) -> Self {
        let parent = (0..core.len() as u32).collect();
        Self { core, parent, nearest: vec![(f32::INFINITY, NONE); core.len()] }
    }

    fn root(&mut self, mut row: u32) -> u32 {
        while self.parent[row as usize] != row {
            let above = self.parent[self.parent[row as usize] as usize];
            self.parent[row as usize] = above;
            row = above;
        }
        row
    }

    fn take(&mut self, pairs: &[Pair]) {
        for (one, other, distance) in pairs {
            match (self.core[*one as usize], self.core[*other as usize]) {
                (true, true) => {
                    let (one, other) = (self.root(*one), self.root(*other));
                    // The lower row names the component: the name does not depend on the order of pairs.
                    self.parent[one.max(other) as usize] = one.min(other);
                }
                (true, false) => self.touch(*other, *one, *distance),
                (false, true) => self.touch(*one, *other, *distance),
                (false, false) => {}
            }
        }
    }

    /// A border row belongs to its nearest core row, the first of equals.
    fn touch(&mut self, border: u32, core: u32, distance: f32) {
        let (least, nearest) = self.nearest[border as usize];
        if (distance, core) < (least, nearest) {
            self.nearest[border as usize] = (distance, core);
        }
    }

    fn labels(mut self) -> Vec<Option<u32>> {
        (0..self.core.len())
            .map(|row| {
                #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
                let anchor = if self.core[row] { row as u32 } else { self.nearest[row].1 };
                (anchor != NONE).then(|| self.root(anchor))
            })
            .collect()
    }
}

/// As linfa's: a cluster for every row, `None` for noise, clusters named by first appearance. Rows may
/// have any length. Where a component is not finite everything is noise: a transformer has no way
/// to say so, [`DbscanValidParams::fit_rows`] has.
impl<D: Data<Elem = f32>> Transformer<&ArrayBase<D, Ix2>, Array1<Option<usize>>> for DbscanValidParams {
    fn transform(&self, rows: &ArrayBase<D, Ix2>) -> Array1<Option<usize>> {
        let labels = Flat::new(rows).map(|flat| Assignment::new(self.labels(flat.points(), KEPT)));
        labels.map_or_else(
            |_| Array1::from_elem(rows.nrows(), None),
            |found| Array1::from_vec(found.labels().to_vec()),
        )
    }
}

impl TransformGuard for DbscanParams {}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::ParamGuard;
    use ndarray::Array2;
    use proptest::prelude::*;

    /// DBSCAN as it is defined, in f64; borders by the nearest core row.
    fn by_definition(rows: &[[f32; 2]], tolerance: f64, min_points: usize) -> Vec<Option<usize>> {
        let n = rows.len();
        let distance = |one: usize, other: usize| {
            let gap = |k: usize| f64::from(rows[one][k]) - f64::from(rows[other][k]);
            (gap(0).powi(2) + gap(1).powi(2)).sqrt()
        };
        let near = |one: usize, other: usize| distance(one, other) <= tolerance;
        let core: Vec<bool> =
            (0..n).map(|one| (0..n).filter(|other| near(one, *other)).count() >= min_points).collect();
        let mut labels: Vec<Option<usize>> = (0..n).map(|row| core[row].then_some(row)).collect();
        for _ in 0..n {
            for one in 0..n {
                for other in 0..n {
                    if core[one] && core[other] && near(one, other) {
                        let least = labels[one].min(labels[other]);
                        (labels[one], labels[other]) = (least, least);
                    }
                }
            }
        }
        for row in (0..n).filter(|row| !core[*row]) {
            let anchors = (0..n).filter(|other| core[*other] && near(row, *other));
            let nearest = anchors.min_by(|a, b| distance(row, *a).total_cmp(&distance(row, *b)));
            labels[row] = nearest.and_then(|core| labels[core]);
        }
        Assignment::new(labels).labels().to_vec()
    }

    proptest! {
        #[test]
        fn it_is_dbscan_as_defined(
            // Quarters are exact, and the tolerance falls on no distance between them.
            cells in proptest::collection::vec((-12_i8..12, -12_i8..12), 1..60),
            tolerance in prop_oneof![Just(0.3), Just(0.6), Just(0.9)],
            min_points in 2_usize..6,
        ) {
            let rows: Vec<[f32; 2]> =
                cells.iter().map(|(x, y)| [f32::from(*x) / 4.0, f32::from(*y) / 4.0]).collect();
            let matrix = Array2::from_shape_fn((rows.len(), 2), |(row, column)| rows[row][column]);
            let found = DbscanParams::new(min_points, tolerance).check().unwrap().transform(&matrix);
            prop_assert_eq!(found.to_vec(), by_definition(&rows, tolerance, min_points));
            // Pairs that are found again give what kept pairs give.
            let flat = Flat::new(&matrix).unwrap();
            let params = DbscanParams::new(min_points, tolerance).check().unwrap();
            prop_assert_eq!(params.labels(flat.points(), 0), params.labels(flat.points(), KEPT));
        }
    }

    #[test]
    fn blocks_and_their_seams_change_nothing() {
        // 2,000 rows on a circle, neighbours .0031 apart: one cluster; a gap cuts it.
        let angle = |row: usize| row as f32 * std::f32::consts::TAU / 2000.0;
        let circle =
            Array2::from_shape_fn(
                (2000, 2),
                |(row, column)| {
                    if column == 0 { angle(row).cos() } else { angle(row).sin() }
                },
            );
        let params = DbscanParams::new(3, 0.005).check().unwrap();
        let whole = FeatureMatrix::normalise(circle.clone()).unwrap();
        assert_eq!(params.fit(&whole).unwrap(), Assignment::single(2000));
        let arc = circle.slice(ndarray::s![..1500, ..]).to_owned();
        let with_gap = ndarray::concatenate![
            ndarray::Axis(0),
            arc.slice(ndarray::s![..700, ..]),
            arc.slice(ndarray::s![720.., ..])
        ];
        let found = params.fit(&FeatureMatrix::normalise(with_gap).unwrap()).unwrap();
        assert_eq!(found.n_clusters(), 2);
        assert!(found.labels()[..700].iter().all(|label| *label == Some(0)));
        assert!(found.labels()[700..].iter().all(|label| *label == Some(1)));
    }

    #[test]
    fn cells_find_the_same_places() {
        // Ten dense balls on a line, 4 apart, and rows between them that are near to nothing.
        let place = |row: usize, column: usize| {
            let angle = (row * 7 + column * 13) as f32;
            if row % 50 == 49 {
                row as f32
            } else {
                (row % 10) as f32 * 4.0 * f32::from(column == 0) + 0.2 * angle.sin()
            }
        };
        let rows = Array2::from_shape_fn((2000, 3), |(row, column)| place(row, column));
        let params = DbscanParams::new(5, 0.5).check().unwrap();
        let (exact, cells) = (params.fit_rows(rows.view()).unwrap(), params.fit_cells(rows.view()).unwrap());
        assert_eq!((exact.n_clusters(), cells.n_clusters()), (10, 10));
        assert_eq!(exact.labels(), cells.labels());
    }
}
