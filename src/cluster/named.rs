//! Algorithms as people write them: a name with its numbers (`kmeans:3`), or a mapping (`{kmeans: {n_clusters: 3}}`).

use std::fmt;
use std::str::FromStr;

use linfa::ParamGuard;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::{Algorithm, ClusterError, DbscanParams, HdbscanParams, KMeansParams, OpticsParams};

/// What can be written.
const KNOWN: &str = "agreement, kmeans:K, gaussian_mixture:K, dbscan:TOLERANCE:POINTS, optics:TOLERANCE:POINTS, \
                     hdbscan:SIZE:POINTS, agglomerative:THRESHOLD, and linfa_kmeans:K, linfa_gaussian_mixture:K, \
                     linfa_dbscan:TOLERANCE:POINTS, linfa_optics:TOLERANCE:POINTS";

/// Each algorithm with its keys, and numbers to show how they are written.
const KEYS: [(&str, &[(&str, &str)]); 10] = [
    ("kmeans", &[("n_clusters", "3")]),
    ("gaussian_mixture", &[("n_clusters", "3")]),
    ("linfa_kmeans", &[("n_clusters", "3")]),
    ("linfa_gaussian_mixture", &[("n_clusters", "3")]),
    ("agglomerative", &[("threshold", "0.5")]),
    ("hdbscan", &[("min_cluster_size", "3"), ("min_points", "2")]),
    ("dbscan", &[("tolerance", "0.8"), ("min_points", "2")]),
    ("optics", &[("tolerance", "0.8"), ("min_points", "2")]),
    ("linfa_dbscan", &[("tolerance", "0.8"), ("min_points", "2")]),
    ("linfa_optics", &[("tolerance", "0.8"), ("min_points", "2")]),
];

/// A text that names no algorithm, or one without its numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` {reason}")]
pub struct AlgorithmNameError {
    /// The text as given.
    pub given: String,
    /// What is wrong with it, and what can be written.
    pub reason: String,
}

/// The mapping of an algorithm, with numbers by which it shows how it is written.
fn example(name: &str, keys: &[(&str, &str)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(key, number)| format!("{key}: {number}")).collect();
    format!("{{{name}: {{{}}}}}", keys.join(", "))
}

impl FromStr for Algorithm {
    type Err = AlgorithmNameError;

    /// Reads `agreement`, or a name with its numbers after colons: `kmeans:3`, `dbscan:0.8:2`. `-` counts as `_`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason: String| AlgorithmNameError { given: text.to_owned(), reason };
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or_default().replace('-', "_");
        let numbers: Vec<&str> = parts.collect();
        if matches!(name.as_str(), "agreement" | "consensus") && numbers.is_empty() {
            return Ok(Self::Agreement);
        }
        let Some((_, keys)) = KEYS.iter().find(|(known, _)| *known == name) else {
            return Err(refuse(format!("is not known; there are {KNOWN}")));
        };
        let written = || {
            let shown: Vec<&str> = keys.iter().map(|(_, number)| *number).collect();
            let example = example(&name, keys);
            refuse(format!(
                "lacks its numbers; write `{name}:{}`, or in a study `{example}`",
                shown.join(":")
            ))
        };
        if numbers.len() != keys.len() {
            return Err(written());
        }
        let mut fields = serde_json::Map::new();
        for ((key, _), number) in keys.iter().zip(numbers) {
            // Counts stay whole numbers; the mapping is checked like one in a study.
            let number: serde_json::Number = number.parse().map_err(|_| written())?;
            fields.insert((*key).to_owned(), number.into());
        }
        let mapping = serde_json::json!({ name.clone(): fields });
        Self::deserialize(&mapping).map_err(|_| written())
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_mapping(serializer)
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Algorithm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an algorithm (`agreement`), or a mapping such as `{kmeans: {n_clusters: 3}}`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                name.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Algorithm::deserialize_mapping(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Algorithm {
    /// Checks its numbers, as far as that can be done without rows.
    ///
    /// # Errors
    /// [`ClusterError`] with the offending value.
    pub fn check(&self) -> Result<(), ClusterError> {
        match *self {
            Self::Agreement => {}
            Self::Kmeans { n_clusters } => {
                KMeansParams::new(n_clusters).check_ref()?;
            }
            Self::LinfaKmeans { n_clusters }
            | Self::GaussianMixture { n_clusters }
            | Self::LinfaGaussianMixture { n_clusters } => {
                if n_clusters == 0 {
                    return Err(ClusterError::NoClusters);
                }
            }
            Self::Dbscan { tolerance, min_points } | Self::LinfaDbscan { tolerance, min_points } => {
                DbscanParams::new(min_points, tolerance).check_ref()?;
            }
            Self::Optics { tolerance, min_points } | Self::LinfaOptics { tolerance, min_points } => {
                OpticsParams::new(min_points).tolerance(tolerance).check_ref()?;
            }
            Self::Hdbscan { min_cluster_size, min_points } => {
                HdbscanParams::new(min_cluster_size).min_points(min_points).check_ref()?;
            }
            Self::Agglomerative { threshold } => {
                if !(-1.0..=1.0).contains(&threshold) {
                    return Err(ClusterError::Threshold { threshold });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_its_numbers_and_a_mapping_mean_the_same() {
        for (name, keys) in KEYS {
            let numbers: Vec<&str> = keys.iter().map(|(_, number)| *number).collect();
            let named: Algorithm = format!("{name}:{}", numbers.join(":")).parse().expect("a name");
            let mapping: serde_json::Value = as_json(&example(name, keys));
            let mapped: Algorithm = serde_json::from_value(mapping).expect("a mapping");
            assert_eq!(named, mapped);
            assert_eq!(named.name(), name);
            assert!(named.check().is_ok(), "{name}");
            let hyphened = format!("{}:{}", name.replace('_', "-"), numbers.join(":"));
            assert_eq!(hyphened.parse::<Algorithm>().expect("as on the command line"), named);
            let bare = name.parse::<Algorithm>().expect_err("no numbers").to_string();
            assert!(bare.contains(&example(name, keys)), "{bare}");
        }
        assert!(serde_json::from_str::<Algorithm>(r#"{"kmeans":{"n_clusters":2,"clusters":3}}"#).is_err());
    }

    /// The example as JSON: keys and names are the only words in it.
    fn as_json(example: &str) -> serde_json::Value {
        let mut json = String::new();
        let mut word = String::new();
        for c in example.chars() {
            if c.is_ascii_lowercase() || c == '_' {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                json.extend(["\"", word.as_str(), "\""]);
                word.clear();
            }
            json.push(c);
        }
        serde_json::from_str(&json).expect("JSON")
    }

    #[test]
    fn numbers_that_no_rows_could_fit_are_known_before_there_are_rows() {
        for wrong in [
            "kmeans:0",
            "gaussian_mixture:0",
            "linfa_kmeans:0",
            "dbscan:0:2",
            "optics:-1:2",
            "linfa_dbscan:0.4:1",
            "hdbscan:1:2",
            "agglomerative:1.5",
        ] {
            let algorithm: Algorithm = wrong.parse().expect("well formed");
            assert!(algorithm.check().is_err(), "{wrong}");
        }
    }
}
