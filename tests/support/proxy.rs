//! What stands between the host and an ERP, and stops a request of one's choice.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::http;

/// What happens to the request that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It has not reached the ERP yet.
    Request,
    /// The ERP has answered, and the host does not know it yet.
    Answer,
}

/// A proxy before an ERP that may come and go.
pub struct Proxy {
    address: SocketAddr,
    stops: Arc<Mutex<Vec<Stop>>>,
}

struct Stop {
    method: &'static str,
    path: String,
    at: At,
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// A request that stops, or will.
pub struct Stopped {
    reached: Option<oneshot::Receiver<()>>,
    go_on: oneshot::Sender<()>,
}

impl Stopped {
    /// Waits until it has stopped.
    pub async fn reached(&mut self) {
        if let Some(reached) = self.reached.take() {
            tokio::time::timeout(crate::setup::PATIENCE, reached).await.expect("the request never came").unwrap();
        }
    }

    /// Lets it go on. Dropping this instead cuts its connection.
    pub fn release(self) {
        let _ = self.go_on.send(());
    }
}

impl Proxy {
    /// Stands before what listens on this port of this machine.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stops: Arc<Mutex<Vec<Stop>>> = Arc::default();
        let shared = stops.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stops = shared.clone();
                let service = service_fn(move |request| pass(request, port, stops.clone()));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, stops }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops the next request of this method whose path contains this text.
    pub fn stop(&self, method: &'static str, path: &str, at: At) -> Stopped {
        let (reached, is_reached) = oneshot::channel();
        let (go_on, goes_on) = oneshot::channel();
        self.stops.lock().unwrap().push(Stop { method, path: path.into(), at, reached, go_on: goes_on });
        Stopped { reached: Some(is_reached), go_on }
    }
}

/// Hands one request on; an error closes the connection without an answer.
async fn pass(request: Request<Incoming>, port: u16, stops: Arc<Mutex<Vec<Stop>>>) -> io::Result<Response<Full<Bytes>>> {
    let path = request.uri().to_string();
    let stop = {
        let mut stops = stops.lock().unwrap();
        let found = stops.iter().position(|stop| request.method() == stop.method && path.contains(&stop.path));
        found.map(|at| stops.swap_remove(at))
    };
    let (stop_before, stop_after) = match stop {
        Some(stop) if stop.at == At::Request => (Some(stop), None),
        stop => (None, stop),
    };
    wait(stop_before).await?;
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let named = ["host", "content-length", "connection", "transfer-encoding"];
    let headers = head.headers.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
    let url = format!("http://127.0.0.1:{port}{path}");
    let answer = http::send(head.method.as_str(), &url, &headers, body).await.map_err(io::Error::other)?;
    wait(stop_after).await?;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers.iter().filter(|(name, _)| !named.contains(&name.as_str())) {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(answer.body)).unwrap())
}

async fn wait(stop: Option<Stop>) -> io::Result<()> {
    let Some(stop) = stop else { return Ok(()) };
    let _ = stop.reached.send(());
    stop.go_on.await.map_err(|_| io::Error::other("cut"))
}
