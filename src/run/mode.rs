//! How a panel is asked: three strategies behind one interface.

use std::fmt;
use std::ops::Range;

use super::study::Mode;

/// Members that are asked at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Their places in the panel.
    pub members: Range<usize>,
    /// Whether they are shown the drafts of the rounds before.
    pub sees_earlier: bool,
}

/// What the drafts become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// They stand side by side, in the order of the panel.
    SideBySide,
    /// Similar drafts of different models become consensus personas.
    Consensus,
}

/// A way to ask a panel about one unit.
pub trait Strategy: fmt::Debug + Send + Sync {
    /// The rounds for a panel of this size, in order; together they ask every member once.
    fn rounds(&self, members: usize) -> Vec<Round>;

    /// What the drafts become.
    fn combination(&self) -> Combination;
}

/// All at once; the drafts stand side by side.
#[derive(Clone, Copy, Debug)]
pub struct Parallel;

/// One after the other; each sees the whole drafts of those before it.
#[derive(Clone, Copy, Debug)]
pub struct Sequential;

/// All at once and blind to each other; similar drafts become consensus personas.
#[derive(Clone, Copy, Debug)]
pub struct Consensus;

fn together(members: usize) -> Vec<Round> {
    vec![Round { members: 0..members, sees_earlier: false }]
}

impl Strategy for Parallel {
    fn rounds(&self, members: usize) -> Vec<Round> {
        together(members)
    }

    fn combination(&self) -> Combination {
        Combination::SideBySide
    }
}

impl Strategy for Sequential {
    fn rounds(&self, members: usize) -> Vec<Round> {
        (0..members).map(|place| Round { members: place..place + 1, sees_earlier: true }).collect()
    }

    fn combination(&self) -> Combination {
        Combination::SideBySide
    }
}

impl Strategy for Consensus {
    fn rounds(&self, members: usize) -> Vec<Round> {
        together(members)
    }

    fn combination(&self) -> Combination {
        Combination::Consensus
    }
}

impl Mode {
    /// The strategy of this name.
    #[must_use]
    pub fn strategy(self) -> &'static dyn Strategy {
        match self {
            Self::Parallel => &Parallel,
            Self::Sequential => &Sequential,
            Self::Consensus => &Consensus,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m1_every_strategy_asks_every_member_once_and_only_one_shows_drafts() {
        for mode in [Mode::Parallel, Mode::Sequential, Mode::Consensus] {
            let rounds = mode.strategy().rounds(4);
            let asked: Vec<usize> = rounds.iter().flat_map(|round| round.members.clone()).collect();
            assert_eq!(asked, [0, 1, 2, 3], "{mode:?}");
            assert_eq!(rounds.iter().all(|round| round.sees_earlier), mode == Mode::Sequential);
        }
    }
}
