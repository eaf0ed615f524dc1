//! What follows a failed attempt, decided in one pure function. Nothing else in the crate retries.
//!
//! | failure | what follows |
//! |---|---|
//! | not sent | again, until the attempts are used up |
//! | rate limited | wait as told, at the provider's gate; parked when told to wait beyond the cap |
//! | transient | again, at most twice |
//! | outcome unknown, perhaps paid | again, once |
//! | unusable envelope | again, once |
//! | record rejected | never; the record fails |
//! | provider rejected | never; the provider stops, the others go on |
//!
//! Waits without a hint grow exponentially with full jitter (Brooker, AWS 2015). Retries of the
//! whole run are held to a budget, so that a broken provider is not asked many times over.

use std::time::Duration;

use crate::provider::FailureKind;

/// The shortest wait that a hint can ask for.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);

/// How often and how long failed attempts are made again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts per question at most, the first included; waits for a rate limit do not count.
    pub max_attempts: u32,
    /// Waits for a rate limit per question at most.
    pub max_waits: u32,
    /// The longest first wait without a hint; doubles with every attempt.
    pub base: Duration,
    /// No wait is longer; a provider that asks for more is parked.
    pub cap: Duration,
    /// Retries at most, as a share of the calls of the run …
    pub budget_share: f64,
    /// … and always this many.
    pub budget_floor: u64,
    /// Whether an unusable answer is asked to be repaired, once.
    pub repair: bool,
}

impl Default for RetryPolicy {
    /// Three attempts, 20 waits, first wait at most 0.5 s, cap 60 s, budget 10 % and always 10, one repair.
    fn default() -> Self {
        Self {
            max_attempts: 3,
            max_waits: 20,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(60),
            budget_share: 0.1,
            budget_floor: 10,
            repair: true,
        }
    }
}

/// The failures of one question so far, the last one included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Of every kind but rate limits.
    pub counted: u32,
    /// Rate limits.
    pub rate_limited: u32,
    /// Failures on the provider's side.
    pub transient: u32,
    /// Cut after sending.
    pub unknown: u32,
    /// Answers that were no completion.
    pub unusable: u32,
}

impl Failures {
    /// Counts one more failure.
    pub fn add(&mut self, kind: FailureKind) {
        match kind {
            FailureKind::RateLimited => {
                self.rate_limited += 1;
                return;
            }
            FailureKind::Transient => self.transient += 1,
            FailureKind::UnknownOutcome => self.unknown += 1,
            FailureKind::Unusable => self.unusable += 1,
            FailureKind::NotSent | FailureKind::RecordRejected | FailureKind::ProviderRejected => {}
        }
        self.counted += 1;
    }
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Try again after a wait. `shared` waits hold back every call to the provider.
    Retry {
        /// How long.
        after: Duration,
        /// Whether the whole provider waits.
        shared: bool,
    },
    /// This call fails in this run, and is asked again when the run is continued.
    GiveUp,
    /// This call will never be answered.
    Reject,
    /// No call to this provider will be answered in this run.
    StopProvider,
}

/// Decides what follows the last of `failures`; `jitter` is a random number in `0.0..1.0`.
#[must_use]
pub fn next_step(
    policy: &RetryPolicy,
    kind: FailureKind,
    hint: Option<Duration>,
    failures: Failures,
    jitter: f64,
) -> Step {
    let allowed = match kind {
        FailureKind::RecordRejected => return Step::Reject,
        FailureKind::ProviderRejected => return Step::StopProvider,
        FailureKind::RateLimited => return wait_for_limit(policy, hint, failures, jitter),
        FailureKind::NotSent => true,
        FailureKind::Transient => failures.transient <= 2,
        FailureKind::UnknownOutcome => failures.unknown <= 1,
        FailureKind::Unusable => failures.unusable <= 1,
    };
    if !allowed || failures.counted >= policy.max_attempts {
        return Step::GiveUp;
    }
    match hint.filter(|hint| !hint.is_zero()) {
        Some(hint) if hint > policy.cap => Step::GiveUp,
        Some(hint) => Step::Retry { after: hint.max(SHORTEST_WAIT), shared: false },
        None => Step::Retry { after: backoff(policy, failures.counted, jitter), shared: false },
    }
}

fn wait_for_limit(policy: &RetryPolicy, hint: Option<Duration>, failures: Failures, jitter: f64) -> Step {
    if failures.rate_limited > policy.max_waits {
        return Step::GiveUp;
    }
    match hint.filter(|hint| !hint.is_zero()) {
        Some(hint) if hint > policy.cap => Step::StopProvider,
        Some(hint) => Step::Retry { after: hint.max(SHORTEST_WAIT), shared: true },
        None => {
            let after = backoff(policy, failures.rate_limited, jitter).max(SHORTEST_WAIT);
            Step::Retry { after, shared: true }
        }
    }
}

