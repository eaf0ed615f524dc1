//! JSON lines with their numbers, as every evaluation reads them.

use serde::de::DeserializeOwned;

/// The lines that are not blank, each as a value or as what is wrong with it, with its number from 1. A byte order
/// mark, which some editors put first, is no part of the first line.
pub(super) fn json_lines<T: DeserializeOwned>(
    text: &str,
) -> impl Iterator<Item = (usize, Result<T, serde_json::Error>)> {
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    lines
        .filter(|(line, _)| !line.trim().is_empty())
        .map(|(line, number)| (number, serde_json::from_str(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_with_the_blank_ones_and_without_a_byte_order_mark() {
        let read: Vec<(usize, Option<u8>)> =
            json_lines("\u{feff}1\n\n x\n2").map(|(number, value)| (number, value.ok())).collect();
        assert_eq!(read, [(1, Some(1)), (3, None), (4, Some(2))]);
    }
}
