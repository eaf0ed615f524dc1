//! The order of the stages, from a study file to a run folder.
//!
//! A [`Study`] is checked whole before anything is paid for. Its records become [`Unit`]s, its units
//! and its panel a plan ([`summarise`]); a [`Run`] puts every unit to the panel in one of three
//! [`mode`]s, stores every answer before it is read, and makes failed attempts again in exactly one
//! place ([`retry`]); endpoints that embed are asked by the same rules ([`embedding`]). [`drafts`] reads the stored answers for everything that is computed from them.
//! A study in parts that wait for each other, with models of their own, is a [`Workload`] of workstreams.
//! What happens beside drafting and consensus, from a review to an approval, is a pipeline ([`stages`]).
//! What the panel would have said without the data is asked by an [`ablation`].
//! A single question to several models, without a study, is a [`consult`]ation.
//! What a model says and whether it is right is decided elsewhere.
#![doc = include_str!("promises.md")]

pub mod ablation;
mod asking;
mod batching;
mod breaker;
mod charging;
pub mod consult;
mod derive;
mod drafting;
pub mod embedding;
mod endpoints;
mod event;
mod executor;
mod gate;
mod interpreter;
pub mod mode;
mod patience;
mod plan;
pub mod price;
mod quorum;
mod records;
mod report;
mod result;
pub mod retry;
mod shard;
#[cfg(any(feature = "cli", feature = "mcp"))]
mod sources;
mod spending;
mod spent;
mod streams;
pub mod stages;
pub(crate) mod status;
pub mod study;
mod tally;
mod unit;
mod window;

#[cfg(feature = "cli")]
pub(crate) use batching::on_their_way;
pub use derive::{Derived, drafts};
pub use drafting::Drafting;
pub use endpoints::{EndpointsError, Probe, Reserve, Seats, models, reserves, seats, seats_of};
pub use event::{BatchName, CallName, Drafted, Event, SoFar};
pub use executor::{Run, RunError, Settings};
pub use interpreter::{Interpreter, Reading, RenderError};
pub(crate) use patience::Patiences;
pub use plan::{MemberPlan, PlanSummary, PlannedCall, Scope, Unit, slots, summarise, units};
pub use quorum::Turnout;
pub use records::records;
pub use report::{MemberReport, RunOutcome, RunReport};
pub use result::{CallResult, CallStatus};
pub use shard::{Shard, ShardError};
#[cfg(any(feature = "cli", feature = "mcp"))]
pub(crate) use sources::{Sources, row_text};
pub use spending::Budget;
pub use spent::Spent;
#[cfg(any(feature = "cli", feature = "mcp"))]
pub(crate) use spent::{ABLATION, STAGES, unpriced};
pub use status::{MemberStatus, RunStatus, StageState, StatusError};
#[cfg(feature = "cli")]
pub(crate) use streams::streams;
pub use streams::{StreamReport, StreamStatus, Workload};
pub use study::Study;
pub(crate) use study::nearest;
