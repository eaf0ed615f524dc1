//! Our own clusterer: many small problems, one per record, where every session names each persona once.
//!
//! Two steps. *Average linkage with cannot-link* joins the two most alike clusters while their mean
//! similarity is above the linkage threshold and they share no session. Then *one-to-one
//! assignment*: session by session, drafts are assigned to the clusters of the other sessions' drafts
//! so that the sum of similarities is greatest (Hungarian method), each draft free to stand alone
//! where nothing resembles it by more than the refinement threshold; repeated until nothing moves.
//! The number of clusters follows from the thresholds ([`super::threshold`]).
//!
//! Cannot-link bends where it must: drafts of one session that are near-duplicates (similarity at
//! or above [`Thresholds::duplicate`](super::threshold::Thresholds::duplicate)) are one draft said
//! twice. They become one vote whose similarities are the means of both, and
//! [`Outcome::merged`] names them.
//!
//! A session that splits one persona in two *different* drafts keeps one of them in the cluster, the
//! one that fits better; the other stands alone unless other sessions split in the same way. What
//! that costs is measured in `tests/simulated.rs` (scenario `split`).

mod algorithm;
mod errors;
mod hyperparams;
mod linkage;
mod matching;
mod refinement;
mod votes;
mod workspace;

pub use algorithm::{AgreementModel, Outcome};
pub use errors::AgreementParamsError;
pub use hyperparams::{AgreementParams, AgreementValidParams};
pub(super) use linkage::{Stop, average_linkage};
pub use workspace::Workspace;
