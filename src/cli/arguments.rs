//! The commands and their options, as `--help` shows them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use super::cluster::ClusterOptions;
use super::compare::CompareOptions;
use super::consult::ConsultOptions;
use super::evaluations::Evaluation;
use super::exit::TABLE;
use super::export::ExportOptions;
use super::manual::ManualOptions;
use super::mcp::{ServeOptions, ServedOptions};
use super::report::ReportOptions;
use super::schema::SchemaOptions;
use super::staged::PlanOptions;
use crate::dataset::Format;
use crate::run::Shard;

/// Consensus personas from several language models.
///
/// Several models draft personas from the same data, blind to each other; what they agree on becomes
/// consensus personas whose every trait has its support and confidence, and what they disagree on
/// is kept, model by model.
#[derive(Debug, Parser)]
#[command(name = "consona", version, after_help = TABLE, after_long_help = TABLE)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub(super) global: Global,
}

/// What holds for every command.
#[derive(Args, Debug)]
pub(super) struct Global {
    /// Write the result to standard output as JSON.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) json: bool,
    /// Say more about the work on standard error; twice for debug logs.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Everywhere")]
    pub(super) verbose: u8,
    /// Say nothing but errors and, with --json, the result.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Everywhere")]
    pub(super) quiet: bool,
    /// How logs are written to standard error; json writes all debug lines, with OpenTelemetry's names.
    #[arg(long, global = true, value_name = "HOW", default_value = "text", help_heading = "Everywhere")]
    pub(super) log: LogName,
    /// Compute on N threads, at most 1024; the result is the same on any number [default: all].
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024),
        help_heading = "Everywhere"
    )]
    pub(super) threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a commented study file to start from.
    Init {
        /// The file to write; one that is there already is left alone.
        #[arg(value_name = "FILE", default_value = "study.yaml")]
        file: PathBuf,
    },
    /// Ask the panel of a study and form consensus personas.
    ///
    /// Every answer is stored in the run folder before it is read. A run that was stopped, by Ctrl-C or
    /// by a power cut, goes on where it was when the same command is given again: nothing is lost and
    /// nothing is paid for twice. The first Ctrl-C waits for the calls in flight, the second does not.
    Run(RunOptions),
    /// Draw the stages of a study, with the groups that go at the same time.
    Plan(PlanOptions),
    /// Let a run pass the gate that waits; `consona run` goes on with it.
    Approve {
        /// The run folder.
        #[arg(value_name = "RUN")]
        run: PathBuf,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Stop a run at the gate that waits.
    Reject {
        /// The run folder.
        #[arg(value_name = "RUN")]
        run: PathBuf,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Edit what a gate shows; it waits again
    ///
    /// The file names personas and narratives by the id that the report shows, and of a
    /// persona the traits by name:
    ///
    ///   {
    ///     "personas": {
    ///       "corpus/1": {"age": 22, "occupation": "Student"},
    ///       "corpus/2": {"bio": null},
    ///       "corpus/4": null
    ///     },
    ///     "narratives": {"corpus/3": "Helga comes for the company."}
    ///   }
    ///
    /// A value replaces the models' value and is marked as set by a person; null removes.
    /// Sentences of a model's narrative that rest on a value which was replaced are taken
    /// out. What the models said stays as it is; exports and reports use, and tell, what was
    /// edited once the gate is approved.
    #[command(verbatim_doc_comment)]
    Modify {
        /// The run folder.
        #[arg(value_name = "RUN")]
        run: PathBuf,
        /// The edit, as JSON.
        #[arg(long, value_name = "FILE")]
        edit: PathBuf,
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Tell how a run stands, also while another process works at it.
    Status {
        /// The run folder.
        #[arg(value_name = "RUN")]
        run: PathBuf,
    },
    /// Put run folders together, those of shards for instance, and form personas out of all of them.
    ///
    /// The result equals that of one run over everything. Nobody is asked, nothing is paid.
    Merge {
        /// The run folders.
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// The run folder for the result; there must be no run in it.
        #[arg(long, value_name = "RUN")]
        out: PathBuf,
        /// Accept that shards are missing: the result is of what there is.
        #[arg(long)]
        partial: bool,
    },
    /// Check a study, its data and its panel, and show what a run would ask and cost.
    ///
    /// Nobody is asked. Keys that are missing are named after the plan, with exit code 3.
    Check {
        /// The study file.
        study: PathBuf,
        /// Stop at the first record that cannot be used.
        #[arg(long)]
        strict: bool,
    },
    /// Ask every endpoint of a study whether it is there, one line each; no answer is paid for.
    ///
    /// Exit code 0 when those that answer are enough for the study's `quorum`, 3 when a key or a recording is missing, 4
    /// when too few answer.
    Models {
        /// The study file.
        study: PathBuf,
    },
    /// Form consensus personas out of drafts that exist already.
    ///
    /// Reads one draft per line (`{"record", "model", "persona": {…}}`) and the persona files of other
    /// tools: lists, `{"personas": […]}`, single objects, CSV, Parquet. A draft that cannot be used is set
    /// aside with its reason, and the rest goes on.
    ///
    /// With --recompute it is given a run folder instead, and derives everything again from the stored
    /// answers: nobody is asked, nothing is paid.
    Consensus(ConsensusOptions),
    /// Write a result as one page to look at: personas, divergence, agreement, trust, models.
    ///
    /// The page is one file without anything from elsewhere, to be opened in any browser, printed or sent.
    /// `run` and `consensus` write it beside their results. Of a large result it shows the records about
    /// which the models disagree most; all personas are then in personas.parquet beside it.
    Report(ReportOptions),
    /// Write a result as CSV, JSON Lines, Parquet, Markdown, a folder per persona, or as system prompts for a
    /// model that is to speak as the persona.
    Export(ExportOptions),
    /// Tell what changed between two runs: personas, traits, settings, cost and quality side by side.
    ///
    /// Personas are matched one to one by what their traits mean, so that neither their order nor their
    /// wording counts as a change. Which of the runs is better it does not say; that takes gold
    /// (`consona evaluate`).
    Compare(CompareOptions),
    /// Tell what stands behind a persona: votes, weights, replies, passages.
    Explain(ExplainOptions),
    /// Put one question to several models at once, and measure what their answers have in common.
    ///
    /// Nobody sees what the others answer. Agreement is counted on the claims of the answers, one vote per
    /// model; claims that contradict each other are listed with both sides. Exit code 4 when no model answers.
    Consult(ConsultOptions),
    /// Serve the panel as tools for agents, over standard input and output.
    ///
    /// For the configuration of a client of the Model Context Protocol: the client starts this command. Tools:
    /// consensus, `generate_personas`, `merge_personas`, explain, `run_status`.
    Mcp(ServedOptions),
    /// Serve the same tools over HTTP.
    Serve(ServeOptions),
    /// Fit confidences to records whose truth is known.
    ///
    /// Forty labelled values are enough: the coefficients are drawn to those that ship with consona. All
    /// figures are of records that were not fitted to. Give the file to `consensus --calibration`, or name
    /// it as `calibration` in the section `consensus` of a study.
    Calibrate(CalibrateOptions),
    /// Write a field of every record as a vector, for notebooks.
    Embed(EmbedOptions),
    /// Cluster vectors, or texts, of any origin.
    ///
    /// From a thousand rows to a million, by one of several algorithms; prints how good the clusters are and
    /// what they cost. Rows are taken as they are, but consensus and agglomerative compare directions and
    /// bring them to unit length. CPU seconds are those of all threads, for the fit alone and, where there
    /// are centroids, for finding the nearest of every row.
    Cluster(ClusterOptions),
    /// Hold the engine against gold.
    #[command(subcommand, after_help = TABLE)]
    Evaluate(Evaluation),
    /// Write the JSON schema of a file, for editors that complete and check it.
    Schema(SchemaOptions),
    /// Write the manual pages of all commands.
    Man(ManualOptions),
    /// Write the completions of a shell to standard output.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What `run` is told.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
pub(super) struct RunOptions {
    /// The study file.
    pub(super) study: PathBuf,
    /// The run folder [default: `output` of the study, else runs/NAME].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Go ahead with a plan that costs more than the study's `confirm_above`, and past gates of stages that
    /// say `allow_yes`.
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Stop at the first record that cannot be used.
    #[arg(long)]
    pub(super) strict: bool,
    /// Ask about a share of the records only, such as 2/8: for machines that work side by side, each with a
    /// run folder of its own. `consona merge` puts the folders together and forms the personas.
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Run the programs of stages of the kind `command`. They can do whatever you can.
    #[arg(long)]
    pub(super) allow_commands: bool,
    /// Do a stage again, with fresh answers, and whatever rests on it.
    #[arg(long, value_name = "STAGE")]
    pub(super) redo: Option<String>,
    /// How progress is shown on standard error [default: bar on a terminal, else plain].
    #[arg(long, value_name = "HOW")]
    pub(super) progress: Option<ProgressName>,
    /// Write no report.html.
    #[arg(long)]
    pub(super) no_report: bool,
}

/// What `consensus` is told.
#[derive(Args, Debug)]
pub(super) struct ConsensusOptions {
    /// Files of drafts; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The folder for the results; made where it is missing.
    #[arg(long, value_name = "DIR", required_unless_present = "recompute")]
    pub(super) out: Option<PathBuf>,
    /// FILE is a run folder: derive its results again from its stored answers, by its own study.
    #[arg(long, conflicts_with_all = [
        "out", "models", "source", "schema", "embedder", "embedding_cache", "seed", "subject", "algorithm", "format", "strict",
    ])]
    pub(super) recompute: bool,
    /// With --recompute: the study as it is now, where its consensus section or its prices have changed.
    #[arg(long, value_name = "STUDY", requires = "recompute")]
    pub(super) study: Option<PathBuf>,
    /// The models that have a vote, in the order of the results [default: all, as they come].
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub(super) models: Vec<String>,
    /// The data that the drafts were made from, to look for the passages that they cite; records are
    /// found by their id.
    #[arg(long, value_name = "FILE")]
    pub(super) source: Vec<PathBuf>,
    /// A trait schema in JSON [default: the persona schema that comes with consona].
    #[arg(long, value_name = "FILE")]
    pub(super) schema: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) probabilities: Probabilities,
    /// Whether the drafts of a record are about one person or several.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub(super) subject: SubjectName,
    /// How drafts of several personas are clustered: `agreement`, `kmeans:K`, `gaussian_mixture:K`,
    /// `dbscan:TOLERANCE:POINTS`, `optics:TOLERANCE:POINTS`, `hdbscan:SIZE:POINTS`,
    /// `agglomerative:THRESHOLD`, or linfa's as `linfa_kmeans:K` and so on.
    #[arg(long, value_name = "NAME", default_value = "agreement")]
    pub(super) algorithm: String,
    /// The format of the files [default: by ending, else by look].
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<FormatName>,
    /// Stop at the first draft that cannot be used.
    #[arg(long)]
    pub(super) strict: bool,
    /// Write no report.html.
    #[arg(long)]
    pub(super) no_report: bool,
}

