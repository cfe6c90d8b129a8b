//! What operators did.

use std::sync::Arc;

use axum::extract::State;
use mortar_core::operator::Action;
use mortar_core::ports::ActionFilter;

use super::Admin;
use super::cursor::place;
use super::error::Failure;
use super::extract::{Json, Query};
use crate::admin_types::{AuditQuery, Page, rows};

/// What operators did, newest first.
#[utoipa::path(
    get, path = "/api/audit", operation_id = "audit_list", tag = "audit",
    params(AuditQuery),
    responses((status = 200, description = "Done.", body = Page<Action>), Failure),
)]
pub(super) async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<AuditQuery>) -> Result<Json<Page<Action>>, Failure> {
    let AuditQuery { cursor, limit, who } = query;
    let (before, limit) = (place(cursor.as_ref())?, rows(limit));
    let found = admin.operators.actions(ActionFilter { before, limit: limit + 1, who }).await?;
    Ok(Json(Page::of(found, limit, |last| last.id.to_string())))
}
