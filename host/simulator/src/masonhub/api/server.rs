//! HTTP: routes, who may, how often; and the callbacks that go out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use hyper::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::factory::{Factory, Happened};
use super::query::Query;
use super::registry::Registry;
use super::token::Tokens;
use super::warehouse::Warehouse;
use super::{Answer, entries, lists, text};
use crate::fault::{Fault, Faults};
use crate::masonhub::{Callback, Kind, Outcome, Schedule, Sender, send, uuid};
use crate::server::{self, Answers, BODY_LIMIT, Cut, Reply, json_reply, lock};

/// What the API is like.
#[derive(Clone)]
pub struct ApiOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The account, the first part of every path.
    pub account: String,
    /// The secret phrase that tokens are made for.
    pub phrase: String,
    /// How long a token is good for.
    pub token_lifetime: Duration,
    /// Requests that are answered in an hour; further ones are answered 429.
    pub rate: u32,
    /// Lists come as `{limit, offset, list_type, data}`, else bare.
    pub wrapped: bool,
    /// It has a data factory.
    pub sandbox: bool,
    /// What callbacks are signed with.
    pub secret: String,
    /// When a callback is sent again.
    pub schedule: Schedule,
    /// Identifiers, tracking numbers and what the data factory rolls dice for come from it.
    pub seed: u64,
    /// The time.
    pub clock: fn() -> Timestamp,
}

impl ApiOptions {
    /// A sandbox like MasonHub's, on a free port of this machine.
    #[must_use]
    pub fn new(phrase: impl Into<String>, secret: impl Into<String>, clock: fn() -> Timestamp) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            account: "acme".to_owned(),
            phrase: phrase.into(),
            token_lifetime: Duration::from_secs(3600),
            rate: 1000,
            wrapped: true,
            sandbox: true,
            secret: secret.into(),
            schedule: Schedule::default(),
            seed: 1,
            clock,
        }
    }
}

/// The API, bound to its address; [`Api::run`] serves it.
pub struct Api {
    listener: TcpListener,
    handle: ApiHandle,
}

/// Controls the API from inside the process; outlives it.
#[derive(Clone)]
pub struct ApiHandle {
    shared: Arc<Shared>,
}

struct Shared {
    options: ApiOptions,
    /// With the account, without a `/` at the end.
    base: String,
    faults: Mutex<Faults>,
    state: Mutex<State>,
    /// Callbacks on their way; cut off when nobody holds the API any more.
    sending: Mutex<JoinSet<()>>,
}

struct State {
    warehouse: Warehouse,
    registry: Registry,
    tokens: Tokens,
    rng: ChaCha8Rng,
    /// When the hour of the rate limit began, and the requests since.
    hour: Option<(Timestamp, u32)>,
    /// Requests that brought a good token.
    requests: u64,
    sent: Vec<SentCallback>,
}

/// What became of a callback that the API sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct SentCallback {
    message_type: String,
    message_id: String,
    url: String,
    /// None: it is on its way.
    outcome: Option<Outcome>,
    /// Why it could not even be tried.
    error: Option<String>,
}

/// Whether a callback that the API is told of is also sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// The warehouse knows, and nobody hears of it: what polling has to find.
    Nobody,
    /// It goes to whoever is registered for it.
    Registered,
}

impl Api {
    /// An empty warehouse.
    ///
    /// # Errors
    /// Where the address cannot be bound.
    pub async fn bind(options: ApiOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let base = format!("http://{}/{}/api/v1", listener.local_addr()?, options.account);
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let tokens = Tokens::new(&options.account, &options.phrase, options.token_lifetime, rng.random());
        let (warehouse, registry) = (Warehouse::default(), Registry::default());
        let state = State { warehouse, registry, tokens, rng, hour: None, requests: 0, sent: Vec::new() };
        let shared = Shared { options, base, faults: Mutex::default(), state: Mutex::new(state), sending: Mutex::default() };
        Ok(Self { listener, handle: ApiHandle { shared: Arc::new(shared) } })
    }

    /// Its base URL, account and version included.
    #[must_use]
    pub fn url(&self) -> String {
        self.handle.shared.base.clone()
    }

    /// Its control.
    #[must_use]
    pub fn handle(&self) -> ApiHandle {
        self.handle.clone()
    }

    /// Serves until `until` ends; then every connection is cut.
    pub async fn run(self, until: impl Future<Output = ()>) {
        server::run(self.listener, self.handle, until).await;
    }
}

