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
mod grounded;
pub mod html;
mod markdown;
mod panel_dependence;
#[cfg(feature = "parquet")]
mod parquet;
mod persona_files;
mod roleplay;
pub mod safe;
mod summary;
mod table;
mod terminal;
mod voices;
mod wording;

pub use comparison::comparison_text;
pub use explain::{Context as ExplanationContext, explanation};
pub use grounded::GroundingCounts;
pub use markdown::markdown_record;
pub use panel_dependence::{PairOfModels, PanelDependence};
#[cfg(feature = "parquet")]
pub use parquet::ParquetTable;
pub use persona_files::{PersonaFiles, ReportError};
pub use roleplay::RoleplayCard;
pub use summary::{
    Asked, CalibrationNote, Counts, InputCount, MemberAnswers, PanelMember, Product, StreamNote, Summary,
    WhatWasLearned,
};
pub use table::PersonaTable;
pub use terminal::{terminal_persona, wrapped};
pub(crate) use voices::{one_voice, speaking};
pub use wording::status_words;
pub(crate) use wording::{alarm_words, counted, estimate_words, setback_words};
#[cfg(feature = "run")]
pub(crate) use wording::{confidence_words, lasted};
