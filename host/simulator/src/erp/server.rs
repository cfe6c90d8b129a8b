//! The ERP's HTTP side.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::book::{self, Answer, Book};
use super::fault::{Fault, Faults, What};
use super::ledger::Ledger;

/// Request bodies over this are answered with 413.
const BODY_LIMIT: usize = 16 << 20;

/// What the ERP is like.
#[derive(Clone, Debug)]
pub struct ErpOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bearer token that every request must bring. None: any or none will do.
    pub token: Option<String>,
    /// The header whose value makes a write happen once. None: the ERP knows no such thing.
    pub idempotency_header: Option<String>,
    /// What makes it write to a customer.
    pub notify_on: NotifyOn,
}

/// What makes the ERP tell a customer that a parcel is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyOn {
    /// A write below `/orders/{number}/notifications` asks for it.
    #[default]
    Request,
    /// A parcel with a new tracking number is written: the ERP knows by itself.
    Shipment,
}

impl Default for ErpOptions {
    fn default() -> Self {
        let idempotency_header = Some("Idempotency-Key".to_owned());
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen, token: None, idempotency_header, notify_on: NotifyOn::default() }
    }
}

/// An ERP that is bound to its address; [`Erp::run`] serves it.
pub struct Erp {
    listener: TcpListener,
    address: SocketAddr,
    handle: Handle,
}

/// Controls an ERP from inside the process; outlives it.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    options: ErpOptions,
    book: Mutex<Book>,
    faults: Mutex<Faults>,
}

/// Binds, tells the address, and serves until `until` ends: what a command line calls.
///
/// # Errors
/// Where the address cannot be bound.
pub async fn run(options: ErpOptions, ready: impl FnOnce(SocketAddr), until: impl Future<Output = ()>) -> std::io::Result<()> {
    let erp = Erp::bind(options).await?;
    ready(erp.address());
    erp.run(until).await;
    Ok(())
}

impl Erp {
    /// An empty ERP.
    ///
    /// # Errors
    /// Where the address cannot be bound.
    pub async fn bind(options: ErpOptions) -> std::io::Result<Self> {
        let listen = options.listen;
        let shared = Shared { book: Mutex::new(Book::new(options.notify_on)), faults: Mutex::default(), options };
        Handle { shared: Arc::new(shared) }.reopen(listen).await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its control.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `until` ends; then every connection is cut.
    pub async fn run(self, until: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        tokio::pin!(until);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut until => return,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(self.handle.clone(), stream))),
                Err(error) => {
                    tracing::warn!(%error, "the simulated ERP could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn serve(handle: Handle, stream: tokio::net::TcpStream) {
    // Without it a small answer after a small request can wait for the peer's delayed ACK.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handle = handle.clone();
        async move { handle.answer(request).await }
    });
    // A connection that ends badly is the client's affair, or a fault that was asked for.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is closed without an answer.
#[derive(Debug, Error)]
#[error("a fault cut the connection")]
struct Cut;

type Reply = Response<BoxBody<Bytes, Infallible>>;

impl Handle {
    /// An ERP with the same state on this address: what a restart of it looks like.
    ///
    /// # Errors
    /// Where the address cannot be bound.
    pub async fn reopen(&self, listen: SocketAddr) -> std::io::Result<Erp> {
        let listener = TcpListener::bind(listen).await?;
        Ok(Erp { address: listener.local_addr()?, listener, handle: self.clone() })
    }

    /// Sets a fault; it comes after those that are set.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).add(fault);
    }

