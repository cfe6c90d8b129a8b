//! The OpenAPI document of the admin API.

use super::error::Failure;
use super::extract::Json;
use super::routes::openapi;

/// This document.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "openapi", tag = "status",
    responses((status = 200, description = "Done.", body = serde_json::Value), Failure),
)]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}
