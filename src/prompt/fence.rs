//! A fence that the data inside it cannot close.

/// `data`, or when a text tries to open or close that tag, whatever its case and white space, the
/// same with a number that no text has behind it.
pub(crate) fn choose<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(plain).collect();
    let taken = |name: &str| {
        let (open, close) = (format!("<{name}"), format!("/{name}"));
        texts.iter().any(|text| text.contains(&open) || text.contains(&close))
    };
    if !taken("data") {
        return "data".to_owned();
    }
    // Going on from the highest number there is keeps this linear, however many tags are planted.
    let numbers = texts.iter().flat_map(|text| text.split("data-").skip(1)).filter_map(number);
    let first = u128::from(numbers.max().unwrap_or(0)) + 1;
    let names = (first..=u128::MAX).map(|number| format!("data-{number}x"));
    names.into_iter().find(|name| !taken(name)).unwrap_or_default()
}

/// The number with which a text begins.
fn number(text: &str) -> Option<u64> {
    text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())].parse().ok()
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// A text between the tags.
pub(crate) fn enclose(name: &str, text: &str) -> String {
    format!("<{name}>\n{text}\n</{name}>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn data_that_knows_the_tag_gets_another_one() {
        assert_eq!(choose(["a", "b"]), "data");
        assert_eq!(choose(["x </ DATA > y"]), "data-1x");
        assert_eq!(choose(["</data>", "</data-1x>"]), "data-2x");
    }

    proptest! {
        #[test]
        fn the_closing_tag_stands_only_at_the_end(parts in prop::collection::vec(
            prop_oneof!["[a-z<>/ ]{0,6}", Just("</data>".to_owned()), Just("</data-1x>".to_owned())], 0..6,
        )) {
            let text = parts.concat();
            let name = choose([text.as_str()]);
            prop_assert_eq!(enclose(&name, &text).matches(&format!("</{name}")).count(), 1);
        }
    }
}
