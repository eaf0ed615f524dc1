//! What a call costs: known afterwards from its usage, bounded beforehand from its prompt.

use serde::{Deserialize, Serialize};

use crate::prompt::Prompt;
use crate::provider::Usage;
use crate::store::Money;

/// Tokens that endpoints add around a prompt at most: roles, separators, the wrapping of a schema.
const OVERHEAD_TOKENS: u64 = 512;

/// What one panel member's tokens cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Per prompt token.
    input: Money,
    /// Per prompt token read from the provider's cache.
    cached_input: Money,
    /// Per answer token, reasoning included.
    output: Money,
}

impl Price {
    /// Costs nothing: recordings and scripted answers.
    pub const FREE: Self = Self { input: Money::ZERO, cached_input: Money::ZERO, output: Money::ZERO };

    /// Prices per million tokens, exact to six decimals; cached input costs as much as input unless told.
    #[must_use]
    pub fn per_million(input: f64, cached_input: Option<f64>, output: f64) -> Self {
        // One currency unit per million tokens is 10⁻⁶ per token.
        let token = |price: f64| Money::from_amount(price * 1e-6);
        Self {
            input: token(input),
            cached_input: token(cached_input.unwrap_or(input)),
            output: token(output),
        }
    }

    /// What a usage costs. More cached tokens than prompt tokens count as all of them.
    #[must_use]
    pub fn of(&self, usage: Usage) -> Money {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        self.input.times(usage.input_tokens - cached)
            + self.cached_input.times(cached)
            + self.output.times(usage.output_tokens)
    }

    /// The most that a call can cost: no token is shorter than a byte, and no answer longer than its limit.
    #[must_use]
    pub fn bound(&self, prompt: &Prompt, max_output_tokens: u32) -> Money {
        let input = self.input.max(self.cached_input);
        input.times(bytes(prompt) + OVERHEAD_TOKENS) + self.output.times(max_output_tokens.into())
    }
}

fn bytes(prompt: &Prompt) -> u64 {
    let turns: usize = prompt.messages.iter().map(|message| message.content.len()).sum();
    let schema = prompt.schema.as_ref().map_or(0, |schema| schema.to_string().len());
    (prompt.system.len() + turns + schema) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Message, Role};

    #[test]
    fn a_usage_costs_what_the_price_list_says() {
        let price = Price::per_million(3.0, Some(0.3), 15.0);
        let usage = Usage { input_tokens: 1_000, cached_input_tokens: 400, output_tokens: 200 };
        // (600 × 3 + 400 × 0.3 + 200 × 15) / 10⁶ = (1800 + 120 + 3000) / 10⁶ = 0.00492.
        assert_eq!(price.of(usage), Money::from_amount(0.004_92));
        assert_eq!(Price::per_million(0.037_5, None, 0.0).of(usage), Money::from_amount(0.000_037_5));
    }

    #[test]
    fn the_bound_is_never_below_the_cost() {
        let messages = vec![Message { role: Role::User, content: "x".repeat(1_000) }];
        let prompt = Prompt { system: String::new(), messages, schema: None };
        let price = Price::per_million(3.0, None, 15.0);
        let worst = Usage { input_tokens: 1_000, cached_input_tokens: 0, output_tokens: 64 };
        assert!(price.bound(&prompt, 64) >= price.of(worst));
    }
}
