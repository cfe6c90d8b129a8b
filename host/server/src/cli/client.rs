//! The admin API of the running host, as the commands use it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, State};
use mortar_core::operator::{Action, Token};
use mortar_core::ports::Replay;
use mortar_core::story::{EventStory, EventSummary, Quarantined, Rejected, RoundTripSummary};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::exit::Failure;
use super::http;
use crate::admin::auth::Identity;
use crate::admin::guard::Remote;
use crate::admin_types::{
    AlertRaised, AlertSent, AuditQuery, Backup, BackupWritten, CreateToken, CreatedToken, Discard, DiscardedOpen, ErrorBody, EventQuery,
    LookAgain, LookedAgain, MAX_LIMIT, Page, PageQuery, Pin, PluginDiff, PluginDifferences, PluginStatus, QuarantineQuery, ReadAgain,
    Reconcile, ReconciledSource, RejectedQuery, Reloaded, ReplayRequest, RollBack, RolledBack, RoundTripQuery, RoundTripReport, Settle,
    Since, StartShadow, Status,
};
use crate::config::Loaded;
use crate::tls;

/// How long a backup may take: hundreds of gigabytes.
const BACKUP_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// How long alerts may take: each way has the timeouts of its connection.
const ALERT_TIMEOUT: Duration = Duration::from_secs(180);

/// How long a poll may take: thousands of requests, at MasonHub's rate.
const POLL_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// How long two generations may take to be compiled and compared.
const COMPARE_TIMEOUT: Duration = Duration::from_secs(600);

/// Speaks to the host that runs with a configuration.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The API itself, where it is in this process.
    inside: Option<Inside>,
    base: Url,
    token: String,
    /// Which configuration, for error texts.
    config: String,
}

impl Client {
    /// A client for the host that runs with this configuration. It presents the token in the variable
    /// MORTAR_TOKEN, or the host's own.
    ///
    /// # Errors
    /// There is no token: the host has never run, or the file belongs to somebody else.
    pub fn of(loaded: &Loaded) -> Result<Self, Failure> {
        let presented = std::env::var("MORTAR_TOKEN").ok().filter(|token| !token.is_empty());
        let token = match (presented, &loaded.config.admin.token) {
            (Some(token), _) => token,
            (None, Some(secret)) => loaded.secret(secret).map_err(|e| Failure::Failed(format!("the admin token is not there: {e}")))?,
            (None, None) => token_of_host(loaded)?,
        };
        let config = loaded.path.display().to_string();
        let at = reachable(loaded.config.admin.listen);
        match &loaded.config.admin.tls {
            None => Self::new(&format!("http://{at}/"), token, config),
            Some(tls) => {
                let chain = tls::chain(loaded, tls).map_err(|why| Failure::Failed(format!("admin.tls: {why}")))?;
                Self::over(http::pinned(chain)?, &format!("https://{at}/"), token, config)
            }
        }
    }

    /// A client for the host at this address.
    ///
    /// # Errors
    /// It is no URL, or the HTTP client cannot be built.
    pub fn new(base: &str, token: String, config: String) -> Result<Self, Failure> {
        Self::over(http::local()?, base, token, config)
    }

    fn over(http: reqwest::Client, base: &str, token: String, config: String) -> Result<Self, Failure> {
        let base = Url::parse(base).map_err(|e| Failure::Usage(format!("`{base}` is not a URL: {e}")))?;
        Ok(Self { http, inside: None, base, token, config })
    }

    /// A client for the host that this process is; without a token, see [`Client::for_somebody`].
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn inside(api: Router) -> Result<Self, Failure> {
        let client = Self::new("http://localhost/", String::new(), String::new())?;
        Ok(Self { inside: Some(Inside { api, remote: None }), ..client })
    }

    /// The same for somebody with this token, who is there.
    #[must_use]
    pub fn for_somebody(&self, token: String, remote: Option<Remote>) -> Self {
        let inside = self.inside.clone().map(|inside| Inside { remote, ..inside });
        Self { token, inside, ..self.clone() }
    }

