//! How far the models of a panel err together, with their names.

use serde::{Deserialize, Serialize};

use crate::consensus::{Dependence, PairDependence, effective_models};
use crate::persona::ModelName;

/// Two models of which it is known how far they err together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairOfModels {
    /// Who.
    pub models: [ModelName; 2],
    /// Cells that both and at least two others answered.
    pub cells: usize,
    /// Estimated correlation of their errors, -1..=1.
    pub correlation: f64,
}

/// How far the models of a panel err together; estimated without gold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanelDependence {
    /// The correlation that votes are discounted by, 0..=1.
    pub correlation: f64,
    /// The run's own lower bound, middle and upper bound.
    pub measured: Option<[f64; 3]>,
    /// Cells with at least four answers.
    pub cells: usize,
    /// How many independent models those that gave drafts are worth.
    pub n_eff: f64,
    /// Every two models that were compared often enough, in the order of the panel.
    pub pairs: Vec<PairOfModels>,
}

impl PanelDependence {
    /// What was learned, with the names of the panel; `speaking` of them gave drafts.
    #[must_use]
    pub fn of(panel: &[ModelName], speaking: usize, learned: &Dependence) -> Self {
        let named = |pair: &PairDependence| {
            let models = [panel.get(pair.models.0)?.clone(), panel.get(pair.models.1)?.clone()];
            Some(PairOfModels { models, cells: pair.cells, correlation: pair.correlation })
        };
        Self {
            correlation: learned.correlation,
            measured: learned.measured,
            cells: learned.cells,
            n_eff: effective_models(speaking as f64, learned.correlation),
            pairs: learned.pairs.iter().filter_map(named).collect(),
        }
    }
}
