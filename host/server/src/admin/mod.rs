//! The admin API: what operators and their commands ask of a running host. Who
//! asks has a token, and each route needs a role.

mod alerts;
mod audit;
pub mod auth;
mod backup;
mod candidates;
mod cursor;
mod document;
mod error;
mod events;
mod extract;
pub mod guard;
mod health;
pub mod listen;
mod plugins;
mod reconcile;
mod reload;
mod round_trips;
mod routes;
mod set_aside;
mod status;
pub mod token;
mod tokens;

use std::sync::Arc;

use jiff::Timestamp;
use mortar_connect::Connections;
use mortar_core::ports::{Operators, RoundTrips};
use mortar_journal::Backups;
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::swap::Swaps;
use tokio::sync::watch;

pub use self::routes::{openapi, router};
use crate::alerts::Alerts;
use crate::edge::Edge;
use crate::poll::Poller;
use crate::reload::Reloader;
use crate::telemetry::metrics::Metrics;

/// Everything that the admin API answers from.
pub struct Admin {
    /// The adapters.
    pub ports: Ports,
    /// What is known of round trips.
    pub round_trips: Arc<dyn RoundTrips>,
    /// Who may operate the host, and what they did.
    pub operators: Arc<dyn Operators>,
    /// Who handles what.
    pub plugins: Arc<Plugins>,
    /// What polls MasonHub's API, for each source that has one.
    pub pollers: Vec<Arc<Poller>>,
    /// The connections, for their status.
    pub connections: Arc<Connections>,
    /// Who is told when something is wrong.
    pub alerts: Arc<Alerts>,
    /// What writes backups of the journal.
    pub backups: Backups,
    /// The metrics page.
    pub metrics: Arc<Metrics>,
    /// What follows the plugin directory.
    pub swaps: Arc<Swaps>,
    /// Where callbacks come in.
    pub callbacks: Arc<Edge>,
    /// The address of the edge.
    pub edge: std::net::SocketAddr,
    /// What reads the configuration again.
    pub reloader: Arc<Reloader>,
    /// True once the host is stopping.
    pub stopping: watch::Receiver<bool>,
    /// When the host started.
    pub started_at: Timestamp,
    /// The host's own token, which permits everything.
    pub token: String,
}
