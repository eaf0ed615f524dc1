//! Results become what people and programs read.
//!
//! Numbers first, rendering after: [`Summary`] holds what is to be said about a whole result, and
//! the writers ([`PersonaFiles`], [`terminal_persona`]) only choose words and places. Equal results
//! give equal bytes; nothing here knows the time, the machine or who reads. Whatever models wrote is
//! made harmless for its medium ([`safe`]) on the way out.
//!
//! JSON is lossless: a line of `consensus.jsonl` is a [`ConsensusPersona`] as it stands.
//!
//! [`ConsensusPersona`]: crate::consensus::ConsensusPersona

mod comparison;
mod explain;
mod markdown;
mod persona_files;
pub mod safe;
mod summary;
mod table;
mod terminal;
mod wording;

pub use comparison::comparison_text;
pub use explain::{Context as ExplanationContext, explanation};
pub use markdown::markdown_record;
pub use persona_files::{PersonaFiles, ReportError};
pub use summary::{
    Asked, CalibrationNote, Counts, GroundingCounts, InputCount, MemberAnswers, PairOfModels,
    PanelDependence, PanelMember, Product, Summary, WhatWasLearned,
};
pub use table::PersonaTable;
pub use terminal::{terminal_persona, wrapped};
#[cfg(feature = "cli")]
pub(crate) use wording::counted;
pub use wording::status_words;
