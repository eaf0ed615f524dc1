//! The server over streamable HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Server;
use super::connections::{Limits, serve};
use super::sessions::Sessions;

/// Bytes of one request at most.
const BODY: usize = 4 * 1024 * 1024;

/// Characters of a token at least, where others can try.
const TOKEN: usize = 16;

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
    /// A token that can be guessed, on a server that others can reach.
    #[error(
        "`{listen}` can be reached from other machines, and the token has {length} characters; it needs {TOKEN} or more, \
         drawn at random"
    )]
    ShortToken {
        /// The address.
        listen: SocketAddr,
        /// Characters of the token.
        length: usize,
    },
    /// The address cannot be listened on.
    #[error("`{listen}` cannot be listened on")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
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
    limits: Limits,
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
    /// [`ServeError::NoToken`] for an address beyond loopback without a token, [`ServeError::ShortToken`] for one with a
    /// token of fewer than 16 characters.
    pub fn new(listen: SocketAddr, token: Option<&str>) -> Result<Self, ServeError> {
        match token {
            _ if listen.ip().is_loopback() => {}
            None => return Err(ServeError::NoToken { listen }),
            Some(token) if token.chars().count() < TOKEN => {
                return Err(ServeError::ShortToken { listen, length: token.chars().count() });
            }
            Some(_) => {}
        }
        let token = token.map(|token| blake3::hash(token.as_bytes()));
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        if !listen.ip().is_unspecified() {
            hosts.push(listen.ip().to_string());
        }
        Ok(Self { listen, token, hosts, origins: Vec::new(), limits: Limits::default() })
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
    pub async fn serve(self, server: Server, stop: CancellationToken) {
        let Self { listener, options } = self;
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(options.hosts)
            .with_allowed_origins(options.origins)
            .enforce_origin_validation()
            .with_max_request_body_bytes(BODY)
            .with_cancellation_token(stop.child_token());
        let sessions = Arc::new(Sessions::new());
        let service = StreamableHttpService::new(move || Ok(server.for_session()), sessions, config);
        let router = Router::new()
            .route_service("/mcp", service)
            .layer(from_fn_with_state(options.limits.body, whole))
            .layer(from_fn_with_state(options.token, only_with_token))
            .layer(from_fn(one_host));
        serve(listener, router, options.limits, stop).await;
    }
}

/// Lets nobody through whose `Host` can be read in two ways.
async fn one_host(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() || host.is_some_and(|host| host.as_bytes().contains(&b'@')) {
        return refused(StatusCode::BAD_REQUEST, "name one Host, without a user");
    }
    next.run(request).await
}

/// Lets nobody through who does not show the token, where there is one.
async fn only_with_token(
    State(token): State<Option<blake3::Hash>>,
    request: Request,
    next: Next,
) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(bearer);
    if token.is_none_or(|token| shown.is_some_and(|shown| blake3::hash(shown.as_bytes()) == token)) {
        return next.run(request).await;
    }
    let mut refused = refused(StatusCode::UNAUTHORIZED, "a bearer token is required");
    refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    refused
}

/// The token behind the name of its scheme, which may be written in any case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Passes on requests whose body has come whole, in time and within its limit.
async fn whole(State(time): State<Duration>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(time, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(_)) => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 4 MiB, or broke off"),
        Err(_) => refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    }
}

fn refused(status: StatusCode, reason: &'static str) -> Response {
    let mut refused = Response::new(Body::from(reason));
    *refused.status_mut() = status;
    // What is left of the request is not waited for.
    refused.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
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
            assert!(matches!(open(listen, Some("secret")), Err(ServeError::ShortToken { length: 6, .. })));
            assert!(open(listen, Some("0123456789abcdef")).is_ok());
        }
    }

    #[test]
    fn a_token_is_shown_nowhere() {
        let options = HttpOptions::new(([127, 0, 0, 1], 0).into(), Some("canary")).unwrap();
        assert!(!format!("{options:?}").contains("canary"));
    }

    #[test]
    fn a_scheme_may_be_written_in_any_case() {
        assert_eq!((bearer("bearer x"), bearer("BEARER  x")), (Some("x"), Some("x")));
        assert_eq!((bearer("Basic x"), bearer("Bearerx")), (None, None));
    }

    /// A server that gives a hundredth of a second for headers and bodies, and so many connections.
    async fn hasty(connections: usize) -> (SocketAddr, CancellationToken) {
        let time = Duration::from_millis(10);
        let mut options = HttpOptions::new(([127, 0, 0, 1], 0).into(), None).unwrap();
        options.limits = Limits { connections, headers: time, body: time };
        let (server, stop) = (HttpServer::bind(options).await.unwrap(), CancellationToken::new());
        let address = server.address();
        let configuration = crate::mcp::Configuration {
            panel: None,
            embedder: Arc::new(crate::embed::HashingEmbedder::new(64).unwrap()),
            settings: crate::consensus::ConsensusParams::new().check().unwrap(),
            allowed: crate::mcp::AllowedFolders::default(),
            continuations: None,
        };
        tokio::spawn(server.serve(Server::new(configuration), stop.clone()));
        (address, stop)
    }

    /// What comes back, until the server hangs up.
    async fn told(address: SocketAddr, said: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut told = String::new();
        // A server that hangs up hard has said nothing.
        let _ = stream.read_to_string(&mut told).await;
        told
    }

    #[tokio::test]
    async fn c10_whoever_sends_nothing_or_half_a_request_is_hung_up_on_and_blocks_nobody() {
        // One connection at once: each of these is served only when the one before has been hung up on.
        let (address, stop) = hasty(1).await;
        let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                    Accept: application/json, text/event-stream\r\nContent-Length: 1000\r\n\r\n{";
        for said in ["", "POST /mcp HTTP/1.1\r\nHost: loc"] {
            told(address, said).await;
        }
        assert!(told(address, head).await.starts_with("HTTP/1.1 408"));
        stop.cancel();
    }

    #[tokio::test]
    async fn a_host_that_can_be_read_in_two_ways_is_refused() {
        let (address, stop) = hasty(8).await;
        for host in ["Host: evil@localhost", "Host: localhost\r\nHost: evil.example"] {
            let answer = told(address, &format!("GET /mcp HTTP/1.1\r\n{host}\r\n\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
        }
        stop.cancel();
    }
}
