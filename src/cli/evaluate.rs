//! `consona evaluate`: the engine against gold.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::console::Console;
use super::embedder::open;
use super::error::CliError;
use super::evaluations::{
    ConsensusEvaluation, DivergenceEvaluation, EmbeddingEvaluation, Evaluation, LabelsEvaluation,
    MatchingEvaluation,
};
use super::exit::Exit;
use super::inputs;
use super::labelled::Labelled;
use crate::consensus::ConsensusParams;
use crate::evaluate::{
    Committees, ConsensusReport, ConsensusTrial, DivergenceReport, FlagScores, LabelReport, MatchingReport,
    RewordingReport, Scores, evaluate_divergence, evaluate_embedding, evaluate_labels, evaluate_matching,
    evaluate_rewordings, read_documents, read_label_file, read_planted, read_rewordings, read_sentence_pairs,
};
use crate::report::{safe, status_words};

/// Does one evaluation.
pub(super) fn evaluate(what: &Evaluation, console: Console) -> Result<Exit, CliError> {
    match what {
        Evaluation::Consensus(options) => consensus(options, console),
        Evaluation::Matching(options) => matching(options, console),
        Evaluation::Embedding(options) => embedding(options, console),
        Evaluation::Divergence(options) => divergence(options, console),
        Evaluation::Labels(options) => labels(options, console),
    }?;
    Ok(Exit::Done)
}

fn consensus(options: &ConsensusEvaluation, console: Console) -> Result<(), CliError> {
    let embedder = open(&options.settings.embedder, None)?;
    let params = ConsensusParams::new().seed(options.settings.seed);
    let settings = inputs::calibrated(params, &options.probabilities)?.check()?;
    let labelled =
        Labelled::read(std::slice::from_ref(&options.drafts), &options.gold, &options.models, console)?;
    let members = labelled.panel.len();
    if let Some(size) = options.committee_size.filter(|size| size.get() > members) {
        return Err(CliError::Usage(format!(
            "`--committee-size {size}` asks for more members than there are: the drafts are of {members} models"
        )));
    }
    let trial = ConsensusTrial {
        schema: &labelled.schema,
        embedder: embedder.as_ref(),
        settings: &settings,
        records: &labelled.records,
        gold: &labelled.gold,
    };
    let committees = Committees {
        size: options.committee_size.map(NonZeroUsize::get),
        repeats: options.repeats.get(),
        seed: options.settings.seed,
    };
    let report = trial.run(&labelled.panel, committees)?;
    console.answer(&report, || consensus_text(&report))
}

fn matching(options: &MatchingEvaluation, console: Console) -> Result<(), CliError> {
    let text = inputs::text(&options.personas)?;
    let embedder = open(&options.settings.embedder, None)?;
    let refuse = |source| CliError::Matching { path: options.personas.clone(), source };
    // The two forms differ in their lines: only a reworded persona has pairs of wordings.
    if let Ok(personas) = read_rewordings(&text) {
        let report = evaluate_rewordings(&personas, embedder.as_ref()).map_err(refuse)?;
        return console.answer(&report, || rewordings_text(&report));
    }
    let documents = read_documents(&text).map_err(refuse)?;
    let report = evaluate_matching(&documents, embedder.as_ref(), !options.no_text).map_err(refuse)?;
    console.answer(&report, || matching_text(&report))
}

fn embedding(options: &EmbeddingEvaluation, console: Console) -> Result<(), CliError> {
    let text = inputs::text(&options.pairs)?;
    let embedder = open(&options.settings.embedder, None)?;
    let refuse = |source| CliError::Pairs { path: options.pairs.clone(), source };
    let pairs = read_sentence_pairs(&text).map_err(refuse)?;
    let report = evaluate_embedding(&pairs, embedder.as_ref()).map_err(refuse)?;
    console.answer(&report, || {
        let name = safe::line(&report.embedder);
        format!("{} pairs, embedder {name}: Spearman {}\n", report.n, figure(report.spearman))
    })
}

