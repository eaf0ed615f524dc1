//! One question to several models: asked, measured, kept.
//!
//! What is asked and what the answers have in common is [`crate::consult`]'s. Here the voices are
//! seated ([`Roster`]), all asked at the same moment by the executor of every run, with its gates, time limits and
//! retries ([`consult`]), and what was said is kept so that a caller can ask on ([`Continuations`]).
//!
//! Two consultations share nothing but the roster: each has its own database, in memory, its own gates and its own
//! money. The roster remembers how long the answers of its models take, and nothing that was said.
//! Dropping the future of one abandons its calls and nobody else's.

mod asking;
mod continuations;
mod error;
mod estimate;
mod member;
mod roster;

pub use asking::{Request, confirmation, consult};
pub use continuations::{Continuations, MOST_TEXT};
pub use error::{Confirmation, ConsultError};
pub use member::{MemberOptions, member};
pub use roster::Roster;
