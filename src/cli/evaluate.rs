//! `consona evaluate`: the engine against gold.

use std::num::NonZeroUsize;

use super::arguments::{ConsensusEvaluation, DivergenceEvaluation, Evaluation};
use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use crate::consensus::ConsensusParams;
use crate::dataset::{DraftDefaults, read_drafts};
use crate::evaluate::{
    Committees, ConsensusReport, ConsensusTrial, DivergenceReport, Scores, evaluate_divergence, read_gold,
    read_planted,
};
use crate::files::open_embedder;
use crate::persona::TraitSchema;
use crate::report::safe;

/// Does one evaluation.
pub(super) fn evaluate(what: &Evaluation, console: &Console) -> Result<Exit, CliError> {
    match what {
        Evaluation::Consensus(options) => consensus(options, console),
        Evaluation::Divergence(options) => divergence(options, console),
    }?;
    Ok(Exit::Done)
}

fn consensus(options: &ConsensusEvaluation, console: &Console) -> Result<(), CliError> {
    let gold_text = inputs::text(&options.gold)?;
    let gold =
        read_gold(&gold_text).map_err(|source| CliError::Gold { path: options.gold.clone(), source })?;
    let embedder = open_embedder(&options.settings.embedder)?;
    let settings = ConsensusParams::new().seed(options.settings.seed).check()?;
    let base = TraitSchema::default_persona();
    let name = options.drafts.display().to_string();
    let read = read_drafts(&name, inputs::open(&options.drafts)?, &DraftDefaults::default(), &base)?;
    for reason in &read.set_aside {
        console.note(&format!("set aside: {reason}"));
    }
    let schema = base.with_inferred(&read.items);
    let panel = inputs::panel(&options.models, &inputs::models(&read.items))?;
    let records = inputs::by_record(read.items, &panel);
    let trial = ConsensusTrial {
        schema: &schema,
        embedder: embedder.as_ref(),
        settings: &settings,
        records: &records,
        gold: &gold,
    };
    let committees = Committees {
        size: options.committee_size.map(NonZeroUsize::get),
        repeats: options.repeats.get(),
        seed: options.settings.seed,
    };
    let report = trial.run(&panel, committees)?;
    console.answer(&report, || consensus_text(&report))
}

fn divergence(options: &DivergenceEvaluation, console: &Console) -> Result<(), CliError> {
    let text = inputs::text(&options.planted)?;
    let cells =
        read_planted(&text).map_err(|source| CliError::Planted { path: options.planted.clone(), source })?;
    let embedder = open_embedder(&options.settings.embedder)?;
    let settings = ConsensusParams::new().seed(options.settings.seed).check()?;
    let report = evaluate_divergence(&cells, embedder.as_ref(), &settings)?;
    console.answer(&report, || divergence_text(&report))
}

/// A figure with three decimals, or a dash where no number is right.
fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "    –".to_owned(), |value| format!("{value:5.3}"))
}

fn scores(name: &str, scores: &Scores) -> String {
    format!(
        "{name:<24} {}     {}  {}  {}\n",
        figure(scores.accuracy),
        figure(scores.ece),
        figure(scores.brier),
        figure(scores.auroc)
    )
}

fn consensus_text(report: &ConsensusReport) -> String {
    let mut text = format!(
        "{} gold cells; {} models in {} committees of {}, seed {}.\n\n",
        report.cells,
        report.models.len(),
        report.committees,
        report.committee_size,
        report.seed
    );
    text.push_str(&format!("{:<24} accuracy  ECE    Brier  AUROC\n", ""));
    text.push_str(&scores("consensus", &report.consensus));
    text.push_str(&scores("plurality", &report.plurality));
    let best = report.members.best_model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    text.push_str(&format!("{:<24} {}\n", "member, mean", figure(report.members.mean)));
    text.push_str(&format!("{:<24} {}{best}\n", "member, best", figure(report.members.best)));
    text.push_str(&format!(
        "\nThe consensus is at least as right as the best member in {:.0} % of the committees.\n\n",
        report.at_least_best * 100.0
    ));
    for (name, found) in &report.per_trait {
        text.push_str(&scores(&format!("consensus, {}", safe::line(name)), found));
    }
    text
}

fn divergence_text(report: &DivergenceReport) -> String {
    format!(
        "{} cells, {} with a planted answer; {} answers scored.\n\nprecision    {}\nrecall       {}\nF1           \
         {}\nright model  {}\n",
        report.cells,
        report.planted,
        report.answers,
        figure(report.precision),
        figure(report.recall),
        figure(report.f1),
        figure(report.right_model)
    )
}
