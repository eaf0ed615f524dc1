//! `consona man`: a manual page per command.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};

use super::arguments::Arguments;
use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use crate::files::{create_folder, write_file};

/// What `man` is told.
#[derive(Args, Debug)]
pub(super) struct ManualOptions {
    /// The folder for the pages, such as ~/.local/share/man/man1.
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
}

/// Writes a page for consona and one for every command.
pub(super) fn manual(options: &ManualOptions, console: Console) -> Result<Exit, CliError> {
    create_folder(&options.out)?;
    let mut command = Arguments::command();
    command.build();
    let mut files = Vec::new();
    pages(&command, "consona", &options.out, &mut files)?;
    console.answer(&serde_json::json!({ "files": files }), || {
        format!("{} pages in {}\n", files.len(), options.out.display())
    })?;
    Ok(Exit::Done)
}

/// The page of a command called `name`, and those of the commands below it.
fn pages(command: &Command, name: &str, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), CliError> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut page)
        .map_err(|source| CliError::Write { path: path.clone(), source })?;
    write_file(&path, &page)?;
    files.push(path);
    for below in command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set())
    {
        pages(below, &format!("{name}-{}", below.get_name()), folder, files)?;
    }
    Ok(())
}
