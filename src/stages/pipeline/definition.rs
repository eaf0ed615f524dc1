//! A pipeline as somebody wrote it.

use crate::stages::adaptation::AdaptiveRules;

/// A value with the line that it stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The line, from 1, where it is known.
    pub line: Option<u64>,
}

impl<T> Located<T> {
    /// A value of no known line.
    pub fn nowhere(value: T) -> Self {
        Self { value, line: None }
    }
}

/// A setting as it was written: missing, or a value with its line.
pub type Written<T> = Option<Located<T>>;

/// Stages that are to go at the same time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupDefinition {
    /// Its name.
    pub name: String,
    /// What goes before it.
    pub after: Written<String>,
    /// Its stages.
    pub stages: Vec<Located<String>>,
    /// What goes behind it.
    pub before: Written<String>,
}

/// How one stage is to go about its work; everything missing has a default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageDefinition {
    /// Its name.
    pub name: String,
    /// What it does; the name where it is missing.
    pub kind: Written<String>,
    /// Who is asked.
    pub model: Written<String>,
    /// Who is asked next.
    pub fallback: Written<String>,
    /// Seconds.
    pub timeout: Written<f64>,
    /// Attempts after the first.
    pub retries: Written<u32>,
    /// Calls in flight at most.
    pub concurrency: Written<usize>,
    /// A share.
    pub min_success_ratio: Written<f64>,
    /// Seconds.
    pub lifetime: Written<f64>,
    /// Whether it may fail.
    pub optional: bool,
    /// What must be there, instead of what its kind requires.
    pub requires: Option<Vec<Located<String>>>,
    /// What it makes, instead of what its kind makes.
    pub produces: Option<Vec<Located<String>>>,
    /// The program and its arguments.
    pub run: Written<Vec<String>>,
    /// Whether `--yes` is enough.
    pub allow_yes: Written<bool>,
    /// Rounds of rework.
    pub rework: Written<u32>,
}

impl StageDefinition {
    /// The first line that is known of it.
    pub(super) fn line(&self) -> Option<u64> {
        /// Where a setting is written.
        fn of<T>(written: Option<&Located<T>>) -> Option<u64> {
            written.and_then(|written| written.line)
        }
        let listed =
            |names: &Option<Vec<Located<String>>>| names.iter().flatten().filter_map(|name| name.line).min();
        let lines = [
            of(self.kind.as_ref()),
            of(self.model.as_ref()),
            of(self.fallback.as_ref()),
            of(self.timeout.as_ref()),
            of(self.retries.as_ref()),
            of(self.concurrency.as_ref()),
            of(self.min_success_ratio.as_ref()),
            of(self.lifetime.as_ref()),
            listed(&self.requires),
            listed(&self.produces),
            of(self.run.as_ref()),
            of(self.allow_yes.as_ref()),
            of(self.rework.as_ref()),
        ];
        lines.into_iter().flatten().min()
    }
}

/// A pipeline as somebody wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// The order; the usual one where it is missing.
    pub order: Option<Vec<Located<String>>>,
    /// The groups; with the usual order the usual one where they are missing.
    pub groups: Option<Vec<GroupDefinition>>,
    /// What is said of single stages.
    pub stages: Vec<StageDefinition>,
    /// Stages that go at the same time at most.
    pub concurrency: Written<usize>,
    /// The rules by which it adapts, where it does.
    pub adaptive: Written<AdaptiveRules>,
    /// The models that can be asked, those of the panel first.
    pub models: Vec<String>,
}
