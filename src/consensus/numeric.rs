//! The centre and spread of numeric votes, robust against a stray one.

use super::vote::{Group, Vote};
use crate::normalise::{Range, Reading};

/// Share of the supporting votes that lies below and above the interval that is reported.
const TAIL: f64 = 0.1;

/// The weighted median of the group's middles, and the interval from the 10 % quantile of its
/// lower ends to the 90 % quantile of its upper ends. `None` when no vote is a number.
///
/// The weighted median minimises the weighted sum of absolute distances (Edgeworth 1888; Huber,
/// *Robust Statistics*, 1981, chapter 3).
pub(super) fn centre(votes: &[Vote<'_>], group: &Group) -> Option<(f64, [f64; 2])> {
    let ranges: Vec<(Range, f64)> = group
        .votes
        .iter()
        .filter_map(|&vote| match votes[vote].reading {
            Reading::Range(range) => Some((*range, votes[vote].weight)),
            _ => None,
        })
        .collect();
    let of = |end: fn(&Range) -> f64| ranges.iter().map(|(range, weight)| (end(range), *weight)).collect();
    let middle = weighted_quantile(of(Range::centre), 0.5)?;
    let low = weighted_quantile(of(Range::low), TAIL)?;
    let high = weighted_quantile(of(Range::high), 1.0 - TAIL)?;
    Some((middle, [low, high]))
}

/// The smallest value at which the weight at or below it reaches the share asked for; halfway to
/// the next value where it is reached exactly. `None` without values.
fn weighted_quantile(mut values: Vec<(f64, f64)>, share: f64) -> Option<f64> {
    values.sort_by(|one, other| one.0.total_cmp(&other.0));
    let wanted = share * values.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut below = 0.0;
    for (place, (value, weight)) in values.iter().enumerate() {
        below += weight;
        let exact = (below - wanted).abs() <= 1e-12 * wanted.max(1.0);
        match values.get(place + 1) {
            Some((next, _)) if exact => return Some(f64::midpoint(*value, *next)),
            _ if exact || below > wanted => return Some(*value),
            _ => {}
        }
    }
    values.last().map(|(value, _)| *value)
}

/// A number rounded to what the trait's tolerance can tell apart: whole numbers from a tolerance
/// of 1, else two digits below it.
pub(super) fn rounded(value: f64, tolerance: f64) -> f64 {
    if tolerance >= 1.0 {
        return value.round();
    }
    let step = 10f64.powf(tolerance.log10().floor() - 1.0);
    (value / step).round() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weighted_median_ignores_a_stray_vote() {
        let values = vec![(20.0, 1.0), (22.0, 1.0), (90.0, 1.0)];
        assert_eq!(weighted_quantile(values, 0.5), Some(22.0));
        // Half of the weight lies exactly at 20: halfway to the next, (20 + 30) / 2.
        assert_eq!(weighted_quantile(vec![(30.0, 1.0), (20.0, 1.0)], 0.5), Some(25.0));
        // Weight 3 of 4 stands on 30.
        assert_eq!(weighted_quantile(vec![(30.0, 3.0), (20.0, 1.0)], 0.5), Some(30.0));
        assert_eq!(weighted_quantile(Vec::new(), 0.5), None);
    }

    #[test]
    fn rounding_follows_the_tolerance() {
        assert!((rounded(27.4, 4.0) - 27.0).abs() < 1e-12);
        // Tolerance 0.5: two digits below it are steps of 0.01.
        assert!((rounded(1.234, 0.5) - 1.23).abs() < 1e-9);
    }
}
