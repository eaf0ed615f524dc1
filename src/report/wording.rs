//! Small words around numbers.

use std::fmt::Display;

/// A count with its noun: `1 draft`, `2 drafts`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_one() {
        let shown: Vec<String> = [0_usize, 1, 2].into_iter().map(|count| counted(count, "draft")).collect();
        assert_eq!(shown, ["0 drafts", "1 draft", "2 drafts"]);
    }
}
