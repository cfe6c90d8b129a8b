//! Delivers callbacks by MasonHub's rules: at least once, 4xx never again, everything else retried.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue, InvalidHeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request, Uri};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::callback::{Callback, Kind};
use crate::http::{self, Client, causes};
use crate::signing::{self, SignatureForm};

/// To whom and how callbacks are sent.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Where they go; `http` only.
    pub url: String,
    /// Sends each message type to its own address: the URL, `/` and the type. Merchants may register
    /// so.
    pub url_per_type: bool,
    /// What they are signed with.
    pub secret: String,
    /// How the signature is written.
    pub form: SignatureForm,
    /// The value of an `Authorization` header, for a callback that was registered with a token.
    pub authorization: Option<String>,
    /// Requests at once, at least 1.
    pub concurrency: usize,
    /// The least time between the first tries of two callbacks; not changed by the schedule's speed.
    pub pace: Duration,
    /// How long an answer may take; not changed by the schedule's speed.
    pub timeout: Duration,
    /// When a callback is sent again.
    pub schedule: Schedule,
}

impl Sender {
    /// A sender with MasonHub's timeout and schedule, and 16 requests at once.
    #[must_use]
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            url_per_type: false,
            secret: secret.into(),
            form: SignatureForm::default(),
            authorization: None,
            concurrency: 16,
            pace: Duration::ZERO,
            timeout: Duration::from_secs(30),
            schedule: Schedule::default(),
        }
    }

    /// The headers of every try of a callback. A forged one is signed with a secret that is nobody's.
    fn headers(&self, callback: &Callback) -> Result<HeaderMap, InvalidHeaderValue> {
        let signature = match callback.kind {
            Kind::Forged => signing::sign(&format!("not {}", self.secret), &callback.body, self.form),
            Kind::Genuine | Kind::Redelivery(_) => signing::sign(&self.secret, &callback.body, self.form),
        };
        let mut headers = signing::headers(&signature, &callback.message_type, &callback.delivery)?;
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization)?);
        }
        Ok(headers)
    }
}

/// When a callback is sent again.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The waits after the first failures; the last one repeats.
    pub delays: Vec<Duration>,
    /// No try begins later than this after the first one, by the schedule's own time.
    pub horizon: Duration,
    /// Every wait is multiplied by this: 1/600 makes a minute a tenth of a second.
    pub speed: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        let minutes = |m: u64| Duration::from_secs(m * 60);
        Self { delays: [1, 5, 15, 60].map(minutes).to_vec(), horizon: minutes(24 * 60), speed: 1.0 }
    }
}

impl Schedule {
    /// MasonHub's schedule, every wait multiplied by `speed`.
    #[must_use]
    pub fn at_speed(speed: f64) -> Self {
        Self { speed, ..Self::default() }
    }

    /// The wait after so many failures (from 1), not yet multiplied; none where the sender gives up.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Option<Duration> {
        let nth = |n: u32| self.delays.get(n as usize).or(self.delays.last()).copied();
        let passed = (0..failures).try_fold(Duration::ZERO, |sum, n| sum.checked_add(nth(n)?))?;
        (passed <= self.horizon).then(|| nth(failures.saturating_sub(1))).flatten()
    }
}

/// What stands between the sender and the receiver.
pub trait Transport: Send + Sync + 'static {
    /// Sends one request; the status of its answer, or why there was none. It is dropped when the
    /// sender's timeout is over.
    fn post(&self, headers: HeaderMap, body: Bytes) -> impl Future<Output = Result<u16, String>> + Send;
}

/// One try of one callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Try {
    /// The callback's place in the plan.
    pub place: usize,
    /// From 1.
    pub number: u32,
    /// The wait before it, as the schedule says at speed 1.
    pub waited: Duration,
    /// The status of the answer, or why there was none.
    pub answer: Result<u16, String>,
}

/// How a callback ended for MasonHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Answered with 2xx.
    Acked,
    /// Answered with this 4xx: never sent again.
    Refused(u16),
    /// No 2xx within the schedule's horizon.
    GivenUp,
}

impl Outcome {
    /// What an answer means; none: the callback is sent again.
    #[must_use]
    pub fn of(answer: &Result<u16, String>) -> Option<Self> {
        match answer {
            Ok(200..=299) => Some(Self::Acked),
            Ok(status @ 400..=499) => Some(Self::Refused(*status)),
            Ok(_) | Err(_) => None,
        }
    }
}

/// What became of one callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Its message type.
    pub message_type: String,
    /// Every try.
    pub tries: Vec<Try>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What became of every callback, in the order of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SendReport {
    /// One for each callback.
    pub sent: Vec<Sent>,
}

impl SendReport {
    /// How many were answered with 2xx.
    #[must_use]
    pub fn acked(&self) -> usize {
        self.sent.iter().filter(|s| s.outcome == Outcome::Acked).count()
    }

    /// Places in the plan of those that were answered with 4xx.
    #[must_use]
    pub fn refused(&self) -> Vec<usize> {
        (0..self.sent.len()).filter(|place| matches!(self.sent[*place].outcome, Outcome::Refused(_))).collect()
    }

    /// Places in the plan of those that were given up.
    #[must_use]
    pub fn given_up(&self) -> Vec<usize> {
        (0..self.sent.len()).filter(|place| self.sent[*place].outcome == Outcome::GivenUp).collect()
    }

    /// All requests that were made.
    #[must_use]
    pub fn tries(&self) -> usize {
        self.sent.iter().map(|s| s.tries.len()).sum()
    }
}

