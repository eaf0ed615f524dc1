//! What an attempt cost, and how it is stored.

use super::price::Price;
use crate::provider::{Completion, FailureKind, ProviderError};
use crate::store::{AttemptEnd, Money};

/// What an attempt cost, and whether that is certain rather than the most that it can have cost.
pub(super) fn charge(
    price: Option<Price>,
    answer: &Result<Completion, ProviderError>,
    bound: Money,
) -> (Money, bool) {
    match answer {
        Ok(Completion { usage: Some(usage), .. }) | Err(ProviderError { usage: Some(usage), .. }) => {
            (price.map_or(Money::ZERO, |price| price.of(*usage)), true)
        }
        Ok(_) => (bound, bound == Money::ZERO),
        Err(error) => match error.kind {
            FailureKind::UnknownOutcome | FailureKind::Unusable => (bound, bound == Money::ZERO),
            _ => (Money::ZERO, true),
        },
    }
}

pub(super) fn ended(answer: &Result<Completion, ProviderError>) -> AttemptEnd {
    match answer {
        Ok(completion) => AttemptEnd::Replied(completion.clone()),
        Err(error) => {
            AttemptEnd::Failed { kind: error.kind, status: error.status, message: error.message.clone() }
        }
    }
}
