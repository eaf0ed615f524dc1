//! Vectors in two dimensions: the two directions in which they differ most.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// How the report's map places drafts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// The two principal components: what is far in the map is far.
    #[default]
    Pca,
    /// t-SNE (van der Maaten and Hinton 2008): who is near in the map is near, and nothing else.
    Tsne,
}

/// Turns of the power iteration, at most.
const TURNS: usize = 200;
/// The direction stands still when it moves by less.
const STILL: f64 = 1e-12;

/// Points in a plane, and how much of the differences it shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    pub(super) points: Vec<[f64; 2]>,
    /// Share of the variance along either axis, 0..=1 each.
    pub(super) explained: [f64; 2],
}

/// Principal components by power iteration with deflation (Hotelling 1933), on the Gram matrix of the
/// centred rows, which is small where rows are few. `None` for fewer than three rows or where all rows
/// are the same. The sign of an axis is chosen so that its largest coordinate is positive.
pub(super) fn principal_plane(rows: ArrayView2<'_, f32>) -> Option<Plane> {
    if rows.nrows() < 3 {
        return None;
    }
    let rows = rows.mapv(f64::from);
    let mean = rows.mean_axis(Axis(0))?;
    let centred = rows - &mean;
    let mut gram = centred.dot(&centred.t());
    let total: f64 = gram.diag().sum();
    if total <= STILL {
        return None;
    }
    let axes: Vec<(Array1<f64>, f64)> = (0..2).map(|_| strongest(&mut gram)).collect();
    let coordinate = |axis: &(Array1<f64>, f64), row: usize| axis.0[row] * axis.1.max(0.0).sqrt();
    let points = (0..gram.nrows()).map(|row| [coordinate(&axes[0], row), coordinate(&axes[1], row)]);
    let share = |value: f64| (value / total).clamp(0.0, 1.0);
    Some(Plane { points: points.collect(), explained: [share(axes[0].1), share(axes[1].1)] })
}

/// The strongest eigenvector of a symmetric matrix with its eigenvalue, taken out of the matrix.
fn strongest(gram: &mut Array2<f64>) -> (Array1<f64>, f64) {
    let size = gram.nrows();
    // A start that is not symmetric, so that no direction is left out by chance.
    let mut direction = Array1::from_shape_fn(size, |row| 1.0 / (row as f64 + 1.0));
    for _ in 0..TURNS {
        let mut next = gram.dot(&direction);
        let length = next.dot(&next).sqrt();
        if length <= STILL {
            return (Array1::zeros(size), 0.0);
        }
        next /= length;
        let moved = (&next - &direction).mapv(f64::abs).sum();
        direction = next;
        if moved < STILL {
            break;
        }
    }
    let value = direction.dot(&gram.dot(&direction));
    let largest = direction
        .iter()
        .copied()
        .fold(0.0, |most: f64, next| if next.abs() > most.abs() { next } else { most });
    if largest < 0.0 {
        direction.mapv_inplace(|coordinate| -coordinate);
    }
    for row in 0..size {
        for column in 0..size {
            gram[[row, column]] -= value * direction[row] * direction[column];
        }
    }
    (direction, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_plane_shows_the_widest_directions_first() {
        // Along x: ±2, along y: ±1, along z nothing. Variances 8 : 2, so shares of .8 and .2.
        let rows = array![[2.0_f32, 0.0, 5.0], [-2.0, 0.0, 5.0], [0.0, 1.0, 5.0], [0.0, -1.0, 5.0]];
        let plane = principal_plane(rows.view()).unwrap();
        assert!(
            (plane.explained[0] - 0.8).abs() < 1e-6 && (plane.explained[1] - 0.2).abs() < 1e-6,
            "{plane:?}"
        );
        assert!(
            (plane.points[0][0].abs() - 2.0).abs() < 1e-6 && (plane.points[2][1].abs() - 1.0).abs() < 1e-6
        );
    }

    #[test]
    fn nothing_is_drawn_of_points_that_do_not_differ() {
        assert_eq!(principal_plane(array![[1.0_f32, 2.0], [1.0, 2.0], [1.0, 2.0]].view()), None);
        assert_eq!(principal_plane(array![[1.0_f32, 2.0], [3.0, 4.0]].view()), None);
    }

    #[test]
    fn points_on_a_line_have_no_second_direction() {
        let plane = principal_plane(array![[0.0_f32, 0.0], [1.0, 1.0], [2.0, 2.0]].view()).unwrap();
        assert!(plane.points.iter().all(|point| point[1].abs() < 1e-6), "{plane:?}");
    }
}
