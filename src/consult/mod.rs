//! One question, several models, one answer that says who stands behind what.
//!
//! A [`Question`] is put to [`Voice`]s: models, each with a [`Stance`]. Nobody sees what the others
//! answer, in this turn or in any later one: [`prompt()`] shows a model its own earlier answers
//! only. What comes back is a [`Consultation`]: the [`Answer`]s in the order in which the voices were
//! named, however they arrived, and what they have in common.
//!
//! Agreement is measured, not claimed: answers are split into [`claims`], the claims are embedded
//! and matched across answers by the rule that also matches personas (two claims of one answer
//! are different by intention), and support counts distinct models, so that one model that argues for
//! and against has one vote ([`agreement`]). Before meanings are compared, words are: claims that differ by a negation, an
//! opposite, a number or a name are never matched, and those that contradict each other are listed with both sides. Without a
//! model that writes the synthesis it is extractive: the middle wording of every claim that models share.
//!
//! What is *not* here: calls, time, files. [`crate::run::consult`] asks and stores.

mod agreement;
mod answer;
mod claims;
mod prompt;
mod stance;
mod synthesis;
mod transcript;
mod wording;

pub use agreement::{Agreement, AgreementError, Claim, Contradiction, Statement, Voter, agreement};
pub use answer::{Answer, AnswerError, AnswerMetadata, Consultation, Status, Synthesis};
pub use claims::claims;
pub use prompt::{Attachment, Question, prompt, synthesis_prompt};
pub use stance::Stance;
pub use synthesis::extractive;
pub use transcript::{ContinuationId, ContinuationIdError, Exchange, Transcript, Turn, Voice};

#[doc(no_inline)]
pub use crate::embed::Embedder;
