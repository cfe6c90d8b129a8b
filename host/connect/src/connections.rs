//! All connections by name: the [`Connector`] port, what `mortar check` asks and what
//! `mortar status` shows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_core::call::{Request, Response};
use mortar_core::config::ConnectionConfig;
use mortar_core::ports::{BoxFuture, Clock, Connector, Manners, Observation, Observer, SendError};
use mortar_core::retry::RetryPolicy;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;
use utoipa::ToSchema;

use crate::breaker::Phase;
use crate::classify;
use crate::client::{Download, DownloadError, DownloadLimits, HttpClient};
use crate::gate::Gate;
use crate::mail::MailClient;
use crate::setup::{ConnectError, Secrets, SecretsHash, Setup};
use crate::tls::Tls;

/// The configured connections.
pub struct Connections {
    by_name: RwLock<Arc<ByName>>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

type ByName = BTreeMap<String, Arc<Connection>>;

/// How a connection is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// Its name.
    pub name: String,
    /// Its base URL, without credentials.
    pub url: String,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Requests that may be under way at once when all is well.
    pub concurrency: usize,
    /// Requests that may be under way at once now.
    pub allowed: usize,
    /// What its breaker says.
    pub breaker: BreakerState,
    /// Nothing is sent before this, because the server asked for it.
    pub paused_until: Option<Timestamp>,
}

/// The state of a connection's breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum BreakerState {
    /// All is well.
    Closed,
    /// Too many requests in a row failed: nothing is sent.
    Open {
        /// The next request after this is a probe.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// Probes show whether it may close.
    HalfOpen,
    /// Closed; its requests at once grow back to all that are configured.
    Ramping,
}

struct Connection {
    gate: Gate,
    patience: Duration,
    config: ConnectionConfig,
    /// Of the secrets that it was built with.
    secrets: SecretsHash,
    transport: Transport,
}

enum Transport {
    Http(Box<HttpClient>),
    Mail(Box<MailClient>),
}

impl Connections {
    /// Builds all connections; opens none.
    ///
    /// # Errors
    /// Every problem of every connection, with the key that it is about.
    pub fn new(
        config: &BTreeMap<String, ConnectionConfig>,
        secrets: &dyn Secrets,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Vec<ConnectError>> {
        let by_name = RwLock::new(Arc::new(build(config, secrets, &clock, &observer)?));
        Ok(Self { by_name, clock, observer })
    }

    /// Takes over another configuration. A connection that is configured as before, secrets included,
    /// goes on as it is: with its breaker, its rate and its tokens. Requests under way end on the one that
    /// they began on.
    ///
    /// # Errors
    /// Every problem of every connection: nothing was changed.
    pub fn reload(&self, config: &BTreeMap<String, ConnectionConfig>, secrets: &dyn Secrets) -> Result<(), Vec<ConnectError>> {
        let mut new = build(config, secrets, &self.clock, &self.observer)?;
        let old = self.now();
        for (name, connection) in &mut new {
            if let Some(before) = old.get(name).filter(|before| before.is_like(connection)) {
                *connection = before.clone();
            }
        }
        *self.by_name.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    fn now(&self) -> Arc<ByName> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.now().keys().cloned().collect::<Vec<_>>().into_iter()
    }

    /// How each connection is doing, by name.
    #[must_use]
    pub fn status(&self) -> Vec<ConnectionStatus> {
        let now = self.clock.now();
        self.now().iter().map(|(name, connection)| connection.status(name, now)).collect()
    }

    /// Proves that a connection's endpoint can be reached with its credentials, without changing
    /// anything there: the head of the base URL, or a greeting of the mail server. Answers what was
    /// seen.
    ///
    /// # Errors
    /// What is in the way, in words.
    pub async fn probe(&self, name: &str) -> Result<String, String> {
        match &self.get(name).map_err(|e| e.to_string())?.transport {
            Transport::Http(client) => client.probe().await,
            Transport::Mail(client) => client.probe().await,
        }
    }

    /// Asks for a file that is read as it comes. A download keeps no place of the connection, and does not
    /// move its breaker.
    ///
    /// # Errors
    /// It may not be asked for, or is not there.
    pub async fn download(&self, connection: &str, url: &str, limits: &DownloadLimits) -> Result<Download, DownloadError> {
        match &self.get(connection).map_err(|error| DownloadError::Denied(error.to_string()))?.transport {
            Transport::Http(client) => client.download(url, limits).await,
            Transport::Mail(_) => Err(DownloadError::Denied("a mail server has no files".into())),
        }
    }

    fn find(&self, name: &str) -> Option<Arc<Connection>> {
        self.now().get(name).cloned()
    }

    fn get(&self, name: &str) -> Result<Arc<Connection>, SendError> {
        self.find(name).ok_or_else(|| SendError::Denied(format!("there is no connection `{name}` in the configuration")))
    }
}

impl Connector for Connections {
    fn manners(&self, connection: &str, method: &str) -> Option<Manners> {
        let connection = self.find(connection)?;
        Some(match &connection.transport {
            Transport::Http(client) => Manners { idempotent: client.is_idempotent(), safe: connection.is_safe(method) },
            Transport::Mail(_) => Manners { idempotent: false, safe: false },
        })
    }

    fn retry(&self, connection: &str) -> Option<RetryPolicy> {
        self.find(connection)?.config.retry.clone()
    }

    fn patience(&self, connection: &str) -> Duration {
        self.find(connection).map_or(Duration::ZERO, |connection| connection.patience)
    }

