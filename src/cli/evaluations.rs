//! The evaluations and their options, as `--help` shows them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::arguments::{Probabilities, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum Evaluation {
    /// Is the consensus right, and is its confidence a probability?
    ///
    /// An accepted wording counts 1, a half accepted one ½, anything else, and no answer, 0.
    Consensus(ConsensusEvaluation),
    /// Are drafts of the same person found across models?
    ///
    /// Nobody tells how many persons there are. Persona documents have `id` (the truth), `model`,
    /// `traits` and `text`; reworded personas have `id` and `traits`, a list of `original` and `revised`.
    Matching(MatchingEvaluation),
    /// Do the embedder's cosines order sentences as people do?
    Embedding(EmbeddingEvaluation),
    /// Are planted answers found, and is the right model named?
    Divergence(DivergenceEvaluation),
    /// Which method finds the truth in the labels of several annotators?
    ///
    /// One task per line: task, gold, and the answers by annotator. Numbers, categories and texts are
    /// told apart by their look.
    Labels(LabelsEvaluation),
}

/// What `evaluate labels` is told.
#[derive(Args, Debug)]
pub(super) struct LabelsEvaluation {
    /// Files of labels.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What `evaluate consensus` is told.
#[derive(Args, Debug)]
pub(super) struct ConsensusEvaluation {
    /// Drafts, one per line.
    #[arg(long, value_name = "FILE")]
    pub(super) drafts: PathBuf,
    /// Gold, one cell per line: record, trait, accepted, half.
    #[arg(long, value_name = "FILE")]
    pub(super) gold: PathBuf,
    /// The panel [default: all models of the drafts].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(super) models: Vec<String>,
    /// Draw committees of so many models, and print the means over them.
    #[arg(long, value_name = "N")]
    pub(super) committee_size: Option<NonZeroUsize>,
    /// How many committees to draw.
    #[arg(long, value_name = "N", default_value = "40", requires = "committee_size")]
    pub(super) repeats: NonZeroUsize,
    #[command(flatten)]
    pub(super) settings: Settings,
    #[command(flatten)]
    pub(super) probabilities: Probabilities,
}

/// What `evaluate matching` is told.
#[derive(Args, Debug)]
pub(super) struct MatchingEvaluation {
    /// Persona documents or reworded personas, one per line. `--pairs` is the same.
    #[arg(long, alias = "pairs", value_name = "FILE")]
    pub(super) personas: PathBuf,
    /// Compare the traits alone, without the documents' texts.
    #[arg(long)]
    pub(super) no_text: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What `evaluate embedding` is told.
#[derive(Args, Debug)]
pub(super) struct EmbeddingEvaluation {
    /// Pairs of sentences, one per line: a, b, gold.
    #[arg(long, value_name = "FILE")]
    pub(super) pairs: PathBuf,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What `evaluate divergence` is told.
#[derive(Args, Debug)]
pub(super) struct DivergenceEvaluation {
    /// Cells, one per line: cell, attr, answers, planted, `natural_dissent`.
    #[arg(long, value_name = "FILE")]
    pub(super) planted: PathBuf,
    #[command(flatten)]
    pub(super) settings: Settings,
}
