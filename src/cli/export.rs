//! `consona export`: a stored result in the form that another program, or another model, reads.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::output::Output;
use super::stored::StoredResult;
use crate::consensus::ConsensusPersona;
use crate::files::{FilesError, create_folder, folder_of};
use crate::report::{PersonaTable, RoleplayCard, counted, markdown_record, safe};

/// A form of a result: the page to look at, or rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// One self-contained page.
    Html,
    /// Personas as cards in Markdown.
    Md,
    /// One row per persona and trait, safe to open in a spreadsheet.
    Csv,
    /// The same with types.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Everything, one persona per line.
    Jsonl,
}

/// A form that personas are written into one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    Md,
    Csv,
    #[cfg(feature = "parquet")]
    Parquet,
    Jsonl,
}

impl Rows {
    /// The name of the file in a folder.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Md => "personas.md",
            Self::Csv => "personas.csv",
            #[cfg(feature = "parquet")]
            Self::Parquet => "personas.parquet",
            Self::Jsonl => "consensus.jsonl",
        }
    }
}

impl Kind {
    /// The form as rows; `None` for the page.
    pub(super) fn rows(self) -> Option<Rows> {
        Some(match self {
            Self::Html => return None,
            Self::Md => Rows::Md,
            Self::Csv => Rows::Csv,
            #[cfg(feature = "parquet")]
            Self::Parquet => Rows::Parquet,
            Self::Jsonl => Rows::Jsonl,
        })
    }

    /// The name of the file in a folder.
    pub(super) fn file(self) -> &'static str {
        self.rows().map_or(super::report::FILE, Rows::file)
    }

    /// What a file of it ends in.
    pub(super) fn ending(self) -> &'static str {
        self.file().rsplit('.').next().unwrap_or_default()
    }
}

/// Where personas are exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// One row per persona and trait, safe to open in a spreadsheet.
    Csv,
    /// Everything, one persona per line.
    Jsonl,
    /// Rows with types, for pandas, polars and R.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Cards in Markdown.
    Md,
    /// System prompts for a model that is to speak as the persona, one file each.
    Card,
    /// `personas/NN/persona.json` and `persona.md`.
    Folder,
}

/// What `export` is told.
#[derive(Args, Debug)]
pub(super) struct ExportOptions {
    /// A run folder, or a folder of `consensus`.
    #[arg(value_name = "RUN")]
    pub(super) result: PathBuf,
    /// The form.
    #[arg(long, value_name = "FORM")]
    pub(super) to: Target,
    /// The file, or for card and folder the folder, to write; `-` is standard output [default: in the result's
    /// folder].
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) out: Option<PathBuf>,
    /// Of cards: leave out traits below this confidence.
    #[arg(long, value_name = "P", default_value_t = 0.5)]
    pub(super) least_confidence: f64,
    /// Of cards: leave out divergent traits instead of marking them.
    #[arg(long)]
    pub(super) no_divergent: bool,
}

/// Writes the form asked for.
pub(super) fn export(options: &ExportOptions, console: Console) -> Result<Exit, CliError> {
    if !(0.0..=1.0).contains(&options.least_confidence) {
        let given = options.least_confidence;
        return Err(CliError::Usage(format!("`--least-confidence {given}` is not a number from 0 to 1")));
    }
    let kind = match options.to {
        Target::Csv => Rows::Csv,
        Target::Jsonl => Rows::Jsonl,
        #[cfg(feature = "parquet")]
        Target::Parquet => Rows::Parquet,
        Target::Md => Rows::Md,
        Target::Card | Target::Folder if to_stdout(options) => {
            let form = if options.to == Target::Card { "card" } else { "folder" };
            let why =
                format!("`--to {form}` writes several files, which standard output (`--out -`) cannot hold");
            return Err(CliError::Usage(why));
        }
        Target::Card | Target::Folder => {
            return folder(options, &StoredResult::handed_on(&options.result, console)?, console);
        }
    };
    let result = StoredResult::handed_on(&options.result, console)?;
    // A folder that is no result is refused before anything is made.
    result.summary()?;
    if to_stdout(options) {
        write_form(&result, kind, &mut io::stdout(), &CliError::Output)?;
        return Ok(Exit::Done);
    }
    let path = options.out.clone().unwrap_or_else(|| options.result.join(kind.file()));
    let path = if path.is_dir() { path.join(kind.file()) } else { path };
    let folder = folder_of(&path);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or(kind.file());
    create_folder(folder)?;
    let file = export_to(&result, kind, (folder, name))?;
    told(&[file], console)
}

fn told(files: &[PathBuf], console: Console) -> Result<Exit, CliError> {
    console.answer(&json!({ "files": files }), || match files {
        [] => "The result has no personas.\n".to_owned(),
        [first, .., last] => {
            let (first, last) = (first.display().to_string(), last.display().to_string());
            format!("{} files, {} to {}\n", files.len(), safe::line(&first), safe::line(&last))
        }
        [file] => format!("{}\n", safe::line(&file.display().to_string())),
    })?;
    Ok(Exit::Done)
}

/// Whether `--out -` asks for standard output.
fn to_stdout(options: &ExportOptions) -> bool {
    options.out.as_deref().is_some_and(|out| out.as_os_str() == "-")
}

/// Writes a result into one file of a form that is not HTML.
pub(super) fn export_to(
    result: &StoredResult<'_>,
    kind: Rows,
    (folder, name): (&Path, &str),
) -> Result<PathBuf, CliError> {
    let path = folder.join(name);
    let refuse =
        |source: io::Error| CliError::Files(FilesError::Io { path: path.clone(), action: "written", source });
    let mut file = Output::create(folder, name)?;
    write_form(result, kind, &mut file, &refuse)?;
    Ok(file.commit()?)
}

