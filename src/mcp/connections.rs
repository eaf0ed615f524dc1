//! Connections over HTTP: so many at once, and none that only holds a place.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long open connections are waited for when the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// How long nothing is accepted after the system could not open a connection: it has none left.
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub(super) connections: usize,
    /// From the beginning of a connection, or the end of an answer, to the end of the next request's headers.
    pub(super) headers: Duration,
    /// From there to the end of its body.
    pub(super) body: Duration,
}

impl Default for Limits {
    /// 256 connections, and half a minute for headers and for bodies.
    fn default() -> Self {
        let time = Duration::from_secs(30);
        Self { connections: 256, headers: time, body: time }
    }
}

/// Serves whoever connects, until `stop` is cancelled; open connections then have two seconds.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(limits.connections));
    let mut open = JoinSet::new();
    loop {
        // Those that have ended are forgotten.
        while open.try_join_next().is_some() {}
        let accepted = async {
            let place = Arc::clone(&free).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let serving = connection(stream, router.clone(), limits, stop.clone());
        open.spawn(async move {
            serving.await;
            drop(place);
        });
    }
    let all = async { while open.join_next().await.is_some() {} };
    // Whoever is not done by then is cut.
    let _ = tokio::time::timeout(GRACE, all).await;
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    // Small answers should not wait for more; where that cannot be had, they do.
    let _ = stream.set_nodelay(true);
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.headers)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    tokio::select! {
        // That a caller hangs up, or is cut, is its own business.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
