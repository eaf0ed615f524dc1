//! `consona report`: a stored result as something to look at and to hand on.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
#[cfg(feature = "parquet")]
use super::export::Rows;
use super::export::{Kind, export_to};
use super::inputs;
use super::output::Output;
use super::run_facts;
use super::stored::StoredResult;
use crate::dataset::SetAside;
use crate::evaluate::read_gold;
use crate::files::{ResultError, create_folder, folder_of};
use crate::report::html::{Metrics, Projection, ReportBuilder, StoredAnswer};
use crate::report::safe;

/// The report's file, in the folder of its result.
pub(super) const FILE: &str = "report.html";

/// What `report` is told.
#[derive(Args, Debug)]
pub(super) struct ReportOptions {
    /// A run folder, or a folder of `consensus`.
    #[arg(value_name = "RUN")]
    pub(super) result: PathBuf,
    /// Where to write: a folder, or a file where there is one format [default: the result's folder].
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) out: Option<PathBuf>,
    /// What to write, such as html,parquet.
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "html")]
    pub(super) format: Vec<Kind>,
    /// Judged values, one cell per line (record, trait, accepted, half): the report shows how often
    /// confidences were right.
    #[arg(long, value_name = "FILE")]
    pub(super) gold: Option<PathBuf>,
    /// How the HTML report places drafts on its map: by principal components, whose far is far, or by t-SNE, whose
    /// near is near and whose far means nothing.
    #[arg(long, value_name = "HOW", default_value = "pca")]
    pub(super) map: Placing,
    /// Show the report in the browser.
    #[arg(long)]
    pub(super) open: bool,
}

/// The projections by their names.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Placing {
    Pca,
    Tsne,
}

impl From<Placing> for Projection {
    fn from(placing: Placing) -> Self {
        match placing {
            Placing::Pca => Self::Pca,
            Placing::Tsne => Self::Tsne,
        }
    }
}

/// Writes the formats asked for.
pub(super) fn report(options: &ReportOptions, console: Console) -> Result<Exit, CliError> {
    let result = StoredResult::handed_on(&options.result, console)?;
    if options.open && !options.format.contains(&Kind::Html) {
        return Err(CliError::Usage(
            "`--open` shows the HTML report, which `--format` does not ask for; add html to it".to_owned(),
        ));
    }
    // A folder that is no result is refused before anything is made. Rows need personas, the page does not.
    if options.format.iter().any(|kind| kind.rows().is_some()) {
        result.summary()?;
    } else {
        result.summary_or_nothing()?;
    }
    let (mut files, mut page): (Vec<PathBuf>, _) = (Vec::new(), None);
    for kind in &options.format {
        let (folder, name) = target(options, *kind)?;
        create_folder(&folder)?;
        match kind.rows() {
            None => {
                let made = html(&result, (&folder, &name), options.gold.as_deref(), options.map.into())?;
                files.extend(made.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>());
                page = Some(folder.join(name));
            }
            // The page of a large result has the rest of it written beside it.
            Some(_) if files.contains(&folder.join(&name)) => {}
            Some(rows) => files.push(export_to(&result, rows, (&folder, &name))?),
        }
    }
    console.answer(&json!({ "files": files }), || {
        files.iter().flat_map(|file| [safe::line(&file.display().to_string()), "\n".to_owned()]).collect()
    })?;
    if let Some(page) = page.filter(|_| options.open) {
        show(&page, console);
    }
    Ok(Exit::Done)
}

/// The folder and the name of a file: `--out` is a file where its ending says so.
fn target(options: &ReportOptions, kind: Kind) -> Result<(PathBuf, String), CliError> {
    let out = options.out.as_deref().unwrap_or(&options.result);
    let is_file = out.extension().is_some_and(|ending| ending == kind.ending()) && !out.is_dir();
    if !is_file {
        return Ok((out.to_owned(), kind.file().to_owned()));
    }
    let name = out.file_name().and_then(|name| name.to_str()).unwrap_or(kind.file());
    if options.format.len() > 1 {
        let out = out.display();
        return Err(CliError::Usage(format!("`--out {out}` is one file, and several formats are asked for")));
    }
    Ok((folder_of(out).to_owned(), name.to_owned()))
}

