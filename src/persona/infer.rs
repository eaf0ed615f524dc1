//! What an unlisted trait is: by its name where the catalogue knows it, else by its values.

use super::schema::key_of;
use super::{Comparison, TraitDefinition, TraitKind, TraitValue, catalogue};

/// Texts longer than this on average are prose, not categories.
const PROSE_LENGTH: usize = 60;

/// Infers a definition from the name and the values seen.
pub(super) fn definition(name: &str, values: &[&TraitValue]) -> TraitDefinition {
    if let Some(known) = catalogue::find(&key_of(name)) {
        return TraitDefinition { name: name.to_owned(), aliases: Vec::new(), ..known.clone() };
    }
    TraitDefinition {
        name: name.to_owned(),
        description: String::new(),
        aliases: Vec::new(),
        kind: kind(values),
        weight: 1.0,
    }
}

fn kind(values: &[&TraitValue]) -> TraitKind {
    let count = values.len();
    let most = |matching: usize| matching * 2 > count;
    if most(values.iter().filter(|value| matches!(value, TraitValue::List(_))).count()) {
        return TraitKind::List;
    }
    let numbers: Vec<f64> = values.iter().filter_map(|value| plain_number(value)).collect();
    if numbers.len() * 10 >= count * 8 && count > 0 {
        return TraitKind::Numeric { unit: None, tolerance: tolerance(&numbers) };
    }
    let length: usize = values.iter().map(|value| value.to_string().chars().count()).sum();
    if length > PROSE_LENGTH * count {
        return TraitKind::Text;
    }
    TraitKind::Categorical { categories: Vec::new(), comparison: Comparison::Meaning }
}

fn plain_number(value: &TraitValue) -> Option<f64> {
    match value {
        TraitValue::Number(number) => Some(*number),
        TraitValue::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// A tenth of the interquartile spread, or of the middle value when the spread is nought: what a
/// reader would still call about the same.
fn tolerance(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: usize| sorted[(sorted.len() - 1) * share / 4];
    let spread = (at(3) - at(1)).abs();
    let scale = if spread > 0.0 { spread } else { at(2).abs() };
    if scale > 0.0 { scale / 10.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> TraitValue {
        TraitValue::Text(value.to_owned())
    }

    #[test]
    fn kinds_follow_the_values() {
        let numbers = [text("10"), text("20"), TraitValue::Number(30.0)];
        let found = definition("visits", &numbers.iter().collect::<Vec<_>>());
        // Quartiles of 10, 20, 30 by rank: 10 and 20; a tenth of the spread of 10 is 1.
        assert_eq!(found.kind, TraitKind::Numeric { unit: None, tolerance: 1.0 });
        let lists = [TraitValue::List(vec!["a".to_owned()])];
        assert_eq!(definition("tools", &lists.iter().collect::<Vec<_>>()).kind, TraitKind::List);
        let prose = [text(&"long words of prose ".repeat(5))];
        assert_eq!(definition("story", &prose.iter().collect::<Vec<_>>()).kind, TraitKind::Text);
        let words = [text("cat"), text("dog")];
        let open = TraitKind::Categorical { categories: Vec::new(), comparison: Comparison::Meaning };
        assert_eq!(definition("pet", &words.iter().collect::<Vec<_>>()).kind, open);
    }

    #[test]
    fn a_common_name_wins_over_the_values() {
        let ages = [text("late 20s")];
        let found = definition("Age", &ages.iter().collect::<Vec<_>>());
        assert_eq!(found.kind.name(), "numeric");
        assert_eq!(found.name, "Age");
    }
}
