//! The ERP's HTTP side.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use serde_json::json;
use tokio::net::TcpListener;

use super::book::{self, Answer, Book};
use super::ledger::Ledger;
use crate::fault::{Fault, Faults};
use crate::server::{self, Answers, BODY_LIMIT, Cut, Reply, json_reply, lock};

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
        server::run(self.listener, self.handle, until).await;
    }
}

impl Answers for Handle {
    async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Cut> {
        self.receive(request).await
    }
}

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

    async fn receive(&self, request: Request<Incoming>) -> Result<Reply, Cut> {
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
            _ => return server::control_faults(&self.shared.faults, method, path, body),
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
        let right = answered.as_ref().map(reply);
        server::fail(fault.what, right, || reply(&lock(&self.shared.book).answer(request))).await
    }
}

fn reply(answer: &Answer) -> Reply {
    let mut reply = json_reply(answer.status, &answer.body);
    if answer.repeated {
        reply.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    reply
}

#[cfg(test)]
mod tests;
