//! The command line: arguments in, one library call, an exit code out.
//!
//! Nothing is decided here. Results for programs go to standard output (`--json`) or into files;
//! everything that is not a result (progress, warnings, errors) goes to standard error.

mod ablation;
mod arguments;
mod calibrate;
mod check;
mod cluster;
mod compare;
mod conclude;
mod consensus;
mod console;
mod consult;
mod drafts;
mod embed;
mod embedder;
mod error;
mod evaluate;
mod evaluations;
mod exit;
mod explain;
mod export;
mod gate_state;
mod inputs;
mod labelled;
mod log;
mod manual;
mod mcp;
mod output;
mod personas;
mod progress;
mod provisional;
mod recompute;
mod report;
mod results;
mod run;
mod run_facts;
mod schema;
mod spending;
mod staged;
mod state;
mod status;
mod stored;
mod study;
mod watch;

use clap::CommandFactory;

pub use arguments::Arguments;
pub use cluster::VectorsError;
pub use error::{CliError, explain};
pub use exit::Exit;

use arguments::Command;
use console::Console;
use staged::Decided;

/// Does what the arguments say.
///
/// # Errors
/// [`CliError`]; [`CliError::exit`] is the exit code that it means.
pub fn execute(arguments: &Arguments) -> Result<Exit, CliError> {
    let console = Console::new(&arguments.global);
    log::start(arguments.global.verbose, arguments.global.log);
    let work = || match &arguments.command {
        Command::Init { file } => study::init(file, console),
        Command::Check { study, strict } => check::check(study, *strict, console),
        Command::Models { study } => check::models(study, console),
        Command::Run(options) => run::run(options, console),
        Command::Plan(options) => staged::plan(options, console),
        Command::Approve { run, reason } => {
            staged::decide(run, &Decided::Approve { reason: reason.as_ref() }, console)
        }
        Command::Reject { run, reason } => staged::decide(run, &Decided::Reject { reason }, console),
        Command::Modify { run, edit, reason } => {
            staged::decide(run, &Decided::Modify { edit, reason: reason.as_ref() }, console)
        }
        Command::Merge { runs, out, partial } => recompute::merge(runs, out, *partial, console),
        Command::Status { run } => status::status(run, console),
        Command::Consensus(options) => consensus::consensus(options, console),
        Command::Consult(options) => consult::consult(options, console),
        Command::Mcp(options) => mcp::stdio(options),
        Command::Serve(options) => mcp::http(options, console),
        Command::Calibrate(options) => calibrate::calibrate(options, console),
        Command::Embed(options) => embed::embed(options, console),
        Command::Cluster(options) => cluster::cluster(options, console),
        Command::Evaluate(what) => evaluate::evaluate(what, console),
        Command::Compare(options) => compare::compare(options, console),
        Command::Explain(options) => explain::explain(options, console),
        Command::Report(options) => report::report(options, console),
        Command::Export(options) => export::export(options, console),
        Command::Schema(options) => schema::schema(options),
        Command::Man(options) => manual::manual(options, console),
        Command::Completions { shell } => completions(*shell),
    };
    match arguments.global.threads {
        None => work(),
        Some(threads) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build();
            pool.map_err(CliError::Threads)?.install(work)
        }
    }
}

/// Writes the completions of a shell.
fn completions(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "consona", &mut script);
    console::write_out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