    /// Who this is, by the token.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn who(&self) -> Result<Identity, Failure> {
        self.get(&["whoami"], &()).await
    }

    /// How the host is.
    ///
    /// # Errors
    /// As with every method here: the host does not answer, refuses, or has no such thing.
    pub async fn status(&self) -> Result<Status, Failure> {
        self.get(&["status"], &()).await
    }

    /// How the plugins are.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn plugins(&self) -> Result<Vec<PluginStatus>, Failure> {
        self.page(&["plugins"], &PageQuery { limit: Some(MAX_LIMIT), cursor: None }).await
    }

    /// How one plugin is.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn plugin(&self, name: &str) -> Result<PluginStatus, Failure> {
        self.get(&["plugins", name], &()).await
    }

    /// Puts an earlier generation in force; says its digest.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn roll_back(&self, name: &str, request: &RollBack) -> Result<RolledBack, Failure> {
        let body = self.post(&["plugins", name, "rollback"], request).await?;
        self.read(&body)
    }

    /// Keeps the generation in force whatever files come, or no longer.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn pin(&self, name: &str, pinned: bool) -> Result<(), Failure> {
        self.post(&["plugins", name, "pin"], &Pin { pinned }).await.map(drop)
    }

    /// Puts the generation in force that the gate holds back; says its digest.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn promote(&self, name: &str) -> Result<RolledBack, Failure> {
        let body = self.post(&["plugins", name, "promote"], &()).await?;
        self.read(&body)
    }

    /// Compares two generations on recorded deliveries.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn plugin_diff(&self, name: &str, request: &PluginDiff) -> Result<PluginDifferences, Failure> {
        let body = self.send(self.posting(&["plugins", name, "diff"], request)?.timeout(COMPARE_TIMEOUT)).await?;
        self.read(&body)
    }

    /// Has a candidate run beside the generation in force; says its digest.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn start_shadow(&self, name: &str, request: &StartShadow) -> Result<RolledBack, Failure> {
        let body = self.send(self.posting(&["plugins", name, "shadow", "start"], request)?.timeout(COMPARE_TIMEOUT)).await?;
        self.read(&body)
    }

    /// Ends that.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn stop_shadow(&self, name: &str) -> Result<(), Failure> {
        self.post(&["plugins", name, "shadow", "stop"], &()).await.map(drop)
    }

    /// Puts the candidate in force; says its digest.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn promote_shadow(&self, name: &str) -> Result<RolledBack, Failure> {
        let body = self.post(&["plugins", name, "shadow", "promote"], &()).await?;
        self.read(&body)
    }

    /// Forgets a parked plugin.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn forget(&self, name: &str) -> Result<(), Failure> {
        self.post(&["plugins", name, "forget"], &()).await.map(drop)
    }

    /// Discards some deliveries of a forgotten plugin.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn discard_open(&self, name: &str) -> Result<DiscardedOpen, Failure> {
        let body = self.post(&["plugins", name, "discard"], &()).await?;
        self.read(&body)
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn events(&self, query: &EventQuery) -> Result<Vec<EventSummary>, Failure> {
        self.page(&["events"], query).await
    }

    /// Every event with a dead letter, newest first, page by page.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn dead(&self) -> Result<Vec<EventSummary>, Failure> {
        let mut query = EventQuery { limit: Some(MAX_LIMIT), state: Some(State::Dead), ..EventQuery::default() };
        let mut all = Vec::new();
        loop {
            let page = self.events(&query).await?;
            let Some(last) = page.last() else { return Ok(all) };
            query.before = Some(last.seq);
            all.extend(page);
        }
    }

    /// A part of the events, and where the list goes on.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn some_events(&self, query: &EventQuery) -> Result<Page<EventSummary>, Failure> {
        self.get(&["events"], query).await
    }

    /// What operators were told of and is not over.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn alerts(&self) -> Result<Vec<AlertRaised>, Failure> {
        self.get(&["alerts"], &()).await
    }

    /// All about one event, by its id or its place in the journal.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn story(&self, event: &str) -> Result<EventStory, Failure> {
        self.get(&["events", event], &()).await
    }

    /// Runs a dead letter again.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn replay(&self, delivery: DeliveryId, steps: Replay) -> Result<(), Failure> {
        self.post(&["deliveries", &delivery.to_string(), "replay"], &ReplayRequest { steps }).await.map(drop)
    }

    /// Gives a dead letter up.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn discard(&self, delivery: DeliveryId, request: &Discard) -> Result<(), Failure> {
        self.post(&["deliveries", &delivery.to_string(), "discard"], request).await.map(drop)
    }

    /// Says what became of a step that is in doubt.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn settle(&self, delivery: DeliveryId, request: &Settle) -> Result<(), Failure> {
        self.post(&["deliveries", &delivery.to_string(), "settle"], request).await.map(drop)
    }

    /// What is in quarantine, newest first.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn quarantine(&self, query: &QuarantineQuery) -> Result<Vec<Quarantined>, Failure> {
        self.page(&["quarantine"], query).await
    }

    /// One callback in quarantine, with its body.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn quarantined(&self, id: u64) -> Result<Quarantined, Failure> {
        self.get(&["quarantine", &id.to_string()], &()).await
    }

    /// Reads a quarantined callback again.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn replay_quarantined(&self, id: u64) -> Result<ReadAgain, Failure> {
        let body = self.post(&["quarantine", &id.to_string(), "replay"], &()).await?;
        self.read(&body)
    }

    /// The sample of rejected callbacks, newest first.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn rejected(&self, query: &RejectedQuery) -> Result<Vec<Rejected>, Failure> {
        self.page(&["rejected"], query).await
    }

    /// Takes a rejected callback for genuine.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn admit(&self, id: u64) -> Result<ReadAgain, Failure> {
        let body = self.post(&["rejected", &id.to_string(), "admit"], &()).await?;
        self.read(&body)
    }

    /// The latest round trips in a state.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn round_trips(&self, query: &RoundTripQuery) -> Result<Vec<RoundTripSummary>, Failure> {
        self.page(&["round-trips"], query).await
    }

    /// How many round trips there are in which state, of events received since a time.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn round_trip_report(&self, since: Timestamp) -> Result<RoundTripReport, Failure> {
        self.get(&["round-trips", "report"], &Since { since }).await
    }

    /// Has the ERP read back.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn look_again(&self, request: &LookAgain) -> Result<LookedAgain, Failure> {
        let body = self.post(&["round-trips", "check"], request).await?;
        self.read(&body)
    }

    /// Has MasonHub polled for what no callback brought, however long it takes.
    ///
    /// # Errors
    /// See [`Client::status`]; MasonHub may not answer either.
    pub async fn reconcile(&self, request: &Reconcile) -> Result<Vec<ReconciledSource>, Failure> {
        let body = self.send(self.posting(&["reconcile"], request)?.timeout(POLL_TIMEOUT)).await?;
        self.read(&body)
    }

    /// Has a test alert sent by every way.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn test_alerts(&self) -> Result<Vec<AlertSent>, Failure> {
        let body = self.send(self.posting(&["alerts", "test"], &())?.timeout(ALERT_TIMEOUT)).await?;
        self.read(&body)
    }

    /// Writes a backup of the journal, however long it takes.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn backup(&self, request: &Backup) -> Result<BackupWritten, Failure> {
        let body = self.send(self.posting(&["backup"], request)?.timeout(BACKUP_TIMEOUT)).await?;
        self.read(&body)
    }

    /// Has the host read its configuration again.
    ///
    /// # Errors
    /// See [`Client::status`]; refused where it has problems.
    pub async fn reload(&self) -> Result<Reloaded, Failure> {
        let body = self.post(&["reload"], &()).await?;
        self.read(&body)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn create_token(&self, request: &CreateToken) -> Result<CreatedToken, Failure> {
        let body = self.post(&["tokens"], request).await?;
        self.read(&body)
    }

    /// Every token.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn tokens(&self) -> Result<Vec<Token>, Failure> {
        self.page(&["tokens"], &PageQuery { limit: Some(MAX_LIMIT), cursor: None }).await
    }

    /// Has a token count no more.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn revoke_token(&self, name: &str) -> Result<(), Failure> {
        self.post(&["tokens", name, "revoke"], &()).await.map(drop)
    }

    /// What operators did, newest first.
    ///
    /// # Errors
    /// See [`Client::status`].
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<Action>, Failure> {
        self.page(&["audit"], query).await
    }

    /// The first page of a list.
    async fn page<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<Vec<T>, Failure> {
        Ok(self.get::<Page<T>>(path, query).await?.items)
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<T, Failure> {
        let mut url = self.url(path);
        let query = serde_json::to_value(query).map_err(|e| Failure::Failed(e.to_string()))?;
        for (name, value) in query.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            url.query_pairs_mut().append_pair(name, &text);
        }
        let body = self.send(self.http.request(Method::GET, url)).await?;
        self.read(&body)
    }

    async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<String, Failure> {
        self.send(self.posting(path, body)?).await
    }

    fn posting(&self, path: &[&str], body: &impl Serialize) -> Result<reqwest::RequestBuilder, Failure> {
        let body = serde_json::to_string(body).map_err(|e| Failure::Failed(e.to_string()))?;
        Ok(self.http.request(Method::POST, self.url(path)).header("content-type", "application/json").body(body))
    }

    /// The address of a resource; what stands in an event's id cannot change where it leads.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<String, Failure> {
        let request = request.bearer_auth(&self.token);
        let answered = match &self.inside {
            Some(inside) => inside.clone().ask(request).await,
            None => ask(request).await,
        };
        let (status, body) = answered.map_err(|why| self.unreachable(&why))?;
        if status.is_success() { Ok(body) } else { Err(self.refused(status, &body)) }
    }

    fn read<T: DeserializeOwned>(&self, body: &str) -> Result<T, Failure> {
        let strange = |e| Failure::Failed(format!("the host at {} answers what this version does not know: {e}; update both", self.base));
        serde_json::from_str(body).map_err(strange)
    }

    fn unreachable(&self, why: &str) -> Failure {
        let Self { base, config, .. } = self;
        Failure::Unreachable(format!("no answer from the host at {base} ({why}); is `mortar serve` running with {config}?"))
    }

    fn refused(&self, status: StatusCode, body: &str) -> Failure {
        let Self { base, config, .. } = self;
        let Ok(ErrorBody { error, .. }) = serde_json::from_str(body) else {
            return Failure::Failed(format!("what answers at {base} is not this host ({status}); does another program use that port?"));
        };
        match status {
            StatusCode::UNAUTHORIZED => {
                Failure::Refused(format!("the host at {base} does not accept the token: {error}; is it the one that runs with {config}?"))
            }
            StatusCode::NOT_FOUND => Failure::NotFound(error),
            status if status.is_client_error() => Failure::Refused(error),
            _ => Failure::Failed(error),
        }
    }
}

