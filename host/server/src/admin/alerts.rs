//! Alerts: what is wrong, and a test.

use std::sync::Arc;

use axum::extract::State;

use super::Admin;
use super::error::Failure;
use super::extract::Json;
use crate::admin_types::{AlertRaised, AlertSent};

/// What operators were told of and is not over, the oldest first.
#[utoipa::path(
    get, path = "/api/alerts", operation_id = "alerts_list", tag = "alerts",
    responses((status = 200, description = "Done.", body = Vec<AlertRaised>), Failure),
)]
pub(super) async fn raised(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<AlertRaised>>, Failure> {
    Ok(Json(admin.alerts.raised()))
}

/// Sends a test alert by every way.
#[utoipa::path(
    post, path = "/api/alerts/test", operation_id = "alerts_test", tag = "alerts",
    responses((status = 200, description = "Done.", body = Vec<AlertSent>), Failure),
)]
pub(super) async fn test(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<AlertSent>>, Failure> {
    tracing::info!("an operator has a test alert sent");
    Ok(Json(admin.alerts.test().await))
}
