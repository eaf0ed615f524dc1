//! Results against gold: every figure that the README prints.

mod consensus;
mod divergence;
mod gold;
pub mod metrics;

pub use consensus::{Committees, ConsensusReport, ConsensusTrial, Members, Scores};
pub use divergence::{
    DivergenceReport, PlantedAnswer, PlantedCell, PlantedError, evaluate_divergence, read_planted,
};
pub use gold::{GoldCell, GoldError, read_gold};
