//! How many calls an endpoint is sent at once: as many as it bears, never more than the limit.
//!
//! It begins with [`START`], or as many as one question to the panel needs, and until the first sign of trouble every
//! answer adds a call (slow start, Jacobson 1988): a high limit is reached in a moment where the endpoint is quick, and an
//! endpoint that is not is not buried first.
//!
//! Additive increase, multiplicative decrease (Chiu and Jain 1989), as in TCP: every answer adds a
//! fraction, so that a full window of answers adds one call; a rate limit or a call that timed out halves
//! the window, once per window of calls. Latency counts too: when the mean of the last [`SAMPLE`]
//! answers is above [`SLOWER`] times the best such mean, the window shrinks by a tenth; the best mean ages, so
//! that a workload that became slower for good is not punished for ever.

use std::time::Duration;

/// Calls at once to begin with.
pub(super) const START: usize = 4;
/// What is left after a sign of overload.
const HALVED: f64 = 0.5;
/// What is left when answers become slow.
const SHRUNK: f64 = 0.9;
/// Answers whose latency is averaged.
const SAMPLE: u32 = 16;
/// How much slower than the best mean is slow.
const SLOWER: f64 = 3.0;
/// How much the best mean grows with every sample.
const AGEING: f64 = 1.02;

/// The window of one endpoint; knows no clock.
#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    size: f64,
    /// The number of the next call, and of the first call that began after the last decrease.
    next: u64,
    since: u64,
    /// Whether nothing has gone wrong yet.
    untroubled: bool,
    sampled: u32,
    sum: f64,
    best: Option<f64>,
}

impl Window {
    /// A window that begins with so many calls and never has more than the limit.
    pub(super) fn new(start: usize, limit: usize) -> Self {
        let limit = limit.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a limit is at most thousands")]
        let size = start.clamp(1, limit) as f64;
        Self { limit, size, next: 0, since: 0, untroubled: true, sampled: 0, sum: 0.0, best: None }
    }

    /// Calls at once at this moment: at least 1, at most the limit.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the limit")]
    pub(super) fn size(&self) -> usize {
        (self.size as usize).clamp(1, self.limit)
    }

    /// A call begins; answers its number.
    pub(super) fn begin(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The call with that number was answered.
    pub(super) fn answered(&mut self, latency: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a limit is at most thousands")]
        let limit = self.limit as f64;
        let more = if self.untroubled { 1.0 } else { 1.0 / self.size };
        self.size = (self.size + more).min(limit);
        self.sum += latency.as_secs_f64();
        self.sampled += 1;
        if self.sampled < SAMPLE {
            return;
        }
        let mean = self.sum / f64::from(self.sampled);
        (self.sum, self.sampled) = (0.0, 0);
        let best = self.best.map_or(mean, |best| (best * AGEING).min(mean));
        if mean > SLOWER * best {
            self.size = (self.size * SHRUNK).max(1.0);
            self.untroubled = false;
        }
        self.best = Some(best);
    }

    /// The call with that number showed that the endpoint has too much to do.
    pub(super) fn overloaded(&mut self, call: u64) {
        // Calls that began before the last decrease say again what is known.
        if call >= self.since {
            self.size = (self.size * HALVED).max(1.0);
            self.since = self.next;
            self.untroubled = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(10);

    #[test]
    fn w7_it_begins_small_and_grows_with_every_answer_until_something_goes_wrong() {
        let mut window = Window::new(START, 50);
        assert_eq!(window.size(), 4);
        for _ in 0..20 {
            window.answered(QUICK);
        }
        assert_eq!(window.size(), 24);
        let call = window.begin();
        window.overloaded(call);
        window.answered(QUICK);
        assert_eq!(window.size(), 12, "12 + 1/12");
        assert_eq!(Window::new(9, 6).size(), 6, "never above the limit");
    }

    #[test]
    fn w7_a_burst_of_rate_limits_halves_the_window_once() {
        let mut window = Window::new(16, 16);
        let calls: Vec<u64> = (0..16).map(|_| window.begin()).collect();
        for call in calls {
            window.overloaded(call);
        }
        assert_eq!(window.size(), 8);
        let later = window.begin();
        window.overloaded(later);
        assert_eq!(window.size(), 4);
        for _ in 0..9 {
            let call = window.begin();
            window.overloaded(call);
        }
        assert_eq!(window.size(), 1, "somebody always asks");
    }

    #[test]
    fn w7_a_window_of_answers_adds_one_call_and_never_more_than_the_limit() {
        let mut window = Window::new(6, 6);
        let call = window.begin();
        window.overloaded(call);
        assert_eq!(window.size(), 3);
        // 3 + 1/3 = 3.33, + 1/3.33 = 3.63, + 1/3.63 = 3.91, + 1/3.91 = 4.16.
        for _ in 0..3 {
            window.answered(QUICK);
        }
        assert_eq!(window.size(), 3);
        window.answered(QUICK);
        assert_eq!(window.size(), 4);
        for _ in 0..1_000 {
            window.answered(QUICK);
        }
        assert_eq!(window.size(), 6);
    }

    #[test]
    fn answers_that_become_slow_shrink_the_window() {
        let mut window = Window::new(10, 10);
        for _ in 0..SAMPLE {
            window.answered(QUICK);
        }
        for _ in 0..SAMPLE {
            window.answered(2 * QUICK);
        }
        assert_eq!(window.size(), 10, "twice as slow is no sign of anything");
        for _ in 0..SAMPLE {
            window.answered(5 * QUICK);
        }
        assert_eq!(window.size(), 9);
    }
}
