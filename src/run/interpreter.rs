//! Questions rendered and replies read: what the executor asks of the pure core.

use std::fmt::{self, Write as _};

use super::plan::Unit;
use super::study::PanelMember;
use crate::persona::Draft;
use crate::prompt::Prompt;
use crate::provider::Completion;
use crate::store::{Slot, SlotStatus, StoredCall, StoredReply};

/// What a reply says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Drafts, at least one; none where no personas were asked for.
    Usable(Vec<Draft>),
    /// Nothing that can be used: everything that is wrong, for the repair prompt and for people.
    Unusable(Vec<String>),
}

/// A question that cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(pub String);

/// Renders questions and reads replies. Pure: equal arguments give equal results.
pub trait Interpreter: fmt::Debug + Send + Sync {
    /// Changes whenever a rendered question would; part of every call's identity.
    fn version(&self) -> &str;

    /// The question of a unit for a member; `earlier` are the drafts that it may see.
    ///
    /// # Errors
    /// [`RenderError`] when the templates and the record do not fit together.
    fn prompt(&self, unit: &Unit, member: &PanelMember, earlier: &[Draft]) -> Result<Prompt, RenderError>;

    /// The question that asks to mend an unusable answer.
    ///
    /// # Errors
    /// [`RenderError`] when the template does not fit.
    fn repair(&self, prompt: &Prompt, reply: &Completion, problems: &[String])
    -> Result<Prompt, RenderError>;

    /// What a stored reply says.
    fn read(&self, slot: &Slot, reply: &StoredReply) -> Reading;
}

/// What is still owed for one question, given everything that is stored about it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owed {
    /// Nothing: it is answered.
    Answered(Vec<Draft>),
    /// Nothing: it will not be answered, and why.
    Discarded(SlotStatus, String),
    /// A repair of this answer.
    Repair(Completion, Vec<String>),
    /// The question itself.
    Ask,
}

/// Decides what is still owed; a reply that can be read counts, whatever was thought of it before.
pub(super) fn owed(stored: StoredCall, repairs: bool, read: impl Fn(&StoredReply) -> Reading) -> Owed {
    let repaired = stored.repaired.is_some();
    let Some(last) = stored.repaired.or(stored.reply) else {
        return stored.discarded.map_or(Owed::Ask, |(status, reason)| Owed::Discarded(status, reason));
    };
    match read(&last) {
        Reading::Usable(drafts) => Owed::Answered(drafts),
        Reading::Unusable(problems) if repaired || !repairs => {
            Owed::Discarded(SlotStatus::Unusable, in_one_line(&problems))
        }
        Reading::Unusable(problems) => Owed::Repair(last.completion, problems),
    }
}

/// Problems as one line: the first three, and how many more there are.
pub(super) fn in_one_line(problems: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text = problems.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    if problems.len() > SHOWN {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "; and {} more", problems.len() - SHOWN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::FinishReason;
    use crate::store::CallKey;
    use std::time::Duration;

    fn reply(content: &str, repair: bool) -> StoredReply {
        let completion = Completion {
            content: content.to_owned(),
            finish_reason: FinishReason::Stop,
            usage: None,
            response_model: None,
            response_id: None,
        };
        StoredReply { key: CallKey::from_bytes([0; 32]), repair, completion, latency: Duration::ZERO }
    }

    fn read(reply: &StoredReply) -> Reading {
        if reply.completion.content == "good" {
            Reading::Usable(Vec::new())
        } else {
            Reading::Unusable(vec!["prose".to_owned()])
        }
    }

    #[test]
    fn a_stored_answer_is_never_asked_for_again() {
        let unusable = Owed::Discarded(SlotStatus::Unusable, "prose".to_owned());
        let rejected = Some((SlotStatus::Rejected, "too long".to_owned()));
        let bad = reply("bad", false);
        let cases = [
            (StoredCall::default(), Owed::Ask),
            (
                StoredCall { discarded: rejected.clone(), ..StoredCall::default() },
                Owed::Discarded(SlotStatus::Rejected, "too long".to_owned()),
            ),
            (
                StoredCall { reply: Some(reply("good", false)), ..StoredCall::default() },
                Owed::Answered(Vec::new()),
            ),
            (
                StoredCall { reply: Some(bad.clone()), ..StoredCall::default() },
                Owed::Repair(bad.completion.clone(), vec!["prose".to_owned()]),
            ),
            (
                StoredCall {
                    reply: Some(bad.clone()),
                    repaired: Some(reply("bad", true)),
                    ..StoredCall::default()
                },
                unusable.clone(),
            ),
            (
                StoredCall {
                    reply: Some(bad),
                    repaired: Some(reply("good", true)),
                    discarded: rejected,
                    ..StoredCall::default()
                },
                Owed::Answered(Vec::new()),
            ),
        ];
        for (stored, expected) in cases {
            assert_eq!(owed(stored, true, read), expected);
        }
        let unrepaired = StoredCall { reply: Some(reply("bad", false)), ..StoredCall::default() };
        assert_eq!(owed(unrepaired, false, read), unusable);
    }
}
