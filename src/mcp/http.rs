//! The server over streamable HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Server;

/// Bytes of one request at most.
const BODY: usize = 4 * 1024 * 1024;

/// How long open connections are waited for when the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A server that others can reach and anybody could use.
    #[error(
        "`{listen}` can be reached from other machines, so a token is required: name the environment variable that holds \
         it with --token-env"
    )]
    NoToken {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("`{listen}` cannot be listened on")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The connection broke down.
    #[error("the server stopped")]
    Stopped(#[source] std::io::Error),
    /// The client does not speak the protocol.
    #[error("no session came about: {0}")]
    Protocol(String),
}

/// Where and for whom the server listens.
#[derive(Clone)]
pub struct HttpOptions {
    listen: SocketAddr,
    /// Never kept in the clear: it is compared by its hash, in constant time.
    token: Option<blake3::Hash>,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl std::fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpOptions").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl HttpOptions {
    /// Listens on `listen`; callers need `token` where there is one.
    ///
    /// # Errors
    /// [`ServeError::NoToken`] for an address beyond loopback without a token.
    pub fn new(listen: SocketAddr, token: Option<&str>) -> Result<Self, ServeError> {
        if !listen.ip().is_loopback() && token.is_none() {
            return Err(ServeError::NoToken { listen });
        }
        let token = token.map(|token| blake3::hash(token.as_bytes()));
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        if !listen.ip().is_unspecified() {
            hosts.push(listen.ip().to_string());
        }
        Ok(Self { listen, token, hosts, origins: Vec::new() })
    }

    /// Names under which the machine may be asked, beside those of loopback and its address.
    #[must_use]
    pub fn hosts(mut self, hosts: &[String]) -> Self {
        self.hosts.extend_from_slice(hosts);
        self
    }

    /// Origins of web pages that may ask (`https://app.example.com:443`); none otherwise, for a browser sends its
    /// user's requests to this machine too.
    #[must_use]
    pub fn origins(mut self, origins: &[String]) -> Self {
        self.origins = origins.to_vec();
        self
    }
}

/// A server that has its address.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    options: HttpOptions,
}

impl HttpServer {
    /// Takes the address.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub async fn bind(options: HttpOptions) -> Result<Self, ServeError> {
        let listen = options.listen;
        let listener =
            TcpListener::bind(listen).await.map_err(|source| ServeError::Listen { listen, source })?;
        Ok(Self { listener, options })
    }

    /// Where it listens; the port is the one that the system chose for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.options.listen)
    }

    /// Serves at `/mcp` until `stop` is cancelled; open connections then have two seconds.
    ///
    /// # Errors
    /// [`ServeError::Stopped`].
    pub async fn serve(self, server: Server, stop: CancellationToken) -> Result<(), ServeError> {
        let Self { listener, options } = self;
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(options.hosts)
            .with_allowed_origins(options.origins)
            .enforce_origin_validation()
            .with_max_request_body_bytes(BODY)
            .with_cancellation_token(stop.child_token());
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
        let router = Router::new()
            .route_service("/mcp", service)
            .layer(from_fn_with_state(options.token, only_with_token));
        let stopping = stop.clone();
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stopping.cancelled().await })
            .into_future();
        tokio::select! {
            served = serving => served.map_err(ServeError::Stopped),
            () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
    }
}

/// Lets nobody through who does not show the token, where there is one.
async fn only_with_token(
    State(token): State<Option<blake3::Hash>>,
    request: Request,
    next: Next,
) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_none_or(|token| shown.is_some_and(|shown| blake3::hash(shown.as_bytes()) == token)) {
        return next.run(request).await;
    }
    let mut refused = Response::new(Body::from("a bearer token is required"));
    *refused.status_mut() = StatusCode::UNAUTHORIZED;
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_a_token_is_required() {
        let open = |listen: &str, token| HttpOptions::new(listen.parse().unwrap(), token);
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            assert!(open(listen, None).is_ok());
        }
        for listen in ["0.0.0.0:0", "[::]:0", "10.0.0.7:80"] {
            assert!(matches!(open(listen, None), Err(ServeError::NoToken { .. })), "{listen}");
            assert!(open(listen, Some("secret")).is_ok());
        }
    }

    #[test]
    fn a_token_is_shown_nowhere() {
        let options = HttpOptions::new(([127, 0, 0, 1], 0).into(), Some("canary")).unwrap();
        assert!(!format!("{options:?}").contains("canary"));
    }
}
