//! Unit rows for texts that have nothing to embed.
//!
//! A zero row has no direction, and one fixed row would make all such texts near to each other.
//! Signs drawn from a hash of the text give a row that is near to nothing else in expectation: the
//! cosine of two of them has mean 0 and variance 1/d.

/// Fills `row` with components of ±1/√d, the signs taken from a BLAKE3 stream keyed by the text
/// without its surrounding white space. Equal texts get equal rows, on every machine.
pub(crate) fn fill(text: &str, row: &mut [f32]) {
    let mut stream = blake3::Hasher::new_derive_key("consona embed fallback row v1");
    stream.update(text.trim().as_bytes());
    let mut signs = vec![0_u8; row.len().div_ceil(8)];
    stream.finalize_xof().fill(&mut signs);
    let size = 1.0 / (row.len() as f32).sqrt();
    for (place, component) in row.iter_mut().enumerate() {
        *component = if signs[place / 8] >> (place % 8) & 1 == 0 { size } else { -size };
    }
}

/// Brings `row` to unit length, or fills it from the text when it has no direction: all zeros, or
/// a component that is no number.
pub(crate) fn finish(text: &str, row: &mut [f32]) {
    let mut length = length(row);
    if !length.is_normal() {
        // Squares of very small or very large components leave the range of f32: scale first.
        let largest = row.iter().fold(0.0_f32, |most, component| most.max(component.abs()));
        if !largest.is_normal() || row.iter().any(|component| component.is_nan()) {
            return fill(text, row);
        }
        for component in row.iter_mut() {
            *component /= largest;
        }
        length = self::length(row);
        if !length.is_normal() {
            return fill(text, row);
        }
    }
    let scale = 1.0 / length;
    for component in row {
        *component *= scale;
    }
}

/// The sum runs in eight fixed lanes: the same bytes whatever the width of the machine's vectors.
fn length(row: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (chunks, rest) = row.as_chunks::<8>();
    for chunk in chunks {
        for (lane, component) in lanes.iter_mut().zip(chunk) {
            *lane += component * component;
        }
    }
    for (lane, component) in lanes.iter_mut().zip(rest) {
        *lane += component * component;
    }
    lanes.iter().sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_nothing_are_unit_rows_near_to_nothing() {
        let rows: Vec<Vec<f32>> = ["", "???", "日本"]
            .iter()
            .map(|text| {
                let mut row = vec![0.0; 256];
                finish(text, &mut row);
                row
            })
            .collect();
        for (place, row) in rows.iter().enumerate() {
            let dot = |other: &[f32]| row.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
            assert!((dot(row) - 1.0).abs() < 1e-5);
            for other in &rows[..place] {
                // One deviation of the cosine is 1/√256 = 0.0625; four of them are a quarter.
                assert!(dot(other).abs() < 0.25);
            }
        }
    }

    #[test]
    fn a_row_with_direction_keeps_it_whatever_its_scale() {
        for scale in [1.0, 1e-30, 1e30] {
            let mut row = vec![3.0 * scale, 0.0, 4.0 * scale];
            finish("text", &mut row);
            // 3-4-5 triangle.
            assert!((row[0] - 0.6).abs() < 1e-6 && (row[2] - 0.8).abs() < 1e-6, "{scale}");
        }
    }

    #[test]
    fn a_row_without_number_becomes_that_of_its_text() {
        let mut row = vec![f32::NAN, 1.0];
        finish("text", &mut row);
        let mut expected = vec![0.0; 2];
        fill("text", &mut expected);
        assert_eq!(row, expected);
    }
}