/// Why nothing was sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// The address cannot be used.
    #[error("`{0}` is not an address that the simulator can send to: give one like http://127.0.0.1:8080/webhooks/masonhub")]
    Address(String),
    /// A header value cannot be sent.
    #[error(
        "callback {place} of the plan cannot be sent: its message type, its delivery or the authorization is not a header value ({source})"
    )]
    Header {
        /// The callback's place in the plan.
        place: usize,
        /// What is wrong.
        source: InvalidHeaderValue,
    },
}

/// Sends callbacks over HTTP until each has ended; `observe` sees every try.
///
/// A receiver that is down, even for long, only causes retries. Dropping the future stops it.
///
/// # Errors
/// Only before anything is sent: see [`SendError`].
pub async fn send(
    sender: &Sender,
    callbacks: &[Callback],
    observe: impl Fn(&Try) + Send + Sync + 'static,
) -> Result<SendReport, SendError> {
    let usable = |url: &str| url.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
    if !usable(&sender.url) {
        return Err(SendError::Address(sender.url.clone()));
    }
    let transport = OverHttp { client: http::client(), url: sender.url.clone(), url_per_type: sender.url_per_type };
    send_through(transport, sender, callbacks, observe).await
}

/// Like [`send`], through any transport; the sender's address is not used.
///
/// # Errors
/// Where a header cannot be sent.
pub async fn send_through(
    transport: impl Transport,
    sender: &Sender,
    callbacks: &[Callback],
    observe: impl Fn(&Try) + Send + Sync + 'static,
) -> Result<SendReport, SendError> {
    let line = Arc::new(Line {
        transport,
        permits: Semaphore::new(sender.concurrency.max(1)),
        timeout: sender.timeout,
        schedule: sender.schedule.clone(),
        observe,
    });
    let mut prepared = Vec::with_capacity(callbacks.len());
    for (place, callback) in callbacks.iter().enumerate() {
        prepared.push(sender.headers(callback).map_err(|source| SendError::Header { place, source })?);
    }
    let ended: Vec<watch::Sender<bool>> = callbacks.iter().map(|_| watch::Sender::new(false)).collect();
    let mut running = JoinSet::new();
    for (place, (callback, headers)) in callbacks.iter().zip(prepared).enumerate() {
        if place > 0 && !sender.pace.is_zero() {
            tokio::time::sleep(sender.pace).await;
        }
        let earlier: Vec<_> = callback.after.iter().filter_map(|e| ended.get(*e)).map(watch::Sender::subscribe).collect();
        let (line, end) = (Arc::clone(&line), ended[place].clone());
        let (body, message_type) = (callback.body.clone(), callback.message_type.clone());
        running.spawn(async move {
            for mut other in earlier {
                // An error means that the other's task is gone, so there is nothing to wait for.
                let _ = other.wait_for(|ended| *ended).await;
            }
            let (tries, outcome) = line.deliver(place, headers, body).await;
            end.send_replace(true);
            (place, Sent { message_type, tries, outcome })
        });
    }
    let mut sent = Vec::with_capacity(callbacks.len());
    while let Some(result) = running.join_next().await {
        match result {
            Ok(one) => sent.push(one),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    sent.sort_by_key(|(place, _)| *place);
    Ok(SendReport { sent: sent.into_iter().map(|(_, sent)| sent).collect() })
}

/// What all callbacks of a run share.
struct Line<T, F> {
    transport: T,
    permits: Semaphore,
    timeout: Duration,
    schedule: Schedule,
    observe: F,
}

impl<T: Transport, F: Fn(&Try)> Line<T, F> {
    async fn deliver(&self, place: usize, headers: HeaderMap, body: Bytes) -> (Vec<Try>, Outcome) {
        let mut tries: Vec<Try> = Vec::new();
        let mut waited = Duration::ZERO;
        for number in 1.. {
            tokio::time::sleep(waited.mul_f64(self.schedule.speed)).await;
            let answer = self.post(headers.clone(), body.clone()).await;
            let outcome = Outcome::of(&answer);
            let this = Try { place, number, waited, answer };
            (self.observe)(&this);
            tries.push(this);
            match outcome.ok_or(self.schedule.delay(number)) {
                Ok(outcome) => return (tries, outcome),
                Err(Some(delay)) => waited = delay,
                Err(None) => break,
            }
        }
        (tries, Outcome::GivenUp)
    }

    /// One request; those that wait for their next try keep nobody from sending.
    async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<u16, String> {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let answer = tokio::time::timeout(self.timeout, self.transport.post(headers, body)).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
    }
}

struct OverHttp {
    client: Client,
    url: String,
    url_per_type: bool,
}

impl OverHttp {
    fn address(&self, headers: &HeaderMap) -> Result<Uri, InvalidUri> {
        let message_type = headers.get(signing::EVENT).and_then(|value| value.to_str().ok());
        match message_type.filter(|_| self.url_per_type) {
            Some(message_type) => format!("{}/{message_type}", self.url.trim_end_matches('/')).parse(),
            None => self.url.parse(),
        }
    }
}

impl Transport for OverHttp {
    async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<u16, String> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.address(&headers).map_err(|e| e.to_string())?;
        *request.headers_mut() = headers;
        let response = self.client.request(request).await.map_err(|e| causes(&e))?;
        let status = response.status().as_u16();
        // The answer counts once it is there as a whole; reading it frees the connection.
        response.into_body().collect().await.map_err(|e| causes(&e))?;
        Ok(status)
    }
}

#[cfg(test)]
mod tests;
