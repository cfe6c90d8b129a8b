//! Connections: taken within a cap, kept within deadlines, ended gracefully.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use mortar_core::config::EdgeConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::{Edge, http, proxy};

/// How long connections get to end their request when the host stops.
const GRACE: Duration = Duration::from_secs(10);

/// A pause after a failing `accept`, which is nearly always a want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What HTTP/2 is called while a TLS connection is made.
pub const H2: &str = "h2";

/// Takes connections until `stop` says so, then lets their requests come to an end.
pub async fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, edge: Arc<Edge>, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(edge.rules().config.connections));
    let graceful = GracefulShutdown::new();
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
        let connection = serve(stream, peer.ip(), tls.clone(), edge.clone(), graceful.watcher());
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

/// What stands before the first request (who is there, TLS, which HTTP), and then the requests.
async fn serve(mut stream: TcpStream, peer: IpAddr, tls: Option<TlsAcceptor>, edge: Arc<Edge>, watcher: Watcher) -> io::Result<()> {
    let rules = edge.rules();
    let config = &rules.config;
    let peer = match speaks_proxy(config, peer) {
        true => within(config, proxy::client(&mut stream)).await?.unwrap_or(peer),
        false => peer,
    };
    let Some(tls) = tls else {
        let h2 = within(config, begins_as_h2(&stream)).await?;
        return http::serve(stream, h2, peer, edge, config, watcher).await;
    };
    let stream = within(config, tls.accept(stream)).await?;
    let h2 = stream.get_ref().1.alpn_protocol() == Some(H2.as_bytes());
    http::serve(stream, h2, peer, edge, config, watcher).await
}

fn speaks_proxy(config: &EdgeConfig, peer: IpAddr) -> bool {
    config.proxy_protocol && config.trusted_proxies.iter().any(|net| net.contains(&peer.to_canonical()))
}

/// True where the client knows already that HTTP/2 is spoken here. It is looked at without being taken.
async fn begins_as_h2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; 3];
    let length = stream.peek(&mut first).await?;
    Ok(first[..length] == *b"PRI")
}

/// Each of these steps has the time that a request's head has.
async fn within<T>(config: &EdgeConfig, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(config.header_timeout, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