/// Full jitter: uniform between nothing and the exponentially growing ceiling.
fn backoff(policy: &RetryPolicy, failures: u32, jitter: f64) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    policy.base.saturating_mul(doubled).min(policy.cap).mul_f64(jitter.clamp(0.0, 1.0))
}

/// Retries of the whole run, held to a share of its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryBudget {
    calls: u64,
    retries: u64,
}

impl RetryBudget {
    /// Counts a call that is made for the first time.
    pub fn call(&mut self) {
        self.calls += 1;
    }

    /// Takes one retry out of the budget; `false` when there is none left.
    pub fn take(&mut self, policy: &RetryPolicy) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count is a count; the cast saturates"
        )]
        let share = (self.calls as f64 * policy.budget_share) as u64;
        let left = self.retries < share.max(policy.budget_floor);
        self.retries += u64::from(left);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [FailureKind; 7] = [
        FailureKind::NotSent,
        FailureKind::RateLimited,
        FailureKind::Transient,
        FailureKind::UnknownOutcome,
        FailureKind::RecordRejected,
        FailureKind::ProviderRejected,
        FailureKind::Unusable,
    ];

    /// How often a call is made when every attempt fails in the same way.
    fn attempts(policy: &RetryPolicy, kind: FailureKind) -> u32 {
        let mut failures = Failures::default();
        for attempt in 1.. {
            failures.add(kind);
            if !matches!(next_step(policy, kind, None, failures, 0.5), Step::Retry { .. }) {
                return attempt;
            }
        }
        unreachable!()
    }

    #[test]
    fn attempts_are_exactly_as_many_as_the_table_says() {
        let policy = RetryPolicy { max_attempts: 10, max_waits: 4, ..RetryPolicy::default() };
        let expected = [10, 5, 3, 2, 1, 1, 2];
        for (kind, expected) in KINDS.into_iter().zip(expected) {
            assert_eq!(attempts(&policy, kind), expected, "{kind:?}");
        }
        let once = RetryPolicy { max_attempts: 1, ..policy };
        assert_eq!(attempts(&once, FailureKind::Transient), 1);
    }

    #[test]
    fn a_hint_is_followed_and_clamped() {
        let policy = RetryPolicy::default();
        let failures = Failures { rate_limited: 1, ..Failures::default() };
        let step = |hint: f64| {
            let hint = Some(Duration::from_secs_f64(hint));
            next_step(&policy, FailureKind::RateLimited, hint, failures, 0.5)
        };
        assert_eq!(step(7.0), Step::Retry { after: Duration::from_secs(7), shared: true });
        assert_eq!(step(0.01), Step::Retry { after: SHORTEST_WAIT, shared: true });
        // Nought is no hint: half of the base of 0.5 s.
        assert_eq!(step(0.0), Step::Retry { after: Duration::from_millis(250), shared: true });
        assert_eq!(step(61.0), Step::StopProvider);
    }

    #[test]
    fn what_will_never_be_answered_is_never_asked_again() {
        let (policy, none) = (RetryPolicy::default(), Failures::default());
        let step = |kind| next_step(&policy, kind, None, none, 0.5);
        assert_eq!(step(FailureKind::RecordRejected), Step::Reject);
        assert_eq!(step(FailureKind::ProviderRejected), Step::StopProvider);
    }

    #[test]
    fn the_budget_is_a_share_of_the_calls_with_a_floor() {
        let policy = RetryPolicy { budget_share: 0.1, budget_floor: 2, ..RetryPolicy::default() };
        let mut budget = RetryBudget::default();
        assert_eq!((0..5).filter(|_| budget.take(&policy)).count(), 2);
        (0..50).for_each(|_| budget.call());
        // A tenth of 50 calls is 5, of which 2 are used.
        assert_eq!((0..9).filter(|_| budget.take(&policy)).count(), 3);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap_and_no_series_endless(
            kinds in prop::collection::vec(0..KINDS.len(), 1..80),
            jitter in 0.0..1.0_f64,
            hint in prop::option::of(0_u64..200_000),
        ) {
            let policy = RetryPolicy::default();
            let mut failures = Failures::default();
            let mut made = 0_u32;
            for kind in kinds.into_iter().map(|place| KINDS[place]) {
                failures.add(kind);
                made += 1;
                match next_step(&policy, kind, hint.map(Duration::from_millis), failures, jitter) {
                    Step::Retry { after, .. } => prop_assert!(after <= policy.cap),
                    _ => break,
                }
            }
            prop_assert!(made <= policy.max_attempts + policy.max_waits);
        }
    }
}
