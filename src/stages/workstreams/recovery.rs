//! What follows a failure: the same model again, then another one, then less of it.

use serde::{Deserialize, Serialize};

/// What to try next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// The same again.
    Retry {
        /// Who is asked.
        model: String,
    },
    /// The next of the stream's models, over everything.
    Fallback {
        /// Who is asked.
        model: String,
    },
    /// The last model, over the first half of the records.
    Reduce {
        /// Who is asked.
        model: String,
        /// How many of the stream's records, from its first.
        records: usize,
    },
    /// Nothing is left to try: dependants are told.
    GiveUp,
}

/// A failure, and what was tried after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setback {
    /// Who had been asked.
    pub model: String,
    /// About how many records.
    pub records: usize,
    /// Why it failed, in the caller's words.
    pub reason: String,
    /// What follows.
    pub then: Step,
}

/// The ladder of one stream, and how far down it is. Every rung is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    models: Vec<String>,
    records: usize,
    retries: u32,
    reductions: u32,
    model: usize,
    retried: u32,
    reduced: u32,
    setbacks: Vec<Setback>,
}

impl Recovery {
    /// A stream of so many records whose models are tried in order, each `retries` times again, and whose
    /// records are halved at most `reductions` times after that, never below one.
    #[must_use]
    pub fn new(models: Vec<String>, records: usize, retries: u32, reductions: u32) -> Self {
        Self { models, records, retries, reductions, model: 0, retried: 0, reduced: 0, setbacks: Vec::new() }
    }

    /// Writes a failure down and says what follows: the same model, then the next one, then less, then nothing.
    pub fn failed(&mut self, reason: &str) -> Step {
        let model = self.models.get(self.model).cloned().unwrap_or_default();
        let records = self.records;
        let then = self.next(&model);
        self.setbacks.push(Setback { model, records, reason: reason.to_owned(), then: then.clone() });
        then
    }

    fn next(&mut self, model: &str) -> Step {
        if self.retried < self.retries && self.reduced == 0 && !self.models.is_empty() {
            self.retried += 1;
            return Step::Retry { model: model.to_owned() };
        }
        if self.reduced == 0
            && let Some(next) = self.models.get(self.model + 1)
        {
            self.model += 1;
            self.retried = 0;
            return Step::Fallback { model: next.clone() };
        }
        if self.reduced < self.reductions && self.records > 1 && !self.models.is_empty() {
            self.reduced += 1;
            self.records = self.records.div_ceil(2);
            return Step::Reduce { model: model.to_owned(), records: self.records };
        }
        Step::GiveUp
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
    fn a_failure_is_retried_then_switched_then_rescoped_and_all_of_it_is_written_down() {
        let mut recovery = Recovery::new(vec!["a".to_owned(), "b".to_owned()], 10, 1, 2);
        let steps: Vec<Step> = (0..6).map(|_| recovery.failed("HTTP 500")).collect();
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            steps,
            [
                Step::Retry { model: a },
                Step::Fallback { model: b.clone() },
                Step::Retry { model: b.clone() },
                Step::Reduce { model: b.clone(), records: 5 },
                Step::Reduce { model: b, records: 3 },
                Step::GiveUp,
            ]
        );
        assert_eq!(recovery.setbacks().len(), 6);
        assert_eq!((recovery.setbacks()[1].model.as_str(), recovery.setbacks()[5].records), ("a", 3));
    }

    proptest! {
        #[test]
        fn the_ladder_ends(models in 0_usize..5, records in 0_usize..100, retries in 0_u32..4, reductions in 0_u32..10) {
            let mut recovery = Recovery::new(vec!["m".to_owned(); models], records, retries, reductions);
            let most = models * (retries as usize + 1) + reductions as usize + 1;
            let steps = (0..most).map(|_| recovery.failed("no")).take_while(|step| *step != Step::GiveUp).count();
            prop_assert!(steps < most, "{steps} of {most}");
            prop_assert_eq!(recovery.failed("no"), Step::GiveUp);
        }
    }
}
