//! How long an answer of one model is awaited, learned from its answers.
//!
//! The retransmission timer of TCP (Jacobson and Karels 1988; RFC 6298): a smoothed mean of the latencies and of their
//! deviation from it, and a limit of the mean and four deviations. A call that hangs is given up long before the
//! longest time that the study allows; a model that has become slow is not cut again and again, because every cut
//! doubles the limit until an answer comes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::study::PanelMember;

/// Answers before anything is said.
const ANSWERS: u32 = 20;
/// Nobody is given less time than this.
const LEAST: Duration = Duration::from_secs(10);
/// How much of the mean, and of the deviation, a new latency is.
const MEAN_GAIN: f64 = 1.0 / 8.0;
const DEVIATION_GAIN: f64 = 1.0 / 4.0;
/// Deviations above the mean.
const DEVIATIONS: f64 = 4.0;

/// The latencies of one model in seconds, smoothed; knows no clock.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    answers: u32,
    mean: f64,
    deviation: f64,
    doublings: i32,
}

impl Patience {
    /// An answer took so long.
    pub(super) fn answered(&mut self, latency: Duration) {
        let latency = latency.as_secs_f64();
        if self.answers == 0 {
            (self.mean, self.deviation) = (latency, latency / 2.0);
        } else {
            self.deviation += DEVIATION_GAIN * ((self.mean - latency).abs() - self.deviation);
            self.mean += MEAN_GAIN * (latency - self.mean);
        }
        self.answers = self.answers.saturating_add(1);
        self.doublings = 0;
    }

    /// An attempt was cut at the limit.
    pub(super) fn cut(&mut self) {
        self.doublings = self.doublings.saturating_add(1);
    }

    /// How long the next answer is awaited; never longer than `most`.
    pub(super) fn limit(&self, most: Duration) -> Duration {
        if self.answers < ANSWERS {
            return most;
        }
        let seconds = (self.mean + DEVIATIONS * self.deviation).max(LEAST.as_secs_f64());
        let seconds = seconds * 2_f64.powi(self.doublings.min(30));
        Duration::try_from_secs_f64(seconds).map_or(most, |limit| limit.min(most))
    }
}

/// What is known about many models, kept from one run to the next: by where they are asked, and by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patiences(Arc<Mutex<BTreeMap<(String, String), Shared>>>);

/// What is known about one model, for all who ask it.
type Shared = Arc<Mutex<Patience>>;

impl Patiences {
    /// What is known about a member's model; the same for all who ask.
    pub(super) fn of(&self, member: &PanelMember) -> Shared {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry((member.address(), member.model.clone())).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(600);

    fn after(latencies: &[u64]) -> Patience {
        let mut patience = Patience::default();
        for &seconds in latencies {
            patience.answered(Duration::from_secs(seconds));
        }
        patience
    }

    #[test]
    fn c9_the_limit_is_the_mean_and_four_deviations_of_what_was_seen() {
        assert_eq!(after(&[20; 19]).limit(MOST), MOST, "too few answers to say anything");
        let even = after(&[20; 20]);
        // The deviation begins at 10 and loses a quarter nineteen times: 10 × .75¹⁹ = .0423; 20 + 4 × .0423 = 20.17.
        assert!((even.limit(MOST).as_secs_f64() - 20.169).abs() < 0.001, "{:?}", even.limit(MOST));
        assert_eq!(after(&[1; 40]).limit(MOST), LEAST);
        assert_eq!(after(&[500; 40]).limit(Duration::from_secs(30)), Duration::from_secs(30));
    }

    #[test]
    fn c9_a_model_that_has_become_slow_is_given_twice_as_long_after_every_cut() {
        let mut patience = after(&[1; 40]);
        patience.cut();
        patience.cut();
        assert_eq!(patience.limit(MOST), 4 * LEAST);
        patience.answered(Duration::from_secs(30));
        // Mean 1 + 29 / 8 = 4.6; deviation about 29 / 4 = 7.25: 4.6 + 29 = 33.6.
        assert!((33.0..35.0).contains(&patience.limit(MOST).as_secs_f64()), "{:?}", patience.limit(MOST));
    }
}
