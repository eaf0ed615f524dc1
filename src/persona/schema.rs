//! How each trait is to be read: its kind, its weight, and the names people give it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalogue;
use super::{Draft, TraitInference};

/// One value of a closed set, with the other ways in which people write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "LevelForm")]
pub struct Level {
    /// The value as it is shown.
    pub value: String,
    /// Other spellings that mean the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The numbers that fall under it, lower end included, upper end not: an income of 60,000 is
    /// "middle" where the schema says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}

/// A level may be written as plain text or with its synonyms.
#[derive(Deserialize)]
#[serde(untagged)]
enum LevelForm {
    Plain(String),
    Full {
        value: String,
        #[serde(default)]
        also: Vec<String>,
        #[serde(default)]
        range: Option<[f64; 2]>,
    },
}

impl From<LevelForm> for Level {
    fn from(form: LevelForm) -> Self {
        match form {
            LevelForm::Plain(value) => Self { value, also: Vec::new(), range: None },
            LevelForm::Full { value, also, range } => Self { value, also, range },
        }
    }
}

/// How two values of an open categorical trait are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Comparison {
    /// Equal after normalisation, or not.
    Exact,
    /// By what the words mean.
    #[default]
    Meaning,
    /// As places: `London, UK` is `London` said more fully.
    Place,
}

/// What kind of thing a trait is, which decides how its values are normalised, compared and merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TraitKind {
    /// One of several values without order; `categories` may stay empty (an open set).
    Categorical {
        /// The known values.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        categories: Vec<Level>,
        /// How values outside `categories` are compared.
        #[serde(default)]
        comparison: Comparison,
    },
    /// One of several values in order, lowest first.
    Ordinal {
        /// The values, lowest first.
        levels: Vec<Level>,
    },
    /// A number or a range.
    Numeric {
        /// What is counted, such as `years`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        /// The difference at which two values still support each other by half. Above zero.
        tolerance: f64,
        /// The least that a value can be; what lies below is no number of this trait, but words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// The most that a value can be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
    },
    /// Several short texts whose order says nothing.
    List,
    /// Free text.
    Text,
}

impl TraitKind {
    /// The kind's name, as it is written in schemas and results.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Categorical { .. } => "categorical",
            Self::Ordinal { .. } => "ordinal",
            Self::Numeric { .. } => "numeric",
            Self::List => "list",
            Self::Text => "text",
        }
    }
}

fn one() -> f64 {
    1.0
}

/// One trait of a schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraitDefinition {
    /// The name in results, such as `pain_points`.
    pub name: String,
    /// What is asked of the models, in one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Other names for the same trait, in any case and with any separators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How values are read.
    #[serde(flatten)]
    pub kind: TraitKind,
    /// How much the trait counts when personas are compared; 0 keeps it out (names, quotes).
    #[serde(default = "one")]
    pub weight: f64,
}

/// A schema that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Two traits answer to one name.
    #[error("traits `{first}` and `{second}` both answer to the name `{name}`; rename one or drop the alias")]
    Ambiguous {
        /// The trait that came first.
        first: String,
        /// The trait that repeats it.
        second: String,
        /// The name in dispute.
        name: String,
    },
    /// A trait without a usable name.
    #[error("trait {place} has no name with a letter or digit in it (`{name}`)")]
    Nameless {
        /// Place in the schema, from 1.
        place: usize,
        /// The name as given.
        name: String,
    },
    /// A weight outside 0 to 1,000, or no number.
    #[error("trait `{name}`: weight `{weight}` is not a number from 0 to 1000")]
    Weight {
        /// Which trait.
        name: String,
        /// The weight as given.
        weight: f64,
    },
    /// No number lies between the least and the most that a value can be.
    #[error("trait `{name}`: `min` is above `max`, so that no value fits")]
    Bounds {
        /// The trait's name.
        name: String,
    },
    /// A tolerance that is not above zero.
    #[error("trait `{name}`: tolerance `{tolerance}` is not a number above 0")]
    Tolerance {
        /// Which trait.
        name: String,
        /// The tolerance as given.
        tolerance: f64,
    },
    /// An ordinal trait with fewer than two levels.
    #[error("trait `{name}`: an ordinal trait needs two or more levels, lowest first; {levels} given")]
    Levels {
        /// Which trait.
        name: String,
        /// How many levels there were.
        levels: usize,
    },
    /// A name that no trait answers to.
    #[error("no trait is called `{name}`; the schema has {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The schema is not readable as JSON of the expected form.
    #[error("the trait schema cannot be read: {reason}")]
    Form {
        /// Where and what, in the reader's words.
        reason: String,
    },
}