    fn room(&self, connection: &str) -> Result<usize, Duration> {
        self.find(connection).map_or(Ok(usize::MAX), |connection| connection.gate.room())
    }

    fn check(&self, request: &Request) -> Result<(), SendError> {
        let checked = match &self.get(&request.connection)?.transport {
            Transport::Http(client) => client.prepare(request).map(drop),
            Transport::Mail(client) => client.prepare(request).map(drop),
        };
        checked.map_err(|error| named(&request.connection, error))
    }

    fn send<'a>(&'a self, request: &'a Request, idempotency_key: &'a str) -> BoxFuture<'a, Result<Response, SendError>> {
        Box::pin(async move {
            let name = &request.connection;
            let result = self.get(name)?.send(request, idempotency_key, self).await;
            result.map_err(|error| named(name, error))
        })
    }
}

impl Connection {
    fn new(setup: &mut Setup<'_>) -> Option<Self> {
        let config = setup.config;
        setup.limits();
        setup.methods("safe_methods", &config.safe_methods);
        let transport = match Url::parse(&config.url) {
            Ok(url) if matches!(url.scheme(), "smtp" | "smtps") => Transport::Mail(Box::new(MailClient::new(setup, url)?)),
            _ => Transport::Http(Box::new(HttpClient::new(setup)?)),
        };
        // Limits that make no sense were noted above; a gate cannot be built from them.
        let gate = setup.problems.is_empty().then(|| Gate::new(setup.name, config, setup.observer.clone(), rand::random))?;
        // In line for a place, then connecting, then the answer.
        let patience = config.timeout + config.connect_timeout + config.timeout;
        Some(Self { gate, patience, config: config.clone(), secrets: setup.hash(), transport })
    }

    /// True where it is configured as the other one, secrets included.
    fn is_like(&self, other: &Self) -> bool {
        self.config == other.config && self.secrets == other.secrets
    }

    fn status(&self, name: &str, now: Timestamp) -> ConnectionStatus {
        let load = self.gate.load();
        let at = |rest| SignedDuration::try_from(rest).ok().and_then(|rest| now.checked_add(rest).ok()).unwrap_or(Timestamp::MAX);
        ConnectionStatus {
            name: name.to_owned(),
            url: self.url().to_string(),
            in_flight: load.in_flight,
            waiting: load.waiting,
            concurrency: load.concurrency,
            allowed: load.allowed,
            breaker: match load.phase {
                Phase::Closed => BreakerState::Closed,
                // The time is up, and the next request is a probe.
                Phase::Open(Duration::ZERO) => BreakerState::HalfOpen,
                Phase::Open(rest) => BreakerState::Open { until: at(rest) },
                Phase::HalfOpen => BreakerState::HalfOpen,
                Phase::Ramping => BreakerState::Ramping,
            },
            paused_until: load.paused_for.map(at),
        }
    }

    fn url(&self) -> &Url {
        match &self.transport {
            Transport::Http(client) => client.url(),
            Transport::Mail(client) => client.url(),
        }
    }

    fn is_safe(&self, method: &str) -> bool {
        self.config.safe_methods.iter().any(|safe| safe == method)
    }

    /// Checks, waits at the gate, sends, and says what became of it.
    async fn send(&self, request: &Request, key: &str, all: &Connections) -> Result<Response, SendError> {
        let (status, took, result) = match &self.transport {
            Transport::Http(client) => {
                let prepared = client.prepare(request)?;
                let pass = self.gate.enter().await?;
                let start = Instant::now();
                let outcome = client.send(prepared, request.body.as_deref(), self.is_safe(&request.method), key).await;
                let now = all.clock.now();
                pass.end(classify::http_health(&outcome, now));
                (outcome.status(), start.elapsed(), classify::http(outcome, now))
            }
            Transport::Mail(client) => {
                let letter = client.prepare(request)?;
                let pass = self.gate.enter().await?;
                let start = Instant::now();
                let outcome = client.send(letter, key).await;
                pass.end(classify::mail_health(&outcome));
                (outcome.status(), start.elapsed(), classify::mail(outcome))
            }
        };
        all.observer.observe(&Observation::Call { connection: &request.connection, status, took });
        tracing::debug!(connection = request.connection, method = request.method, path = request.path, status, ?took, "call");
        result
    }
}

fn build(
    config: &BTreeMap<String, ConnectionConfig>,
    secrets: &dyn Secrets,
    clock: &Arc<dyn Clock>,
    observer: &Arc<dyn Observer>,
) -> Result<ByName, Vec<ConnectError>> {
    let tls = Tls::load();
    let (mut by_name, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, config) in config {
        let mut setup = Setup::new(name, config, clock, observer, &tls, secrets);
        let connection = Connection::new(&mut setup);
        problems.append(&mut setup.problems);
        by_name.extend(connection.map(|connection| (name.clone(), Arc::new(connection))));
    }
    if problems.is_empty() { Ok(by_name) } else { Err(problems) }
}

/// Says which connection an error is about.
fn named(connection: &str, error: SendError) -> SendError {
    let name = |reason: String| format!("connection `{connection}`: {reason}");
    match error {
        SendError::Denied(reason) => SendError::Denied(name(reason)),
        SendError::TooLarge { reason, sent } => SendError::TooLarge { reason: name(reason), sent },
        SendError::NotSent { reason, after, spent } => SendError::NotSent { reason: name(reason), after, spent },
        SendError::Lost(reason) => SendError::Lost(name(reason)),
    }
}

impl fmt::Debug for Connections {
    /// The names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
