//! How operators come in: plainly on this machine, with TLS from elsewhere.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::guard::Remote;

/// Time for a TLS connection to be made.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// TLS connections that are being made at once.
const HANDSHAKES: usize = 64;

/// A pause after a failing `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers operators until the host stops.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, pages: Router, mut stop: watch::Receiver<bool>) {
    let service = pages.into_make_service_with_connect_info::<Remote>();
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let ended = match tls {
        None => axum::serve(listener, service).with_graceful_shutdown(stopped).await,
        Some(tls) => axum::serve(Secured::start(listener, tls), service).with_graceful_shutdown(stopped).await,
    };
    if let Err(fault) = ended {
        tracing::error!(%fault, "the admin API ended");
    }
}

/// Connections that speak TLS already: one that is slow to do so holds up no other.
struct Secured {
    made: mpsc::Receiver<(Stream, SocketAddr)>,
    address: io::Result<SocketAddr>,
}

type Stream = Box<dyn Secure>;

trait Secure: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Secure for S {}

impl Secured {
    fn start(listener: TcpListener, tls: TlsAcceptor) -> Self {
        let address = listener.local_addr();
        let (done, made) = mpsc::channel(HANDSHAKES);
        tokio::spawn(async move {
            let places = Arc::new(Semaphore::new(HANDSHAKES));
            while let Ok(place) = places.clone().acquire_owned().await {
                let (stream, peer) = tokio::select! {
                    taken = take(&listener) => taken,
                    () = done.closed() => return,
                };
                let (tls, done) = (tls.clone(), done.clone());
                tokio::spawn(async move {
                    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                        Ok(Ok(stream)) => drop(done.send((Box::new(stream) as Stream, peer)).await),
                        Ok(Err(fault)) => tracing::debug!(%peer, %fault, "no TLS connection was made with the admin API"),
                        Err(_) => tracing::debug!(%peer, "a TLS connection with the admin API was not made in time"),
                    }
                    drop(place);
                });
            }
        });
        Self { made, address }
    }
}

async fn take(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(taken) => return taken,
            Err(fault) => {
                tracing::warn!(%fault, "a connection to the admin API could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Listener for Secured {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self.made.recv().await {
            Some(made) => made,
            // Nobody makes any more: whoever waits here is told to stop by another way.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address.as_ref().map(|address| *address).map_err(|fault| fault.kind().into())
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Remote {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(stream.remote_addr().ip().to_canonical())
    }
}

impl Connected<IncomingStream<'_, Secured>> for Remote {
    fn connect_info(stream: IncomingStream<'_, Secured>) -> Self {
        Self(stream.remote_addr().ip().to_canonical())
    }
}