fn divergence(options: &DivergenceEvaluation, console: Console) -> Result<(), CliError> {
    let text = inputs::text(&options.planted)?;
    let cells =
        read_planted(&text).map_err(|source| CliError::Planted { path: options.planted.clone(), source })?;
    let embedder = open(&options.settings.embedder, None)?;
    let settings = ConsensusParams::new().seed(options.settings.seed).check()?;
    let report = evaluate_divergence(&cells, embedder.as_ref(), &settings)?;
    console.answer(&report, || divergence_text(&report))
}

fn labels(options: &LabelsEvaluation, console: Console) -> Result<(), CliError> {
    let embedder = open(&options.settings.embedder, None)?;
    let mut reports: BTreeMap<String, LabelReport> = BTreeMap::new();
    for path in &options.files {
        let name = path.display().to_string();
        let file = read_label_file(&name, &inputs::text(path)?)?;
        reports.insert(name, evaluate_labels(&file, embedder.as_ref())?);
    }
    console.answer(&reports, || reports.iter().map(|(name, report)| labels_text(name, report)).collect())
}

fn labels_text(name: &str, report: &LabelReport) -> String {
    let rows = report.methods.iter().map(|(method, scores)| {
        let figures = serde_json::to_string(scores).unwrap_or_default();
        format!("  {method:<28} {figures}\n")
    });
    format!("{}\n{}", safe::line(name), rows.collect::<String>())
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
         of the committees.\n{}\n{}{}",
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
        flags_text(&report.divergence),
        traits.collect::<String>(),
        reliability_text(report),
    )
}

/// Whether divergence tells where the consensus is wrong.
fn flags_text(scores: &FlagScores) -> String {
    format!(
        "Divergence against a wrong consensus: AUROC of the flag {}, of the dissenting share {}; {} cells, {} wrong.\n",
        figure(scores.flag_auroc).trim(),
        figure(scores.dissenting_share_auroc).trim(),
        scores.n,
        scores.wrong
    )
}

/// The reliability diagram, and whether sets of values hold the truth.
fn reliability_text(report: &ConsensusReport) -> String {
    let pooled = &report.pooled;
    let head = format!(
        "\nConfidence ({}) against accuracy, {} answers together: ECE {}, Brier {}, AUROC {}\n",
        status_words(report.confidence_status),
        pooled.n,
        figure(pooled.scores.ece).trim(),
        figure(pooled.scores.brier).trim(),
        figure(pooled.scores.auroc).trim()
    );
    let bins = pooled.bins.iter().filter(|bin| bin.n > 0).map(|bin| {
        let (confidence, accuracy) = (figure(bin.confidence), figure(bin.accuracy));
        format!("{:.1}–{:.1}  {confidence}  {accuracy}  n {}\n", bin.lower, bin.upper, bin.n)
    });
    let sets = report.sets.iter().map(|sets| {
        format!(
            "\nSets for {:.2}: cover {:.3}, list a right value {:.3}, {:.2} values on average, open {:.3}; n {}\n",
            sets.coverage, sets.covered, sets.listed, sets.mean_size, sets.open, sets.n
        )
    });
    std::iter::once(head).chain(bins).chain(sets).collect()
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

fn matching_text(report: &MatchingReport) -> String {
    let violations = report.cannot_link_violations.map_or_else(|| "–".to_owned(), |count| count.to_string());
    format!(
        "{} documents; {} clusters found, {} persons in truth; {violations} pairs of one model in one \
         cluster.\n\nARI        {}\nV-measure  {}\npair F1    {}\n",
        report.n,
        report.k_found,
        report.k_true,
        figure(report.ari),
        figure(report.v_measure),
        figure(report.pair_f1)
    )
}

fn rewordings_text(report: &RewordingReport) -> String {
    format!(
        "{} personas in two wordings.\n\nrecall at 1                 {}\nrecall at 1, one vector     {}\nlines \
         matched               {}\nlines matched one to one    {}\nARI                         {}\n",
        report.n,
        figure(report.r_at_1),
        figure(report.one_vector_r_at_1),
        figure(report.trait_accuracy),
        figure(report.one_to_one_accuracy),
        figure(report.ari)
    )
}
