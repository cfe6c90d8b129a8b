//! The admin API: what operators and their commands ask of a running host. Loopback and a token.

mod alerts;
mod backup;
mod candidates;
mod error;
mod events;
mod health;
mod plugins;
mod reconcile;
mod round_trips;
mod set_aside;
mod status;
pub mod token;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use mortar_connect::Connections;
use mortar_core::ports::RoundTrips;
use mortar_journal::Backups;
use mortar_pipeline::Ports;
use mortar_pipeline::plugins::Plugins;
use mortar_pipeline::swap::Swaps;
use subtle::ConstantTimeEq;

use crate::admin_types::ErrorBody;
use crate::alerts::Alerts;
use crate::poll::Poller;
use crate::telemetry::metrics::Metrics;

/// Everything that the admin API answers from.
pub struct Admin {
    /// The adapters.
    pub ports: Ports,
    /// What is known of round trips.
    pub round_trips: Arc<dyn RoundTrips>,
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
    /// What a caller has to know.
    pub token: String,
}

/// The routes of the admin API.
pub fn router(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route("/api/status", get(status::status))
        .route("/api/events", get(events::list))
        .route("/api/events/page", get(events::page))
        .route("/api/events/{event}", get(events::show))
        .route("/api/deliveries/{delivery}/replay", post(events::replay))
        .route("/api/deliveries/{delivery}/discard", post(events::discard))
        .route("/api/deliveries/{delivery}/settle", post(events::settle))
        .route("/api/quarantine", get(set_aside::quarantined))
        .route("/api/quarantine/{id}", get(set_aside::quarantined_one))
        .route("/api/quarantine/{id}/replay", post(set_aside::replay))
        .route("/api/rejected", get(set_aside::rejected))
        .route("/api/rejected/{id}/admit", post(set_aside::admit))
        .route("/api/reconcile", post(reconcile::reconcile))
        .route("/api/plugins", get(plugins::list))
        .route("/api/plugins/{name}", get(plugins::show))
        .route("/api/plugins/{name}/forget", post(plugins::forget))
        .route("/api/plugins/{name}/discard", post(plugins::discard))
        .route("/api/plugins/{name}/rollback", post(plugins::roll_back))
        .route("/api/plugins/{name}/pin", post(plugins::pin))
        .route("/api/plugins/{name}/promote", post(candidates::promote))
        .route("/api/plugins/{name}/diff", post(candidates::diff))
        .route("/api/plugins/{name}/shadow/start", post(candidates::start))
        .route("/api/plugins/{name}/shadow/stop", post(candidates::stop))
        .route("/api/plugins/{name}/shadow/promote", post(candidates::promote_shadow))
        .route("/api/round-trips", get(round_trips::list))
        .route("/api/round-trips/report", get(round_trips::report))
        .route("/api/round-trips/check", post(round_trips::look_again))
        .route("/api/alerts", get(alerts::raised))
        .route("/api/alerts/test", post(alerts::test))
        .route("/api/backup", post(backup::backup))
        .route("/metrics", get(status::metrics))
        .route_layer(middleware::from_fn_with_state(admin.clone(), guard));
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(guarded)
        .fallback(|| async { error::Failure::not_found("there is no such page") })
        .with_state(admin)
}

async fn guard(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let known = given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(admin.token.as_bytes())));
    if known {
        return next.run(request).await;
    }
    let text = "the admin token is missing or wrong; it is admin.token of the configuration, or the file admin-token beside the journal";
    let body = ErrorBody { error: text.to_owned(), code: "admin.token".to_owned() };
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}
