//! What a question will cost about, before anybody is asked.

use super::asking::{Planned, Request};
use super::{Confirmation, Roster};
use crate::prompt::{Prompt, estimate_tokens};
use crate::provider::Usage;
use crate::run::study::PanelMember;
use crate::store::Money;

/// Tokens of an answer, about.
const ANSWER_TOKENS: u64 = 600;

/// What is added up so far.
#[derive(Default)]
struct Sum {
    cost: Money,
    unpriced: usize,
}

impl Sum {
    fn add(&mut self, member: &PanelMember, input_tokens: u64) {
        let output_tokens = ANSWER_TOKENS.min(member.max_output_tokens().into());
        match member.price {
            Some(price) => {
                self.cost += price.of(Usage { input_tokens, cached_input_tokens: 0, output_tokens });
            }
            None => self.unpriced += 1,
        }
    }
}

/// What somebody has to say yes to, before this is asked; nothing where it is cheap enough.
pub(super) fn needed(roster: &Roster, planned: &Planned, request: &Request) -> Option<Confirmation> {
    let above = roster.confirm_above.filter(|_| !request.confirmed)?;
    let mut sum = Sum::default();
    for ((member, _), prompt) in planned.seated.seats.iter().zip(&planned.prompts) {
        sum.add(member, estimate_tokens(prompt));
    }
    if let Some(writer) = &planned.writer {
        let question = Prompt { system: planned.message.clone(), messages: Vec::new(), schema: None };
        // Every answer is shown, and once more the claims that it makes.
        let answers = 2 * ANSWER_TOKENS * planned.prompts.len() as u64;
        if let Some((member, _)) = writer.seated.seats.first() {
            sum.add(member, estimate_tokens(&question) + answers);
        }
    }
    let Sum { cost, unpriced } = sum;
    (cost > above || unpriced > 0).then_some(Confirmation { cost, unpriced, above })
}
