//! When an endpoint that fails and fails is left alone for a while.
//!
//! Closed, it counts failures in a row. At [`FAILURES`] it opens: nobody asks for a while. Then one call
//! tries whether the endpoint is back (half open): an answer closes the breaker, a failure opens it for twice as
//! long. An endpoint that has failed [`TRIALS`] such trials in a row is given up for this run.
//! What the provider *says* (a rate limit, a refused record) is an answer here: it is alive.

use std::time::Duration;

/// Failures in a row that open the breaker.
const FAILURES: u32 = 8;
/// How long it is open first.
const FIRST: Duration = Duration::from_secs(1);
/// How long it is open at most.
const LONGEST: Duration = Duration::from_secs(60);
/// Trials in a row that fail before the endpoint is given up: after five minutes of waiting.
const TRIALS: u32 = 10;

/// What a failure does to the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Carry,
    /// It is left alone so long.
    Open(Duration),
    /// It is given up.
    Dead,
}

/// Counts failures of one endpoint; knows no clock.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    trials: u32,
    half_open: bool,
}

impl Breaker {
    /// Whether only one call at a time may try.
    pub(super) fn is_half_open(&self) -> bool {
        self.half_open
    }

    /// The endpoint is alive.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// The endpoint failed. `trial` says that the call began when the breaker was half open: those that
    /// were on their way before tell nothing new.
    pub(super) fn failed(&mut self, trial: bool) -> Verdict {
        if self.half_open && !trial {
            return Verdict::Carry;
        }
        self.failures += 1;
        if !self.half_open && self.failures < FAILURES {
            return Verdict::Carry;
        }
        self.trials += u32::from(self.half_open);
        self.half_open = true;
        if self.trials >= TRIALS {
            return Verdict::Dead;
        }
        Verdict::Open(FIRST.saturating_mul(1 << self.trials.min(6)).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_failures_in_a_row_open_it_and_an_answer_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(false), Verdict::Carry);
        }
        breaker.answered();
        for _ in 1..FAILURES {
            assert_eq!(breaker.failed(false), Verdict::Carry);
        }
        assert_eq!(breaker.failed(false), Verdict::Open(FIRST));
        assert!(breaker.is_half_open());
        assert_eq!(breaker.failed(false), Verdict::Carry, "it was on its way before");
        breaker.answered();
        assert!(!breaker.is_half_open());
    }

    #[test]
    fn failed_trials_wait_twice_as_long_each_and_the_tenth_gives_up() {
        let mut breaker = Breaker::default();
        let opened: Vec<Verdict> =
            (1..=FAILURES + TRIALS).map(|_| breaker.failed(breaker.is_half_open())).collect();
        let waits: Vec<u64> = opened
            .iter()
            .filter_map(|verdict| match verdict {
                Verdict::Open(wait) => Some(wait.as_secs()),
                _ => None,
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(opened.last(), Some(&Verdict::Dead));
    }
}