/// Writes the report of a result that stands in its folder, for the commands that make one.
pub(super) fn beside(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    html(&StoredResult::of_models(folder), (folder, FILE), None, Projection::default())
}

/// Writes the report of a run once more, with what its stages left, as a person approved it.
pub(super) fn approved(folder: &Path, console: Console) -> Result<Vec<PathBuf>, CliError> {
    html(&StoredResult::handed_on(folder, console)?, (folder, FILE), None, Projection::default())
}

/// The same of a run that waits for a person, which the command says itself.
pub(super) fn waiting(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    html(&StoredResult::as_it_stands(folder)?, (folder, FILE), None, Projection::default())
}

fn html(
    result: &StoredResult<'_>,
    (folder, name): (&Path, &str),
    gold: Option<&Path>,
    projection: Projection,
) -> Result<Vec<PathBuf>, CliError> {
    let mut page = Output::create(folder, name)?;
    let mut builder = described(result, gold, projection)?;
    if builder.has_personas() {
        result.personas(|persona| {
            builder.add(persona);
            Ok(())
        })?;
    }
    builder.close();
    gold.map_or(Ok(()), |path| judges(&builder, path))?;
    result.lines::<StoredAnswer>("results.jsonl", &mut |call| {
        builder.add_call(&call);
        Ok(())
    })?;
    result.lines::<Value>("set_aside.jsonl", &mut |line| {
        let reason = serde_json::from_value::<SetAside>(line.clone()).map(|reason| reason.to_string());
        builder.add_reason(&reason.unwrap_or_else(|_| line.to_string()));
        Ok(())
    })?;
    let mut files = vec![folder.join(name)];
    #[cfg(feature = "parquet")]
    if builder.is_partial() {
        files.push(export_to(result, Rows::Parquet, (folder, Rows::Parquet.file()))?);
        builder = builder.with_rest(Rows::Parquet.file());
    }
    let text = builder.finish()?;
    page.write_all(text.as_bytes()).map_err(|source| CliError::Write { path: folder.join(name), source })?;
    page.commit()?;
    Ok(files)
}

/// A report that knows everything but the personas and the calls.
fn described(
    result: &StoredResult<'_>,
    gold: Option<&Path>,
    projection: Projection,
) -> Result<ReportBuilder, CliError> {
    let folder = result.folder();
    let mut builder = ReportBuilder::new(result.summary_or_nothing()?)
        .with_projection(projection)
        .with_origin(run_facts::origin(folder)?);
    if let Some(notice) = result.notice() {
        builder = builder.with_notice(&notice);
    }
    if let Some([total, beside]) = run_facts::cost(folder)? {
        builder = builder.with_cost(total, beside);
    }
    if let Some(stages) = run_facts::stages(folder)? {
        builder = builder.with_stages(stages);
    }
    let path = folder.join("metrics.json");
    if let Ok(text) = inputs::text(&path) {
        let metrics = serde_json::from_str::<Metrics>(&text);
        builder = builder.with_metrics(
            metrics.map_err(|source| CliError::Result(ResultError::Form { path, line: None, source }))?,
        );
    }
    if let Some(path) = gold {
        let cells = read_gold(&inputs::text(path)?);
        builder =
            builder.with_gold(cells.map_err(|source| CliError::Gold { path: path.to_owned(), source })?);
    }
    Ok(builder)
}

/// Refuses gold that judges none of the personas: a report without its diagram would not say why.
fn judges(builder: &ReportBuilder, gold: &Path) -> Result<(), CliError> {
    let Some(cell) = builder.gold_of_nothing_here() else { return Ok(()) };
    Err(CliError::GoldElsewhere {
        path: gold.to_owned(),
        record: cell.record.to_string(),
        name: cell.name.clone(),
        known: builder.first_record().unwrap_or_default(),
    })
}

/// Asks the desktop to show a file. Where there is none, the path has been said.
fn show(page: &Path, console: Console) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = std::process::Command::new(program)
        .arg(page)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if started.is_err() {
        console.note(&format!("there is no `{program}` to show it; open {} in a browser", page.display()));
    }
}
