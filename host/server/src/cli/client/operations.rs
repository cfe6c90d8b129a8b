//! What the admin API can be asked.

use std::time::Duration;

use jiff::Timestamp;
use mortar_core::delivery::{DeliveryId, State};
use mortar_core::operator::{Action, Token};
use mortar_core::ports::Replay;
use mortar_core::story::{EventStory, EventSummary, Quarantined, Rejected, RoundTripSummary};

use super::Client;
use crate::admin::auth::Identity;
use crate::admin_types::{
    AlertRaised, AlertSent, AuditQuery, Backup, BackupWritten, CreateToken, CreatedToken, Discard, DiscardedOpen, EventQuery, LookAgain,
    LookedAgain, MAX_LIMIT, Page, PageQuery, Pin, PluginDiff, PluginDifferences, PluginStatus, QuarantineQuery, ReadAgain, Reconcile,
    ReconciledSource, RejectedQuery, Reloaded, ReplayRequest, RollBack, RolledBack, RoundTripQuery, RoundTripReport, Settle, Since,
    StartShadow, Status,
};
use crate::cli::exit::Failure;

/// How long a backup may take: hundreds of gigabytes.
const BACKUP_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// How long alerts may take: each way has the timeouts of its connection.
const ALERT_TIMEOUT: Duration = Duration::from_secs(180);

/// How long a poll may take: thousands of requests, at MasonHub's rate.
const POLL_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// How long two generations may take to be compiled and compared.
const COMPARE_TIMEOUT: Duration = Duration::from_secs(600);

impl Client {
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
}
