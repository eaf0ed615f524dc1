//! Whether there are answers enough.

use super::study::Quorum;

/// Calls and units of a run, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnout {
    /// Calls that were to be answered.
    pub calls: u64,
    /// Calls with a usable answer.
    pub answered: u64,
    /// Records, or parts of the corpus.
    pub units: u64,
    /// Of those, the ones for which enough distinct members answered.
    pub complete_units: u64,
}

impl Turnout {
    /// Adds the counts of another part of the run.
    pub(super) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.units += other.units;
        self.complete_units += other.complete_units;
    }
}

impl Quorum {
    /// Whether enough members answered for one unit.
    #[must_use]
    pub fn met_by(&self, models: u32) -> bool {
        models >= self.min_models
    }

    /// Whether a run has answers enough: at least one at all, the share of calls, and the share of units.
    ///
    /// A run in which nothing was to be asked has lost nothing.
    #[must_use]
    pub fn holds(&self, turnout: Turnout) -> bool {
        let enough = |part: u64, whole: u64| part as f64 >= self.min_success_ratio * whole as f64;
        turnout.calls == 0
            || (turnout.complete_units > 0
                && enough(turnout.answered, turnout.calls)
                && enough(turnout.complete_units, turnout.units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_three_quarters_of_calls_and_of_units() {
        let quorum = Quorum::default();
        let turnout = |answered, complete_units| Turnout { calls: 12, answered, units: 4, complete_units };
        // 9 of 12 and 3 of 4 are exactly three quarters.
        assert!(quorum.holds(turnout(9, 3)));
        assert!(!quorum.holds(turnout(8, 4)));
        assert!(!quorum.holds(turnout(12, 2)));
        assert!(quorum.holds(Turnout::default()));
    }

    #[test]
    fn a_run_without_any_answer_is_never_enough() {
        let quorum = Quorum { min_models: 1, min_success_ratio: 0.0, laggards: None };
        assert!(!quorum.holds(Turnout { calls: 3, answered: 0, units: 1, complete_units: 0 }));
    }
}
