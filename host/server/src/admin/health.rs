//! Whether the host lives, and whether it can take callbacks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::Admin;
use super::extract::Json;
use crate::admin_types::Readiness;

/// Whether the process answers.
#[utoipa::path(
    get, path = "/livez", operation_id = "live", tag = "health",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")),
)]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Whether the host takes callbacks, and if not, why.
#[utoipa::path(
    get, path = "/readyz", operation_id = "ready", tag = "health",
    responses(
        (status = 200, description = "It does.", body = Readiness),
        (status = 503, description = "It does not.", body = Readiness),
    ),
)]
pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Readiness>) {
    let readiness = admin.readiness();
    let status = if readiness.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

impl Admin {
    /// Whether the host takes callbacks. Only how many plugins there are problems with is told, as nobody
    /// has to say who asks.
    pub(crate) fn readiness(&self) -> Readiness {
        let mut reasons = Vec::new();
        if *self.stopping.borrow() {
            reasons.push("draining: the host is stopping".to_owned());
        }
        reasons.extend(self.ports.journal.health().err().map(|fault| fault.to_string()));
        let status = if reasons.is_empty() { "ok" } else { "unavailable" };
        Readiness {
            status: status.to_owned(),
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            // A plugin that cannot be loaded is a problem, and no reason to take no callbacks.
            plugin_problems: self.swaps.problems().len(),
        }
    }
}
