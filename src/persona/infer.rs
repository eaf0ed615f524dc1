//! What an unlisted trait is: by its name where the catalogue knows it, else by its values.

use std::collections::BTreeMap;

use super::schema::key_of;
use super::{Comparison, Draft, TraitDefinition, TraitKind, TraitSchema, TraitValue, catalogue};

/// Texts longer than this on average are prose, not categories.
const PROSE_LENGTH: usize = 60;

/// At most this many numbers of a trait are remembered for its tolerance; of more, every second,
/// fourth, eighth … is.
const NUMBERS: usize = 4_096;

/// Learns what unlisted traits are from drafts that pass by one at a time: memory grows with the
/// number of traits, not of drafts.
#[derive(Clone, Debug)]
pub struct TraitInference<'a> {
    schema: &'a TraitSchema,
    seen: BTreeMap<String, Seen>,
}

impl<'a> TraitInference<'a> {
    /// Starts from a schema whose traits need no inference.
    #[must_use]
    pub fn new(schema: &'a TraitSchema) -> Self {
        Self { schema, seen: BTreeMap::new() }
    }

    /// Takes notice of a draft's values.
    pub fn observe(&mut self, draft: &Draft) {
        for (name, value) in &draft.traits {
            let key = key_of(name);
            if !key.is_empty() && self.schema.position(name).is_none() {
                self.seen.entry(key).or_insert_with(|| Seen::new(name)).add(value);
            }
        }
    }

    /// The schema with what was inferred, in order of name: by the name where the catalogue of
    /// common traits knows it, else by the values.
    #[must_use]
    pub fn finish(self) -> TraitSchema {
        let inferred = self.seen.values().map(Seen::definition);
        let definitions = self.schema.definitions().iter().cloned().chain(inferred).collect();
        // Keys are distinct and inferred definitions have no aliases: nothing can be ambiguous.
        TraitSchema::new(definitions).unwrap_or_else(|_| self.schema.clone())
    }
}

/// What the values of one unlisted trait were like.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    count: usize,
    lists: usize,
    characters: usize,
    numeric: usize,
    numbers: Vec<f64>,
    /// Every so many numbers are remembered.
    stride: usize,
}

impl Seen {
    fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, count: 0, lists: 0, characters: 0, numeric: 0, numbers: Vec::new(), stride: 1 }
    }

    fn add(&mut self, value: &TraitValue) {
        self.count += 1;
        self.lists += usize::from(matches!(value, TraitValue::List(_)));
        self.characters += value.to_string().chars().count();
        let Some(number) = plain_number(value) else { return };
        if self.numeric.is_multiple_of(self.stride) {
            self.numbers.push(number);
        }
        self.numeric += 1;
        if self.numbers.len() == NUMBERS {
            let mut place = 0;
            self.numbers.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }

    fn definition(&self) -> TraitDefinition {
        let name = self.name.clone();
        if let Some(known) = catalogue::find(&key_of(&name)) {
            return TraitDefinition { name, aliases: Vec::new(), ..known.clone() };
        }
        let kind = self.kind();
        TraitDefinition { name, description: String::new(), aliases: Vec::new(), kind, weight: 1.0 }
    }

    fn kind(&self) -> TraitKind {
        if self.lists * 2 > self.count {
            TraitKind::List
        } else if self.numeric > 0 && self.numeric * 10 >= self.count * 8 {
            TraitKind::Numeric { unit: None, tolerance: tolerance(&self.numbers), min: None, max: None }
        } else if self.characters > PROSE_LENGTH * self.count {
            TraitKind::Text
        } else {
            TraitKind::Categorical { categories: Vec::new(), comparison: Comparison::Meaning }
        }
    }
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

    fn definition(name: &str, values: &[TraitValue]) -> TraitDefinition {
        let mut seen = Seen::new(name);
        for value in values {
            seen.add(value);
        }
        seen.definition()
    }

    fn text(value: &str) -> TraitValue {
        TraitValue::Text(value.to_owned())
    }

    #[test]
    fn kinds_follow_the_values() {
        let numbers = [text("10"), text("20"), TraitValue::Number(30.0)];
        let found = definition("visits", &numbers);
        // Quartiles of 10, 20, 30 by rank: 10 and 20; a tenth of the spread of 10 is 1.
        assert_eq!(found.kind, TraitKind::Numeric { unit: None, tolerance: 1.0, min: None, max: None });
        let lists = [TraitValue::List(vec!["a".to_owned()])];
        assert_eq!(definition("tools", &lists).kind, TraitKind::List);
        let prose = [text(&"long words of prose ".repeat(5))];
        assert_eq!(definition("story", &prose).kind, TraitKind::Text);
        let words = [text("cat"), text("dog")];
        let open = TraitKind::Categorical { categories: Vec::new(), comparison: Comparison::Meaning };
        assert_eq!(definition("pet", &words).kind, open);
    }

    #[test]
    fn a_common_name_wins_over_the_values() {
        let ages = [text("late 20s")];
        let found = definition("Age", &ages);
        assert_eq!(found.kind.name(), "numeric");
        assert_eq!(found.name, "Age");
    }

    #[test]
    fn many_numbers_are_thinned_evenly() {
        let numbers: Vec<TraitValue> = (0..20_000).map(|n| TraitValue::Number(f64::from(n))).collect();
        let found = definition("visits", &numbers);
        // Quartiles of 0 … 19,999 are 5,000 and 15,000: a tenth of the spread is 1,000.
        let TraitKind::Numeric { tolerance, .. } = found.kind else { panic!("{found:?}") };
        assert!((tolerance - 1_000.0).abs() < 5.0, "{tolerance}");
    }
}
