//! Whether the host lives, and whether it can take callbacks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Admin;

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Value>) {
    match admin.ports.journal.health() {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unavailable", "reason": fault.to_string() }))),
    }
}
