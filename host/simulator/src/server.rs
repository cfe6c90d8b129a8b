//! What the played servers share: connections, answers, and faults in the place of answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::fault::{Faults, What};

/// Request bodies over this are answered with 413.
pub(crate) const BODY_LIMIT: usize = 16 << 20;

/// The connection is closed without an answer.
#[derive(Debug, Error)]
#[error("a fault cut the connection")]
pub(crate) struct Cut;

pub(crate) type Reply = Response<BoxBody<Bytes, Infallible>>;

/// What answers requests.
pub(crate) trait Answers: Clone + Send + 'static {
    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Result<Reply, Cut>> + Send;
}

/// Serves until `until` ends; then every connection is cut.
pub(crate) async fn run(listener: TcpListener, answers: impl Answers, until: impl Future<Output = ()>) {
    let mut connections = JoinSet::new();
    tokio::pin!(until);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut until => return,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => drop(connections.spawn(serve(answers.clone(), stream))),
            Err(error) => {
                tracing::warn!(%error, "a simulated server could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(answers: impl Answers, stream: TcpStream) {
    // Without it a small answer after a small request can wait for the peer's delayed ACK.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let answers = answers.clone();
        async move { answers.answer(request).await }
    });
    // A connection that ends badly is the client's affair, or a fault that was asked for.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// The control path of faults; none for any other path.
pub(crate) fn control_faults(faults: &Mutex<Faults>, method: &Method, path: &str, body: &[u8]) -> Option<Reply> {
    let reply = match (method.as_str(), path) {
        ("GET", "/faults") => json_reply(200, &json!({"data": lock(faults).list()})),
        ("POST", "/faults") => match serde_json::from_slice(body) {
            Ok(fault) => {
                lock(faults).add(fault);
                json_reply(201, &json!({"status": "set"}))
            }
            Err(error) => json_reply(400, &json!({"error": format!("this is not a fault: {error}")})),
        },
        ("DELETE", "/faults") => {
            lock(faults).clear();
            json_reply(200, &json!({"status": "cleared"}))
        }
        _ => return None,
    };
    Some(reply)
}

/// What is answered where something goes wrong; `right` is the answer of a request that was applied,
/// and `late` makes it where that happens only after a wait.
pub(crate) async fn fail(what: What, right: Option<Reply>, late: impl FnOnce() -> Reply) -> Result<Reply, Cut> {
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
            Ok(right.unwrap_or_else(late))
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

pub(crate) fn json_reply(status: u16, body: &Value) -> Reply {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    with_body(status, Full::from(text).boxed())
}

fn with_body(status: u16, body: BoxBody<Bytes, Infallible>) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
