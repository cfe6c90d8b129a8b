//! How the host is.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use mortar_core::ports::JournalError;

use super::Admin;
use super::error::Failure;
use super::extract::Json;
use super::plugins;
use crate::admin_types::{ConnectionStatus, Status};
use crate::telemetry::metrics::Now;

/// How the host is.
#[utoipa::path(
    get, path = "/api/status", operation_id = "status_status", tag = "status",
    responses((status = 200, description = "Done.", body = Status), Failure),
)]
pub(super) async fn status(State(admin): State<Arc<Admin>>) -> Result<Json<Status>, Failure> {
    let counts = admin.ports.journal.counts().await?;
    let plugins = plugins::statuses(&admin, &counts);
    let connections = admin.connections.status().into_iter().map(|connection| ConnectionStatus {
        kind: if connection.url.starts_with("smtp") { "smtp" } else { "http" }.to_owned(),
        name: connection.name,
        in_flight: connection.in_flight,
        allowed: connection.allowed,
        waiting: connection.waiting,
        breaker: connection.breaker,
        paused_until: connection.paused_until,
    });
    let health = admin.ports.journal.health().err().map(|fault| fault.to_string());
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: admin.started_at,
        uptime_seconds: u64::try_from(admin.ports.clock.now().duration_since(admin.started_at).as_secs()).unwrap_or(0),
        edge: admin.edge.to_string(),
        counts,
        plugins,
        connections: connections.collect(),
        secrets: admin.callbacks.secrets(),
        configuration: admin.reloader.state(),
        problems: admin.swaps.problems().into_iter().chain(health).collect(),
    }))
}

/// The metrics, in the OpenMetrics text format.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "status",
    responses((status = 200, description = "Done.", body = String, content_type = "application/openmetrics-text"), Failure),
)]
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> Result<impl IntoResponse, Failure> {
    // After a crash counting takes a while, and a scrape does not wait for it.
    let counts = tokio::time::timeout(Duration::ZERO, admin.ports.journal.counts()).await.ok().transpose()?;
    let (ready, plugins, connections) = (admin.ports.journal.health().is_ok(), plugins::states(&admin), admin.connections.status());
    let page = admin.metrics.encode(&Now { ready, plugins: &plugins, counts: counts.as_ref(), connections: &connections });
    let page = page.map_err(|e| JournalError::Storage(e.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page))
}
