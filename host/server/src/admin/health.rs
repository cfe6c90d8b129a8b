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
    // A plugin that cannot be loaded is a problem, and no reason to take no callbacks. Only how many
    // there are is told without a token.
    let plugins = admin.swaps.problems().len();
    match admin.ports.journal.health() {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "ok", "plugin_problems": plugins }))),
        Err(fault) => {
            let page = json!({ "status": "unavailable", "reason": fault.to_string(), "plugin_problems": plugins });
            (StatusCode::SERVICE_UNAVAILABLE, Json(page))
        }
    }
}