/// Asks over a connection; an error says why there is no answer.
async fn ask(request: reqwest::RequestBuilder) -> Result<(StatusCode, String), String> {
    let answered = async {
        let response = request.send().await?;
        Ok((response.status(), response.text().await?))
    };
    answered.await.map_err(|error: reqwest::Error| http::root_cause(&error))
}

/// The admin API of this process, which is asked without a connection.
#[derive(Clone)]
struct Inside {
    api: Router,
    /// From where somebody asks, for the audit log.
    remote: Option<Remote>,
}

impl Inside {
    async fn ask(self, request: reqwest::RequestBuilder) -> Result<(StatusCode, String), String> {
        let request = request.build().and_then(Request::<reqwest::Body>::try_from);
        let mut request = request.map_err(|error| error.to_string())?;
        if let Some(remote) = self.remote {
            request.extensions_mut().insert(ConnectInfo(remote));
        }
        let Ok(response) = TowerToHyperService::new(self.api).call(request).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// Where a host that listens everywhere can be reached on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}

/// The token that the host made at its first start.
fn token_of_host(loaded: &Loaded) -> Result<String, Failure> {
    let file = crate::admin::token::path(&loaded.path(&loaded.config.journal.path));
    let shown = file.display();
    match std::fs::read_to_string(&file) {
        Ok(token) => Ok(token.trim_end().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::Unreachable(format!(
            "the host has not run with {} yet: it makes {shown} at its first start; run `mortar serve`",
            loaded.path.display()
        ))),
        Err(error) => Err(Failure::Failed(format!("cannot read the admin token {shown}: {error}; use the account that the host runs as"))),
    }
}

#[cfg(test)]
mod tests;
