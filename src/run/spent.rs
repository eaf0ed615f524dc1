//! What a run has cost: its panel, its stages and its ablation, and how sure that is.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::study::{PanelMember, Study};
use crate::store::{Money, Note, Store, StoreError};

/// The folder of the ablation's database in a run folder.
pub(crate) const ABLATION: &str = "ablation";

/// The folder with one folder per stage that asks models, in a run folder.
pub(crate) const STAGES: &str = "stages";

/// What a run folder has cost, over all sittings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
pub struct Spent {
    /// Everything together.
    #[cfg_attr(feature = "mcp", schemars(with = "f64"))]
    pub total: Money,
    /// Of it, the calls of stages such as the review.
    #[cfg_attr(feature = "mcp", schemars(with = "f64"))]
    pub stages: Money,
    /// Of it, the panel asked once more without its evidence.
    #[cfg_attr(feature = "mcp", schemars(with = "f64"))]
    pub ablation: Money,
    /// Of it, what calls of unknown outcome have cost at most: their process died, or they told no usage.
    #[cfg_attr(feature = "mcp", schemars(with = "f64"))]
    pub uncertain: Money,
    /// How many calls that are.
    pub uncertain_calls: u64,
    /// The models that were asked and that have no price: what they cost is not in the total.
    pub unpriced: Vec<String>,
}

impl Spent {
    /// Adds up what the databases of a run folder hold; `store` is the folder's own.
    ///
    /// # Errors
    /// [`StoreError`] when one of them cannot be read.
    pub fn of(folder: &Path, store: &Store) -> Result<Self, StoreError> {
        let without: Vec<String> = match store.noted(Note::Unpriced)? {
            Some(names) => serde_json::from_str(&names)
                .map_err(|_| StoreError::Unreadable { what: "unpriced", value: names })?,
            None => Vec::new(),
        };
        let mut spent = Self::default();
        spent.add(store, &without)?;
        let before = spent.total;
        let ablation = folder.join(ABLATION);
        if Store::exists(&ablation) {
            spent.add(&Store::read(&ablation)?, &without)?;
        }
        spent.ablation = spent.total.less(before);
        let before = spent.total;
        // A run without stages has no such folder.
        for stage in std::fs::read_dir(folder.join(STAGES)).into_iter().flatten().flatten() {
            if Store::exists(&stage.path()) {
                spent.add(&Store::read(&stage.path())?, &without)?;
            }
        }
        spent.stages = spent.total.less(before);
        spent.unpriced.sort();
        spent.unpriced.dedup();
        Ok(spent)
    }

    fn add(&mut self, store: &Store, without: &[String]) -> Result<(), StoreError> {
        for member in store.spend()? {
            self.total += member.cost;
            self.uncertain += member.uncertain;
            self.uncertain_calls += member.uncertain_calls;
            if member.attempts > 0 && without.contains(&member.member) {
                self.unpriced.push(member.member);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Spent {
    /// `0.0718 (of it ablation 0.0289; up to 0.0416 for 3 calls whose outcome is unknown)`; never `0.00` for what has
    /// no price.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = Vec::new();
        let parts = [("ablation", self.ablation), ("stages", self.stages)];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, cost)| *cost > Money::ZERO)
            .map(|(name, cost)| format!("{name} {cost}"))
            .collect();
        if !parts.is_empty() {
            said.push(format!("of it {}", parts.join(", ")));
        }
        if self.uncertain > Money::ZERO {
            let calls = if self.uncertain_calls == 1 { "call" } else { "calls" };
            let (uncertain, count) = (self.uncertain, self.uncertain_calls);
            said.push(format!("up to {uncertain} for {count} {calls} whose outcome is unknown"));
        }
        if !self.unpriced.is_empty() {
            said.push(format!("no price for {}", self.unpriced.join(", ")));
        }
        match (self.total, self.unpriced.is_empty()) {
            (Money::ZERO, false) => f.write_str("unknown")?,
            (total, true) => write!(f, "{total}")?,
            (total, false) => write!(f, "{total} and more")?,
        }
        if said.is_empty() { Ok(()) } else { write!(f, " ({})", said.join("; ")) }
    }
}

/// The models of a study whose price is not known: of its panel, their fallbacks and its stages.
pub(crate) fn unpriced(study: &Study) -> Vec<String> {
    let fallbacks = study.panel.iter().flat_map(|member| &member.fallbacks);
    let of_stages = study.stages.iter().flat_map(|stages| &stages.models);
    let all = study.panel.iter().chain(fallbacks).chain(of_stages);
    let mut names: Vec<String> = all
        .filter(|member: &&PanelMember| member.price.is_none())
        .map(|member| member.name.to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_price_is_unknown_and_never_nothing() {
        let free = Spent::default();
        assert_eq!(free.to_string(), "0.00");
        let unknown = Spent { unpriced: vec!["ollama:a".to_owned()], ..Spent::default() };
        assert_eq!(unknown.to_string(), "unknown (no price for ollama:a)");
        let partly = Spent { total: Money::from_amount(0.5), ..unknown };
        assert_eq!(partly.to_string(), "0.500000 and more (no price for ollama:a)");
    }

    #[test]
    fn the_ablation_the_stages_and_lost_calls_are_named() {
        let spent = Spent {
            total: Money::from_amount(0.0718),
            stages: Money::from_amount(0.01),
            ablation: Money::from_amount(0.0289),
            uncertain: Money::from_amount(0.0416),
            uncertain_calls: 3,
            unpriced: Vec::new(),
        };
        let said = "0.071800 (of it ablation 0.028900, stages 0.010000; up to 0.041600 for 3 calls whose outcome is unknown)";
        assert_eq!(spent.to_string(), said);
    }
}