    /// Ends all faults. Requests that hang go on hanging.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Everything that is on record.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        lock(&self.shared.book).ledger()
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Cut> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Ok(json_reply(413, &json!({"error": "the body is too large or was cut off"}))),
        };
        if let Some(reply) = self.control(&head.method, &path, &body) {
            return Ok(reply);
        }
        if !self.authorized(&head.headers) {
            let mut book = lock(&self.shared.book);
            book.record.requests += 1;
            book.record.unauthorized += 1;
            return Ok(json_reply(401, &json!({"error": "the bearer token is missing or wrong"})));
        }
        let key = self.shared.options.idempotency_header.as_deref().and_then(|name| head.headers.get(name));
        let key = key.and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.business(&book::Request { method: head.method.to_string(), path, key, body }).await
    }

    fn control(&self, method: &Method, path: &str, body: &[u8]) -> Option<Reply> {
        let reply = match (method.as_str(), path) {
            ("GET", "/health") => json_reply(200, &json!({"status": "ok"})),
            ("GET", "/audit") => json_reply(200, &json!(self.ledger())),
            ("GET", "/notifications") => json_reply(200, &json!({"data": self.ledger().notifications})),
            ("GET", "/faults") => json_reply(200, &json!({"data": lock(&self.shared.faults).list()})),
            ("POST", "/faults") => match serde_json::from_slice(body) {
                Ok(fault) => {
                    self.fault(fault);
                    json_reply(201, &json!({"status": "set"}))
                }
                Err(error) => json_reply(400, &json!({"error": format!("this is not a fault: {error}")})),
            },
            ("DELETE", "/faults") => {
                self.clear_faults();
                json_reply(200, &json!({"status": "cleared"}))
            }
            _ => return None,
        };
        Some(reply)
    }

    fn authorized(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.shared.options.token else { return true };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        given.and_then(|value| value.strip_prefix("Bearer ")) == Some(token)
    }

    async fn business(&self, request: &book::Request) -> Result<Reply, Cut> {
        let fault = lock(&self.shared.faults).meet(&request.method, &request.path);
        let Some(fault) = fault else {
            let mut book = lock(&self.shared.book);
            book.record.requests += 1;
            return Ok(reply(&book.answer(request)));
        };
        let answered = {
            let mut book = lock(&self.shared.book);
            book.record.requests += 1;
            *book.record.faults.entry(fault.what.name().to_owned()).or_default() += 1;
            fault.applied.then(|| book.answer(request))
        };
        self.fail(fault.what, answered, request).await
    }

    /// `answered` is the right answer, where the request was applied.
    async fn fail(&self, what: What, answered: Option<Answer>, request: &book::Request) -> Result<Reply, Cut> {
        match what {
            What::Unavailable { retry_after } => {
                let mut reply = json_reply(503, &json!({"error": "down for maintenance"}));
                if let Some(seconds) = retry_after {
                    reply.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                Ok(reply)
            }
            What::Status(status) => Ok(json_reply(status, &json!({"error": format!("a fault: {status}")}))),
            What::Hang => std::future::pending().await,
            What::Cut => Err(Cut),
            What::Slow(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                let answer = answered.unwrap_or_else(|| lock(&self.shared.book).answer(request));
                Ok(reply(&answer))
            }
            What::Garbage => Ok(with_body(200, Full::new(Bytes::from_static(b"\xff\xfe{\"id\": <html>\0")).boxed())),
            What::Redirect(to) => {
                let mut reply = json_reply(307, &json!({"error": "moved"}));
                match to.parse() {
                    Ok(address) => drop(reply.headers_mut().insert(LOCATION, address)),
                    Err(_) => return Ok(json_reply(500, &json!({"error": "the fault's address is not a header value"}))),
                }
                Ok(reply)
            }
            What::Huge(bytes) => Ok(with_body(200, Zeros { left: bytes }.boxed())),
        }
    }
}

fn reply(answer: &Answer) -> Reply {
    let mut reply = json_reply(answer.status, &answer.body);
    if answer.repeated {
        reply.headers_mut().insert("idempotent-replayed", hyper::header::HeaderValue::from_static("true"));
    }
    reply
}

fn json_reply(status: u16, body: &Value) -> Reply {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    with_body(status, Full::from(text).boxed())
}

fn with_body(status: u16, body: BoxBody<Bytes, Infallible>) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    reply
}

/// A body of zeros.
struct Zeros {
    left: u64,
}

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static CHUNK: [u8; 1 << 16] = [0; 1 << 16];
        let size = self.left.min(CHUNK.len() as u64);
        self.left -= size;
        let chunk = Bytes::from_static(&CHUNK[..usize::try_from(size).unwrap_or(CHUNK.len())]);
        Poll::Ready((size > 0).then(|| Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

/// A panic elsewhere must not hide what is on record.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
