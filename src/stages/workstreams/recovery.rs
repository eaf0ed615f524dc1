//! What follows a failure: the same models again, then another one, then less of it.

use serde::{Deserialize, Serialize};

/// What to try next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// The models that gave no answer, once more.
    Retry,
    /// The next of the stream's fallbacks, about everything that is not answered.
    Fallback {
        /// Who is asked.
        model: String,
    },
    /// The models that gave no answer, about half as much as before.
    Reduce {
        /// How often the scope has been halved by then.
        halvings: u32,
    },
    /// Nothing is left to try: dependants are told.
    GiveUp,
}

/// A failure, and what was tried after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// Calls without a usable answer.
    pub calls: u64,
    /// The commonest reason, in the words of whoever failed.
    pub reason: String,
    /// What follows.
    pub then: Step,
}

/// The ladder of one stream, and how far down it is. Every rung is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    fallbacks: Vec<String>,
    retries: u32,
    halvings: u32,
    retried: u32,
    switched: usize,
    halved: u32,
    setbacks: Vec<Setback>,
}

impl Recovery {
    /// A stream whose models are asked `retries` times again, whose fallbacks are then asked in order, and whose
    /// scope is halved at most `halvings` times after that.
    #[must_use]
    pub fn new(fallbacks: Vec<String>, retries: u32, halvings: u32) -> Self {
        Self { fallbacks, retries, halvings, retried: 0, switched: 0, halved: 0, setbacks: Vec::new() }
    }

    /// Writes a failure down and says what follows.
    pub fn failed(&mut self, calls: u64, reason: &str) -> Step {
        let then = self.next();
        self.setbacks.push(Setback { calls, reason: reason.to_owned(), then: then.clone() });
        then
    }

    fn next(&mut self) -> Step {
        if self.retried < self.retries {
            self.retried += 1;
            return Step::Retry;
        }
        if let Some(model) = self.fallbacks.get(self.switched) {
            self.switched += 1;
            return Step::Fallback { model: model.clone() };
        }
        if self.halved < self.halvings {
            self.halved += 1;
            return Step::Reduce { halvings: self.halved };
        }
        Step::GiveUp
    }

    /// How often the scope has been halved.
    #[must_use]
    pub fn halved(&self) -> u32 {
        self.halved
    }

    /// Everything that went wrong, in order.
    #[must_use]
    pub fn setbacks(&self) -> &[Setback] {
        &self.setbacks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn w4_a_failure_is_retried_then_switched_then_rescoped_and_all_of_it_is_written_down() {
        let mut recovery = Recovery::new(vec!["b".to_owned(), "c".to_owned()], 1, 2);
        let steps: Vec<Step> = (0..6).map(|_| recovery.failed(4, "HTTP 500")).collect();
        assert_eq!(
            steps,
            [
                Step::Retry,
                Step::Fallback { model: "b".to_owned() },
                Step::Fallback { model: "c".to_owned() },
                Step::Reduce { halvings: 1 },
                Step::Reduce { halvings: 2 },
                Step::GiveUp,
            ]
        );
        let written: Vec<&Step> = recovery.setbacks().iter().map(|setback| &setback.then).collect();
        assert_eq!(written, steps.iter().collect::<Vec<_>>());
        assert_eq!((recovery.setbacks()[0].calls, recovery.halved()), (4, 2));
    }

    proptest! {
        #[test]
        fn the_ladder_ends(fallbacks in 0_usize..5, retries in 0_u32..4, halvings in 0_u32..10) {
            let mut recovery = Recovery::new(vec!["m".to_owned(); fallbacks], retries, halvings);
            let rungs = fallbacks + (retries + halvings) as usize;
            for _ in 0..rungs {
                prop_assert_ne!(recovery.failed(1, "no"), Step::GiveUp);
            }
            prop_assert_eq!(recovery.failed(1, "no"), Step::GiveUp);
            prop_assert_eq!(recovery.failed(1, "no"), Step::GiveUp);
        }
    }
}
