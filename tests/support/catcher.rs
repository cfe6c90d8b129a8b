//! A server that keeps the requests it is sent.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Caught {
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A running server.
#[derive(Clone)]
pub struct Catcher {
    pub address: SocketAddr,
    caught: Arc<Mutex<Vec<Caught>>>,
    /// How many of the next requests are answered 503.
    put_off: Arc<Mutex<u32>>,
}

impl Catcher {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let catcher = Self { address: listener.local_addr().unwrap(), caught: Arc::default(), put_off: Arc::default() };
        let each = catcher.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let catcher = each.clone();
                let service = service_fn(move |request| catcher.clone().take(request));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        catcher
    }

    /// Answers the next requests with 503.
    pub fn put_off(&self, next: u32) {
        *self.put_off.lock().unwrap() = next;
    }

    pub fn caught(&self) -> Vec<Caught> {
        self.caught.lock().unwrap().clone()
    }

    async fn take(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let mut put_off = self.put_off.lock().unwrap();
        let status = if *put_off > 0 {
            *put_off -= 1;
            503
        } else {
            self.caught.lock().unwrap().push(Caught { headers: head.headers, body });
            204
        };
        Ok(Response::builder().status(status).body(Full::default()).unwrap())
    }
}
