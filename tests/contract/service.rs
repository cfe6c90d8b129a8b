//! What serves a double of a vendor's system over HTTP, and what goes wrong there on demand.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::description::Description;

/// A request, read.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Decoded.
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Null where there is none.
    pub(crate) body: Value,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub(crate) enum Wrong {
    /// It is done, and the connection closed without an answer.
    AnswerLost,
    /// The connection is closed before anything is done.
    RequestLost,
    /// It is not done, and this is answered.
    Answer(Reply),
}

/// A vendor's system, played.
pub(crate) trait Vendor: Send + Sync + 'static {
    fn answer(&self, request: &Request) -> Reply;
}

/// A double that is served; it lives as long as the test.
pub(crate) struct Service<V> {
    pub(crate) url: String,
    pub(crate) vendor: Arc<V>,
    shared: Arc<Shared>,
}

struct Shared {
    description: Description,
    faults: Mutex<Vec<(String, String, Wrong)>>,
    misfits: Mutex<Vec<String>>,
    writes: Mutex<Vec<String>>,
}

impl<V: Vendor> Service<V> {
    pub(crate) async fn start(description: &str, vendor: impl FnOnce(&str) -> V) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            description: Description::read(description),
            faults: Mutex::default(),
            misfits: Mutex::default(),
            writes: Mutex::default(),
        });
        let vendor = Arc::new(vendor(&url));
        let (served, serves) = (vendor.clone(), shared.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (vendor, shared) = (served.clone(), serves.clone());
                let service = service_fn(move |request| answer(request, vendor.clone(), shared.clone()));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, vendor, shared }
    }

    /// The next request of this method whose path contains this text goes wrong so.
    pub(crate) fn next(&self, method: &str, path: &str, wrong: Wrong) {
        self.shared.faults.lock().unwrap().push((method.into(), path.into(), wrong));
    }

    /// The requests that are no reads, as `METHOD path`, in order; those that went wrong included.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.shared.writes.lock().unwrap().clone()
    }

    /// All that was asked and answered so far keeps to the description, and all that was to go wrong
    /// went wrong.
    pub(crate) fn kept_the_contract(&self) {
        let misfits = self.shared.misfits.lock().unwrap();
        assert!(misfits.is_empty(), "{}", misfits.join("\n"));
        let faults = self.shared.faults.lock().unwrap();
        assert!(faults.is_empty(), "these never happened: {faults:#?}");
    }
}

async fn answer<V: Vendor>(request: hyper::Request<Incoming>, vendor: Arc<V>, shared: Arc<Shared>) -> io::Result<Response<Full<Bytes>>> {
    let request = read(request).await?;
    if request.method != "GET" {
        shared.writes.lock().unwrap().push(format!("{} {}", request.method, request.path));
    }
    let wrong = {
        let mut faults = shared.faults.lock().unwrap();
        let met = faults.iter().position(|(method, path, _)| *method == request.method && request.path.contains(path.as_str()));
        met.map(|at| faults.remove(at).2)
    };
    let cut = || Err(io::Error::other("cut"));
    let reply = match &wrong {
        Some(Wrong::RequestLost) => return cut(),
        Some(Wrong::Answer(reply)) => reply.clone(),
        Some(Wrong::AnswerLost) | None => vendor.answer(&request),
    };
    let misfits = shared.description.check(&request, &reply);
    let misfits = misfits.iter().map(|wrong| format!("{} {}: {wrong}\n  {}", request.method, request.path, request.body));
    shared.misfits.lock().unwrap().extend(misfits);
    if matches!(wrong, Some(Wrong::AnswerLost)) { cut() } else { Ok(write(reply).unwrap_or_else(|never| match never {})) }
}

async fn read(request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let form = head.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let body = match () {
        () if body.is_empty() => Value::Null,
        () if form => pairs(&String::from_utf8_lossy(&body)).into_iter().map(|(name, value)| (name, Value::from(value))).collect(),
        () => serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body).into_owned())),
    };
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    Ok(Request {
        method: head.method.to_string(),
        path: decoded(head.uri.path()),
        query: head.uri.query().map(pairs).unwrap_or_default(),
        headers: headers.collect(),
        body,
    })
}

fn write(reply: Reply) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = if reply.body.is_null() { Bytes::new() } else { Bytes::from(reply.body.to_string()) };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    Ok(response)
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
