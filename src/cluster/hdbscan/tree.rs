//! From a spanning tree to clusters: the hierarchy, condensed, and the most persistent parts of it.

use super::spanning::Edge;

/// A join of two nodes; nodes below `n` are rows, node `n` + i is the i-th join.
struct Join {
    left: usize,
    right: usize,
    /// Density at which they part: one over the distance.
    lambda: f64,
}

/// Distances below this count as this, so that equal rows have a finite density.
const LEAST_DISTANCE: f64 = 1e-9;

/// What a hierarchy begins with: rows, or cells of rows.
pub(super) struct Leaves {
    /// Rows of each.
    pub(super) sizes: Vec<usize>,
    /// How far its rows are from each other.
    pub(super) radii: Vec<f64>,
}

impl Leaves {
    /// Single rows.
    pub(super) fn rows(n: usize) -> Self {
        Self { sizes: vec![1; n], radii: vec![0.0; n] }
    }
}

/// The single-linkage hierarchy: joins from the nearest to the farthest.
struct Hierarchy {
    n: usize,
    joins: Vec<Join>,
    /// Rows below every node. A leaf has 1, or as many as its cell.
    sizes: Vec<usize>,
    /// Density at which a leaf falls apart; infinite for a row.
    ends: Vec<f64>,
}

impl Hierarchy {
    fn new(leaves: &Leaves, mut edges: Vec<Edge>) -> Self {
        let n = leaves.sizes.len();
        edges.sort_by(|one, other| one.2.total_cmp(&other.2).then((one.0, one.1).cmp(&(other.0, other.1))));
        let mut parent: Vec<usize> = (0..2 * n).collect();
        let mut sizes = leaves.sizes.clone();
        let mut joins = Vec::with_capacity(n);
        for (one, other, distance) in edges {
            let (left, right) = (root(&mut parent, one), root(&mut parent, other));
            let node = n + joins.len();
            parent[left] = node;
            parent[right] = node;
            sizes.push(sizes[left] + sizes[right]);
            joins.push(Join { left, right, lambda: 1.0 / distance.max(LEAST_DISTANCE) });
        }
        let ends = leaves.radii.iter().map(|radius| 1.0 / radius.max(LEAST_DISTANCE)).collect();
        Self { n, joins, sizes, ends }
    }

    fn rows_below(&self, node: usize, rows: &mut Vec<usize>) {
        rows.clear();
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            if node < self.n {
                rows.push(node);
            } else {
                let join = &self.joins[node - self.n];
                stack.extend([join.right, join.left]);
            }
        }
    }
}

