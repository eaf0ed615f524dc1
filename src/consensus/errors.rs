//! What can stop a consensus.

use crate::cluster::ClusterError;
use crate::embed::EmbedError;

/// A consensus that could not be formed, or settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsensusError {
    /// A setting outside its range.
    #[error("consensus setting `{name}` is `{value}`; it must be {expected}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// The value as given.
        value: f64,
        /// The values that can be used.
        expected: &'static str,
    },
    /// A weight for a model that is not in the panel.
    #[error("there is a weight for `{model}`, which is not in the panel ({panel})")]
    UnknownModel {
        /// The name as given.
        model: String,
        /// The panel.
        panel: String,
    },
    /// A calibration file that is named in the settings and was not brought with them.
    #[error(
        "the calibration `{path}` was not read; it must be `none`, `shipped` or a file of `consona calibrate`"
    )]
    Calibration {
        /// The name as given.
        path: String,
    },
    /// A share of wrong list items that no labelled lists can promise.
    #[error(
        "`item_risk` is `{risk}`, and the calibration has no labelled lists, or too few, to promise that; label \
         lists, fit with `consona calibrate`, and name the file, or set `item_support`"
    )]
    ItemRisk {
        /// The risk asked for.
        risk: f64,
    },
    /// The drafts can no longer be read, or the result no longer be written.
    #[error("the drafts could not be read, or the result not be written")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The drafts could not be embedded.
    #[error("record `{record}` could not be embedded")]
    Embed {
        /// Which record.
        record: String,
        /// Why.
        source: EmbedError,
    },
    /// The drafts could not be clustered.
    #[error("the drafts of record `{record}` could not be clustered")]
    Cluster {
        /// Which record.
        record: String,
        /// Why.
        source: ClusterError,
    },
}