/// The traits that personas have, in the order in which they are shown. Names and aliases are
/// unique; every number is in its range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraitSchema {
    #[serde(rename = "traits")]
    definitions: Vec<TraitDefinition>,
    #[serde(skip)]
    by_key: BTreeMap<String, usize>,
}

/// The letters and digits of a name in lower case: `painPoints`, `Pain points` and `pain_points`
/// are one key.
pub(crate) fn key_of(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl TraitSchema {
    /// Checks definitions and makes them a schema.
    ///
    /// # Errors
    /// [`SchemaError`] names the trait and the value that cannot stand.
    pub fn new(definitions: Vec<TraitDefinition>) -> Result<Self, SchemaError> {
        let mut by_key = BTreeMap::new();
        for (place, definition) in definitions.iter().enumerate() {
            check(place, definition)?;
            for name in std::iter::once(&definition.name).chain(&definition.aliases) {
                match by_key.insert(key_of(name), place) {
                    Some(other) if other != place => {
                        return Err(SchemaError::Ambiguous {
                            first: definitions[other].name.clone(),
                            second: definition.name.clone(),
                            name: name.clone(),
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(Self { definitions, by_key })
    }

    /// Reads a schema written as JSON: `{"traits": [{"name": …, "kind": …}, …]}`.
    ///
    /// # Errors
    /// [`SchemaError::Form`] with the path of the field that does not fit, or what [`Self::new`]
    /// finds wrong.
    pub fn from_json(text: &str) -> Result<Self, SchemaError> {
        Self::read(&mut serde_json::Deserializer::from_str(text))
    }

    /// Reads a schema out of JSON that has been read already.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn from_value(value: &serde_json::Value) -> Result<Self, SchemaError> {
        Self::read(value)
    }

    fn read<'de, D>(reader: D) -> Result<Self, SchemaError>
    where
        D: serde::Deserializer<'de>,
        D::Error: std::fmt::Display,
    {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Form {
            traits: Vec<TraitDefinition>,
        }
        let form: Form = serde_path_to_error::deserialize(reader).map_err(|error| SchemaError::Form {
            reason: format!("{} at `{}`", error.inner(), error.path()),
        })?;
        Self::new(form.traits)
    }

    /// The schema for personas as research writes them: name, age, occupation, location,
    /// education, goals, pain points, behaviours, motivations, quotes, free bio.
    #[must_use]
    pub fn default_persona() -> Self {
        Self::known(catalogue::default_persona())
    }

    /// An empty schema: every trait will be inferred.
    #[must_use]
    pub fn empty() -> Self {
        Self { definitions: Vec::new(), by_key: BTreeMap::new() }
    }

    /// A schema of definitions that the catalogue's own test has checked.
    fn known(definitions: Vec<TraitDefinition>) -> Self {
        Self::new(definitions).unwrap_or_else(|_| Self::empty())
    }

    /// The traits, in order.
    #[must_use]
    pub fn definitions(&self) -> &[TraitDefinition] {
        &self.definitions
    }

    /// The trait that answers to a name, whatever its case and separators.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&TraitDefinition> {
        self.position(name).map(|place| &self.definitions[place])
    }

    /// The place, in [`Self::definitions`], of the trait that answers to a name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_key.get(&key_of(name)).copied()
    }

    /// Adds traits that drafts carry and the schema does not list, inferred from their names
    /// (the catalogue of common traits) and else from their values, in order of name.
    #[must_use]
    pub fn with_inferred<'a>(self, drafts: impl IntoIterator<Item = &'a Draft>) -> Self {
        let mut inference = TraitInference::new(&self);
        drafts.into_iter().for_each(|draft| inference.observe(draft));
        inference.finish()
    }

    /// Sets the weights of some traits.
    ///
    /// # Errors
    /// [`SchemaError::Unknown`] for a name that no trait answers to, [`SchemaError::Weight`].
    pub fn with_weights(self, weights: &BTreeMap<String, f64>) -> Result<Self, SchemaError> {
        let mut definitions = self.definitions.clone();
        for (name, &weight) in weights {
            let Some(&place) = self.by_key.get(&key_of(name)) else {
                let known: Vec<&str> = self.definitions.iter().map(|d| d.name.as_str()).collect();
                return Err(SchemaError::Unknown { name: name.clone(), known: known.join(", ") });
            };
            definitions[place].weight = weight;
        }
        Self::new(definitions)
    }
}

fn check(place: usize, definition: &TraitDefinition) -> Result<(), SchemaError> {
    let name = definition.name.clone();
    if key_of(&name).is_empty() {
        return Err(SchemaError::Nameless { place: place + 1, name });
    }
    if !(0.0..=1000.0).contains(&definition.weight) {
        return Err(SchemaError::Weight { name, weight: definition.weight });
    }
    match &definition.kind {
        TraitKind::Numeric { tolerance, .. } if !(tolerance.is_finite() && *tolerance > 0.0) => {
            Err(SchemaError::Tolerance { name, tolerance: *tolerance })
        }
        TraitKind::Numeric { min, max, .. } if min.zip(*max).is_some_and(|(min, max)| min > max) => {
            Err(SchemaError::Bounds { name })
        }
        TraitKind::Ordinal { levels } if levels.len() < 2 => {
            Err(SchemaError::Levels { name, levels: levels.len() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let schema = TraitSchema::default_persona();
        for name in ["pain_points", "painPoints", "Pain points", "frustrations"] {
            assert_eq!(schema.get(name).map(|found| found.name.as_str()), Some("pain_points"), "{name}");
        }
        assert_eq!(schema.get("behaviors").map(|found| found.name.as_str()), Some("behaviours"));
        assert!(schema.get("shoe size").is_none());
    }

    #[test]
    fn a_schema_says_which_value_cannot_stand() {
        let error = |text: &str| TraitSchema::from_json(text).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(
            error(r#"{"traits":[{"name":"age","kind":"numeric","tolerance":0}]}"#),
            Err("trait `age`: tolerance `0` is not a number above 0".to_owned())
        );
        assert_eq!(
            error(
                r#"{"traits":[{"name":"a b","kind":"text"},{"name":"c","aliases":["A-B"],"kind":"list"}]}"#
            ),
            Err("traits `a b` and `c` both answer to the name `A-B`; rename one or drop the alias".to_owned())
        );
        let unreadable = error(r#"{"traits":[{"name":"x","kind":"colour"}]}"#).unwrap_err();
        assert!(unreadable.contains("traits[0]") && unreadable.contains("colour"), "{unreadable}");
    }

    #[test]
    fn a_weight_for_an_unknown_trait_is_refused_with_the_names_there_are() {
        let weights = BTreeMap::from([("shoe size".to_owned(), 2.0)]);
        let error = TraitSchema::default_persona().with_weights(&weights).unwrap_err().to_string();
        assert!(error.starts_with("no trait is called `shoe size`; the schema has name, age,"), "{error}");
    }
}
