//! Whose labels stand behind a confidence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a confidence may be taken for. Ordered from the least to the most that it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConfidenceStatus {
    /// A score that orders values and is no probability.
    #[default]
    Uncalibrated,
    /// A probability as far as this data is like the data that the shipped calibration was fitted to.
    CalibratedOnOtherData,
    /// A probability, fitted to labelled records that the user brought.
    Calibrated,
    /// No figure of the engine: a person set the value at an approval, and it counts as 1.
    SetByPerson,
}

impl ConfidenceStatus {
    /// The name in files, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uncalibrated => "uncalibrated",
            Self::CalibratedOnOtherData => "calibrated_on_other_data",
            Self::Calibrated => "calibrated",
            Self::SetByPerson => "set_by_person",
        }
    }
}

/// Which calibration a consensus uses. In a study and on the command line: `none`, `shipped`, or the
/// path of a file that `consona calibrate` wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Calibration {
    /// Confidences stay scores, and are called uncalibrated.
    None,
    /// The calibration that comes with the crate.
    #[default]
    Shipped,
    /// The user's own.
    File(String),
}

impl From<String> for Calibration {
    fn from(name: String) -> Self {
        match name.as_str() {
            "none" => Self::None,
            "shipped" => Self::Shipped,
            _ => Self::File(name),
        }
    }
}

impl From<Calibration> for String {
    fn from(calibration: Calibration) -> Self {
        calibration.to_string()
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Shipped => f.write_str("shipped"),
            Self::File(path) => f.write_str(path),
        }
    }
}
