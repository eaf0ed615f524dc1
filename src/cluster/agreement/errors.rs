//! Parameters that cannot be used.

/// A parameter of the agreement clusterer that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AgreementParamsError {
    /// A threshold that no similarity can be compared with.
    #[error("the `{name}` threshold is {value}; thresholds are similarities, from -1 to 1")]
    Threshold {
        /// Which one.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// No round at all.
    #[error("`max_iterations` is 0; the assignment needs at least one round")]
    MaxIterations,
}
