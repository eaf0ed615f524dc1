//! linfa's OPTICS behind guards: a baseline, and an oracle for ours.

use linfa::ParamGuard;
use linfa::traits::Transformer;
use linfa_clustering::Optics;
use linfa_nn::CommonNearestNeighbour;
use linfa_nn::distance::L2Dist;
use ndarray::ArrayView2;

use super::optics::{OpticsParamsError, cut};
use super::rows::SortedRows;
use super::{Assignment, ClusterError};

/// Walks rows of any length (`n` × `d`) by linfa's OPTICS and cuts the profile at the Euclidean distance
/// `tolerance`, as [`OpticsAnalysis::at`](super::OpticsAnalysis::at) does.
///
/// Neighbours come from its ball tree: from a linear search they come in no order, and nearly all core
/// distances are wrong. The walk is over all distances, because with a bound linfa reaches the beginning of
/// a part from itself, and parts run together. Time grows with the square of the rows;
/// [`OpticsParams`](super::OpticsParams) is the fast one. Rows are sorted first, so that their order
/// changes nothing.
///
/// # Errors
/// [`ClusterError::Empty`]; [`ClusterError::Matrix`] for components that are not finite;
/// [`ClusterError::Optics`] for a tolerance that is no distance and fewer than 2 points.
pub fn linfa_optics(
    rows: ArrayView2<'_, f32>,
    tolerance: f64,
    min_points: usize,
) -> Result<Assignment, ClusterError> {
    if !(tolerance.is_finite() && tolerance > 0.0) {
        return Err(OpticsParamsError::Tolerance { tolerance }.into());
    }
    let sorted = SortedRows::new(rows)?;
    let params = Optics::params_with(min_points, L2Dist, CommonNearestNeighbour::BallTree)
        .check()
        .map_err(|_| OpticsParamsError::MinPoints { min_points })?;
    let analysis = params.transform(sorted.rows.view());
    let mut reachability = vec![f32::INFINITY; rows.nrows()];
    let mut core = reachability.clone();
    let mut order = Vec::with_capacity(rows.nrows());
    for sample in analysis.iter() {
        order.push(sample.index());
        reachability[sample.index()] = sample.reachability_distance().unwrap_or(f32::INFINITY);
        core[sample.index()] = sample.core_distance().unwrap_or(f32::INFINITY);
    }
    Ok(sorted.assignment(&cut(&order, &reachability, &core, tolerance)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::OpticsParams;
    use ndarray::{Array2, array};
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256Plus;

    #[test]
    fn it_finds_the_core_rows_that_ours_finds() {
        let random = &mut Xoshiro256Plus::seed_from_u64(8);
        let rows =
            Array2::from_shape_fn((240, 3), |(row, _)| (row % 3) as f32 + random.gen_range(-0.25_f32..0.25));
        let analysis = OpticsParams::new(5).check().unwrap().analyse(rows.view()).unwrap();
        for tolerance in [0.12, 0.2, 0.4] {
            let (ours, theirs) = (analysis.at(tolerance), linfa_optics(rows.view(), tolerance, 5).unwrap());
            let core = (0..240).filter(|row| f64::from(analysis.core_distances()[*row]) < tolerance);
            let core: Vec<usize> = core.collect();
            let of = |found: &Assignment| Assignment::new(core.iter().map(|row| found.labels()[*row]));
            assert_eq!(of(&ours), of(&theirs), "{tolerance}");
            assert!(of(&ours).n_clusters() >= 3, "{tolerance}");
        }
    }

    #[test]
    fn equal_rows_are_one_place_and_bad_values_are_named() {
        assert_eq!(linfa_optics(Array2::ones((70, 2)).view(), 0.5, 3).unwrap(), Assignment::single(70));
        let refused = linfa_optics(array![[1.0_f32], [2.0]].view(), -1.0, 2).unwrap_err();
        assert!(matches!(refused, ClusterError::Optics(OpticsParamsError::Tolerance { .. })), "{refused}");
        let refused = linfa_optics(array![[1.0_f32], [2.0]].view(), 0.5, 1).unwrap_err();
        assert!(matches!(refused, ClusterError::Optics(OpticsParamsError::MinPoints { min_points: 1 })));
    }
}