impl Answers for ApiHandle {
    async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Cut> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
            return Ok(json_reply(413, &json!({"error": "the body is too large or was cut off"})));
        };
        self.receive(&head, body.to_bytes()).await
    }
}

impl ApiHandle {
    /// Sets a fault; it comes after those that are set.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Requests that brought a good token.
    #[must_use]
    pub fn requests(&self) -> u64 {
        lock(&self.shared.state).requests
    }

    /// Has the warehouse know what genuine callbacks say, for example those of a scenario; envelopes
    /// keep their ids when they are sent.
    pub fn tell(&self, callbacks: &[Callback], tell: Tell) {
        for callback in callbacks.iter().filter(|callback| callback.kind == Kind::Genuine) {
            let body: Value = serde_json::from_slice(&callback.body).unwrap_or_default();
            lock(&self.shared.state).warehouse.learn(&body);
            if tell == Tell::Registered {
                self.send(&callback.message_type, body);
            }
        }
    }

    async fn receive(&self, head: &Parts, body: Bytes) -> Result<Reply, Cut> {
        let path = head.uri.path();
        if let Some(reply) = server::control_faults(&self.shared.faults, &head.method, path, &body) {
            return Ok(reply);
        }
        if (head.method.as_str(), path) == ("GET", "/sent") {
            return Ok(json_reply(200, &json!({"data": lock(&self.shared.state).sent})));
        }
        let prefix = format!("/{}/api/v1", self.shared.options.account);
        let Some(path) = path.strip_prefix(&prefix).filter(|path| path.starts_with('/')) else {
            return Ok(reply(&Answer::error(404, "NOT_FOUND", format!("this API is at {}", self.shared.base))));
        };
        let method = head.method.as_str();
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let right = || self.route(method, path, &query, &head.headers, &body);
        let fault = lock(&self.shared.faults).meet(method, path);
        match fault {
            None => Ok(right()),
            Some(fault) => {
                let applied = fault.applied.then(&right);
                server::fail(fault.what, applied, right).await
            }
        }
    }

    fn route(&self, method: &str, path: &str, query: &Query, headers: &HeaderMap, body: &[u8]) -> Reply {
        let now = (self.shared.options.clock)();
        let phrase = || serde_json::from_slice::<Value>(body).ok().and_then(|body| text(&body, "secret_phrase").map(str::to_owned));
        match (method, path) {
            ("POST", "/secrets") => {
                let token = phrase().and_then(|phrase| lock(&self.shared.state).tokens.make(&phrase, now));
                return reply(&match token {
                    Some(token) => Answer::ok(json!({"encrypted_token": token})),
                    None => Answer::error(401, "INVALID_SECRET_PHRASE", "the secret phrase is missing or not in force"),
                });
            }
            ("POST", "/delete_secrets") => {
                let revoked = phrase().is_some_and(|phrase| lock(&self.shared.state).tokens.revoke(&phrase));
                return reply(&match revoked {
                    true => Answer::ok(json!({"status": "success"})),
                    false => Answer::error(404, "INVALID_SECRET_PHRASE", "there is no such secret phrase"),
                });
            }
            _ => {}
        }
        if let Err((code, message)) = self.authorized(headers, now) {
            return reply(&Answer::error(401, code, message));
        }
        if let Some(wait) = self.over_the_rate(now) {
            let mut reply = reply(&Answer::error(429, "RATE_LIMITED", "too many requests in this hour"));
            reply.headers_mut().insert(RETRY_AFTER, wait.into());
            return reply;
        }
        reply(&self.business(method, path, query, body, now).unwrap_or_else(|refusal| refusal))
    }

