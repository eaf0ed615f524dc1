//! The study file as it is written: shapes and ranges, before values are held against each other.

use std::collections::BTreeMap;

use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::batch::BatchFile;
use super::stages::StagesFile;
use super::{Mode, Stance};
use crate::dataset::{Format, Split};
use crate::prompt::Unit;
use crate::provider::{Dialect, StructuredOutput};
use crate::run::ablation::Ablation;
use crate::stages::workstreams::Workstream;

/// The whole file.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct StudyFile {
    #[garde(length(chars, min = 1, max = 200))]
    pub(super) name: String,
    pub(super) question: Option<String>,
    #[garde(dive)]
    pub(super) input: InputFile,
    #[serde(default)]
    #[garde(dive)]
    pub(super) personas: PersonasFile,
    #[serde(default)]
    pub(super) mode: Mode,
    #[garde(length(min = 1, max = 100), dive)]
    pub(super) panel: Vec<MemberFile>,
    #[serde(default)]
    #[garde(dive)]
    pub(super) quorum: QuorumFile,
    #[serde(default)]
    #[garde(dive)]
    pub(super) retry: RetryFile,
    #[garde(range(min = 1, max = 10_000))]
    pub(super) concurrency: Option<usize>,
    pub(super) schema: Option<Value>,
    #[serde(default)]
    pub(super) weights: BTreeMap<String, f64>,
    #[serde(default)]
    pub(super) embedder: Value,
    #[serde(default)]
    pub(super) clustering: Value,
    #[serde(default)]
    pub(super) consensus: Value,
    pub(super) ablation: Option<Ablation>,
    #[garde(dive)]
    pub(super) stages: Option<StagesFile>,
    #[garde(dive)]
    pub(super) workstreams: Option<WorkstreamsFile>,
    #[serde(default)]
    #[garde(dive)]
    pub(super) limits: LimitsFile,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) output: Option<String>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct WorkstreamsFile {
    #[garde(length(min = 1, max = 1000))]
    pub(super) streams: Vec<Spanned<Workstream>>,
    #[garde(range(min = 0.01, max = 10_000.0))]
    pub(super) stuck_after_minutes: Option<f64>,
    #[garde(range(max = 10))]
    pub(super) retries: Option<u32>,
    #[garde(range(max = 10))]
    pub(super) halvings: Option<u32>,
}

/// One path or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum PathsFile {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct InputFile {
    #[serde(alias = "paths")]
    pub(super) path: PathsFile,
    pub(super) format: Option<Format>,
    pub(super) split: Option<Split>,
    pub(super) unit: Option<Unit>,
    pub(super) id_field: Option<String>,
    #[serde(default)]
    pub(super) fields: Vec<String>,
    #[garde(range(min = 1))]
    pub(super) records_per_call: Option<usize>,
    #[garde(range(min = 1))]
    pub(super) limit: Option<usize>,
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonasFile {
    #[garde(range(min = 1, max = 50))]
    pub(super) min: Option<u32>,
    #[garde(range(min = 1, max = 50))]
    pub(super) max: Option<u32>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct MemberFile {
    pub(super) model: Spanned<String>,
    pub(super) name: Option<String>,
    #[garde(range(min = 0.0, max = 1000.0))]
    pub(super) weight: Option<f64>,
    #[garde(range(min = 0.0, max = 2.0))]
    pub(super) temperature: Option<f64>,
    #[garde(range(min = 0.0, max = 1.0))]
    pub(super) top_p: Option<f64>,
    pub(super) seed: Option<u64>,
    #[garde(range(min = 1, max = 100))]
    pub(super) samples: Option<u32>,
    #[garde(range(min = 1))]
    pub(super) max_output_tokens: Option<u32>,
    pub(super) structured_output: Option<StructuredOutput>,
    pub(super) base_url: Option<String>,
    pub(super) dialect: Option<Dialect>,
    pub(super) api_key_env: Option<String>,
    #[serde(default)]
    pub(super) allow_insecure_http: bool,
    #[serde(default)]
    pub(super) timeouts: TimeoutsFile,
    #[garde(range(min = 1, max = 1000))]
    pub(super) concurrency: Option<usize>,
    #[serde(default)]
    pub(super) stance: Stance,
    pub(super) stance_prompt: Option<String>,
    /// Whether it is asked in batches, and how.
    pub(super) batch: Option<BatchFile>,
    #[garde(dive)]
    pub(super) price: Option<PriceFile>,
    pub(super) recording: Option<String>,
    /// Who is asked instead where this one gives no usable answer, in order.
    #[serde(default)]
    #[garde(length(max = 10), dive)]
    pub(super) fallback: Vec<MemberFile>,
    #[serde(default)]
    pub(super) extra: Map<String, Value>,
}

/// Seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeoutsFile {
    pub(super) connect: Option<f64>,
    pub(super) first_byte: Option<f64>,
    pub(super) idle: Option<f64>,
    pub(super) total: Option<f64>,
    #[serde(default)]
    pub(super) adaptive: bool,
}

/// Per million tokens.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceFile {
    #[garde(range(min = 0.0, max = 1_000_000.0))]
    pub(super) input: f64,
    #[garde(range(min = 0.0, max = 1_000_000.0))]
    pub(super) cached_input: Option<f64>,
    #[garde(range(min = 0.0, max = 1_000_000.0))]
    pub(super) output: f64,
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct QuorumFile {
    #[garde(range(min = 1))]
    pub(super) min_models: Option<u32>,
    #[garde(range(min = 0.0, max = 1.0))]
    pub(super) min_success_ratio: Option<f64>,
    #[garde(dive)]
    pub(super) laggards: Option<LaggardsFile>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct LaggardsFile {
    #[garde(range(min = 1))]
    pub(super) after_models: u32,
    #[garde(range(min = 0.0, max = 86_400.0))]
    pub(super) wait_seconds: f64,
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryFile {
    #[garde(range(min = 1, max = 10))]
    pub(super) max_attempts: Option<u32>,
    #[garde(range(max = 1000))]
    pub(super) max_waits: Option<u32>,
    #[garde(range(min = 0.01, max = 60.0))]
    pub(super) base_seconds: Option<f64>,
    #[garde(range(min = 0.1, max = 3600.0))]
    pub(super) cap_seconds: Option<f64>,
    #[garde(range(min = 0.0, max = 10.0))]
    pub(super) budget_share: Option<f64>,
    #[garde(skip)]
    pub(super) budget_floor: Option<u64>,
    #[garde(skip)]
    pub(super) repair: Option<bool>,
}

#[derive(Debug, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    #[garde(range(min = 0.0, max = 1_000_000.0))]
    pub(super) max_cost: Option<f64>,
    #[garde(range(min = 0.0, max = 1_000_000.0))]
    pub(super) confirm_above: Option<f64>,
}
