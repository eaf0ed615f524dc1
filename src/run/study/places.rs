//! On which line of a study something stands, for messages about values that were read without their places.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A value with the lines of everything in it.
#[derive(Debug, Default)]
struct Places(Vec<(String, Spanned<Places>)>);

/// The line of a value, from 1, by its path (`panel[1].model`, `weights.goals`); where the value itself is not
/// there, that of the nearest thing around it. `None` where not even the first step is there.
pub(super) fn line_of(text: &str, path: &str) -> Option<u64> {
    let places: Places = serde_saphyr::from_str(text).ok()?;
    let mut here = &places;
    let mut line = None;
    for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        let Some((_, found)) = here.0.iter().find(|(name, _)| name == step) else { break };
        line = Some(found.referenced.line());
        here = &found.value;
    }
    line.filter(|line| *line > 0)
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Places;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Places, A::Error> {
                let mut places = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    places.push((name, map.next_value()?));
                }
                Ok(Places(places))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Places, A::Error> {
                let mut places = Vec::new();
                while let Some(place) = items.next_element()? {
                    places.push((places.len().to_string(), place));
                }
                Ok(Places(places))
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Places, E> {
                Ok(Places::default())
            }

            fn visit_unit<E: de::Error>(self) -> Result<Places, E> {
                Ok(Places::default())
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_line_and_a_missing_one_that_of_what_is_around_it() {
        let text = "name: x\nweights: {goals: 1}\npanel:\n  - model: a\n  - model: b\n    price: {input: 1}\nlimits:\n  max_cost: 3\n";
        for (path, line) in [
            ("name", Some(1)),
            ("weights.goals", Some(2)),
            ("weights.age", Some(2)),
            ("panel[1].model", Some(5)),
            ("panel[1].price.output", Some(6)),
            ("limits.max_cost", Some(8)),
            ("seed", None),
        ] {
            assert_eq!(line_of(text, path), line, "{path}");
        }
        assert_eq!(line_of("name: [", "name"), None);
    }
}
