//! One self-contained HTML file that tells how far to trust a result.
//!
//! [`ReportBuilder`] takes what a result folder holds, one persona and one call at a time, and keeps
//! aggregates, plus the records that are shown: all of a small result, the most divergent of a large
//! one. `view` chooses words and numbers, `figure` draws, the templates beside this file only place.
//!
//! The file asks nobody for anything: its policy allows its own style and its own script, by their
//! hashes, and nothing else. The script sorts and filters; without it everything is there. Text of models
//! and users is escaped by the templates and stands in no attribute, so that nothing of it becomes markup.
//! Equal results give equal bytes.
//!
//! It does not judge: every number is one of the stored result, or a count over it with its n.

mod builder;
mod figure;
mod projection;
mod render;
mod sample;
mod stages;
mod stored;
mod tallies;
mod tsne;
mod view;

pub use builder::ReportBuilder;
pub use projection::Projection;
pub use render::HtmlError;
pub use stages::StoredStages;
pub use stored::{Metrics, Origin, StoredAnswer, StoredSummary};