    fn authorized(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), (&'static str, &'static str)> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| value.strip_prefix("Bearer ")).ok_or(("UNAUTHORIZED", "the bearer token is missing"))?;
        lock(&self.shared.state).tokens.check(token, now)
    }

    /// Counts a request; the seconds to wait where it is one too many.
    fn over_the_rate(&self, now: Timestamp) -> Option<u64> {
        const HOUR: SignedDuration = SignedDuration::from_hours(1);
        let mut state = lock(&self.shared.state);
        state.requests += 1;
        let hour = state.hour.filter(|(began, _)| now.duration_since(*began) < HOUR);
        let (began, requests) = hour.unwrap_or((now, 0));
        state.hour = Some((began, requests.saturating_add(1)));
        let left = HOUR - now.duration_since(began);
        (requests >= self.shared.options.rate).then(|| left.as_secs().unsigned_abs().max(1))
    }

    fn business(&self, method: &str, path: &str, query: &Query, body: &[u8], now: Timestamp) -> Result<Answer, Answer> {
        let options = &self.shared.options;
        let (answer, happened) = {
            let mut state = lock(&self.shared.state);
            let State { warehouse, registry, rng, .. } = &mut *state;
            match (method, path) {
                ("GET", "/callbacks") => return Ok(registry.list(query)),
                ("POST", "/callbacks") => return registry.register(body, now, || uuid(rng)),
                ("DELETE", "/callbacks") => return registry.unregister(body),
                ("GET", "/callback_holds") => return Ok(registry.holds()),
                ("POST", "/callback_holds") => return registry.hold(body, true),
                ("DELETE", "/callback_holds") => return registry.hold(body, false),
                ("POST", "/snapshot_request") => entries::snapshot(warehouse, body, &self.shared.base, now, &uuid(rng))?,
                ("GET", _) => {
                    if let Some(file) = path.strip_prefix("/snapshot_download/") {
                        return Ok(entries::download(warehouse, file));
                    }
                    return lists::answer(warehouse, path, query, options.wrapped).unwrap_or_else(|| Err(unknown(path)));
                }
                ("POST", _) => match path.strip_prefix("/data_factory/") {
                    Some(_) if !options.sandbox => return Err(Answer::error(403, "FORBIDDEN", "only a sandbox has a data factory")),
                    Some(trigger) => Factory { warehouse, now, rng }.answer(trigger, body).ok_or_else(|| unknown(path))??,
                    None => entries::answer(warehouse, path, body, now, &mut || uuid(rng)).ok_or_else(|| unknown(path))??,
                },
                _ => return Err(Answer::error(405, "METHOD_NOT_ALLOWED", format!("{path} has no {method}"))),
            }
        };
        happened.into_iter().for_each(|event| self.publish(event));
        Ok(answer)
    }

    /// Sends what happened to whoever is registered for it.
    fn publish(&self, event: Happened) {
        let Happened { message_type, record } = event;
        let message_id = uuid(&mut lock(&self.shared.state).rng);
        // A snapshot is announced by one object, everything else by a list.
        let data = if message_type == "snapshotReady" { record } else { json!([record]) };
        self.send(message_type, json!({"message_type": message_type, "message_id": message_id, "data": data}));
    }

    fn send(&self, message_type: &str, body: Value) {
        let message_id = text(body.get(0).unwrap_or(&body), "message_id").unwrap_or_default().to_owned();
        let receivers = lock(&self.shared.state).registry.receivers(message_type);
        for receiver in receivers {
            let mut body = body.clone();
            if body.get("message_type").is_some() {
                body["callback_url"] = json!(receiver.url);
                body["api_version"] = json!(receiver.api_version);
                if let Some(token) = &receiver.token {
                    body["token"] = json!(token);
                }
            }
            let mut sender = Sender::new(receiver.url.clone(), self.shared.options.secret.clone());
            sender.schedule = self.shared.options.schedule.clone();
            let mut state = lock(&self.shared.state);
            let callback = Callback::new(body.to_string(), &mut state.rng);
            let place = state.sent.len();
            let (message_type, message_id) = (message_type.to_owned(), message_id.clone());
            state.sent.push(SentCallback { message_type, message_id, url: receiver.url, outcome: None, error: None });
            drop(state);
            // Weak, or the callbacks on their way would keep what holds them.
            let shared = Arc::downgrade(&self.shared);
            let mut sending = lock(&self.shared.sending);
            while sending.try_join_next().is_some() {}
            sending.spawn(async move {
                let report = send(&sender, &[callback], |_| {}).await;
                if let Some(shared) = shared.upgrade() {
                    let sent = &mut lock(&shared.state).sent[place];
                    match report {
                        Ok(report) => sent.outcome = report.sent.first().map(|sent| sent.outcome),
                        Err(error) => sent.error = Some(error.to_string()),
                    }
                }
            });
        }
    }
}

fn unknown(path: &str) -> Answer {
    Answer::error(404, "NOT_FOUND", format!("there is nothing at {path}"))
}

fn reply(answer: &Answer) -> Reply {
    json_reply(answer.status, &answer.body)
}
