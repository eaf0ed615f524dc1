//! The kernel in plain code: the twin that says what [`super::avx2`] must compute.

#![expect(clippy::inline_always, reason = "must become part of the kernel, with its vector instructions")]

use std::ops::Range;

use super::{LANES, Panels, ROWS, Sink, Tile};

pub(super) fn multiply<S: Sink>(rows: &[f32], panels: &Panels, range: Range<usize>, sink: &mut S) {
    let depth = panels.depth();
    let count = rows.len() / depth;
    for row in (0..count).step_by(ROWS) {
        sink.begin(row);
        let first = sink.first(row);
        let group: [&[f32]; ROWS] =
            std::array::from_fn(|offset| &rows[(row + offset).min(count - 1) * depth..][..depth]);
        for (column, width, panel) in panels.range(range.start.max(first / LANES)..range.end) {
            let mut tile: Tile = [[0.0; LANES]; ROWS];
            for (place, lanes) in panel.chunks_exact(width).enumerate() {
                for (sums, row) in tile.iter_mut().zip(&group) {
                    for (sum, lane) in sums.iter_mut().zip(lanes) {
                        *sum += row[place] * lane;
                    }
                }
            }
            sink.tile(row, column, &tile);
        }
        sink.end(row, ROWS.min(count - row));
    }
}

pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in ones.zip(others) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[inline(always)]
pub(super) fn add_to(sum: &mut [f64], row: &[f32], add: bool) {
    if add {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    } else {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum -= f64::from(*value));
    }
}
