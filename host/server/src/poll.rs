//! Polls of MasonHub's API: what no callback brought is found and becomes events.
//!
//! | file | what is in it |
//! |---|---|
//! | `snapshot.rs` | all stock at once, as a file |

mod snapshot;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mortar_connect::DownloadError;
use mortar_core::config::PollConfig;
use mortar_core::masonhub::fact::{Polled, Resource};
use mortar_core::ports::{Filter, JournalError, Polls};
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::poll::{Missing, Reconciled, reconcile};
use serde_json::Value;
use tokio::sync::watch;

use crate::masonhub::{Api, ApiError};

/// A host that was down for longer looks back no further by itself.
const LONGEST_LOOK_BACK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Polls the API of one source.
pub struct Poller {
    /// The source.
    pub source: Arc<str>,
    /// Its API.
    pub api: Api,
    /// How it is polled by itself; none: only when asked.
    pub every: Option<PollConfig>,
    /// The adapters.
    pub ports: Ports,
    /// Where what is found is stored.
    pub polls: Arc<dyn Polls>,
    /// Who handles what.
    pub plugins: Arc<Plugins>,
    /// What polls found missing.
    pub found: Mutex<Gap>,
}

/// What polls of a source found missing since the host started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// Events in all.
    pub all: u64,
    /// Events of the last poll.
    pub last: u64,
    /// Some of the last events.
    pub examples: Vec<String>,
}

/// Events that a gap names.
const EXAMPLES: usize = 5;

/// Why a poll came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The API did not answer as it should.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A snapshot was not had.
    #[error("{0}")]
    Snapshot(String),
    /// A snapshot could not be downloaded.
    #[error("the snapshot cannot be downloaded: {0}; `snapshot.hosts` in the source's [poll] names further hosts that may be asked")]
    Download(DownloadError),
}

impl Poller {
    /// Polls what was changed since, and stores what no callback brought unless it is only to be
    /// told.
    ///
    /// # Errors
    /// See [`PollError`]; the next poll makes up for it.
    pub async fn poll(&self, since: Timestamp, store: bool) -> Result<Reconciled, PollError> {
        let config = self.every.clone().unwrap_or_default();
        let until = before(self.ports.clock.now(), config.settle);
        let mut records = Vec::new();
        for resource in &config.kinds {
            let listed = self.listed(*resource, since).await?.into_iter().map(|record| Polled { resource: *resource, record });
            records.extend(listed.filter(|polled| polled.updated_at().is_none_or(|at| at >= since && at <= until)));
        }
        let reconciled = reconcile(&self.ports, &*self.polls, &self.plugins, &self.source, records, store).await?;
        self.note(&reconciled, store);
        Ok(reconciled)
    }

    /// What polls found missing.
    #[must_use]
    pub fn gap(&self) -> Gap {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, reconciled: &Reconciled, stored: bool) {
        for reason in &reconciled.unreadable {
            tracing::warn!(source = %self.source, reason, "a polled record cannot be read");
        }
        if !stored {
            return;
        }
        let mut gap = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        gap.last = reconciled.missing.len() as u64;
        gap.all += gap.last;
        if gap.last > 0 {
            let named = |missing: &Missing| format!("{} of {}", missing.event_type, missing.subject);
            gap.examples = reconciled.missing.iter().take(EXAMPLES).map(named).collect();
        }
    }

    /// Only orders can be asked for by their update: what `sdt` means for the others is another time,
    /// or nothing.
    async fn listed(&self, resource: Resource, since: Timestamp) -> Result<Vec<Value>, ApiError> {
        let since = since.to_string();
        let query: &[(&str, &str)] = if resource == Resource::Orders { &[("sdt", &since), ("list_type", "detail")] } else { &[] };
        self.api.list(resource.path(), query).await
    }

    /// Polls until the host stops, where that is configured.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let Some(config) = self.every.clone() else { return };
        tokio::join!(self.run_polls(&config, stop.clone()), self.run_snapshots(&config, stop));
    }

    async fn run_polls(&self, config: &PollConfig, mut stop: watch::Receiver<bool>) {
        let mut looked_at = self.last_event().await;
        loop {
            let now = self.ports.clock.now();
            match self.poll(before(looked_at, config.overlap), true).await {
                Ok(reconciled) => {
                    looked_at = now;
                    for missing in &reconciled.missing {
                        let (event, event_type, subject) = (&missing.id, &missing.event_type, &missing.subject);
                        tracing::warn!(source = %self.source, event, event_type, subject, "no callback brought this event; a poll found it");
                    }
                }
                Err(fault) => {
                    tracing::warn!(source = %self.source, %fault, "the poll failed; the next one looks back to the last that did not")
                }
            }
            tokio::select! {
                () = tokio::time::sleep(config.interval) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn run_snapshots(&self, config: &PollConfig, mut stop: watch::Receiver<bool>) {
        let Some(snapshot) = &config.snapshot else { return };
        loop {
            match self.snapshot(true).await {
                Ok(compared) => {
                    let (lines, changed) = (compared.looked, compared.missing.len());
                    tracing::info!(source = %self.source, lines, changed, "a snapshot was compared");
                }
                Err(fault) => tracing::warn!(source = %self.source, %fault, "there is no snapshot; the next one makes up for it"),
            }
            tokio::select! {
                () = tokio::time::sleep(snapshot.interval) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// When the last event came in: what was missed before the host was down, a poll then found.
    async fn last_event(&self) -> Timestamp {
        let now = self.ports.clock.now();
        let last = self.ports.journal.events(Filter { limit: 1, ..Filter::default() }).await;
        let last = last.ok().and_then(|events| events.first().map(|event| event.received_at));
        last.map_or(now, |last| last.clamp(before(now, LONGEST_LOOK_BACK), now))
    }
}

fn before(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}
