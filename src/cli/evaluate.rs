//! `consona evaluate`: the engine against gold.

use std::num::NonZeroUsize;

use super::arguments::{ConsensusEvaluation, DivergenceEvaluation, Evaluation};
use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use crate::consensus::ConsensusParams;
use crate::dataset::{DraftDefaults, Entry};
use crate::evaluate::{
    Committees, ConsensusReport, ConsensusTrial, DivergenceReport, Scores, evaluate_divergence, read_gold,
    read_planted,
};
use crate::files::{open_embedder, visit_drafts};
use crate::persona::TraitSchema;
use crate::report::safe;

/// Does one evaluation.
pub(super) fn evaluate(what: &Evaluation, console: Console) -> Result<Exit, CliError> {
    match what {
        Evaluation::Consensus(options) => consensus(options, console),
        Evaluation::Divergence(options) => divergence(options, console),
    }?;
    Ok(Exit::Done)
}

fn consensus(options: &ConsensusEvaluation, console: Console) -> Result<(), CliError> {
    let gold_text = inputs::text(&options.gold)?;
    let gold =
        read_gold(&gold_text).map_err(|source| CliError::Gold { path: options.gold.clone(), source })?;
    let embedder = open_embedder(&options.settings.embedder)?;
    let settings = ConsensusParams::new().seed(options.settings.seed).check()?;
    let base = TraitSchema::default_persona();
    let paths = [options.drafts.clone()];
    let (mut drafts, mut set_aside) = (Vec::new(), 0_usize);
    visit_drafts(&paths, &DraftDefaults::default(), &base, &mut |_, entry| {
        match entry {
            Entry::Item(draft) => drafts.push(draft),
            Entry::SetAside(reason) => {
                set_aside += 1;
                console.detail(&format!("set aside: {reason}"));
            }
        }
        Ok(())
    })?;
    if set_aside > 0 {
        console.note(&format!("{set_aside} drafts or traits were set aside; -v says why"));
    }
    let schema = base.with_inferred(&drafts);
    let panel = inputs::panel(&options.models, &inputs::models(&drafts))?;
    let records = inputs::by_record(drafts, &panel);
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

fn divergence(options: &DivergenceEvaluation, console: Console) -> Result<(), CliError> {
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
    let best = report.members.best_model.as_ref().map(|model| format!(" ({model})")).unwrap_or_default();
    let traits = report.per_trait.iter();
    let traits = traits.map(|(name, found)| scores(&format!("consensus, {}", safe::line(name)), found));
    format!(
        "{} gold cells; {} models in {} committees of {}, seed {}.\n\n{:<24} accuracy  ECE    Brier  \
         AUROC\n{}{}{:<24} {}\n{:<24} {}{best}\n\nThe consensus is at least as right as the best member in {:.0} % \
         of the committees.\n\n{}",
        report.cells,
        report.models.len(),
        report.committees,
        report.committee_size,
        report.seed,
        "",
        scores("consensus", &report.consensus),
        scores("plurality", &report.plurality),
        "member, mean",
        figure(report.members.mean),
        "member, best",
        figure(report.members.best),
        report.at_least_best * 100.0,
        traits.collect::<String>(),
    )
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
