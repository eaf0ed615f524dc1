//! Traits that personas commonly have, read from `data/traits.json`.
//!
//! The first of them are the default persona schema; all of them are consulted when a draft
//! carries a trait that the schema does not list.

use std::sync::LazyLock;

use serde::Deserialize;

use super::TraitDefinition;
use super::schema::key_of;

#[derive(Deserialize)]
struct Catalogue {
    default: Vec<TraitDefinition>,
    common: Vec<TraitDefinition>,
}

/// The shipped file; that it reads is this module's test.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/traits.json"))
        .unwrap_or(Catalogue { default: Vec::new(), common: Vec::new() })
});

/// The traits of the default persona schema, in order.
pub(super) fn default_persona() -> Vec<TraitDefinition> {
    CATALOGUE.default.clone()
}

/// The common trait that answers to a key of [`key_of`].
pub(super) fn find(key: &str) -> Option<&'static TraitDefinition> {
    CATALOGUE.default.iter().chain(&CATALOGUE.common).find(|definition| {
        key_of(&definition.name) == key || definition.aliases.iter().any(|a| key_of(a) == key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::TraitSchema;

    #[test]
    fn the_shipped_catalogue_is_one_valid_schema() {
        let all: Vec<_> = CATALOGUE.default.iter().chain(&CATALOGUE.common).cloned().collect();
        assert_eq!(CATALOGUE.default.len(), 11);
        assert!(all.len() > 11);
        TraitSchema::new(all).expect("names are unique and numbers in range");
    }
}
