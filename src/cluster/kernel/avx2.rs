//! The kernel with AVX2 and FMA.
//!
//! Safety, once for the module. Two conditions make every block sound. *Instructions*: functions
//! marked `target_feature` are called only after [`available`] has said yes, which the safe entry
//! points assert. *Memory*: loads go through raw pointers without bounds checks; every pointer is
//! taken from a slice whose length was checked right before, and stays below its end because the
//! loop runs over `depth` components of rows of `depth`, and over panels of `depth` × width.
#![expect(unsafe_code, reason = "vector instructions chosen at run time; the argument stands above")]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps,
    _mm256_storeu_ps,
};
use std::ops::Range;

use super::panels::HALF;
use super::{LANES, Panels, ROWS, Sink, Tile};

/// Whether this processor has AVX2 and FMA; asked once, remembered by the standard library.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

pub(super) fn multiply<S: Sink>(rows: &[f32], panels: &Panels, range: Range<usize>, sink: &mut S) {
    assert!(available(), "the caller asks first");
    // SAFETY: the instructions are there.
    unsafe { multiply_unchecked(rows, panels, range, sink) }
}

/// # Safety
/// AVX2 and FMA must be available.
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply_unchecked<S: Sink>(rows: &[f32], panels: &Panels, range: Range<usize>, sink: &mut S) {
    let depth = panels.depth();
    let count = rows.len() / depth;
    for row in (0..count).step_by(ROWS) {
        sink.begin(row);
        let first = sink.first(row);
        let group: [&[f32]; ROWS] =
            std::array::from_fn(|offset| &rows[(row + offset).min(count - 1) * depth..][..depth]);
        for (column, width, panel) in panels.range(range.start.max(first / LANES)..range.end) {
            let mut tile: Tile = [[0.0; LANES]; ROWS];
            // SAFETY: the instructions are there by this function's own condition.
            unsafe {
                if width == LANES {
                    products::<2>(&group, panel, &mut tile);
                } else {
                    products::<1>(&group, panel, &mut tile);
                }
            }
            sink.tile(row, column, &tile);
        }
        sink.end(row, ROWS.min(count - row));
    }
}

/// Products of six rows with `V` × 8 columns.
///
/// # Safety
/// AVX2 and FMA must be available.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn products<const V: usize>(rows: &[&[f32]; ROWS], panel: &[f32], tile: &mut Tile) {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth) && panel.len() == depth * V * HALF && V <= 2);
    let mut sums: [[__m256; V]; ROWS] = [[_mm256_setzero_ps(); V]; ROWS];
    let start = panel.as_ptr();
    for place in 0..depth {
        // SAFETY: place < depth, so that place · V · 8 + V · 8 <= panel.len(), and place < row.len().
        unsafe {
            let lanes: [__m256; V] =
                std::array::from_fn(|v| _mm256_loadu_ps(start.add((place * V + v) * HALF)));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let value = _mm256_broadcast_ss(&*row.as_ptr().add(place));
                for (sum, lane) in sums.iter_mut().zip(&lanes) {
                    *sum = _mm256_fmadd_ps(value, *lane, *sum);
                }
            }
        }
    }
    for (sums, lanes) in sums.iter().zip(tile.iter_mut()) {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: v < V <= 2 and a row of the tile has 16 places.
            unsafe { _mm256_storeu_ps(lanes.as_mut_ptr().add(v * HALF), *sum) }
        }
    }
}

pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    assert!(available(), "the caller asks first");
    // SAFETY: the instructions are there.
    unsafe { dot_unchecked(one, other) }
}

/// # Safety
/// AVX2 and FMA must be available.
#[target_feature(enable = "avx2,fma")]
unsafe fn dot_unchecked(one: &[f32], other: &[f32]) -> f32 {
    let length = one.len().min(other.len());
    let mut sums = [_mm256_setzero_ps(); 4];
    let whole = length / 32 * 32;
    for place in (0..whole).step_by(32) {
        for (part, sum) in sums.iter_mut().enumerate() {
            // SAFETY: place + part · 8 + 8 <= whole <= both lengths.
            unsafe {
                let left = _mm256_loadu_ps(one.as_ptr().add(place + part * HALF));
                let right = _mm256_loadu_ps(other.as_ptr().add(place + part * HALF));
                *sum = _mm256_fmadd_ps(left, right, *sum);
            }
        }
    }
    let sum = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
    let mut lanes = [0.0_f32; HALF];
    // SAFETY: eight places.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) }
    let rest: f32 = one[whole..length].iter().zip(&other[whole..length]).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Plain code, compiled for wider registers; sums and order are those of the twin, bit for bit.
pub(super) fn add_to(sum: &mut [f64], row: &[f32], add: bool) {
    assert!(available(), "the caller asks first");
    // SAFETY: the instructions are there.
    unsafe { add_to_unchecked(sum, row, add) }
}

/// # Safety
/// AVX2 must be available.
#[target_feature(enable = "avx2")]
unsafe fn add_to_unchecked(sum: &mut [f64], row: &[f32], add: bool) {
    super::portable::add_to(sum, row, add);
}
