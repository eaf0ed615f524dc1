//! Whether a stream is stuck or late, told from times that the caller measured.

use serde::{Deserialize, Serialize};

/// Something that a person should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alarm", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Alarm {
    /// Nothing was finished for longer than allowed.
    Stuck {
        /// For how long, in milliseconds.
        silent_ms: u64,
    },
    /// It takes longer than was estimated.
    Late {
        /// By how many milliseconds.
        over_ms: u64,
    },
}

/// What a stream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// How long nothing may happen, in milliseconds.
    pub stuck_after_ms: u64,
    /// How long all of it may take, in milliseconds.
    pub estimate_ms: Option<u64>,
}

impl Watch {
    /// What is to be said about a stream that began `running_ms` ago and last finished something `silent_ms` ago.
    #[must_use]
    pub fn look(&self, running_ms: u64, silent_ms: u64) -> Vec<Alarm> {
        let stuck = (silent_ms > self.stuck_after_ms).then_some(Alarm::Stuck { silent_ms });
        let over = self.estimate_ms.map_or(0, |estimate| running_ms.saturating_sub(estimate));
        stuck.into_iter().chain((over > 0).then_some(Alarm::Late { over_ms: over })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w3_silence_and_lateness_are_two_things() {
        let watch = Watch { stuck_after_ms: 30, estimate_ms: Some(100) };
        assert!(watch.look(100, 30).is_empty());
        assert_eq!(watch.look(50, 31), [Alarm::Stuck { silent_ms: 31 }]);
        assert_eq!(watch.look(160, 40), [Alarm::Stuck { silent_ms: 40 }, Alarm::Late { over_ms: 60 }]);
        assert!(Watch { estimate_ms: None, ..watch }.look(9_999, 1).is_empty());
    }
}
