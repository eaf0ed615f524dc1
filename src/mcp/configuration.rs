//! What whoever starts the server decides.

use std::sync::Arc;

use super::AllowedFolders;
use crate::consensus::ConsensusValidParams;
use crate::embed::Embedder;
use crate::run::consult::{Continuations, Roster};
use crate::run::study::Mode;
use crate::run::{Reserve, Seats, Study};

/// A study's panel, ready to be asked.
#[derive(Clone, Debug)]
pub struct Panel {
    pub(super) study: Study,
    pub(super) seats: Seats,
    pub(super) reserves: Vec<Reserve>,
    pub(super) roster: Roster,
    pub(super) settings: ConsensusValidParams,
}

impl Panel {
    /// The panel of a study beside its providers; `settings` are those of the study's sections. Its members always
    /// draft blind to each other, whatever the study's mode, because consensus personas are asked for.
    #[must_use]
    pub fn new(study: Study, seats: Seats, settings: ConsensusValidParams) -> Self {
        let roster = Roster::new(seats.clone(), Some(&study));
        let study = Study { mode: Mode::Consensus, ..study };
        Self { study, seats, reserves: Vec::new(), roster, settings }
    }

    /// With the models that stand in for its members, as in a run.
    #[must_use]
    pub fn with_reserves(self, reserves: Vec<Reserve>) -> Self {
        Self { roster: self.roster.with_reserves(reserves.clone()), reserves, ..self }
    }
}

/// Everything that callers can use.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The models that may be asked; without them only drafts can be merged and results read.
    pub panel: Option<Panel>,
    /// What compares meanings.
    pub embedder: Arc<dyn Embedder>,
    /// The settings for drafts that a caller brings.
    pub settings: ConsensusValidParams,
    /// Whose files may be read.
    pub allowed: AllowedFolders,
    /// Where consultations are kept that can be carried on.
    pub continuations: Option<Continuations>,
}