fn root(parent: &mut [usize], mut node: usize) -> usize {
    while parent[node] != node {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    node
}

/// A cluster of the condensed tree. Parents come before children.
struct Cluster {
    parent: Option<usize>,
    birth: f64,
    stability: f64,
}

/// The cluster of every row by excess of mass; `None` for noise. The whole is never a cluster.
pub(super) fn clusters(leaves: &Leaves, edges: Vec<Edge>, min_cluster_size: usize) -> Vec<Option<usize>> {
    let hierarchy = Hierarchy::new(leaves, edges);
    let (mut found, left_from) = condense(&hierarchy, min_cluster_size);
    let selected = select(&mut found);
    left_from
        .into_iter()
        .map(|cluster| {
            let mut cluster = Some(cluster);
            while let Some(here) = cluster {
                if selected[here] {
                    break;
                }
                cluster = found[here].parent;
            }
            cluster
        })
        .collect()
}

/// Walks from the root down: a part of fewer than `min_cluster_size` rows falls out of its cluster, and
/// only a split into two large parts makes new clusters. Gives the cluster that every row fell out of.
fn condense(hierarchy: &Hierarchy, min_cluster_size: usize) -> (Vec<Cluster>, Vec<usize>) {
    let mut found = vec![Cluster { parent: None, birth: 0.0, stability: 0.0 }];
    let mut left_from = vec![0; hierarchy.n];
    let mut rows = Vec::new();
    let top = hierarchy.n + hierarchy.joins.len();
    let mut stack = if hierarchy.joins.is_empty() { vec![] } else { vec![(top - 1, 0)] };
    while let Some((node, cluster)) = stack.pop() {
        let Some(join) = node.checked_sub(hierarchy.n).map(|join| &hierarchy.joins[join]) else {
            // A cell that is a cluster's worth of rows stays in it until it falls apart itself.
            let gain = (hierarchy.ends[node] - found[cluster].birth).max(0.0);
            found[cluster].stability += gain * hierarchy.sizes[node] as f64;
            left_from[node] = cluster;
            continue;
        };
        let sides = [join.left, join.right];
        let large = |side: &usize| hierarchy.sizes[*side] >= min_cluster_size;
        let gain = join.lambda - found[cluster].birth;
        if sides.iter().all(large) {
            for side in sides {
                found[cluster].stability += gain * hierarchy.sizes[side] as f64;
                found.push(Cluster { parent: Some(cluster), birth: join.lambda, stability: 0.0 });
                stack.push((side, found.len() - 1));
            }
            continue;
        }
        for side in sides {
            if large(&side) {
                stack.push((side, cluster));
            } else {
                found[cluster].stability += gain * hierarchy.sizes[side] as f64;
                hierarchy.rows_below(side, &mut rows);
                for row in &rows {
                    left_from[*row] = cluster;
                }
            }
        }
    }
    (found, left_from)
}

/// A cluster is taken unless the clusters inside it are more stable together.
fn select(found: &mut [Cluster]) -> Vec<bool> {
    let mut inside = vec![0.0; found.len()];
    let mut selected = vec![false; found.len()];
    for cluster in (1..found.len()).rev() {
        selected[cluster] = inside[cluster] <= found[cluster].stability;
        let stability = found[cluster].stability.max(inside[cluster]);
        if let Some(parent) = found[cluster].parent {
            inside[parent] += stability;
        }
    }
    // What lies inside a taken cluster is part of it.
    let mut covered = vec![false; found.len()];
    for cluster in 1..found.len() {
        covered[cluster] = found[cluster].parent.is_some_and(|parent| covered[parent] || selected[parent]);
        selected[cluster] &= !covered[cluster];
    }
    selected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_dense_places_and_a_lone_row() {
        // Rows 0–2 and 3–5 at distance .1 among themselves, 1 apart; row 6 at distance 2.
        let edges = vec![(0, 1, 0.1), (1, 2, 0.1), (2, 3, 1.0), (3, 4, 0.1), (4, 5, 0.1), (5, 6, 2.0)];
        let found = clusters(&Leaves::rows(7), edges, 3);
        // Root: 1/2 for row 6, then the split at density 1; both parts stay until density 10:
        // stability (10 − 1) · 3 = 27 each.
        assert_eq!(found[0], found[2]);
        assert_eq!(found[3], found[5]);
        assert!(found[0].is_some() && found[3].is_some() && found[0] != found[3]);
        assert_eq!(found[6], None);
    }

    #[test]
    fn what_never_splits_is_noise() {
        assert_eq!(clusters(&Leaves::rows(3), vec![(0, 1, 0.5), (1, 2, 0.5)], 2), [None, None, None]);
        assert_eq!(clusters(&Leaves::rows(1), vec![], 2), [None]);
    }

    #[test]
    fn cells_count_as_many_rows_as_they_hold() {
        // Two cells of 10 rows each, .5 apart inside and .6 from each other, and two more 2 away.
        let leaves = Leaves { sizes: vec![10; 4], radii: vec![0.5; 4] };
        let found = clusters(&leaves, vec![(0, 1, 0.6), (2, 3, 0.6), (1, 2, 2.0)], 5);
        // Split at density 1/2. The pair: (1/.6 − 1/2) · 20 = 23.3; its cells: (1/.5 − 1/.6) · 10 = 3.3 each.
        assert!(found[0].is_some() && found[2].is_some());
        assert_eq!(found[0], found[1]);
        assert_eq!(found[2], found[3]);
        assert_ne!(found[0], found[2]);
    }
}
