//! Average linkage with cannot-link, on a square matrix of similarities.

/// A pair that may never be joined, a cluster that is gone, and the diagonal.
pub(super) const NEVER: f32 = f32::NEG_INFINITY;

/// Buffers of [`Linkage::run`], kept between records.
#[derive(Clone, Debug, Default)]
pub(super) struct Linkage {
    /// `n` × `n`, symmetric; consumed by a run.
    pub(super) links: Vec<f32>,
    sizes: Vec<f32>,
    best: Vec<f32>,
    partner: Vec<usize>,
    stale: Vec<bool>,
}

impl Linkage {
    /// Joins while the best mean similarity is above `threshold`. `clusters[row]` becomes the smallest
    /// row of its cluster.
    ///
    /// Every row remembers its best partner. A mean is never above both of its parts, so that a
    /// remembered best is an upper bound, and is looked up again only when it comes up as the
    /// greatest (Müllner, *Modern hierarchical, agglomerative clustering algorithms*, 2011).
    pub(super) fn run(&mut self, n: usize, threshold: f32, clusters: &mut Vec<usize>) {
        self.sizes.clear();
        self.sizes.resize(n, 1.0);
        self.join_sized(n, threshold, 1, clusters);
    }

    /// The same where row i counts `sizes[i]` times; and it ends when no more than `fewest` clusters are
    /// left.
    fn join_sized(&mut self, n: usize, threshold: f32, fewest: usize, clusters: &mut Vec<usize>) {
        clusters.clear();
        clusters.extend(0..n);
        let mut left = n;
        self.stale.clear();
        self.stale.resize(n, false);
        self.best.clear();
        self.partner.clear();
        for row in 0..n {
            let (best, partner) = greatest(&self.links[row * n..(row + 1) * n]);
            self.best.push(best);
            self.partner.push(partner);
        }
        loop {
            let (value, row) = greatest(&self.best);
            if value <= threshold || left <= fewest {
                return;
            }
            if self.stale[row] {
                (self.best[row], self.partner[row]) = greatest(&self.links[row * n..(row + 1) * n]);
                self.stale[row] = false;
                continue;
            }
            let (keep, drop) = (row.min(self.partner[row]), row.max(self.partner[row]));
            self.join(n, keep, drop);
            left -= 1;
            for cluster in clusters.iter_mut().filter(|cluster| **cluster == drop) {
                *cluster = keep;
            }
        }
    }

    fn join(&mut self, n: usize, keep: usize, drop: usize) {
        let (mine, theirs) = (self.sizes[keep], self.sizes[drop]);
        let total = mine + theirs;
        let (left, right) = (mine / total, theirs / total);
        let (head, tail) = self.links.split_at_mut(drop * n);
        let (kept, dropped) = (&mut head[keep * n..(keep + 1) * n], &mut tail[..n]);
        for (one, other) in kept.iter_mut().zip(dropped.iter_mut()) {
            *one = left * *one + right * *other;
            *other = NEVER;
        }
        kept[keep] = NEVER;
        kept[drop] = NEVER;
        for row in 0..n {
            let value = self.links[keep * n + row];
            self.links[row * n + keep] = value;
            self.links[row * n + drop] = NEVER;
            // Rounding may lift a mean above its parts by the last bit; the bound must hold.
            if value > self.best[row] && row != drop {
                (self.best[row], self.partner[row]) = (value, keep);
            }
            self.stale[row] |= self.partner[row] == keep || self.partner[row] == drop;
        }
        self.sizes[keep] = total;
        self.best[drop] = NEVER;
        (self.best[keep], self.partner[keep]) = greatest(&self.links[keep * n..(keep + 1) * n]);
        self.stale[keep] = false;
    }
}

/// When to stop joining.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Stop {
    /// Clusters are joined while their mean similarity is above this.
    pub(in crate::cluster) threshold: f64,
    /// And while there are more of them than this.
    pub(in crate::cluster) fewest: usize,
}

/// Average linkage of any rows by their similarities (`n` × `n`), where row i counts `masses[i]` times, or
/// once; gives the smallest row of each row's cluster.
pub(in crate::cluster) fn average_linkage(
    mut links: Vec<f32>,
    masses: Option<&[usize]>,
    stop: Stop,
) -> Vec<usize> {
    let n = links.len().isqrt();
    for row in 0..n {
        links[row * n + row] = NEVER;
    }
    let sizes =
        masses.map_or_else(|| vec![1.0; n], |masses| masses.iter().map(|mass| *mass as f32).collect());
    let mut clusters = Vec::new();
    #[expect(clippy::cast_possible_truncation, reason = "similarities are f32")]
    let threshold = stop.threshold as f32;
    Linkage { links, sizes, ..Linkage::default() }.join_sized(n, threshold, stop.fewest, &mut clusters);
    clusters
}

/// The greatest value and its first place; [`NEVER`] and 0 for nothing.
fn greatest(values: &[f32]) -> (f32, usize) {
    let mut lanes = [NEVER; 8];
    let chunks = values.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            // A plain comparison becomes one vector instruction; `f32::max` also cares for NaN.
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let most = lanes.iter().chain(rest).fold(NEVER, |most, value| if *value > most { *value } else { most });
    #[expect(clippy::float_cmp, reason = "the very value that was found is looked for")]
    let place = values.iter().position(|value| *value == most);
    (most, place.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Average linkage as it is defined: means over all pairs, recomputed every time.
    fn by_definition(links: &[f32], n: usize, threshold: f32) -> Vec<usize> {
        let mut clusters: Vec<usize> = (0..n).collect();
        loop {
            let mut best = (threshold, None);
            for one in 0..n {
                for other in one + 1..n {
                    let mine: Vec<usize> = (0..n).filter(|row| clusters[*row] == one).collect();
                    let theirs: Vec<usize> = (0..n).filter(|row| clusters[*row] == other).collect();
                    if mine.is_empty() || theirs.is_empty() {
                        continue;
                    }
                    let sum: f32 = mine
                        .iter()
                        .flat_map(|a| theirs.iter().map(move |b| (*a, *b)))
                        .map(|(a, b)| links[a * n + b])
                        .sum();
                    let mean = sum / (mine.len() * theirs.len()) as f32;
                    if mean > best.0 + 1e-6 {
                        best = (mean, Some((one, other)));
                    }
                }
            }
            let Some((keep, drop)) = best.1 else { return clusters };
            clusters.iter_mut().filter(|cluster| **cluster == drop).for_each(|cluster| *cluster = keep);
        }
    }

    proptest::proptest! {
        #[test]
        fn it_joins_what_average_linkage_joins(
            n in 1_usize..12,
            values in proptest::collection::vec(-1.0_f32..1.0, 66),
            threshold in -0.5_f32..0.8,
            sessions in 1_usize..5,
        ) {
            let mut links = vec![NEVER; n * n];
            let mut next = values.into_iter();
            for one in 0..n {
                for other in 0..one {
                    let value = next.next().unwrap();
                    if one % sessions != other % sessions || sessions == 1 {
                        links[one * n + other] = value;
                        links[other * n + one] = value;
                    }
                }
            }
            let expected = by_definition(&links, n, threshold);
            let mut clusters = Vec::new();
            Linkage { links, ..Linkage::default() }.run(n, threshold, &mut clusters);
            proptest::prop_assert_eq!(clusters, expected);
        }
    }
}
