//! The server itself: five tools, each a line of calls into the library.

use std::sync::Arc;

use rmcp::handler::server::tool::schema_for_output;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, Implementation, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use tokio_util::sync::CancellationToken;

use super::answer::{Outcome, given};
use super::consensus::{ConsensusParameters, Prepared};
use super::explaining::{ExplainParameters, Explained, StatusParameters, explain, status};
use super::http::ServeError;
use super::personas::{GenerateParameters, Generation, MergeParameters, Personas, merge};
use super::place::{Place, Places};
use super::progress::{abandonable, watched};
use super::{AllowedFolders, Configuration};
use crate::consult::{Consultation, Status};
use crate::run::RunStatus;

/// Five tools for agents. Clones share the configuration and nothing else: no call leaves anything behind that
/// another one could see, but the transcripts under their random ids.
#[derive(Clone, Debug)]
pub struct Server {
    configuration: Arc<Configuration>,
    places: Places,
}

#[tool_router]
impl Server {
    /// A server of a configuration.
    #[must_use]
    pub fn new(configuration: Configuration) -> Self {
        Self { configuration: Arc::new(configuration), places: Places::new() }
    }

    /// The same server for one more session, which has a share of its places.
    pub(super) fn for_session(&self) -> Self {
        Self { configuration: Arc::clone(&self.configuration), places: self.places.of_session() }
    }

    /// Serves one client over standard input and output, until it hangs up or `stop` is cancelled. Nothing but the
    /// protocol is written to standard output.
    ///
    /// # Errors
    /// [`ServeError::Protocol`] when no session comes about.
    pub async fn serve_stdio(self, stop: CancellationToken) -> Result<(), ServeError> {
        let protocol = |error: &dyn std::fmt::Display| ServeError::Protocol(error.to_string());
        let serving = self.serve_with_ct(rmcp::transport::stdio(), stop.clone());
        let session = tokio::select! {
            session = serving => session.map_err(|error| protocol(&error))?,
            () = stop.cancelled() => return Ok(()),
        };
        session.waiting().await.map_err(|error| protocol(&error))?;
        Ok(())
    }

    #[tool(
        name = "consensus",
        description = "Put one question to several language models at once. None sees what the others answer. Returns \
                       every model's answer in the order asked for, the claims that they share with the number of models \
                       behind each, contradictions with both sides, a synthesis, and a continuation_id to ask on.",
        output_schema = schema_for_output::<Consultation>(),
        annotations(title = "Ask several models", read_only_hint = true, open_world_hint = true)
    )]
    async fn consensus(
        &self,
        Parameters(parameters): Parameters<ConsensusParameters>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let configuration = &self.configuration;
        let outcome = async {
            let prepared = Prepared::new(configuration, parameters)?;
            let _place = self.place(&context).await?;
            watched(&context, prepared.calls(), |events| prepared.ask(configuration, events)).await
        };
        given(outcome.await, |found| found.status == Status::Error)
    }

    #[tool(
        name = "generate_personas",
        description = "Have the server's panel of models draft personas from records, blind to each other, and form \
                       consensus personas: every trait with its support, its confidence and every model's dissent.",
        output_schema = schema_for_output::<Personas>(),
        annotations(title = "Personas from records", read_only_hint = true, open_world_hint = true)
    )]
    async fn generate_personas(
        &self,
        Parameters(parameters): Parameters<GenerateParameters>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let embedder = Arc::clone(&self.configuration.embedder);
        let outcome = async {
            let generation = Generation::new(&self.configuration, parameters)?;
            let place = self.place(&context).await?;
            watched(&context, generation.calls(), |events| generation.ask(embedder, events, place)).await
        };
        given(outcome.await, |found| found.status == Status::Error)
    }

    #[tool(
        name = "merge_personas",
        description = "Form consensus personas out of drafts that exist already. No model is asked, nothing is paid.",
        output_schema = schema_for_output::<Personas>(),
        annotations(title = "Personas from drafts", read_only_hint = true, open_world_hint = false)
    )]
    async fn merge_personas(
        &self,
        Parameters(parameters): Parameters<MergeParameters>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let outcome = async {
            let place = self.place(&context).await?;
            abandonable(&context, merge(&self.configuration, parameters, place)).await
        };
        given(outcome.await, |_| false)
    }

    #[tool(
        name = "explain",
        description = "Tell what stands behind a persona of a result, or one of its traits: votes, weights, passages.",
        output_schema = schema_for_output::<Explained>(),
        annotations(title = "What stands behind a persona", read_only_hint = true, open_world_hint = false)
    )]
    async fn explain(
        &self,
        Parameters(parameters): Parameters<ExplainParameters>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        given(self.reading(&context, move |allowed| explain(allowed, &parameters)).await, |_| false)
    }

    #[tool(
        name = "run_status",
        description = "Tell how a run stands, also while another process works at it: calls done and left, cost.",
        output_schema = schema_for_output::<RunStatus>(),
        annotations(title = "How a run stands", read_only_hint = true, open_world_hint = false)
    )]
    async fn run_status(
        &self,
        Parameters(parameters): Parameters<StatusParameters>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        given(self.reading(&context, move |allowed| status(allowed, &parameters)).await, |_| false)
    }

    /// Waits for a place among the calls at work.
    async fn place(&self, context: &RequestContext<RoleServer>) -> Outcome<Place> {
        abandonable(context, self.places.take()).await
    }

    /// Reads files where nobody waits for answers of models. The work keeps its place until it is done, for a thread
    /// cannot be stopped.
    async fn reading<T: Send + 'static>(
        &self,
        context: &RequestContext<RoleServer>,
        read: impl FnOnce(&AllowedFolders) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let (place, configuration) = (self.place(context).await?, Arc::clone(&self.configuration));
        let reading = move || {
            let _place = place;
            read(&configuration.allowed)
        };
        let done = abandonable(context, async { Ok(tokio::task::spawn_blocking(reading).await?) }).await;
        done?
    }

    /// What a client may tell its model about the server.
    fn instructions(&self) -> String {
        let models = match &self.configuration.panel {
            Some(panel) => format!("Models that can be asked: {}.", panel.roster.names().join(", ")),
            None => "No models are configured: only drafts can be merged and results read.".to_owned(),
        };
        format!(
            "Ask `consensus` when a decision deserves more than one opinion, and read its contradictions before its \
             synthesis. `generate_personas` and `merge_personas` form personas that several models agree on. {models}"
        )
    }
}

#[tool_handler]
impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let product = Implementation::new("consona", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(product)
            .with_instructions(self.instructions())
    }
}
