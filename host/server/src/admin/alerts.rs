//! Alerts: a test.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::Admin;
use super::error::Failure;
use crate::admin_types::AlertSent;

pub(super) async fn test(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<AlertSent>>, Failure> {
    tracing::info!("an operator has a test alert sent");
    Ok(Json(admin.alerts.test().await))
}
