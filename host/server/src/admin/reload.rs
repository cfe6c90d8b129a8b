//! The configuration is read again.

use std::sync::Arc;

use axum::extract::State;

use super::Admin;
use super::error::Failure;
use super::extract::Json;
use crate::admin_types::Reloaded;
use crate::lifecycle;

/// Reads the configuration again; where it has problems, the one before goes on.
#[utoipa::path(
    post, path = "/api/reload", operation_id = "reload", tag = "status",
    responses((status = 200, description = "Done.", body = Reloaded), Failure),
)]
pub(super) async fn reload(State(admin): State<Arc<Admin>>) -> Result<Json<Reloaded>, Failure> {
    lifecycle::reloading();
    let reloaded = admin.reloader.reload().await;
    lifecycle::ready("serving");
    reloaded.map(Json).map_err(|problems| Failure::reload(&problems))
}
