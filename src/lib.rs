//! consona: consensus personas from several language models.
//!
//! The modules stand in the order in which data meets them.
//!
//! A study's files become records ([`dataset`]); a record becomes a question ([`prompt`]); the
//! models of a panel answer it, blind to each other ([`provider`]); an answer becomes drafts, or
//! a typed reason why not ([`parse`], [`persona`]). Everything after that is a pure function of the
//! stored replies and the settings: values are read for what they mean ([`normalise`]), drafts
//! become vectors ([`embed`]), drafts of different models that are the same persona are clustered
//! ([`cluster`]), clusters become consensus personas whose every trait has support, divergence and
//! confidence ([`consensus`]), which can be reviewed, told in sentences and checked ([`stages`]); they are
//! held against gold ([`evaluate`]) and written for people and programs ([`report`]). One question to several
//! models, with the agreement of their answers measured, is [`consult`]; agents ask over the Model Context
//! Protocol ([`mcp`]). Only [`files`] opens paths, what was paid for is kept in the run database ([`store`]),
//! and [`run`] alone knows the order of all this.
//!
//! Without the default features the crate is the pure core: no async, no network, no files.

pub mod persona;
pub mod dataset;
pub mod prompt;
#[cfg(feature = "run")]
pub mod provider;
pub mod parse;
pub mod normalise;
pub mod embed;
pub mod cluster;
pub mod consensus;
pub mod stages;
pub mod evaluate;
pub mod report;
pub mod consult;
#[cfg(feature = "run")]
pub mod files;
#[cfg(feature = "run")]
pub mod store;
#[cfg(feature = "run")]
pub mod run;
#[cfg(feature = "mcp")]
pub mod mcp;
#[cfg(feature = "cli")]
pub mod cli;
pub mod docs;
