//! An ERP that answers 201, and knows when which order arrived, and when the first one did by which
//! path.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The ERP.
pub(crate) struct Erp {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    arrived: Mutex<Arrived>,
    news: Notify,
}

#[derive(Default)]
struct Arrived {
    /// Of each order the first.
    orders: HashMap<String, Instant>,
    /// Of what stands behind the order in the path the first.
    paths: HashMap<String, Instant>,
    expected: u64,
}

impl Erp {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let erp = Self { address, shared: shared.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let shared = shared.clone();
                let service = service_fn(move |request| take(request, shared.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(erp)
    }

    /// So many orders are to arrive.
    pub(crate) fn expect(&self, count: u64) {
        self.shared.arrived().expected = count;
    }

    /// Waits for all that are expected; when each arrived.
    pub(crate) async fn all_arrived(&self) -> HashMap<String, Instant> {
        self.shared.when(|arrived| (arrived.orders.len() as u64 >= arrived.expected).then(|| std::mem::take(&mut arrived.orders))).await
    }

    /// Waits for the first order that comes by a path `/orders/…/{path}`; when it arrived.
    pub(crate) async fn first(&self, path: &str) -> Instant {
        self.shared.when(|arrived| arrived.paths.get(path).copied()).await
    }
}

impl Shared {
    fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn when<T>(&self, mut holds: impl FnMut(&mut Arrived) -> Option<T>) -> T {
        loop {
            let news = self.news.notified();
            if let Some(found) = holds(&mut self.arrived()) {
                return found;
            }
            news.await;
        }
    }
}

async fn take(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let at = Instant::now();
    let mut path = request.uri().path().splitn(4, '/').skip(2).map(str::to_owned);
    let (order, path) = (path.next(), path.next());
    let _ = request.into_body().collect().await;
    let news = {
        let mut arrived = shared.arrived();
        let new_path = path.filter(|path| !arrived.paths.contains_key(path)).map(|path| arrived.paths.insert(path, at)).is_some();
        if let Some(order) = order {
            arrived.orders.entry(order).or_insert(at);
        }
        new_path || arrived.orders.len() as u64 >= arrived.expected
    };
    if news {
        shared.news.notify_waiters();
    }
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}
