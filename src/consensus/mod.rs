//! Drafts of one persona become a consensus: values with support, confidence and divergence.
//!
//! Per trait, inside a cluster of drafts: values are compared by what they mean (`affinity`), every
//! model has one vote whose weight it earns by how often others say the like (`reliability`), the
//! value that the votes support best wins and the others are kept as variants (`vote`, `numeric`,
//! `list`), and the outcome is said with its uncertainty (`confidence`, made a probability by
//! `calibrate`; `divergence`). [`Engine`] walks over all records, twice: once to learn how far each
//! model may be trusted (`reliability`) and how far models err together (`dependence`), once to decide.
//! Whether the outcome would stand without one of the models is told on a sample (`stability`, `alpha`).
//!
//! While drafts still come in, [`Growing`] tells what they give so far.
//!
//! Nothing here opens files or asks models: everything is a pure function of drafts and settings.

pub mod ablation;
mod affinity;
mod alpha;
mod calibrate;
mod confidence;
mod dependence;
mod divergence;
mod engine;
mod errors;
pub mod grounding;
mod growing;
mod list;
mod merge;
mod numeric;
mod persona;
mod reliability;
mod settings;
mod stability;
#[cfg(test)]
pub(crate) mod testing;
mod trait_consensus;
pub mod truth;
mod vote;

pub use alpha::{Alpha, Measurement};
pub use calibrate::{
    Calibration, CalibrationError, CalibrationQuality, Calibrator, ConfidenceStatus, Conformal, Features,
    Interval, LabelledList, LabelledValue, ListSupport, PredictionSet, Provenance,
};
pub use confidence::{ConfidenceParts, effective_models};
pub use dependence::{Dependence, PairDependence};
pub use divergence::{Dissent, DissentKind};
pub use engine::{DraftSource, Engine, Learned};
pub use errors::ConsensusError;
pub use growing::Growing;
pub use persona::{CitedEvidence, ConsensusPersona, PersonaKind, Said, TraitConsensus, Variant};
pub use reliability::{AgreementTable, Reliability};
pub use settings::{ConsensusParams, ConsensusValidParams, Subject};
pub use stability::{Diagnosis, LeftOut};
