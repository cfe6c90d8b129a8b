//! The admin API: what operators and their commands ask of a running host. Who
//! asks has a token, and each route needs a role.

mod alerts;
mod audit;
pub mod auth;
mod backup;
mod candidates;
mod error;
mod events;
pub mod guard;
mod health;
mod plugins;
mod reconcile;
mod round_trips;
mod set_aside;
mod status;
pub mod token;
mod tokens;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};
use jiff::Timestamp;
use mortar_connect::Connections;
use mortar_core::operator::Role;
use mortar_core::ports::{Operators, RoundTrips};
use mortar_journal::Backups;
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::swap::Swaps;

use self::guard::Needed;
use crate::alerts::Alerts;
use crate::poll::Poller;
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
    /// The address of the edge.
    pub edge: std::net::SocketAddr,
    /// When the host started.
    pub started_at: Timestamp,
    /// The host's own token, which permits everything.
    pub token: String,
}

/// Every route, by the role that it needs: this is the one place that says so.
fn routes() -> [(Role, Router<Arc<Admin>>); 3] {
    let read = Router::new()
        .route("/api/whoami", get(tokens::whoami))
        .route("/api/status", get(status::status))
        .route("/api/events", get(events::list))
        .route("/api/events/page", get(events::page))
        .route("/api/events/{event}", get(events::show))
        .route("/api/quarantine", get(set_aside::quarantined))
        .route("/api/quarantine/{id}", get(set_aside::quarantined_one))
        .route("/api/rejected", get(set_aside::rejected))
        .route("/api/plugins", get(plugins::list))
        .route("/api/plugins/{name}", get(plugins::show))
        .route("/api/round-trips", get(round_trips::list))
        .route("/api/round-trips/report", get(round_trips::report))
        .route("/api/alerts", get(alerts::raised))
        .route("/metrics", get(status::metrics));
    let operate = Router::new()
        .route("/api/deliveries/{delivery}/replay", post(events::replay))
        .route("/api/deliveries/{delivery}/discard", post(events::discard))
        .route("/api/deliveries/{delivery}/settle", post(events::settle))
        .route("/api/quarantine/{id}/replay", post(set_aside::replay))
        .route("/api/rejected/{id}/admit", post(set_aside::admit))
        .route("/api/reconcile", post(reconcile::reconcile))
        .route("/api/plugins/{name}/forget", post(plugins::forget))
        .route("/api/plugins/{name}/discard", post(plugins::discard))
        .route("/api/plugins/{name}/rollback", post(plugins::roll_back))
        .route("/api/plugins/{name}/pin", post(plugins::pin))
        .route("/api/plugins/{name}/promote", post(candidates::promote))
        .route("/api/plugins/{name}/shadow/stop", post(candidates::stop))
        .route("/api/plugins/{name}/shadow/promote", post(candidates::promote_shadow))
        .route("/api/round-trips/check", post(round_trips::look_again))
        .route("/api/alerts/test", post(alerts::test));
    // What names files of the host's machine, and who may do what.
    let all = Router::new()
        .route("/api/plugins/{name}/diff", post(candidates::diff))
        .route("/api/plugins/{name}/shadow/start", post(candidates::start))
        .route("/api/backup", post(backup::backup))
        .route("/api/tokens", get(tokens::list).post(tokens::create))
        .route("/api/tokens/{name}/revoke", post(tokens::revoke))
        .route("/api/audit", get(audit::list));
    [(Role::Read, read), (Role::Operate, operate), (Role::Admin, all)]
}

/// The admin API.
pub fn router(admin: Arc<Admin>) -> Router {
    let guarded = routes().into_iter().map(|(role, routes)| {
        let needed = Needed { admin: admin.clone(), role };
        routes.route_layer(middleware::from_fn_with_state(needed, guard::guard))
    });
    let open = Router::new().route("/livez", get(health::live)).route("/readyz", get(health::ready));
    guarded.fold(open, Router::merge).fallback(|| async { error::Failure::not_found("there is no such page") }).with_state(admin)
}
