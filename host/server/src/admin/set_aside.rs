//! Callbacks that were set aside: quarantined and rejected ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use mortar_core::story::{Quarantined, Rejected};
use mortar_pipeline::accept::Acceptance;
use mortar_pipeline::operate;

use super::Admin;
use super::error::Failure;
use crate::admin_types::{QuarantineQuery, ReadAgain, RejectedQuery, rows};

pub(super) async fn quarantined(
    State(admin): State<Arc<Admin>>,
    Query(query): Query<QuarantineQuery>,
) -> Result<Json<Vec<Quarantined>>, Failure> {
    Ok(Json(admin.ports.journal.quarantined(query.released, rows(query.limit)).await?))
}

pub(super) async fn quarantined_one(State(admin): State<Arc<Admin>>, Path(id): Path<u64>) -> Result<Json<Quarantined>, Failure> {
    let found = admin.ports.journal.quarantined_callback(id).await?;
    let (shown, _) = found.ok_or_else(|| Failure::not_found(format!("there is no quarantined callback {id}")))?;
    Ok(Json(shown))
}

pub(super) async fn replay(State(admin): State<Arc<Admin>>, Path(id): Path<u64>) -> Result<Json<ReadAgain>, Failure> {
    tracing::info!(id, "an operator replays a quarantined callback");
    operate::replay_quarantined(&admin.ports, &admin.plugins, id).await.map(read_again).map_err(Failure::from)
}

pub(super) async fn rejected(State(admin): State<Arc<Admin>>, Query(query): Query<RejectedQuery>) -> Result<Json<Vec<Rejected>>, Failure> {
    Ok(Json(admin.ports.journal.rejected(rows(query.limit)).await?))
}

pub(super) async fn admit(State(admin): State<Arc<Admin>>, Path(id): Path<u64>) -> Result<Json<ReadAgain>, Failure> {
    tracing::info!(id, "an operator admits a rejected callback");
    operate::admit_rejected(&admin.ports, &admin.plugins, id).await.map(read_again).map_err(Failure::from)
}

fn read_again(acceptance: Acceptance) -> Json<ReadAgain> {
    let Acceptance { stored, duplicates, unreadable, .. } = acceptance;
    Json(ReadAgain { stored, duplicates, unreadable })
}
