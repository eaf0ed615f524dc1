//! A study whose every value has been checked.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::consult::Stance;
use crate::dataset::{Format, Split};
use crate::persona::{ModelName, TraitSchema};
use crate::prompt;
use crate::provider::{Endpoint, SamplingOptions, Timeouts};
use crate::run::ablation::Ablation;
use crate::run::price::Price;
use crate::run::retry::RetryPolicy;
use crate::stages::pipeline::Pipeline;
use crate::stages::workstreams::Workstream;
use crate::store::Money;

/// Which records are asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Files and folders, absolute or relative to the working directory; `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// The format, where the file names do not tell it.
    pub format: Option<Format>,
    /// How Markdown and text are cut into records.
    pub split: Split,
    /// What one call is about.
    pub unit: prompt::Unit,
    /// The field that names a record.
    pub id_field: Option<String>,
    /// The fields that are shown to the models; empty for all.
    pub fields: Vec<String>,
    /// Records per call at most, when the unit is the corpus.
    pub records_per_call: usize,
    /// Records at most.
    pub limit: Option<usize>,
}

/// How many personas a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PersonaRange {
    /// At least.
    pub min: u32,
    /// At most, not below `min`.
    pub max: u32,
}

/// How the panel is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All at once; the drafts stand side by side.
    Parallel,
    /// One after the other; each sees the drafts of those before it.
    Sequential,
    /// All at once and blind to each other; similar drafts become consensus personas.
    #[default]
    Consensus,
}

/// One model that is asked, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelMember {
    /// The name in votes, reports and files; unique in the panel.
    pub name: ModelName,
    /// The provider before the colon of `provider:model`.
    pub provider: String,
    /// The model's name at the endpoint.
    pub model: String,
    /// Which side it is asked to take.
    pub stance: Stance,
    /// How it is told so, instead of the standard words.
    pub stance_prompt: Option<String>,
    /// How much its vote counts, above 0.
    pub weight: f64,
    /// How it samples; `max_output_tokens` is always set.
    pub options: SamplingOptions,
    /// How often it is asked the same question.
    pub samples: u32,
    /// Where it is asked over HTTP; `None` for recordings and scripts.
    pub endpoint: Option<Endpoint>,
    /// Time limits of one attempt.
    pub timeouts: Timeouts,
    /// Whether an attempt is also given up when it takes much longer than its answers did before.
    pub adaptive_timeout: bool,
    /// Calls in flight at most.
    pub concurrency: Option<usize>,
    /// How it is asked in batches; `None` where each call is made by itself.
    pub batch: Option<Batching>,
    /// What its tokens cost, where that is known: in batches, where it is asked in batches.
    pub price: Option<Price>,
    /// Recorded replies, for the `replay` provider.
    pub recording: Option<PathBuf>,
    /// How many earlier members are asked the very same thing of the very same model.
    pub twin: u32,
    /// Who is asked instead where this one gives no usable answer, in order; they speak in its name, with its
    /// one vote, and have no fallbacks of their own.
    pub fallbacks: Vec<PanelMember>,
}

/// How a member is asked in batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// How long between two looks at a batch; at most an hour.
    pub poll: Duration,
    /// How long further calls are waited for before a batch is sent; at most ten minutes.
    pub linger: Duration,
    /// Calls in one batch at most, 1 to 50,000.
    pub max_requests: usize,
}

impl Default for Batching {
    /// A look a minute, five seconds for further calls, 10,000 calls.
    fn default() -> Self {
        Self { poll: Duration::from_secs(60), linger: Duration::from_secs(5), max_requests: 10_000 }
    }
}

impl PanelMember {
    /// The most tokens of an answer.
    #[must_use]
    pub fn max_output_tokens(&self) -> u32 {
        self.options.max_output_tokens.unwrap_or(super::check::MAX_OUTPUT_TOKENS)
    }

    /// Where it is asked, for people to read.
    #[must_use]
    pub fn address(&self) -> String {
        match (&self.endpoint, &self.recording) {
            (Some(endpoint), _) => endpoint.base_url().to_owned(),
            (None, Some(recording)) => recording.display().to_string(),
            (None, None) => self.provider.clone(),
        }
    }

