//! Connections: taken within a cap, kept within deadlines, ended gracefully.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::Edge;

/// How long connections get to end their request when the host stops.
const GRACE: Duration = Duration::from_secs(10);

/// A pause after a failing `accept`, which is nearly always a want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until `stop` says so, then lets their requests come to an end.
pub async fn listen(listener: TcpListener, edge: Arc<Edge>, mut stop: watch::Receiver<bool>) {
    let config = edge.config.clone();
    let places = Arc::new(Semaphore::new(config.connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    // Answers are small: copied behind their head, they leave in one plain send.
    http.writev(false);
    http.header_read_timeout(config.header_timeout);
    http.max_buf_size(usize::try_from(config.header_limit.as_u64()).unwrap_or(usize::MAX).max(8192));
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match taken {
            Ok(taken) => taken,
            Err(fault) => {
                tracing::warn!(%fault, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and complete: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let edge = edge.clone();
        let service = service_fn(move |request| edge.clone().serve(peer.ip(), request));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(fault) = connection.await {
                tracing::debug!(%peer, %fault, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end their request in time");
    }
}
