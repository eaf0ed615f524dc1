//! The minimum spanning tree of mutual reachability.

use crate::cluster::dbscan::Points;
use crate::cluster::distances::Distances;
use crate::cluster::kernel::LANES;

/// An edge of the tree: two rows and their distance.
pub(super) type Edge = (usize, usize, f64);

/// The edges of the tree in the order in which Prim's algorithm finds them from row 0; the first of equals
/// wins. The distance of two rows counts at least as much as the distance of either to its
/// `min_points`-th row, itself included.
pub(super) fn spanning_tree(points: Points<'_>, min_points: usize) -> Vec<Edge> {
    let n = points.count();
    let Distances { values, core } = Distances::new(points, min_points);
    let mut keys = vec![f32::INFINITY; n];
    let mut from = vec![0_u32; n];
    let mut outside = core.clone();
    let mut edges = Vec::with_capacity(n.saturating_sub(1));
    let mut current = 0;
    // Rows inside the tree have an infinite core distance, so that nothing reaches them again.
    outside[0] = f32::INFINITY;
    for _ in 1..n {
        reach(&values[current * n..][..n], core[current], current, &outside, &mut keys, &mut from);
        let next = least_outside(&keys, &outside);
        edges.push((from[next] as usize, next, (2.0 * f64::from(keys[next])).sqrt()));
        outside[next] = f32::INFINITY;
        keys[next] = f32::INFINITY;
        current = next;
    }
    edges
}

/// Lowers the keys of what is outside by the edges from `current`.
fn reach(row: &[f32], own: f32, current: usize, outside: &[f32], keys: &mut [f32], from: &mut [u32]) {
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    let current = current as u32;
    for (((distance, core), key), from) in row.iter().zip(outside).zip(keys).zip(from) {
        let reach = if *distance > own { *distance } else { own };
        let reach = if reach > *core { reach } else { *core };
        let nearer = reach < *key;
        *key = if nearer { reach } else { *key };
        *from = if nearer { current } else { *from };
    }
}

fn least_outside(keys: &[f32], outside: &[f32]) -> usize {
    let mut lanes = [f32::INFINITY; LANES];
    for chunk in keys.chunks(LANES) {
        for (lane, key) in lanes.iter_mut().zip(chunk) {
            *lane = if *key < *lane { *key } else { *lane };
        }
    }
    let least = lanes.iter().fold(f32::INFINITY, |least, lane| least.min(*lane));
    #[expect(clippy::float_cmp, reason = "the very value that was found is looked for")]
    let found = keys.iter().zip(outside).position(|(key, core)| *key == least && core.is_finite());
    found.unwrap_or(0)
}