    /// The model as a study names it.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}", self.provider, self.model)
    }

    /// Members with equal keys share one endpoint and one key, and so rate limits and concurrency. Batches have their own.
    pub(crate) fn gate(&self) -> String {
        let key = self.endpoint.as_ref().and_then(Endpoint::key_variable).unwrap_or_default();
        let batches = if self.batch.is_some() { " in batches" } else { "" };
        format!("{} {key}{batches}", self.address())
    }

    /// The member as it is asked by itself. Where its price is that of batches, that is not known.
    #[must_use]
    pub fn at_once(self) -> Self {
        let price = self.price.filter(|_| self.batch.is_none());
        let fallbacks = self.fallbacks.into_iter().map(Self::at_once).collect();
        Self { batch: None, price, fallbacks, ..self }
    }
}

/// When a run has answers enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quorum {
    /// Distinct panel members that must have answered for a record.
    pub min_models: u32,
    /// Share of calls, and of records with `min_models`, that must have succeeded.
    pub min_success_ratio: f64,
    /// Whether slow members are waited for.
    pub laggards: Option<Laggards>,
}

/// When those are no longer awaited who have not answered yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laggards {
    /// Distinct panel members that must have answered before anybody is cut.
    pub after_models: u32,
    /// How long the others are awaited from then on.
    pub wait: Duration,
}

impl Default for Quorum {
    /// One model per record, three quarters of everything; everybody is waited for.
    fn default() -> Self {
        Self { min_models: 1, min_success_ratio: 0.75, laggards: None }
    }
}

/// What a run may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Never exceeded.
    pub max_cost: Option<Money>,
    /// A person confirms a plan above it.
    pub confirm_above: Option<Money>,
}

/// The pipeline of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StagePlan {
    /// The stages, in order, and their groups.
    pub pipeline: Pipeline,
    /// Models that stages ask and that are not in the panel.
    pub models: Vec<PanelMember>,
}

/// The parts of a study that are worked on by themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Workstreams {
    /// The streams, in the order of every output.
    pub streams: Vec<Workstream>,
    /// How long nothing may come of a stream before that is said.
    pub stuck_after: Duration,
    /// How often the models of a failed stream are asked again.
    pub retries: u32,
    /// How often the scope of a failed stream is halved at most.
    pub halvings: u32,
}

/// A study, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// The name of the study.
    pub name: String,
    /// What the personas are for, in the words of whoever asks.
    pub question: Option<String>,
    /// Which records.
    pub input: Input,
    /// How many personas.
    pub personas: PersonaRange,
    /// How the panel is asked.
    pub mode: Mode,
    /// The models, in the order of every output.
    pub panel: Vec<PanelMember>,
    /// When answers are enough.
    pub quorum: Quorum,
    /// What follows a failed attempt.
    pub retry: RetryPolicy,
    /// Calls in flight at most, over all providers.
    pub concurrency: Option<usize>,
    /// The traits that personas have, with the weights of the study.
    pub schema: TraitSchema,
    /// The section `embedder`, for the stage that reads it.
    pub embedder: Value,
    /// The section `clustering`, for the stage that reads it.
    pub clustering: Value,
    /// The section `consensus`, for the stage that reads it.
    pub consensus: Value,
    /// Whether some units are asked about once more without their evidence.
    pub ablation: Option<Ablation>,
    /// What happens beside drafting and consensus; `None` for a study without a section `stages`.
    pub stages: Option<StagePlan>,
    /// Parts with records, models and an order of their own; `None` for a study that is one.
    pub workstreams: Option<Workstreams>,
    /// What the run may cost.
    pub limits: Limits,
    /// The seed of everything random.
    pub seed: u64,
    /// The run folder, where the study names one.
    pub output: Option<PathBuf>,
    /// The folder of the study file, to which its paths are relative.
    pub folder: PathBuf,
}

impl Study {
    /// The names of the panel, in order.
    #[must_use]
    pub fn members(&self) -> Vec<ModelName> {
        self.panel.iter().map(|member| member.name.clone()).collect()
    }

    /// What is to be said of a study in which several personas are asked for about one person.
    #[must_use]
    pub fn several_of_one(&self) -> Option<String> {
        let PersonaRange { min, max } = self.personas;
        (self.input.unit == prompt::Unit::Record && max > 1).then(|| {
            format!(
                "every record is about one person (`unit: record`), and {min} to {max} personas are asked for about \
                 each; without `personas` it is one"
            )
        })
    }

    /// The panel member, or the model of the stages, that has this name.
    #[must_use]
    pub fn model(&self, name: &str) -> Option<&PanelMember> {
        let of_stages = self.stages.iter().flat_map(|stages| &stages.models);
        self.panel.iter().chain(of_stages).find(|member| member.name.as_str() == name)
    }
}
