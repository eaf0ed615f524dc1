//! Confidence becomes a probability: a logistic model of few parameters, fitted to labelled values.
//!
//! [`Features`] are what a decided value shows about itself without gold; [`Calibrator`] turns them
//! into the probability that the value is right, and into the set of values that holds the truth
//! with a probability asked for (`conformal`). `fit` finds the coefficients, shrunk towards those that ship
//! with the crate so that forty labelled values suffice. What is *not* decided here is whether a
//! probability may be called calibrated: that depends on where its labels came from
//! ([`ConfidenceStatus`]), and measuring one is [`crate::evaluate`]'s work.

mod calibrator;
mod conformal;
mod features;
pub(super) mod fit;
mod list_support;
mod status;

pub use calibrator::{CalibrationError, CalibrationQuality, Calibrator, Interval, Provenance};
pub use conformal::{Conformal, PredictionSet};
pub use features::Features;
pub use fit::LabelledValue;
pub use list_support::{LabelledList, ListSupport};
pub use status::{Calibration, ConfidenceStatus};
