//! `consona mcp` and `consona serve --mcp`: the panel as a tool for agents.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::arguments::EmbedderOptions;
use super::console::Console;
use super::embedder;
use super::error::CliError;
use super::exit::Exit;
use super::run::interruption;
use super::state::continuations;
use super::study::{self, reserves, runtime, seats, settings};
use crate::consensus::ConsensusParams;
use crate::mcp::{AllowedFolders, Configuration, HttpOptions, HttpServer, Panel, ServeError, Server};
use crate::provider::ApiKey;
use crate::run::Study;
use crate::run::study::PanelMember;
use crate::store::Store;

/// What callers can use.
#[derive(Args, Debug)]
pub(super) struct ServedOptions {
    /// The study whose panel may be asked, with its endpoints, schema, prices and limits. Without one, drafts can be
    /// merged and results read.
    #[arg(long, value_name = "STUDY")]
    panel: Option<PathBuf>,
    /// A folder whose files callers may have read; may be given again [default: none].
    #[arg(long = "allow", value_name = "DIR")]
    allowed: Vec<PathBuf>,
    /// The folder in which consultations are kept [default: consona/consultations in the user's state folder].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The embedder, where no study names one.
    #[command(flatten)]
    embedder: EmbedderOptions,
}

/// What `serve` is told.
#[derive(Args, Debug)]
pub(super) struct ServeOptions {
    /// Serve the Model Context Protocol, at /mcp.
    #[arg(long, required = true)]
    mcp: bool,
    /// The address to listen on. Beyond this machine a token is required.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8765", value_parser = address)]
    listen: SocketAddr,
    /// The environment variable that holds the token which callers must show (or, with `_FILE` behind its name, the
    /// file).
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    /// A name under which callers may ask for this machine, beside its address; may be given again.
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,
    /// The origin of a web page that may ask, such as `https://app.example.com:443`; may be given again [default: none].
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    #[command(flatten)]
    served: ServedOptions,
}

/// An address to listen on. Of names, only that of this machine: what another one means is not known beforehand.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().map_err(|_| {
        "give an IP address and a port, such as 127.0.0.1:8765, [::1]:8765 or 0.0.0.0:8765".to_owned()
    })
}

/// Serves one client over standard input and output.
pub(super) fn stdio(options: &ServedOptions) -> Result<Exit, CliError> {
    let server = server(options)?;
    serve(async |stop| server.serve_stdio(stop).await)
}

/// Serves over HTTP.
pub(super) fn http(options: &ServeOptions, console: Console) -> Result<Exit, CliError> {
    let token = match &options.token_env {
        Some(variable) => Some(ApiKey::from_environment(variable).map_err(CliError::Token)?),
        None => None,
    };
    let http = HttpOptions::new(options.listen, token.as_ref().map(ApiKey::expose))?;
    let http = http.hosts(&options.hosts).origins(&options.origins);
    let server = server(&options.served)?;
    serve(async |stop| {
        let listening = HttpServer::bind(http).await?;
        console.note(&format!("listening on http://{}/mcp", listening.address()));
        if !listening.address().ip().is_loopback() {
            console.note(
                "other machines can reach it, and what is said, the token too, goes over the net in the clear: let a \
                 proxy with TLS stand before it",
            );
        }
        listening.serve(server, stop).await;
        Ok(())
    })
}

/// Works until it is done or somebody interrupts.
fn serve(work: impl AsyncFnOnce(CancellationToken) -> Result<(), ServeError>) -> Result<Exit, CliError> {
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        let interrupted = stop.clone();
        tokio::spawn(async move {
            interruption().await;
            interrupted.cancel();
        });
        work(stop).await
    });
    leave(runtime);
    served?;
    Ok(Exit::Done)
}

/// Ends without waiting for a read of standard input, which nothing can interrupt.
fn leave(runtime: Runtime) {
    runtime.shutdown_timeout(Duration::from_millis(100));
}

fn server(options: &ServedOptions) -> Result<Server, CliError> {
    let allowed =
        AllowedFolders::new(&options.allowed).map_err(|(path, source)| CliError::Read { path, source })?;
    let (panel, embedder) = match &options.panel {
        None => (None, embedder::open(&options.embedder, None)?),
        Some(path) => {
            let mut study = Study::load(path)?;
            // Whoever has called a tool waits for what it answers.
            study.panel = study.panel.into_iter().map(PanelMember::at_once).collect();
            let (seats, reserves, settings) = (seats(&study)?, reserves(&study)?, settings(&study, path)?);
            let embedder = if study.embedder.is_null() {
                embedder::open(&options.embedder, None)?
            } else {
                study::embedder(&study, path)?.open(&Arc::new(Store::in_memory()?))?
            };
            (Some(Panel::new(study, seats, settings).with_reserves(reserves)), embedder)
        }
    };
    Ok(Server::new(Configuration {
        panel,
        embedder: Arc::from(embedder),
        settings: ConsensusParams::new().check()?,
        allowed,
        continuations: continuations(options.state.as_deref()),
    }))
}