/// What `calibrate` is told.
#[derive(Args, Debug)]
pub(super) struct CalibrateOptions {
    /// Files of drafts.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(super) drafts: Vec<PathBuf>,
    /// Gold, one cell per line: record, trait, accepted, half.
    #[arg(long, value_name = "FILE")]
    pub(super) gold: PathBuf,
    /// The file to write; one that is there already is replaced.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// The panel [default: all models of the drafts].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) models: Vec<String>,
    /// Fit to what committees of these sizes decide [default: the whole panel].
    #[arg(long, value_name = "N,M", value_delimiter = ',')]
    pub(super) committee_size: Vec<NonZeroUsize>,
    /// How many committees of each size to draw.
    #[arg(long, value_name = "N", default_value = "20", requires = "committee_size")]
    pub(super) repeats: NonZeroUsize,
    /// Start from nothing instead of the coefficients that ship with consona.
    #[arg(long)]
    pub(super) from_scratch: bool,
    /// A note for the readers of the file.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) note: String,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What makes confidences probabilities.
#[derive(Args, Debug)]
pub(super) struct Probabilities {
    /// What confidences are fitted to: `none`, `shipped` or a file of `consona calibrate`.
    #[arg(long, value_name = "NAME", default_value = "shipped")]
    pub(super) calibration: String,
    /// Give the set of values that holds the truth with this probability, 0.5 to 0.99.
    #[arg(long, value_name = "P")]
    pub(super) coverage: Option<f64>,
    /// Keep list items from the support at which the expected share of wrong ones is at most this, by the lists
    /// that the calibration was fitted to, 0.01 to 0.5.
    #[arg(long, value_name = "P")]
    pub(super) item_risk: Option<f64>,
}

/// Settings that several commands share.
#[derive(Args, Debug)]
pub(super) struct Settings {
    #[command(flatten)]
    pub(super) embedder: EmbedderOptions,
    /// The seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
}

/// Which embedder, and where an endpoint's vectors are kept.
#[derive(Args, Debug)]
pub(super) struct EmbedderOptions {
    /// What compares meanings: static, hashing, hashing-N, dir:FOLDER, openai:MODEL, ollama:MODEL, or
    /// PROVIDER:MODEL@URL for an endpoint of your own (`tei:` for Text Embeddings Inference).
    #[arg(long, value_name = "NAME", default_value = "static")]
    pub(super) embedder: String,
    /// The folder in which an endpoint's vectors are kept, so that no text is paid for twice [default:
    /// the folder of the result, where there is one].
    #[arg(long, value_name = "DIR")]
    pub(super) embedding_cache: Option<PathBuf>,
}

/// What `explain` is told.
#[derive(Args, Debug)]
pub(super) struct ExplainOptions {
    /// A run folder, or a folder of `consensus`.
    #[arg(value_name = "RUN")]
    pub(super) result: PathBuf,
    /// The persona's id or name, or a record's id for its first persona.
    #[arg(value_name = "PERSONA")]
    pub(super) persona: String,
    /// One trait [default: all].
    #[arg(value_name = "TRAIT")]
    pub(super) characteristic: Option<String>,
    /// Show the stored replies, whole.
    #[arg(long)]
    pub(super) replies: bool,
}

/// What `embed` is told.
#[derive(Args, Debug)]
pub(super) struct EmbedOptions {
    /// Files of records: CSV, JSON, JSON Lines or Parquet; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The field whose text is embedded; lists of texts are joined.
    #[arg(long, value_name = "NAME")]
    pub(super) field: String,
    /// The file for the vectors: .npy, float32, one row per record.
    #[arg(long, value_name = "FILE.npy")]
    pub(super) out: PathBuf,
    /// A file for the ids of the rows, one per line.
    #[arg(long, value_name = "FILE")]
    pub(super) ids: Option<PathBuf>,
    /// The field with the record's id [default: the first of the usual names].
    #[arg(long, value_name = "NAME")]
    pub(super) id: Option<String>,
    /// The format of the files [default: by ending, else by look].
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<FormatName>,
    #[command(flatten)]
    pub(super) embedder: EmbedderOptions,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogName {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressName {
    /// A bar per model, and one for all.
    Bar,
    /// Lines, now and then.
    Plain,
    /// Every event as a line of JSON, for programs.
    Json,
}

/// Names of [`crate::consensus::Subject`].
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SubjectName {
    /// One where no model drafts a record twice in one sitting, else several.
    Auto,
    /// One persona a record, no clustering.
    One,
    /// Several personas a record, found by clustering.
    Several,
}

/// Names of [`Format`].
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatName {
    /// Rows with a header.
    Csv,
    /// One document.
    Json,
    /// One JSON value per line.
    Jsonl,
    /// A table of typed columns.
    Parquet,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Json => Self::Json,
            FormatName::Jsonl => Self::JsonLines,
            FormatName::Parquet => Self::Parquet,
        }
    }
}
