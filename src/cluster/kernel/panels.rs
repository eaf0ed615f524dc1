//! Columns of a product, laid out so that the kernel reads them from front to back.

use std::ops::Range;

use super::LANES;

/// Columns packed in panels of 16: component by component, the 16 columns side by side. A last panel
/// of at most 8 columns is 8 wide. Missing columns are zeros.
#[derive(Clone, Debug, Default)]
pub(in crate::cluster) struct Panels {
    data: Vec<f32>,
    depth: usize,
    columns: usize,
}

/// Columns of half a panel.
pub(super) const HALF: usize = LANES / 2;

impl Panels {
    /// Packs `columns`: `n` × `depth`, each column's components together, into the buffer that is there
    /// already. Whatever is left of an incomplete last column is ignored.
    pub(in crate::cluster) fn repack(&mut self, columns: &[f32], depth: usize) {
        self.depth = depth;
        self.columns = columns.len() / depth.max(1);
        let count = self.columns;
        let last = match count % LANES {
            0 => 0,
            rest if rest <= HALF => HALF,
            _ => LANES,
        };
        self.data.clear();
        self.data.resize((count / LANES * LANES + last) * depth, 0.0);
        for (column, values) in columns.chunks_exact(depth.max(1)).enumerate() {
            let first = column / LANES * LANES;
            let width = if count - first <= HALF { HALF } else { LANES };
            let panel = &mut self.data[first * depth..][..width * depth];
            for (value, slot) in values.iter().zip(panel[column - first..].iter_mut().step_by(width)) {
                *slot = *value;
            }
        }
    }

    /// Components of a column.
    pub(in crate::cluster) fn depth(&self) -> usize {
        self.depth
    }

    /// Number of panels.
    pub(in crate::cluster) fn count(&self) -> usize {
        self.columns.div_ceil(LANES)
    }

    /// Panels of a range with their first column and their width (16, or 8 for a short last one).
    pub(super) fn range(&self, range: Range<usize>) -> impl Iterator<Item = (usize, usize, &[f32])> {
        let (depth, first) = (self.depth.max(1), range.start.min(self.count()));
        let end = (range.end * LANES * depth).min(self.data.len()).max(first * LANES * depth);
        let panels = self.data[first * LANES * depth..end].chunks(LANES * depth);
        panels.enumerate().map(move |(index, panel)| ((first + index) * LANES, panel.len() / depth, panel))
    }
}
