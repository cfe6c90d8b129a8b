//! What operators did.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use mortar_core::operator::Action;
use mortar_core::ports::ActionFilter;

use super::Admin;
use super::error::Failure;
use crate::admin_types::{AuditQuery, rows};

pub(super) async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<AuditQuery>) -> Result<Json<Vec<Action>>, Failure> {
    let AuditQuery { before, limit, who } = query;
    Ok(Json(admin.operators.actions(ActionFilter { before, limit: rows(limit), who }).await?))
}
