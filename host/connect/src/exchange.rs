//! One HTTP request and its answer on the wire, within time and size. What to ask, and what the
//! answer means, is for others to say.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use mortar_core::config::ConnectionConfig;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request, Response, redirect, retry};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::address::Resolver;
use crate::classify::{Answer, BodyFault, Outcome};
use crate::tls::Tls;

/// How long an unused connection is kept. Servers close theirs after 5 s and more (Node.js: 5 s):
/// being the first to close keeps a write from meeting a connection that is just being closed,
/// which would leave the write in doubt.
const IDLE: Duration = Duration::from_secs(4);

/// The connections to one ERP.
pub(crate) struct Exchanger {
    client: Client,
    connect_timeout: Duration,
    timeout: Duration,
}

impl Exchanger {
    /// Opens nothing yet.
    ///
    /// HTTP/1.1 only: one request to a connection, so that the loss of a connection is the loss of
    /// one request. No proxies from the environment, no decompression, nothing repeated, no
    /// redirect followed.
    ///
    /// # Errors
    /// The settings do not fit together.
    pub(crate) fn new(config: &ConnectionConfig, tls: &Tls) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls.config.clone())
            .dns_resolver(Resolver { private_addresses: config.private_addresses })
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(config.concurrency)
            .build()
            .map_err(|e| root_cause(&e))?;
        Ok(Self { client, connect_timeout: config.connect_timeout, timeout: config.timeout })
    }

    /// Sends a request and reads its answer, of at most `limit` bytes.
    ///
    /// The deadline is beyond the time to connect, so where it passes, the request has been sent.
    pub(crate) async fn exchange(&self, method: Method, url: Url, headers: HeaderMap, body: Option<Bytes>, limit: usize) -> Outcome {
        let deadline = Instant::now() + self.connect_timeout + self.timeout;
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers;
        if body.is_none() && [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
            // hyper says nothing of a body that is not there, and some servers then answer 411.
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        *request.body_mut() = body.map(Into::into);

        let mut response = match self.head(request, deadline).await {
            Ok(response) => response,
            Err(outcome) => return outcome,
        };
        let body = match timeout_at(deadline, read(&mut response, limit)).await {
            Ok(body) => body,
            Err(_) => Err(BodyFault::Cut(format!("not complete within {:?}", self.timeout))),
        };
        Outcome::Answered(Answer { status: response.status().as_u16(), headers: as_text(response.headers()), body })
    }
}

impl Exchanger {
    /// Asks for what is to be read as it comes.
    pub(crate) async fn open(&self, url: Url, headers: HeaderMap) -> Result<Response, Outcome> {
        let mut request = Request::new(Method::GET, url);
        *request.headers_mut() = headers;
        self.head(request, Instant::now() + self.connect_timeout + self.timeout).await
    }

    async fn head(&self, request: Request, deadline: Instant) -> Result<Response, Outcome> {
        match timeout_at(deadline, self.client.execute(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(Outcome::Unsent { reason: cannot_connect(&error), after: None }),
            Ok(Err(error)) => Err(Outcome::Lost(format!("no answer: {}", root_cause(&error)))),
            Err(_) => Err(Outcome::Lost(format!("no answer within {:?}", self.timeout))),
        }
    }
}

/// Reads a body, and stops at the limit.
async fn read(response: &mut Response, limit: usize) -> Result<Vec<u8>, BodyFault> {
    let announced = response.content_length().map_or(Ok(0), usize::try_from);
    let announced = announced.ok().filter(|bytes| *bytes <= limit).ok_or(BodyFault::OverLimit(limit))?;
    let mut body = Vec::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(|e| BodyFault::Cut(root_cause(&e)))? {
        if chunk.len() > limit - body.len() {
            return Err(BodyFault::OverLimit(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn as_text(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

fn cannot_connect(error: &reqwest::Error) -> String {
    let host = error.url().map_or("", |url| &url[url::Position::BeforeHost..url::Position::AfterPort]);
    format!("cannot connect to {host}: {}", root_cause(error))
}

/// The innermost cause, which is the one that says something.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source()).last().unwrap_or(error).to_string()
}
