//! Alerts: what is wrong, and a test.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Admin;
use super::error::Failure;
use crate::admin_types::{AlertRaised, AlertSent};

pub(super) async fn raised(State(admin): State<Arc<Admin>>) -> Json<Vec<AlertRaised>> {
    Json(admin.alerts.raised())
}

pub(super) async fn test(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<AlertSent>>, Failure> {
    tracing::info!("an operator has a test alert sent");
    Ok(Json(admin.alerts.test().await))
}
