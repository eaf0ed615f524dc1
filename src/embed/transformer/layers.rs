//! The layers of BERT (Devlin et al. 2019) over token rows of several texts at once, without padding.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Axis, s};

use super::config::Activation;

/// x Wᵀ + b.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    /// Outputs × inputs.
    pub(super) weight: Array2<f32>,
    pub(super) bias: Array1<f32>,
}

impl Linear {
    fn apply(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut out = rows.dot(&self.weight.t());
        out += &self.bias;
        out
    }
}

/// Layer normalisation: each row to mean 0 and variance 1, then scaled and shifted.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) scale: Array1<f32>,
    pub(super) shift: Array1<f32>,
    pub(super) epsilon: f32,
}

impl Norm {
    pub(super) fn apply(&self, rows: &mut Array2<f32>) {
        for mut row in rows.outer_iter_mut() {
            let count = row.len() as f32;
            let mean = row.sum() / count;
            let variance = row.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / count;
            let factor = 1.0 / (variance + self.epsilon).sqrt();
            for ((value, scale), shift) in row.iter_mut().zip(&self.scale).zip(&self.shift) {
                *value = (*value - mean) * factor * scale + shift;
            }
        }
    }
}

/// One layer of the encoder.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Queries, keys and values in one product.
    pub(super) attend: Linear,
    pub(super) mixed: Linear,
    pub(super) after_attention: Norm,
    pub(super) widen: Linear,
    pub(super) narrow: Linear,
    pub(super) after_output: Norm,
}

impl Layer {
    /// Tokens of all texts in, the same out; `texts` are the rows of each text.
    pub(super) fn apply(
        &self,
        tokens: Array2<f32>,
        texts: &[Range<usize>],
        heads: usize,
        activation: Activation,
    ) -> Array2<f32> {
        let attended = attention(&self.attend.apply(&tokens), texts, heads);
        let mut tokens = self.mixed.apply(&attended) + tokens;
        self.after_attention.apply(&mut tokens);
        let mut wide = self.widen.apply(&tokens);
        activate(&mut wide, activation);
        let mut tokens = self.narrow.apply(&wide) + tokens;
        self.after_output.apply(&mut tokens);
        tokens
    }
}

/// softmax(Q Kᵀ / √d) V, for each head inside each text.
fn attention(joined: &Array2<f32>, texts: &[Range<usize>], heads: usize) -> Array2<f32> {
    let width = joined.ncols() / 3;
    let each = width / heads;
    let scale = 1.0 / (each as f32).sqrt();
    let mut out = Array2::zeros((joined.nrows(), width));
    for text in texts {
        for head in 0..heads {
            let part = |which: usize| {
                let start = which * width + head * each;
                joined.slice(s![text.clone(), start..start + each])
            };
            let mut scores = part(0).dot(&part(1).t());
            scores.axis_iter_mut(Axis(0)).for_each(|row| softmax(row, scale));
            let mut cells = out.slice_mut(s![text.clone(), head * each..(head + 1) * each]);
            general_mat_mul(1.0, &scores, &part(2), 0.0, &mut cells);
        }
    }
    out
}

fn softmax(mut row: ndarray::ArrayViewMut1<'_, f32>, scale: f32) {
    let largest = row.iter().fold(f32::NEG_INFINITY, |most, value| most.max(*value));
    let mut total = 0.0;
    for value in &mut row {
        *value = ((*value - largest) * scale).exp();
        total += *value;
    }
    for value in &mut row {
        *value /= total;
    }
}

fn activate(rows: &mut Array2<f32>, activation: Activation) {
    let Some(values) = rows.as_slice_mut() else { return };
    match activation {
        Activation::Relu => values.iter_mut().for_each(|value| *value = value.max(0.0)),
        Activation::Gelu => pulp::Arch::new().dispatch(Gelu(values)),
    }
}

/// x/2 (1 + erf(x/√2)), compiled for the widest vectors of the machine.
struct Gelu<'a>(&'a mut [f32]);

impl pulp::WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "pulp compiles the body anew for each vector width")]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        for value in self.0 {
            *value = 0.5 * *value * (1.0 + erf(*value * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// The error function as a quotient of polynomials on ±4, outside of which it is ±1 in `f32`: Eigen's
/// approximation, within 3e-7.
#[inline(always)]
fn erf(x: f32) -> f32 {
    const TOP: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_5e-5,
        -7.349_906e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BOTTOM: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let top = TOP.iter().fold(0.0, |sum, coefficient| sum * square + coefficient);
    let bottom = BOTTOM.iter().fold(0.0, |sum, coefficient| sum * square + coefficient);
    x * top / bottom
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 7.1.
        for (x, expected) in [
            (0.0, 0.0),
            (0.1, 0.112_462_92),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (3.5, 0.999_999_3),
            (9.0, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 1e-6 && (erf(-x) + expected).abs() < 1e-6, "{x}: {}", erf(x));
        }
    }

    #[test]
    fn a_text_attends_to_itself_alone() {
        // One head of one component: Q, K, V in three columns.
        let joined = array![[1.0, 1.0, 10.0], [0.0, 2.0, 20.0], [5.0, 3.0, 7.0]];
        let out = attention(&joined, &[0..2, 2..3], 1);
        // Row 0: scores 1×1 and 1×2, softmax e/(e+e²) = 0.26894 and 0.73106: 10 × .26894 + 20 × .73106.
        assert!((out[[0, 0]] - 17.310_6).abs() < 1e-3, "{out}");
        // Row 1: both scores are 0, the mean; row 2 stands alone.
        assert!((out[[1, 0]] - 15.0).abs() < 1e-4 && (out[[2, 0]] - 7.0).abs() < 1e-6, "{out}");
    }

    #[test]
    fn normalised_rows_have_mean_nought_and_variance_one() {
        let norm = Norm { scale: array![1.0, 1.0], shift: array![0.0, 1.0], epsilon: 0.0 };
        let mut rows = array![[1.0, 3.0]];
        norm.apply(&mut rows);
        // Mean 2, deviation 1: (−1, 1), shifted by (0, 1).
        assert!((rows[[0, 0]] + 1.0).abs() < 1e-6 && (rows[[0, 1]] - 2.0).abs() < 1e-6, "{rows}");
    }
}