/// Writes a form that holds rows; `refuse` names where to for an error.
fn write_form(
    result: &StoredResult<'_>,
    kind: Rows,
    to: &mut (dyn Write + Send),
    refuse: &dyn Fn(io::Error) -> CliError,
) -> Result<(), CliError> {
    let summary = result.summary()?;
    let schema = summary.schema();
    let mut writer = BufWriter::new(to);
    match kind {
        Rows::Jsonl => {
            if let Some(personas) = result.edited() {
                for persona in personas {
                    writeln!(writer, "{persona}").map_err(refuse)?;
                }
            } else {
                // As it stands: lossless to the byte.
                let from = result.folder().join(kind.file());
                let mut lines = File::open(&from).map_err(|source| CliError::Read { path: from, source })?;
                io::copy(&mut lines, &mut writer).map_err(refuse)?;
            }
        }
        Rows::Csv => {
            let mut table = PersonaTable::new(&mut writer).map_err(refuse)?;
            result.personas(|persona| table.add(schema, &persona).map_err(refuse))?;
            table.finish().map_err(refuse)?;
        }
        #[cfg(feature = "parquet")]
        Rows::Parquet => {
            let mut table = crate::report::ParquetTable::new(&mut writer).map_err(refuse)?;
            result.personas(|persona| table.add(schema, &persona).map_err(refuse))?;
            table.finish().map_err(refuse)?;
        }
        Rows::Md => {
            writer.write_all(b"# Personas\n").map_err(refuse)?;
            if let Some(notice) = result.notice() {
                writeln!(writer, "\n> Note: {}.", safe::markdown(&notice)).map_err(refuse)?;
            }
            by_record(result, |personas| {
                writer.write_all(markdown_record(schema, personas).as_bytes()).map_err(refuse)
            })?;
        }
    }
    writer.flush().map_err(refuse)
}

/// Takes the personas of each record together.
fn by_record(
    result: &StoredResult<'_>,
    mut take: impl FnMut(&[ConsensusPersona]) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut record: Vec<ConsensusPersona> = Vec::new();
    result.personas(|persona| {
        if record.last().is_some_and(|last| last.record != persona.record) {
            take(&record)?;
            record.clear();
        }
        record.push(persona);
        Ok(())
    })?;
    take(&record)
}

/// Writes one file, or two, per persona. Their names are numbers: an id may be anything.
fn folder(options: &ExportOptions, result: &StoredResult<'_>, console: Console) -> Result<Exit, CliError> {
    let summary = result.summary()?;
    let schema = summary.schema();
    let cards =
        RoleplayCard { least_confidence: options.least_confidence, keep_divergent: !options.no_divergent };
    let name = if options.to == Target::Card { "cards" } else { "personas" };
    let out = options.out.clone().unwrap_or_else(|| options.result.join(name));
    let digits = summary.personas().to_string().len().max(2);
    let mut files = Vec::new();
    let mut number = 0_usize;
    result.personas(|persona| {
        number += 1;
        let mut put = |folder: &Path, name: &str, text: String| -> Result<(), CliError> {
            create_folder(folder)?;
            crate::files::write_file(&folder.join(name), text.as_bytes())?;
            files.push(folder.join(name));
            Ok(())
        };
        if options.to == Target::Card {
            return put(&out, &format!("{number:0digits$}.txt"), cards.prompt(schema, &persona));
        }
        let folder = out.join(format!("{number:0digits$}"));
        let edited = result.edited().and_then(|personas| personas.get(number - 1));
        let text = match edited {
            Some(value) => serde_json::to_string_pretty(value),
            None => serde_json::to_string_pretty(&persona),
        };
        put(&folder, "persona.json", format!("{}\n", text.map_err(CliError::Json)?))?;
        put(&folder, "persona.md", markdown_record(schema, std::slice::from_ref(&persona)))
    })?;
    let earlier = clear_earlier(&out, options.to, &files)?;
    if earlier > 0 {
        let files = counted(earlier, "persona");
        console.note(&format!(
            "note: {files} of an earlier export, no longer in this one, are removed from {}",
            out.display()
        ));
    }
    told(&files, console)
}

/// Whether a file has the form that an export writes.
fn is_export(target: Target, text: &str) -> bool {
    if target == Target::Card {
        return text.starts_with("You speak as ");
    }
    let persona: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    persona["persona_id"].is_string() && persona["traits"].is_object()
}

/// Removes what an earlier export into this folder wrote and this one did not: a persona that is gone must not be handed
/// on. Only what is numbered and has the form of an export is touched. Answers how many personas that were.
fn clear_earlier(out: &Path, target: Target, written: &[PathBuf]) -> Result<usize, CliError> {
    let refuse = |path: &Path, source| {
        CliError::Files(FilesError::Io { path: path.to_owned(), action: "removed", source })
    };
    let mut removed = 0;
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let number = name.strip_suffix(".txt").unwrap_or(&name);
        if number.len() < 2 || !number.chars().all(|digit| digit.is_ascii_digit()) {
            continue;
        }
        let mark = if target == Target::Card { path.clone() } else { path.join("persona.json") };
        let text = std::fs::read_to_string(&mark).unwrap_or_default();
        if written.contains(&mark) || !is_export(target, &text) {
            continue;
        }
        std::fs::remove_file(&mark).map_err(|source| refuse(&mark, source))?;
        if target == Target::Folder {
            let beside = path.join("persona.md");
            std::fs::remove_file(&beside).map_err(|source| refuse(&beside, source))?;
            // A folder in which somebody put more stays.
            let _ = std::fs::remove_dir(&path);
        }
        removed += 1;
    }
    Ok(removed)
}
